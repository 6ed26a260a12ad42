import { beforeEach, expect, test } from 'vitest';
import type { DecisionRow } from '../../src/decisions/row.ts';
import { newCanaryId } from '../../src/guardrail/canary.ts';
import { runCli } from '../support/cli.ts';
import { blocked, row, testKeeper } from '../support/decisions.ts';
import { HOUR_MS } from '../support/stored-outbox.ts';

const NOW = Date.UTC(2026, 10, 27, 3, 0, 0);
const ref = (n: number) => String(n).padStart(16, '0');
const injection = {
  kind: 'prompt-injection',
  enforced: true,
  verdict: 'block',
  reason_code: 'prompt_injection',
} as const;

/** Six decisions of two teams, an hour between them, the first one the newest. */
const ROWS: readonly DecisionRow[] = [
  row({ team: 'payments', litellm_call_id: 'call-0', end_user: 'customer-7' }),
  blocked(ref(1), {
    team: 'payments',
    by: 'prompt-injection',
    policies: [{ ...injection, rules: ['a', 'b'] }],
  }),
  blocked(ref(2), { team: 'payments', key: 'weekly', model: 'claude' }),
  blocked(ref(3), {
    ...{ team: 'search', by: 'lakera', policies: [], user: null, end_user: 'customer-7' },
    backends: [{ backend: 'lakera', mode: 'enforce', result: 'block', ms: 12, categories: ['jailbreak'] }],
  }),
  row({ team: null, verdict: 'redact', action: 'GUARDRAIL_INTERVENED', by: 'secrets', shape: 'mcp_tool' }),
  row({ team: 'search', litellm_call_id: null, litellm_trace_id: null }),
].map((one, i) => ({
  ...one,
  at: NOW - i * HOUR_MS - 1000,
  litellm_call_id: one.litellm_call_id && `call-${i}`,
}));

let dir: string;
beforeEach(async () => {
  const kept = testKeeper();
  for (const one of ROWS) kept.keeper.append(one);
  await kept.keeper.close();
  dir = kept.dir;
});

const run = (args: string) =>
  runCli(['decisions', ...args.split(' ')], { env: { DATA_DIR: dir }, now: () => NOW });

/** The numbers of the rows that a list prints as JSON. */
async function listed(args: string): Promise<number[]> {
  const { code, out, err } = await run(`list ${args} --json`);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => ROWS.findIndex(({ at }) => at === JSON.parse(line).at));
}

test('a list has a line for each decision, the newest first', async () => {
  expect(await run('list --verdict block --last 2')).toEqual({
    ...{ code: 0, err: '' },
    out: `when    verdict        by                rules    team      key      user  model   reference or call id
1h ago  block request  prompt-injection  a,b      payments  nightly  ada   gpt-5   ${ref(1)}
2h ago  block request  secrets           aws-key  payments  weekly   ada   claude  ${ref(2)}
`,
  });
  expect((await run('list --backend lakera')).out).toContain(
    'lakera  jailbreak  search  nightly  customer-7  gpt-5  ',
  );
  expect((await run('list --verdict redact')).out).toContain('redact mcp_tool');
});

test.each<[args: string, rows: number[]]>([
  ['--last 3', [0, 1, 2]],
  ['--verdict block', [1, 2, 3]],
  ['--team search', [3, 5]],
  ['--key weekly', [2]],
  ['--user customer-7', [0, 3]],
  ['--model claude', [2]],
  ['--policy prompt-injection', [1]],
  ['--backend lakera', [3]],
  ['--since 90m', [0, 1]],
  ['--since 1d --until 3h', [3, 4, 5]],
  ['--since 2026-11-26T23:30:00Z --until 2026-11-27T01:30', [2, 3]],
  ['--team payments --policy prompt-injection --verdict block', [1]],
  ['--team nobody', []],
])('%s lists those alone', async (args, rows) => {
  expect(await listed(args)).toEqual(rows);
});

test('decisions are counted by a name; of some their share of its own', async () => {
  expect(
    (await run('top --by team --policy prompt-injection --since 7d')).out,
  ).toBe(`team      decisions  blocked  redacted  observed  unjudged  of the team's
payments          1        1         0         0         0         33.3 %

6 decisions in all
`);
  expect(
    (await run('top --by team')).out,
  ).toBe(`team      decisions  blocked  redacted  observed  unjudged  of all
payments          3        2         0         0         0  50.0 %
search            2        1         0         0         0  33.3 %
-                 1        0         1         0         0  16.7 %

6 decisions in all
`);
});

