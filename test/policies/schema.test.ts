import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readPolicyText } from '../../src/answers/policy-engine.ts';
import { kindsOfBackends } from '../../src/backends/index.ts';
import { entryText } from '../../src/cli/backend-entry.ts';
import { PolicyFileError } from '../../src/policies/file/problems.ts';
import { kinds } from '../../src/policies/kinds/index.ts';
import { START_FILE } from '../../src/policies/start-file.ts';
import { runCli } from '../support/cli.ts';
import type { JsonSchema } from './schema/form-schema.ts';
import { LIMITS, OF_OWN_PRESET } from './schema/limits.ts';
import { mutationsOf } from './schema/mutations.ts';
import { policySchema } from './schema/policy-schema.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const schema = policySchema();
const isRight = new Ajv({ strict: false }).compile(schema);

/** What `policy lint` says of a text: `policy.secrets.action: must be block or redact`. */
function lint(text: string, folder = ROOT): readonly string[] {
  try {
    readPolicyText(text, folder, {});
    return [];
  } catch (error) {
    if (error instanceof PolicyFileError) return error.problems.map((one) => one.replace(/^line \d+: /, ''));
    throw error;
  }
}

test('the schema beside the examples is the one of the forms, and what the command prints', async () => {
  const file = read('examples/policies/policies.schema.json');
  // npm run schema writes it
  expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(schema)));
  expect(await runCli(['policy', 'schema'])).toEqual({ code: 0, err: '', out: file });
});

const isPolicyFile = (text: string) =>
  /^(?:policies|policy|backends):/m.test(text) && lint(text).length === 0;
/** Whole policy files in a guide. */
const pasted = globSync('{README,examples/**/README,src/**/README}.md', { cwd: ROOT }).flatMap((path) =>
  [...read(path).matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
    ([, text = ''], index) => [`${path} ${index}`, text] as const,
  ),
);
const files = globSync(['examples/**/*.yaml', 'test/counterparts/bridge/*.yaml'], { cwd: ROOT }).map(
  (path) => [path, read(path)] as const,
);
const documents = parseAllDocuments(read('test/policies/schema/samples.yaml')).map(
  (one, index) => [`sample ${index}`, String(one)] as const,
);
const whole: (readonly [string, string])[] = [
  ...[...files, ...pasted].filter(([, text]) => isPolicyFile(text)),
  ...documents,
  ['policy init', START_FILE],
  ...kinds.map(
    ({ kind, example }) =>
      [
        `policy kinds ${kind}`,
        JSON.stringify({ policies: { chain: [kind] }, policy: { [kind]: parse(example) } }),
      ] as const,
  ),
  ...kindsOfBackends.names
    .map((kind) => [`backend init ${kind}`, entryText(kind, kindsOfBackends)] as const)
    .filter(([, text]) => isPolicyFile(text)),
];

test('no policy file of the repo is left out', () => {
  const names = whole.map(([name]) => name);
  expect(names).toEqual(
    expect.arrayContaining([
      'examples/demo/policies.yaml',
      'examples/teams/policies.yaml',
      'examples/backends/vendors.yaml',
    ]),
  );
  const expected = globSync('examples/policies/*.yaml', { cwd: ROOT }).filter(
    (path) => !path.endsWith('.cases.yaml'),
  );
  expect(expected.filter((path) => !names.includes(path))).toEqual([]);
});

test.each(whole)('%s is right by the linter and by the schema', (_, text) => {
  expect(lint(text)).toEqual([]);
  expect(isRight(parse(text)) || isRight.errors).toBe(true);
});

test.each(files.filter(([path, text]) => path.startsWith('examples/') && isPolicyFile(text)))(
  '%s names the schema for editors',
  (path, text) => {
    const [, named = ''] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text) ?? [];
    expect(join(dirname(path), named)).toBe('examples/policies/policies.schema.json');
  },
);

