import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import packageJson from '../package.json' with { type: 'json' };
import { readCases } from '../src/answers/golden-cases.ts';
import { backends, kindsOfBackends } from '../src/backends/index.ts';
import { coverageTable, legend, unaskedLines } from '../src/cli/coverage.ts';
import { runCases } from '../src/cli/policy.ts';
import { settingGroups } from '../src/config/describe.ts';
import { ENTITIES } from '../src/detectors/personal/index.ts';
import { SECRETS, TOKENS } from '../src/detectors/secrets/index.ts';
import { FINDING_CODES } from '../src/findings/finding.ts';
import { FAILURE_KINDS } from '../src/guardrail/failure.ts';
import { GUARDRAIL_PATHS, LOGS_PATH } from '../src/http/app.ts';
import { createMetrics } from '../src/observability/metrics.ts';
import { readPolicyFile } from '../src/policies/file/load.ts';
import { kinds } from '../src/policies/kinds/index.ts';
import { DatabaseObserver } from '../src/records/database-observer.ts';
import { createRecordsMetrics } from '../src/records/records-metrics.ts';
import { RecordsObserver } from '../src/records/records-observer.ts';
import { createWorkerMetrics } from '../src/workers/all-metrics.ts';
import { anchorsOf } from './support/anchors.ts';
import { runCli } from './support/cli.ts';

const ROOT = join(import.meta.dirname, '..');
const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found);

const README = 'README.md';
const POLICIES = 'examples/policies/README.md';
const GUIDES = [
  ...[README, POLICIES, 'examples/streaming/README.md', 'examples/operations/README.md'],
  ...['examples/monitoring/README.md', 'examples/monitoring/runbook.md'],
];
const PAGES = [
  ...GUIDES,
  'examples/demo/README.md',
  'examples/teams/README.md',
  'src/decisions/README.md',
  'src/records/README.md',
  'src/backends/README.md',
  'src/doctor/README.md',
  'src/guardrail/README.md',
  'src/litellm/README.md',
  'test/bench/README.md',
];

/** The blocks of a page in one language, without the indentation of a list they stand in. */
function blocksOf(page: string, language: string): string[] {
  const blocks = textOf(page).matchAll(new RegExp(`^( *)\`\`\`${language}\n(.*?)^ *\`\`\`$`, 'gms'));
  return [...blocks].map(([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** All metrics of a bridge, in Prometheus' text format. */
async function metricsText(): Promise<string> {
  const names = { backends: ['akto'], policies: ['secrets'], findings: FINDING_CODES };
  const metrics = createMetrics(names, () => [
    { name: 'akto', breaker: 'closed', isRefused: false, timeoutMs: 5000 },
  ]);
  metrics.would('block', { policy: 'secrets', rule: 'default', team: '' });
  metrics.would('redact', { policy: 'secrets', rule: 'default', team: '' });
  const stats = { usedBytes: 0, maxBytes: 1, backends: {} };
  const records = await createRecordsMetrics(['akto']).text(stats, true, new Map());
  const log = () => {};
  const place = { url: 'postgres://bridge@db.example/bridge', schema: 'guardrail_bridge' };
  const database = await new DatabaseObserver(new RecordsObserver([], log), log, place).text(undefined);
  return [await metrics.text(), await createWorkerMetrics().text(), records, database].join('\n');
}

test('the guide to operations names every metric', async () => {
  const guide = textOf('examples/operations/README.md');
  const names = all(await metricsText(), /^# TYPE guardrail_bridge_(\w+) /gm);
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(guide))).toEqual([]);
});

test('the README shows pictures of the page that are there, and small', () => {
  const pictures = all(textOf(README), /<img src="([^"]+)"/g);
  expect(pictures).toHaveLength(3);
  for (const picture of pictures) expect(statSync(join(ROOT, picture)).size, picture).toBeLessThan(150_000);
});

test('the README is short, and says how to start and how to test', () => {
  const readme = textOf(README);
  expect(readme.split('\n').length).toBeLessThan(300);
  expect(readme).toContain('npm install && npm start\n');
  expect(readme).toMatch(/^npm install && npm test /m);
});

describe.each(PAGES)('%s', (page) => {
  test('links to files and headings that exist', () => {
    for (const link of all(textOf(page), /\]\((?!https?:)([^)]+)\)/g)) {
      const [file = '', anchor] = link.split('#');
      const path = file === '' ? page : join(dirname(page), file);
      expect(existsSync(join(ROOT, path)), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(textOf(path)), link).toContain(anchor);
    }
  });

  test('has examples of YAML and JSON that can be read', () => {
    for (const block of blocksOf(page, 'yaml')) expect(() => parseYaml(block)).not.toThrow();
    for (const block of blocksOf(page, 'json')) expect(() => JSON.parse(block)).not.toThrow();
  });

  test('runs scripts that exist', () => {
    for (const script of all(textOf(page), /npm run ([\w:]+)/g))
      expect(Object.keys(packageJson.scripts)).toContain(script);
  });
});

