import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DECISIONS_FILE } from '../../src/decisions/file.ts';
import { LookUpThread } from '../../src/ui/look-up-thread.ts';
import { remembered } from '../../src/ui/remembered.ts';
import { testBridge } from '../support/bridge.ts';
import { runCli } from '../support/cli.ts';
import { parse } from '../support/config.ts';
import { testLookUpLog } from '../support/look-ups.ts';
import { temporaryFolder } from '../support/store.ts';

const POLICY = `
pack: { name: acme, version: 1.0.0, enabled: true }
policies: { chain: [banned-keywords, secrets] }
policy:
  banned-keywords: { keywords: [tulip], mode: observe }
  secrets: { action: block }
`;

function bridgeIn(dir: string, env: Record<string, string> = {}) {
  const file = join(dir, 'policy.yaml');
  if (env.POLICY_FILE === undefined) fs.writeFileSync(file, POLICY);
  const bridge = testBridge({ DATA_DIR: dir, POLICY_FILE: file, ...env });
  onTestFinished(bridge.close);
  return bridge;
}

const call = (id: string, text: string, team = 'payments') => ({
  ...{ input_type: 'request', litellm_call_id: id, texts: [text], model: 'm' },
  request_data: { user_api_key_team_alias: team },
});

test('decisions are listed, counted, and told as stories by what the disk has', async () => {
  const { ask, page } = bridgeIn(temporaryFolder());
  await ask(call('one', 'a canary-77aa tulip'));
  await ask(call('two', 'another tulip', 'search'));
  await ask(call('three', 'a third tulip', 'search'));
  const { reply } = await ask(call('four', 'AKIAZQ3DRSTUVWXY2345 is mine'));
  await expect.poll(async () => (await page.list({}, 10))?.rows.length, { timeout: 5000 }).toBe(4);
  expect((await page.list({ team: 'search' }, 1))?.rows.map((row) => row.litellm_call_id)).toEqual(['three']);
  const counts = await page.counts(7);
  expect(counts).toMatchObject({
    decisions: 4,
    wouldBlock: [
      {
        ...{ by: 'banned-keywords', team: 'search', would: 'block', calls: 2 },
        rules: [{ rule: 'keyword-1', calls: 2 }],
      },
      { by: 'banned-keywords', team: 'payments', calls: 1 },
    ],
    tops: {
      team: [{ name: 'payments', decisions: 2, blocked: 1 }, { name: 'search' }],
      policy: [{ name: 'banned-keywords', decisions: 3, observed: 3 }, { name: 'secrets' }],
    },
  });
  expect(counts).not.toHaveProperty('since');
  // Kept for a minute
  expect(await Promise.all([page.counts(7), page.counts(7)])).toEqual([counts, counts]);
  const [ref = ''] = /[0-9a-f]{16}/.exec(String(reply.blocked_reason)) ?? [];
  const story = await page.story(`${reply.blocked_reason}`);
  expect(story).toMatchObject({ about: { ref, litellm_call_id: 'four', verdict: 'block' }, others: [] });
  expect(story?.facts.map(([title]) => title)).toEqual(expect.arrayContaining(['reference', 'who', 'model']));
  expect(story?.advice.length).toBeGreaterThan(0);
  await ask(call('d20', 'an id that a client chose'));
  await expect
    .poll(async () => (await page.story('d20'))?.about.litellm_call_id, { timeout: 5000 })
    .toBe('d20');
  expect(await page.story('unknown-call')).toBe(undefined);
  expect(await page.story('two words')).toBe(undefined);
  const one = await page.story('one');
  expect(JSON.stringify([one, await page.list({}, 10), await page.picture()])).not.toContain('canary-77aa');
});

const CONFIG = parse();

const paste = {
  isResponse: false,
  isStreamed: false,
  team: undefined,
  model: undefined,
  policies: undefined,
};