/** More of these than the table of changes has. */
const BEYOND: readonly string[] = [
  'policies: { chain: [dlp-filter] }\npolicy: { dlp-filter: { patterns: ["(a)\\\\1"] } }',
  'policies: { chain: [rbac] }\npolicy: { rbac: { roles: { a: { allowed_tools: ["!a"] } } } }',
  'policies: { chain: [secrets] }\npolicy: { secrets: { mode: observe, until: 2099-02-30 } }',
  'policies: { chain: [secrets] }\norchestration: { quorum: 20 }',
  'policies: { chain: [secrets], policy: { secrets: {} } }\npolicy: { secrets: {} }',
  'backends: [{ name: one, kind: capsule, url: "https://a.example", timeout: 1, hedge_after: 2 }]',
];

/** Which of the limits a problem is about; undefined for none. */
function limitOf(problem: string, value: unknown): string | undefined {
  const [at = '', ...words] = problem.split(': ');
  const says = words.join(': ');
  const entries = (value as { backends?: readonly { kind?: unknown }[] }).backends ?? [];
  const [, index] = /^backends\[(\d+)\]\./.exec(at) ?? [];
  const limit = LIMITS.find((one) => one.at.test(at) && one.says.test(says));
  if (limit === undefined && entries[Number(index)]?.kind === 'http') return OF_OWN_PRESET;
  return limit?.guide;
}

/** The result of holding the linter against the schema: what they judge otherwise, and by which limits. */
function compared(value: unknown, limits: Set<string>): string | undefined {
  const problems = lint(JSON.stringify(value));
  const isTaken = isRight(value);
  if (isTaken === (problems.length === 0)) return undefined;
  if (!isTaken) return `the schema refuses: ${JSON.stringify(isRight.errors?.[0])}`;
  const unknown = problems.filter((problem) => {
    const limit = limitOf(problem, value);
    if (limit !== undefined) limits.add(limit);
    return limit === undefined;
  });
  return unknown.length === 0 ? undefined : `the linter refuses: ${unknown.join(' | ')}`;
}

test('the linter and the schema refuse the same, but for what the guide says', { timeout: 120_000 }, () => {
  const limits = new Set<string>();
  const differences: string[] = [];
  let count = 0;
  for (const [name, text] of documents) {
    for (const { what, value } of mutationsOf(parse(text))) {
      count++;
      const difference = compared(value, limits);
      if (difference !== undefined) differences.push(`${name}, ${what}: ${difference}`);
    }
  }
  for (const text of BEYOND) {
    const difference = compared(parse(text), limits);
    if (difference !== undefined) differences.push(`${text}: ${difference}`);
    expect(lint(text)).not.toEqual([]);
  }
  expect(differences).toEqual([]);
  expect(count).toBeGreaterThan(5000);
  const known = [...LIMITS.map(({ guide }) => guide), OF_OWN_PRESET];
  expect([...limits].sort()).toEqual([...known].sort());
  const guide = read('examples/policies/README.md').replace(/\s+/g, ' ');
  expect(known.filter((one) => !guide.includes(one))).toEqual([]);
});

/** The keys below a piece of the schema that are there for all to write. */
function keysIn(piece: JsonSchema): string[] {
  const inner = [
    piece.properties,
    piece.then,
    piece.else,
    piece.items,
    piece.additionalProperties,
    ...(piece.allOf ?? []),
  ];
  return inner.flatMap((one) => {
    if (typeof one !== 'object' || one === null) return [];
    return one === piece.properties
      ? Object.entries(piece.properties).flatMap(([key, value]) => [key, ...keysIn(value)])
      : keysIn(one as JsonSchema);
  });
}

test('the table of changes begins with files that have every key', () => {
  const written = documents.map(([, text]) => text).join('\n');
  const missing = Object.entries(schema.definitions as Record<string, JsonSchema>).flatMap(([name, one]) =>
    keysIn(one)
      // The categories of a vendor, one like the other
      .filter((key) => !/_threshold$|[/&]/.test(key))
      .filter((key) => !new RegExp(`(?:^|[\\s{,"])${key}"?:`, 'm').test(written))
      .map((key) => `${name}.${key}`),
  );
  expect(missing).toEqual([]);
});