describe.each(GUIDES)('%s', (page) => {
  test('names settings that exist, and values that they take', () => {
    const rows = settingGroups(backends).flatMap(([, group]) => group);
    const known = new Map(rows.map(({ name, unit }) => [name, unit]));
    // Variables of LiteLLM, Node and our tests; kinds of personal data; words of replies;
    // a former name
    const others =
      /^(?:OPENAI_API_KEY|BRIDGE_(?:URL|LOGS_URL|API_KEY)|LITELLM_(?:MASTER_KEY|MAX_CALLBACKS|RELEASES|VENV_DIR)|NODE_EXTRA_CA_CERTS|CAPSULE_PARITY|GUARDRAIL_INTERVENED|EMAIL_ADDRESS_1|ANSWER_REDACTION|MALLOC_ARENA_MAX|GRAFANA_PASSWORD)$/;
    const entities = new Set(ENTITIES.map(({ name }) => name));
    for (const [, name = '', value] of textOf(page).matchAll(/`([A-Z]+(?:_[A-Z\d]+)+)(?:=([^`]*))?`/g)) {
      if (others.test(name) || entities.has(name)) continue;
      expect([...known.keys()], name).toContain(name);
      const choices = known.get(name)?.split(', ') ?? [];
      const isChoice = choices.length > 1 && choices.every((choice) => /^[a-z_]+$/.test(choice));
      if (value && isChoice) expect(choices, name).toContain(value);
    }
  });

  test('names metrics that exist, with labels that they have', async () => {
    const known = await metricsText();
    const text = textOf(page);
    const full = all(text, /\b(guardrail_bridge_\w+(?:\{[^}]*\})?)/g);
    const short = all(
      text,
      /`(?!max_|guardrail_bridge_)((?:[a-z]+_)+(?:total|seconds|records|bytes|held|up|state)(?:\{[^`]*\})?)`/g,
    );
    const wrong = [...full, ...short.map((name) => `guardrail_bridge_${name}`)].filter((written) => {
      const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(written) ?? [];
      const isKnown = known.includes(`# TYPE ${name} `);
      const hasLabel = (label: string) => new RegExp(`^${name}\\{[^}]*${label}`, 'm').test(known);
      return !isKnown || !all(labels.replaceAll('!=', '='), /(\w+="\w+")/g).every(hasLabel);
    });
    expect(wrong).toEqual([]);
  });

  test('runs commands that exist, with options that they have', async () => {
    const text = textOf(page);
    // `audit key` ends the text by which keys of the audit log are told apart
    const commands = [
      ...all(
        text,
        /(?:npm start --silent -- |node dist\/main\.js |guardrail-bridge )(?!audit key\b)([a-z][^`\n#|"]*)/g,
      ),
      ...all(text, /^\| `((?:outbox|audit|policy) [^`]*)`/gm),
    ];
    for (const command of new Set(commands.map((line) => line.trim()))) {
      if (/^help\b/.test(command)) continue;
      const words = command.split(' ');
      const names = words.slice(0, words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word)) >>> 0);
      const { out } = await runCli(['help', ...names]);
      const path = names
        .join(' ')
        .replace(/^check-config/, 'config')
        .replace(/^completion .*/, 'completion');
      expect(out, command).toMatch(new RegExp(`^Usage: guardrail-bridge ${path}(?: |\n)`, 'm'));
      for (const option of words.filter((word) => /^--?[a-z]/.test(word)))
        expect(out, command).toMatch(new RegExp(`(?:^|[ ,])${option}[ ,]`, 'm'));
    }
  });
});

test('the configuration of LiteLLM in the README is that of the example', () => {
  const [config] = blocksOf(README, 'yaml').filter((text) => text.startsWith('model_list:'));
  expect(parseYaml(config ?? '')).toEqual(parseYaml(textOf('examples/litellm-config.yaml')));
});

test.each([
  ['src/litellm/README.md', 'coverage', `${coverageTable()}\n${legend()}`],
  ['examples/operations/README.md', 'not asked', unaskedLines()],
])('%s has what the command coverage prints: %s', async (page, mark, text) => {
  expect(textOf(page)).toContain(`<!-- ${mark} -->\n${text}\n<!-- /${mark} -->\n`);
  expect((await runCli(['coverage'])).out).toContain(text);
});

test('the README sends calls and log events where the bridge takes them', () => {
  const readme = textOf(README);
  expect(readme).toContain(`http://127.0.0.1:8787${GUARDRAIL_PATHS[0]}`);
  expect(readme).toContain(`BRIDGE_LOGS_URL=http://bridge:8787${LOGS_PATH}`);
});

const policyFiles = [README, POLICIES].flatMap((page) =>
  blocksOf(page, 'yaml').filter((text) => text.startsWith('pack:')),
);

test('the policy files in README and guide can be used as they are', () => {
  expect(policyFiles).toHaveLength(2);
  for (const text of policyFiles) {
    const { warnings, chain } = readPolicyFile(text, kinds, (_, make) => make());
    expect(warnings).toEqual([]);
    // Where a reader is told about the audit log, there has to be one
    expect(chain).toContain('audit-logger');
  }
});

test('the golden cases in the guide have the results that they expect', async () => {
  const cases = blocksOf(POLICIES, 'yaml')
    .filter((text) => text.startsWith('cases:'))
    .flatMap((text) => readCases(text));
  expect(cases.length).toBeGreaterThan(0);
  for (const { golden, differences } of await runCases(join(ROOT, 'examples/policies/secrets.yaml'), cases)) {
    expect(differences, golden.name).toEqual([]);
  }
});

/** The names of all keys of an options schema, however deep and however wrapped. */
function keysOf(schema: unknown): string[] {
  const { entries, wrapped, item, value, options, pipe } = schema as Record<string, unknown>;
  const inside = [wrapped, item, value, options, pipe].flatMap((one) => one ?? []);
  const fields = Object.entries((entries ?? {}) as object);
  return [...fields.flatMap(([key, one]) => [key, ...keysOf(one)]), ...inside.flatMap(keysOfObject)];
}
const keysOfObject = (one: unknown) => (typeof one === 'object' && one !== null ? keysOf(one) : []);

describe('the guide to policies', () => {
  const guide = textOf(POLICIES);

  test.each(kinds.map((kind) => [kind.kind, kind] as const))('names every option of %s', (name, kind) => {
    const section = guide.split(/^##+ /m).find((text) => text.startsWith(`${name}\n`)) ?? '';
    const words = new Set(section.match(/\w+/g));
    const general = new Set(['name', 'regex']);
    expect(keysOf(kind.options).filter((key) => !words.has(key) && !general.has(key))).toEqual([]);
    expect(guide).toContain(`| [\`${name}\`](#${name}) |`);
  });

  test('names every kind of personal data, and counts the rules for secrets', () => {
    const words = new Set(guide.match(/[A-Z][A-Z_]+/g));
    expect(ENTITIES.filter(({ name }) => !words.has(name))).toEqual([]);
    const count = (rules: typeof SECRETS) => new Set(rules.map(({ id }) => id)).size;
    expect(guide).toContain(`has ${count(SECRETS)} rules`);
    expect(guide).toMatch(new RegExp(`those\\s+${count(TOKENS)}\\s`));
  });
});

describe('the guide to backends', () => {
  const guide = textOf('examples/backends/README.md');

  test.each(kindsOfBackends.names)('names the options, variables and address of %s', (kind) => {
    const row = guide.split('\n').find((line) => line.startsWith(`| \`${kind}\` |`)) ?? '';
    const { options = {}, variables = {}, defaultUrl } = kindsOfBackends.find(kind) ?? {};
    const names = [...Object.keys(options), ...(variables.url ?? []), ...(variables.secret ?? [])];
    if (typeof defaultUrl === 'string') names.push(defaultUrl);
    const words = [...row.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
    const isNamed = (name: string) =>
      words.some((word) => word === name || (word.startsWith('*') && name.endsWith(word.slice(1))));
    expect(names.filter((name) => !isNamed(name))).toEqual([]);
    expect(row.split('|').at(-2)?.trim(), 'tried with').not.toBe('');
  });
});

test('the guide to operations names every kind of failure', () => {
  const guide = textOf('examples/operations/README.md');
  const section = /^### Kinds of failures\n(.*?)^##/ms.exec(guide)?.[1] ?? '';
  expect(FAILURE_KINDS.filter((kind) => !section.includes(`\`${kind}\``))).toEqual([]);
});