test('a pasted text is judged by the policies in force, with the places of what was found and the reply to LiteLLM', async () => {
  const { page, ask } = bridgeIn(temporaryFolder());
  const text = 'a tulip, and AKIAZQ3DRSTUVWXY2345';
  const judged = await page.judge({ ...paste, text });
  expect(judged).toMatchObject({
    verdict: 'block',
    callerRule: 'default',
    policies: [
      { kind: 'banned-keywords', enforced: false, verdict: 'block', rules: ['keyword-1'] },
      { kind: 'secrets', enforced: true, verdict: 'block', rules: ['aws-access-key'] },
    ],
    texts: [text],
    reply: {
      action: 'BLOCKED',
      blocked_reason: expect.stringMatching(/\[policy\] Reference: [0-9a-f]{16}$/),
    },
  });
  expect(judged.spans.map(({ text: n, start, end, policy }) => [n, text.slice(start, end), policy])).toEqual([
    [0, 'tulip', 'banned-keywords'],
    [0, 'AKIAZQ3DRSTUVWXY2345', 'secrets'],
  ]);
  const { reply } = await ask(call('same', text));
  const withoutRef = (body: unknown) => JSON.stringify(body).replace(/[0-9a-f]{16}/, '');
  expect(withoutRef(judged.reply)).toBe(withoutRef(reply));
});

test('pasted messages and responses are judged by pasted policies, for a team and a model', async () => {
  const { page } = bridgeIn(temporaryFolder());
  const policies = `
pack: { name: mine, version: 1.0.0, enabled: true }
policies: { chain: [pii-detector] }
policy: { pii-detector: { action: redact } }
rules:
  - { name: trusted, match: { team: [lab] }, chain: [] }
`;
  const messages = JSON.stringify([
    { role: 'system', content: 'be kind' },
    { role: 'user', content: 'I am ada@example.org' },
  ]);
  const judged = await page.judge({ ...paste, text: messages, policies });
  expect(judged).toMatchObject({
    verdict: 'redact',
    texts: ['be kind', 'I am ada@example.org'],
    spans: [{ text: 1, start: 5, end: 20, policy: 'pii-detector' }],
    reply: { action: 'GUARDRAIL_INTERVENED', texts: ['be kind', expect.stringMatching(/^I am (?!ada)/)] },
  });
  const ofTeam = await page.judge({ ...paste, text: messages, policies, team: 'lab' });
  expect(ofTeam).toMatchObject({
    verdict: 'allow',
    callerRule: 'trusted',
    spans: [],
    reply: { action: 'NONE' },
  });
  const response = { ...paste, text: 'she is ada@example.org', isResponse: true, policies };
  expect(await page.judge(response)).toMatchObject({ verdict: 'redact' });
  // LiteLLM drops redactions in such a stream
  expect(await page.judge({ ...response, isStreamed: true })).toMatchObject({ verdict: 'block' });
});

test.each([
  {
    name: 'broken messages',
    text: '[{"role": "user", "content": "x"',
    problem: /no JSON: paste a whole list/,
  },
  {
    name: 'a message without a role',
    text: '[{"role": "user"}, {"content": 1}]',
    problem: /message 2 has no role/,
  },
  { name: 'too long a text', text: 'x'.repeat(1_000_001), problem: /longer than 1,000,000 characters/ },
  {
    name: 'a wrong policy file',
    text: 'x',
    policies: 'policies: { chain: [secrts] }',
    problem: /secrts.*secrets/,
  },
])('$name is refused in words', async ({ text, policies, problem }) => {
  const { page } = bridgeIn(temporaryFolder());
  await expect(page.judge({ ...paste, text, policies })).rejects.toThrow(problem);
});

test('a pasted policy file is linted by line, and reads neither files nor the environment', async () => {
  const dir = temporaryFolder();
  const words = join(dir, 'words.txt');
  fs.writeFileSync(words, 'canary-66bb\n');
  const { page } = bridgeIn(dir, { SECRET_OF_OURS: 'canary-66cc' });
  const policies = `pack: { name: a, version: 1.0.0, enabled: true }
policies: { chain: [banned-keywords] }
policy:
  banned-keywords: { keywords_file: ${words}, actoin: block }
backends:
  - { name: akto, kind: akto, url: https://akto.example, secret: { env: SECRET_OF_OURS } }
  - { name: other, kind: akto, url: https://akto.example, secret: { file: ${words} } }
`;
  const problems = await page.lint(policies);
  expect(problems.map(({ line, isWarning }) => [line, isWarning])).toContainEqual([4, undefined]);
  expect(JSON.stringify(problems)).toContain('actoin');
  expect(JSON.stringify(problems)).not.toMatch(/canary-66/);
  expect(await page.lint(POLICY)).toEqual([]);
  expect(await page.policyText()).toBe(POLICY);
});