test.each<[by: string, rows: object[]]>([
  ['rule', [{ name: 'a' }, { name: 'aws-key' }, { name: 'b' }]],
  ['policy', [{ name: 'prompt-injection', blocked: 1, share: 0.1667 }, { name: 'secrets' }]],
  ['backend', [{ name: 'lakera', decisions: 1, blocked: 1, redacted: 0, share: 0.1667 }]],
  [
    'category',
    [
      { name: 'policy', decisions: 3 },
      { name: null, decisions: 3 },
    ],
  ],
  ['user', [{ name: 'ada', decisions: 5 }, { name: 'customer-7' }]],
])('top --by %s --json', async (by, rows) => {
  const { decisions, ...told } = JSON.parse((await run(`top --by ${by} --json`)).out);
  expect(decisions).toBe(6);
  expect(told.by).toBe(by);
  expect(
    told.rows.toSorted((a: { name: string }, b: { name: string }) =>
      String(a.name).localeCompare(String(b.name)),
    ),
  ).toMatchObject(
    rows.toSorted((a, b) =>
      String((a as { name: string }).name).localeCompare(String((b as { name: string }).name)),
    ),
  );
});

test.each<[args: string, says: string]>([
  [
    'list --since yesterday',
    "argument 'yesterday' is invalid. Write a span like 90m, 24h or 7d, or a time like 2026-11-21T10:00:00Z",
  ],
  ['list --until 7x', "argument '7x' is invalid"],
  ['list --verdict deny', 'Write one of allow, block, redact, remove, defer, cancelled, unjudged, observed'],
  ['list --policy nosuch', "argument 'nosuch' is invalid. Write one of "],
  ['list --since 1h --until 5h', '--until 2026-11-26T22:00:00.000Z is not after --since 2026-11-27T02:00'],
  ['top --by team --since 1h --until 1h', 'is not after --since'],
  ['list --last many', 'Write a number, 1 to 10000'],
  ['top', "required option '--by <name>' not specified"],
  ['top --by shape', 'Write one of team, key, user, model, policy, backend, rule, category'],
])('%s is a wrong command line', async (args, says) => {
  const { code, err } = await run(args);
  expect(code).toBe(2);
  expect(err).toContain(says);
});

test.each<[args: string, says: string]>([
  ['list --team nobody', 'no such decision among 6\n'],
  ['top --by team --backend nosuch', 'no such decision among 6\n'],
  ['list --team nobody --since 90m', 'no such decision among 2 since 2026-11-27T01:30:00.000Z\n'],
  ['list --until 30d', 'no decision before 2026-10-28T03:00:00.000Z\n'],
])('%s finds nothing, and says of how many', async (args, out) => {
  expect(await run(args)).toEqual({ code: 0, out, err: '' });
});

test('what went on unjudged, or objected to by an observer, is to be seen; calls of the doctor are not', async () => {
  const { keeper, dir: folder } = testKeeper();
  const long = 'x'.repeat(60);
  const lakera = { backend: 'lakera', mode: 'enforce', result: 'timeout', ms: 900 } as const;
  const observer = { ...injection, enforced: false, rules: ['a'] };
  const at = NOW - 1000;
  keeper.append(row({ at, litellm_call_id: newCanaryId() }));
  keeper.append(row({ at: at - 1, litellm_call_id: long, backends: [lakera] }));
  keeper.append(row({ at: at - 2, litellm_call_id: 'observed', policies: [observer] }));
  keeper.append(
    row({
      at: at - 3,
      litellm_call_id: 'shadow',
      backends: [{ ...lakera, mode: 'shadow', result: 'block' }],
    }),
  );
  keeper.append(blocked(ref(9), { at: at - 4, litellm_call_id: 'blocked', backends: [lakera] }));
  await keeper.close();
  const ask = async (args: string) =>
    (await runCli(['decisions', ...args.split(' ')], { env: { DATA_DIR: folder }, now: () => NOW })).out;
  expect((await ask('list --verdict unjudged')).split('\n').slice(1)).toEqual([
    expect.stringMatching(new RegExp(`^1s ago +allow request +lakera no verdict .* ${long}$`)),
    '',
  ]);
  expect((await ask('list --verdict observed')).split('\n').slice(1)).toEqual([
    expect.stringMatching(/ prompt-injection would block +a .* observed$/),
    expect.stringMatching(/ lakera would block .* shadow$/),
    '',
  ]);
  expect(JSON.parse(await ask('top --by team --json'))).toMatchObject({
    decisions: 4,
    rows: [{ decisions: 4, blocked: 1, redacted: 0, observed: 2, unjudged: 1 }],
  });
});

test('no share is told where allowed calls are gone that were as old', async () => {
  const { keeper, dir: other } = testKeeper();
  keeper.append(blocked(ref(7), { at: NOW - 50 * HOUR_MS }));
  keeper.append(row({ at: NOW - 2 * HOUR_MS }));
  await keeper.close();
  const env = { DATA_DIR: other };
  const ask = async (args: string) => (await runCli(args.split(' '), { env, now: () => NOW })).out;
  expect(await ask('decisions top --by team --since 7d')).toContain(
    'allowed calls are kept since 2026-11-27T01:00:00.000Z (DECISIONS_MAX_MB)',
  );
  expect(JSON.parse(await ask('decisions top --by team --json')).rows).toMatchObject([{ share: null }]);
  expect(await ask('decisions top --by team --since 1h')).not.toContain('allowed calls are kept');
});
