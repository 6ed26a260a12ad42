import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  writeFileSync(join(folder, 'my policy.yaml'), '');
  writeFileSync(join(folder, 'other.yaml'), '');
  mkdirSync(join(folder, 'mydata'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out, err } = await runCli(['completion', shell]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    writeFileSync(join(folder, `script.${shell}`), out);
  }
});

const isThere = (shell: string) => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const SHELLS = ['bash', 'zsh', 'fish'].filter(isThere);

/** What bash proposes at the end of a line, as its own machinery asks for it. */
function proposedByBash(line: string): string[] {
  // As readline splits words
  const words = line.split(/(=)|\s+/).filter((word) => word !== undefined);
  const script = `source script.bash
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
[[ $(complete -p guardrail-bridge) == 'complete -F _guardrail_bridge guardrail-bridge' ]] || exit 9
_guardrail_bridge 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const options = { cwd: folder, encoding: 'utf8' } as const;
  return execFileSync('bash', ['--norc', '-c', script], options).split('\n').filter(Boolean);
}

function proposedByFish(line: string): string[] {
  const script = `source script.fish; complete -C '${line}'`;
  const out = execFileSync('fish', ['--no-config', '-c', script], { cwd: folder, encoding: 'utf8' });
  return out
    .split('\n')
    .filter(Boolean)
    .map((row) => row.split('\t')[0] ?? '');
}

const LINES: readonly (readonly [line: string, some: readonly string[], none: readonly string[]])[] = [
  ['guardrail-bridge ', ['policy', 'check', 'serve', 'completion', 'help'], ['lint', '--help', 'other.yaml']],
  ['guardrail-bridge pol', ['policy'], ['check']],
  ['guardrail-bridge policy ', ['lint', 'init', 'kinds', 'schema', 'replay'], ['policy', 'other.yaml']],
  ['guardrail-bridge policy lint ', ['my policy.yaml', 'other.yaml'], ['lint', 'init']],
  ['guardrail-bridge policy lint --', ['--json', '--file', '--help'], ['--response', 'other.yaml']],
  ['guardrail-bridge policy lint --json o', ['other.yaml'], ['my policy.yaml']],
  ['guardrail-bridge policy lint --file o', ['other.yaml'], ['--json']],
  ['guardrail-bridge policy kinds ', ['secrets', 'pii-detector'], ['lakera', 'other.yaml']],
  ['guardrail-bridge backend init ', ['lakera', 'akto', 'http'], ['secrets']],
  ['guardrail-bridge backend test ', ['akto', 'capsule'], ['other.yaml']],
  ['guardrail-bridge policy replay --dir my', ['mydata/'], ['my policy.yaml']],
  ['guardrail-bridge audit export --format ', ['jsonl', 'csv'], ['other.yaml']],
  ['guardrail-bridge audit export --format=c', ['csv'], ['jsonl']],
  ['guardrail-bridge decisions list --verdict b', ['block'], ['allow']],
  ['guardrail-bridge litellm-config --streams ', ['pipeline'], ['other.yaml']],
  ['guardrail-bridge help pol', ['policy'], ['check']],
  ['guardrail-bridge check --team payments --p', ['--policy'], ['--team']],
];

test.each(LINES)('bash proposes after: %s', (line, some, none) => {
  const proposed = proposedByBash(line).map((word) => (line.includes('--dir') ? `${word}/` : word));
  expect(proposed).toEqual(expect.arrayContaining([...some]));
  expect(proposed.filter((word) => none.includes(word))).toEqual([]);
});

test.runIf(SHELLS.includes('fish')).each(LINES)('fish proposes after: %s', (line, some, none) => {
  // It writes the option before the value, and file names as they are written on a line
  const proposed = proposedByFish(line).map((word) => word.replace(/^--\w+=/, '').replaceAll('\\ ', ' '));
  expect(proposed).toEqual(expect.arrayContaining([...some]));
  expect(proposed.filter((word) => none.includes(word))).toEqual([]);
});

/** The screen of a shell at a terminal once a line and a tab were typed, or 25 seconds later. */
async function screenOf(command: string, setup: string, line: string, wanted: string): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: folder, TERM: 'dumb' };
  const child = spawn('script', ['-qfec', command, '/dev/null'], { cwd: folder, env, stdio: 'pipe' });
  let screen = '';
  child.stdout.on('data', (chunk) => {
    // Without the bell of zsh
    screen += String(chunk).replaceAll('\x07', '');
  });
  const seen = async (text: string) => {
    for (let i = 0; i < 1000 && !screen.includes(text); i++) await sleep(25);
  };
  child.stdin.write(`${setup}; echo $((40 + 2))ready\n`);
  await seen('42ready');
  screen = '';
  child.stdin.write(`${line}\t`);
  await seen(wanted);
  const ended = once(child, 'close');
  child.stdin.end('\x03exit\n');
  await ended;
  return screen;
}

const AT_TERMINALS: Readonly<Record<string, readonly [command: string, setup: string]>> = {
  bash: ['bash --norc --noprofile -i', 'source script.bash'],
  zsh: ['zsh -f -i', 'autoload -Uz compinit && compinit -u -D; source script.zsh'],
};

test.runIf(isThere('script')).each(
  Object.entries(AT_TERMINALS).flatMap(([shell, [command, setup]]) =>
    SHELLS.includes(shell)
      ? [
          [shell, 'guardrail-bridge policy li', 'policy lint ', command, setup],
          [shell, 'guardrail-bridge policy lint ot', 'lint other.yaml ', command, setup],
          [shell, 'guardrail-bridge audit export --format=c', '--format=csv', command, setup],
          [shell, 'guardrail-bridge decisions list --verd', 'list --verdict', command, setup],
        ]
      : [],
  ),
)('%s at a terminal completes %s', { timeout: 60_000 }, async (_, line, wanted, command, setup) => {
  expect(await screenOf(command, setup, line, wanted)).toContain(wanted);
});

test('a shell that is none of the three is refused with their names', async () => {
  const { code, err } = await runCli(['completion', 'powershell']);
  expect(code).toBe(2);
  expect(err).toContain('bash, zsh, fish');
});