test('what takes too long is cut off, counted, and takes no other question with it', async () => {
  const bridge = testBridge({ BUILTIN_POLICY: 'on' });
  onTestFinished(bridge.close);
  const { metrics, lines } = testLookUpLog();
  const thread = new LookUpThread({
    ...{ topic: 'pasted', config: () => CONFIG, answerMs: 1, idleMs: 50 },
    ...{ log: lines.log, metrics },
  });
  onTestFinished(() => thread.close());
  expect(thread.isOpen).toBe(false);
  const slow = 'aB3$'.repeat(249_000);
  const policies = POLICY.replace('tulip', '"{{x}}"');
  await thread.ask('lint', POLICY, undefined);
  const asked = [
    thread.ask('judge', { ...paste, text: slow, policies }, undefined),
    thread.ask('lint', POLICY, undefined),
  ];
  await expect(asked[0]).rejects.toThrow(/takes too long/);
  expect(await asked[1]).toEqual([]);
  expect(metrics.ui_failures_total.countOf({ reason: 'slow' })).toBe(1);
  expect(lines.all).toMatchObject([{ asked: 'judge', reason: 'slow' }]);
  await expect.poll(() => thread.isOpen, { timeout: 5000 }).toBe(false);
});

test('more questions than a queue holds are refused, and the others answered', async () => {
  const { metrics, lines } = testLookUpLog();
  const thread = new LookUpThread({
    ...{ topic: 'pasted', config: () => CONFIG },
    ...{ log: lines.log, metrics },
  });
  onTestFinished(() => thread.close());
  const asked = Array.from({ length: 20 }, () => thread.ask('lint', POLICY, undefined));
  const settled = await Promise.allSettled(asked);
  const refused = settled.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(3);
  expect(metrics.ui_failures_total.countOf({ reason: 'busy' })).toBe(3);
});

test.each([
  { name: 'no decisions are kept', env: { DECISIONS_DAYS: '0' }, list: undefined },
  { name: 'none were made yet', env: {}, list: [] },
])('where $name that is told', async ({ env, list }) => {
  const { page } = bridgeIn(temporaryFolder(), env);
  expect((await page.list({}, 10))?.rows).toEqual(list);
  expect((await page.counts(1))?.tops.rule).toEqual(list);
  expect((await page.counts(1))?.wouldBlock).toEqual(list);
  expect(await page.story('0123456789abcdef')).toBe(undefined);
  expect((await page.picture())?.backlogs).toBe(undefined);
});

test('a file that holds no decisions is told in words, and calls are judged as before', async () => {
  const dir = temporaryFolder();
  const { page, ask, lines } = bridgeIn(dir);
  fs.writeFileSync(join(dir, DECISIONS_FILE), 'this is no database'.repeat(100));
  await expect(page.list({}, 10)).rejects.toThrow(/cannot be read \(SQLITE_NOTADB\)|holds no decisions/);
  expect((await ask(call('one', 'a rose'))).reply.action).toBe('NONE');
  expect(lines.filter(({ msg }) => msg === 'the page could not be answered')).toEqual([]);
});

test('settings are shown with their sources, and no secret', async () => {
  const { page } = bridgeIn(temporaryFolder(), {
    AKTO_GUARDRAIL_API_BASE: 'http://akto.example/secret-path',
    AKTO_API_KEY: 'canary-55dd',
  });
  const settings = await page.settings();
  expect(settings).toEqual(
    expect.arrayContaining([
      { name: 'AKTO_API_KEY', value: 'set, not shown; shorter than 16 characters', source: '.env' },
      { name: 'PORT', value: expect.any(String), source: 'default' },
      { name: 'HOST', value: '127.0.0.1', source: 'default' },
    ]),
  );
  expect(JSON.stringify(settings)).not.toContain('canary-55dd');
});

