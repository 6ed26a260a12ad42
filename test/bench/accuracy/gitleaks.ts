/** The samples of secrets, and of what is none, that gitleaks checks its own rules with. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CACHE, Missing, output } from './corpora.ts';
import { GITLEAKS } from './pins.ts';

export type Sample = {
  readonly rule: string;
  readonly list: 'positive' | 'negative';
  readonly sample: string;
};

/** In place of the check of a rule against its samples: prints them. */
const PRINTS = `package utils

import (
	"encoding/json"
	"os"

	"github.com/zricethezav/gitleaks/v8/config"
)

func Validate(rule config.Rule, positive []string, negative []string) *config.Rule {
	write(rule.RuleID, "positive", positive)
	write(rule.RuleID, "negative", negative)
	return &rule
}

func ValidateWithPaths(rule config.Rule, positive map[string]string, negative map[string]string) *config.Rule {
	for _, sample := range positive {
		write(rule.RuleID, "positive", []string{sample})
	}
	for _, sample := range negative {
		write(rule.RuleID, "negative", []string{sample})
	}
	return &rule
}

func write(rule string, list string, samples []string) {
	for _, sample := range samples {
		line, _ := json.Marshal(map[string]string{"rule": rule, "list": list, "sample": sample})
		os.Stdout.Write(append(line, 10))
	}
}
`;

/** The same random values in every run. */
const SEEDED = `package secrets

import "github.com/lucasjones/reggen"

var made int64

func NewSecret(pattern string) string {
	generator, err := reggen.NewGenerator(pattern)
	if err != nil {
		panic(err)
	}
	made++
	generator.SetSeed(made)
	return generator.Generate(1)
}
`;

/** All samples, each once. @throws Missing without Go or the network */
export async function gitleaksSamples(): Promise<readonly Sample[]> {
  const { path, version, sum } = GITLEAKS;
  const file = join(CACHE, `gitleaks-${version}.jsonl`);
  if (!existsSync(file)) {
    mkdirSync(CACHE, { recursive: true });
    const told = await output('go', ['mod', 'download', '-json', `${path}@${version}`], path, { cwd: CACHE });
    const { Dir, Sum } = JSON.parse(told) as { Dir: string; Sum: string };
    if (Sum !== sum) throw new Missing(`${path} ${version} has another hash`);
    const copy = join(CACHE, `gitleaks-${version}.loading`);
    rmSync(copy, { recursive: true, force: true });
    cpSync(Dir, copy, { recursive: true });
    for (const [name, code] of [
      ['cmd/generate/config/utils/validate.go', PRINTS],
      ['cmd/generate/secrets/regen.go', SEEDED],
    ] as const) {
      chmodSync(join(copy, name, '..'), 0o755);
      chmodSync(join(copy, name), 0o644);
      writeFileSync(join(copy, name), code);
    }
    const env = { ...process.env, GOFLAGS: '-mod=mod' };
    const cwd = join(copy, 'cmd/generate/config');
    for (const folder of [copy, cwd]) chmodSync(folder, 0o755);
    for (const name of ['go.mod', 'go.sum']) chmodSync(join(copy, name), 0o644);
    writeFileSync(`${file}.new`, await output('go', ['run', '.', '/dev/null'], path, { cwd, env }));
    renameSync(`${file}.new`, file);
    rmSync(copy, { recursive: true, force: true });
  }
  const lines = new Set(readFileSync(file, 'utf8').trim().split('\n'));
  return [...lines].sort().map((line) => JSON.parse(line) as Sample);
}