test.each([
  { text: 'Hello', args: [], changes: {} },
  { text: 'a tulip and AKIAZQ3DRSTUVWXY2345', args: [], changes: {} },
  { text: 'AKIAZQ3DRSTUVWXY2345', args: ['--response'], changes: { isResponse: true } },
  {
    text: 'AKIAZQ3DRSTUVWXY2345',
    args: ['--response', '--stream'],
    changes: { isResponse: true, isStreamed: true },
  },
  { text: 'AKIAZQ3DRSTUVWXY2345', args: ['--team', 'lab'], changes: { team: 'lab' } },
])('a pasted text has the verdict that check tells: $text $args', async ({ text, args, changes }) => {
  const dir = temporaryFolder();
  const policies = `${POLICY.replace('action: block', 'action: redact')}
rules:
  - { name: trusted, match: { team: [lab] }, chain: [banned-keywords] }
`;
  const file = join(dir, 'check.yaml');
  fs.writeFileSync(file, policies);
  const { out } = await runCli(['check', '--json', '--policy', file, ...args, text]);
  const checked = JSON.parse(out);
  const judged = await bridgeIn(dir).page.judge({ ...paste, text, policies, ...changes });
  expect([judged.verdict, judged.callerRule]).toEqual([checked.verdict, checked.caller_rule]);
  const acting = judged.policies.filter(({ enforced, verdict }) => enforced && verdict !== 'allow');
  expect(acting.map(({ kind, rules }) => [kind, rules])).toEqual(
    checked.policy === null ? [] : [[checked.policy, checked.rules]],
  );
});

test.each([
  // A mistake of ours: no page asks so
  {
    reason: 'bug',
    topic: 'pasted',
    problem: /by a mistake of the bridge/,
    logged: { failure: { kind: 'bug' } },
  },
  {
    reason: 'ended',
    topic: 'nothing',
    problem: /its thread|the thread .* has ended/,
    logged: { reason: 'ended' },
  },
])(
  'where it has no answer ($reason) that is said, counted and logged, without what was asked',
  async (row) => {
    const { metrics, lines } = testLookUpLog();
    const thread = new LookUpThread({
      ...{ topic: row.topic as 'pasted', config: () => CONFIG, answerMs: 20_000 },
      ...{ log: lines.log, metrics },
    });
    onTestFinished(() => thread.close());
    await expect(thread.ask('lint', { canary: 'canary-22ff' } as never, undefined)).rejects.toThrow(
      row.problem,
    );
    expect(metrics.ui_failures_total.countOf({ reason: row.reason })).toBe(1);
    expect(lines.all).toMatchObject([{ asked: 'lint', ...row.logged }]);
    expect(JSON.stringify(lines.all)).not.toContain('canary-22ff');
  },
);

test('a bridge that goes answers nothing more', async () => {
  const { metrics, lines } = testLookUpLog();
  const thread = new LookUpThread({
    ...{ topic: 'pasted', config: () => CONFIG },
    ...{ log: lines.log, metrics },
  });
  const asked = thread.ask('lint', POLICY, undefined);
  thread.close();
  await expect(asked).rejects.toThrow('the bridge is going');
  await expect(thread.ask('lint', POLICY, undefined)).rejects.toThrow('the bridge is going');
});

test('an answer that takes long is asked for again after its time, and at once where there was none', async () => {
  let [asked, at] = [0, 0];
  const answers = [undefined, 'a', 'b'];
  const ask = remembered(
    async () => answers[asked++],
    60_000,
    () => at,
  );
  expect(await ask()).toBe(undefined);
  expect(await Promise.all([ask(), ask()])).toEqual(['a', 'a']);
  at = 59_999;
  expect(await ask()).toBe('a');
  at = 60_000;
  expect(await ask()).toBe('b');
});
