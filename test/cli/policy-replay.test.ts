import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { aktoBlocks } from '../support/akto.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { toolCall } from '../support/call.ts';
import { type ServingChild, startServing } from '../support/child.ts';
import { runCli } from '../support/cli.ts';
import { fill, pem } from '../support/credentials.ts';
import { json, startFakeBackend } from '../support/fake-backend.ts';
import { mcpCall, mcpListed, mcpResult, mcpTool } from '../support/mcp.ts';
import { chat, envelopeOf } from '../support/turned.ts';
import { judged, startWorkers } from '../support/workers.ts';

const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'policy-replay-'));
  closes.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A policy file that bans words. */
const bans = (...keywords: string[]) => ({
  policies: { chain: ['banned-keywords'] },
  policy: { 'banned-keywords': { keywords } },
});

function written(dir: string, name: string, policies: object): string {
  const file = join(dir, name);
  writeFileSync(file, JSON.stringify(policies));
  return file;
}

async function serving(env: Record<string, string>): Promise<ServingChild> {
  const child = await startServing({ REPLAY_DAYS: '7', TELEMETRY: 'off', ...env });
  closes.push(child.stop);
  return child;
}

/** A bridge in this process that keeps calls, for as long as `run` asks it. */
async function keeping(
  env: Record<string, string>,
  run: (bridge: ReturnType<typeof testBridge>) => Promise<void>,
): Promise<ReturnType<typeof testBridge>> {
  const bridge = testBridge({ REPLAY_DAYS: '7', TELEMETRY: 'off', ...env });
  try {
    await run(bridge);
  } finally {
    await bridge.close();
  }
  return bridge;
}

let ids = 0;
const asked = (text: string, more: object = {}) => ({
  input_type: 'request',
  litellm_call_id: `call-${++ids}`,
  texts: [text],
  request_data: { user_api_key_team_alias: 'support', user_api_key_hash: 'abc' },
  ...more,
});

type Reply = { readonly action: string; readonly blocked_reason?: string };

let calls = 0;
async function say(child: ServingChild, text: string, more: object = {}): Promise<Reply> {
  const response = await fetch(child.url, {
    method: 'POST',
    body: JSON.stringify({
      input_type: 'request',
      litellm_call_id: `call-${++calls}`,
      texts: [text],
      request_data: { user_api_key_team_alias: 'support', user_api_key_hash: 'abc' },
      ...more,
    }),
  });
  return (await response.json()) as Reply;
}

const stopped = async (child: ServingChild) => {
  child.send('SIGTERM');
  await child.exit;
};

async function replayed(args: readonly string[], env: Record<string, string> = {}) {
  const { code, out, err } = await runCli(['policy', 'replay', ...args, '--json'], { env });
  expect(err).toBe('');
  expect(code).toBe(0);
  return JSON.parse(out);
}

test('a changed file says which calls it would have blocked and which no longer, by team and rule, without content', async () => {
  const dir = folder();
  const child = await serving({
    DATA_DIR: dir,
    POLICY_FILE: written(dir, 'old.yaml', bans('apple', 'plum')),
  });
  const blocked = await say(child, 'a plum please');
  await say(child, 'an apple please');
  await say(child, 'a pear please');
  await say(child, 'a cherry please', { request_data: { user_api_key_team_alias: 'research' } });
  await stopped(child);
  expect(statSync(join(dir, 'replay.db')).mode & 0o777).toBe(0o600);

  const file = written(dir, 'new.yaml', bans('apple', 'pear'));
  const result = await replayed([file, '--dir', dir]);
  const ref = /Reference: (\w+)/.exec(blocked.blocked_reason ?? '')?.[1];
  expect(result).toMatchObject({
    calls: 4,
    changes: { newly_blocked: 1, no_longer_blocked: 1, newly_redacted: 0 },
    stays: { allowed: 1, blocked: 1, redacted: 0, by_others: 0 },
    unknown: {},
    groups: [
      {
        change: 'newly_blocked',
        team: 'support',
        policy: 'banned-keywords',
        rules: ['keyword-2'],
        calls: 1,
        examples: [{ id: 'call-3' }],
      },
      { change: 'no_longer_blocked', team: 'support', calls: 1, examples: [{ ref, id: 'call-1' }] },
    ],
  });
  const { out, code } = await runCli(['policy', 'replay', file, '--dir', dir]);
  expect(code).toBe(0);
  expect(out).toContain('1  newly blocked');
  for (const word of ['plum', 'pear', 'cherry', 'please']) expect(out).not.toContain(word);
});

test('two files are compared by what both say today', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    for (const text of ['a plum', 'an apple', 'a pear']) await ask(asked(text));
  });
  const [one, other] = [
    written(dir, 'one.yaml', bans('apple', 'pear')),
    written(dir, 'two.yaml', bans('apple')),
  ];
  const result = await replayed([other, '--against', one, '--dir', dir]);
  expect(result.changes).toMatchObject({ newly_blocked: 0, no_longer_blocked: 1 });
  expect(result.stays).toMatchObject({ allowed: 1, blocked: 1 });
});

const SECRETS = (mode: string, more: object = {}) => ({
  policies: { chain: ['secrets', 'banned-keywords'] },
  policy: { secrets: { action: 'block', mode, ...more }, 'banned-keywords': { keywords: ['plum'] } },
});

const KEY = `sk-proj-${fill(48)}`;

test('a credential is erased, and a policy that looks for it says what it said then if it is the same', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', SECRETS('observe'));
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    await ask(asked(`my key is ${KEY}`));
    await ask(asked(`my key is ${KEY}, and a plum`));
    await ask(asked('a pear', { request_headers: { authorization: `Bearer ${KEY}` } }));
  });
  expect(readFileSync(join(dir, 'replay.db')).includes(KEY)).toBe(false);
  const enforced = await replayed([written(dir, 'a.yaml', SECRETS('enforce')), '--dir', dir]);
  expect(enforced).toMatchObject({
    changes: { newly_blocked: 1 },
    stays: { blocked: 1, allowed: 1 },
    unknown: {},
  });
  expect(enforced.groups[0]).toMatchObject({ policy: 'secrets' });
  const another = SECRETS('enforce', { ignore: ['aws-access-key'] });
  const changed = await replayed([written(dir, 'b.yaml', another), '--dir', dir]);
  expect(changed).toMatchObject({
    changes: { newly_blocked: 0 },
    unknown: { erased: 1 },
    stays: { blocked: 1 },
  });
});

/** Each text of a kind that looks for something of it, and others: with content as it comes, and with what is to be redacted. */
const MIXED = {
  policies: { chain: ['secrets', 'pii-detector', 'size-limits', 'banned-keywords'] },
  policy: {
    secrets: { action: 'block', ignore: ['private-key'] },
    'pii-detector': { action: 'redact' },
    'size-limits': { max_text_chars: 1500 },
    'banned-keywords': { keywords: ['bob@rival.com', 'rival.com', 'plum', 'redacted'] },
  },
};
const PRIVATE_KEY = `${pem('PRIVATE KEY')}\n${fill(64)}\n`;
const MIXED_TEXTS = [
  'a pear',
  'a plum',
  'write to bob@rival.com',
  'write to ada@example.com',
  'write to ada@example.com of a plum',
  `my key is ${KEY}`,
  `my key is ${KEY}, card 4111 1111 1111 1111`,
  'card 4111 1111 1111 1111',
  `${PRIVATE_KEY}${`${fill(64)}\n`.repeat(25)}-----END PRIVATE KEY-----`,
  `a pear ${'x'.repeat(2000)}`,
];

test.each(['full', 'redacted'])(
  'the same policies change nothing of mixed calls of which %s content was kept',
  async (TELEMETRY_CONTENT) => {
    const dir = folder();
    const POLICY_FILE = written(dir, 'now.yaml', MIXED);
    await keeping({ DATA_DIR: dir, POLICY_FILE, TELEMETRY_CONTENT }, async ({ ask }) => {
      for (const [i, text] of MIXED_TEXTS.entries()) {
        const told = (content: string) => ({
          texts: [content],
          structured_messages: [{ role: 'user', content }],
          request_headers: { 'x-session-id': `s${i}` },
        });
        await ask(asked('', told(text)));
        await ask(asked(text, { input_type: 'response' }));
        // The next turn, from which what was blocked is removed
        const next = 'and then a pear?';
        const messages = [text, 'No.', next].map((content, n) => ({
          role: n === 1 ? 'assistant' : 'user',
          content,
        }));
        await ask(asked('', { ...told(next), texts: [text, 'No.', next], structured_messages: messages }));
      }
    });
    const rows = new DatabaseSync(join(dir, 'replay.db')).prepare('SELECT lack FROM calls').all();
    expect(rows.filter(({ lack }) => lack !== null).length).toBeGreaterThan(5);
    const calls = 3 * MIXED_TEXTS.length;
    const same = await replayed([POLICY_FILE, '--dir', dir]);
    expect(same).toMatchObject({ calls, groups: [], unknown: {} });
    // Another file, of which no policy differs
    const alike = written(dir, 'alike.yaml', { ...MIXED, pack: { name: 'alike' } });
    expect((await replayed([alike, '--dir', dir])).groups).toEqual([]);
  },
);

test('nobody knows if another policy would still object to what was erased', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('bob@rival.com', 'plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE, TELEMETRY_CONTENT: 'redacted' }, async ({ ask }) => {
    for (const text of ['write to bob@rival.com', 'write to ada@example.com', 'a plum'])
      await ask(asked(text));
  });
  expect(await replayed([written(dir, 'new.yaml', bans('bob@rival.com')), '--dir', dir])).toMatchObject({
    changes: { no_longer_blocked: 1 },
    unknown: { redacted: 1 },
    stays: { allowed: 1 },
  });
});

test.each([
  { name: 'is in the file', change: {}, falls: false },
  { name: 'is not in it any more', change: undefined, falls: true, says: 'vendor is not in this file' },
  { name: 'only observes', change: { mode: 'observe' }, falls: true, says: 'vendor does not enforce' },
  { name: 'only compares', change: { mode: 'shadow' }, falls: true, says: 'vendor does not enforce' },
  {
    name: 'has another name',
    change: { name: 'other' },
    falls: true,
    says: 'backend other decided on none of these calls then',
  },
])('what a backend of the file said counts where it $name', async ({ change, falls, says }) => {
  const dir = folder();
  const vendor = await startFakeBackend(json({ action: 'BLOCKED', blocked_reason: 'no' }));
  closes.push(vendor.close);
  const entry = { name: 'vendor', kind: 'generic-guardrail', url: vendor.url };
  const file = (name: string, ...entries: object[]) =>
    written(dir, name, { ...bans('plum'), ...(entries.length > 0 && { backends: entries }) });
  const POLICY_FILE = file('now.yaml', entry);
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    expect((await ask(asked('a pear'))).reply.action).toBe('BLOCKED');
  });
  const changed = change === undefined ? file('new.yaml') : file('new.yaml', { ...entry, ...change });
  const result = await replayed([changed, '--dir', dir]);
  expect(result).toMatchObject({
    changes: { no_longer_blocked: falls ? 1 : 0 },
    stays: { by_others: falls ? 0 : 1 },
  });
  if (says === undefined) expect(result.notes).toEqual([]);
  else expect(result.notes.join()).toContain(says);
});

test('a backend is taken to say what it said, and one that was not asked is told of', async () => {
  const dir = folder();
  const akto = await startFakeBackend(aktoBlocks());
  closes.push(akto.close);
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE, ...aktoAt(akto.url) }, async ({ ask }) => {
    for (const text of ['a plum', 'an apple']) await ask(asked(text));
  });
  const seen = akto.seen.length;
  const file = written(dir, 'new.yaml', bans('apple'));
  const result = await replayed([file, '--dir', dir]);
  expect(akto.seen.length).toBe(seen);
  expect(result).toMatchObject({
    changes: { newly_blocked: 0, no_longer_blocked: 1 },
    stays: { blocked: 1 },
    notes: [expect.stringContaining('no backend was asked about 1 call')],
  });
  const free = await replayed([written(dir, 'free.yaml', bans('cherry')), '--dir', dir]);
  expect(free).toMatchObject({ changes: { no_longer_blocked: 1 }, stays: { by_others: 1 } });
});

test('of a stream the whole text is judged, once, and beside its request', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    const request = asked('a question');
    await ask(request);
    const words = ['an', 'an apple', 'an apple and a pear'];
    for (const text of words) await ask({ ...request, input_type: 'response', texts: [text] });
    // Another response under the same ids
    await ask({ ...request, input_type: 'response', texts: ['a pear'] });
  });
  const result = await replayed([written(dir, 'new.yaml', bans('apple')), '--dir', dir]);
  expect(result).toMatchObject({ calls: 3, changes: { newly_blocked: 1 }, stays: { allowed: 2 } });
});

const LIMITED = (max: number) => ({
  policies: { chain: ['agent-firewall'] },
  policy: { 'agent-firewall': { max_actions_per_session: max } },
});

test('policies keep count of the calls in the order of time', async () => {
  const dir = folder();
  await keeping({ DATA_DIR: dir, POLICY_FILE: written(dir, 'now.yaml', LIMITED(10)) }, async ({ ask }) => {
    for (let n = 0; n < 5; n++)
      await ask(
        asked('', {
          input_type: 'response',
          texts: [],
          tool_calls: [toolCall('{}', 'look_up', `call_${n}`)],
          request_headers: { 'x-session-id': 'one' },
        }),
      );
  });
  const result = await replayed([written(dir, 'new.yaml', LIMITED(3)), '--dir', dir]);
  expect(result).toMatchObject({ calls: 5, changes: { newly_blocked: 2 }, stays: { allowed: 3 } });
});

const PERSONAL = (redaction: object) => ({
  policies: { chain: ['pii-detector'] },
  policy: { 'pii-detector': { redaction } },
});

test('a redaction that reads otherwise is told', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', PERSONAL({}));
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    await ask(asked('write to ada@example.com'));
    await ask(asked('a pear'));
  });
  const same = await replayed([POLICY_FILE, '--dir', dir]);
  expect(same).toMatchObject({ changes: { redacted_otherwise: 0 }, stays: { redacted: 1, allowed: 1 } });
  const other = written(dir, 'new.yaml', PERSONAL({ custom_markers: { email: '<mail>' } }));
  expect(await replayed([other, '--dir', dir])).toMatchObject({ changes: { redacted_otherwise: 1 } });
  expect(await replayed([written(dir, 'none.yaml', bans('plum')), '--dir', dir])).toMatchObject({
    changes: { no_longer_redacted: 1 },
  });
});

test('what was blocked is removed from later calls of its conversation, as it was then', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  const chat = (...contents: string[]) => {
    const roles = ['user', 'assistant'];
    const structured_messages = contents.map((content, i) => ({ role: roles[i % 2], content }));
    return asked('', { texts: contents, structured_messages, request_headers: { 'x-session-id': 's' } });
  };
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    expect((await ask(chat('a plum please'))).reply.action).toBe('BLOCKED');
    const next = await ask(chat('a plum please', 'Blocked by security policy.', 'then a pear'));
    expect(next.reply.action).toBe('GUARDRAIL_INTERVENED');
  });
  const same = await replayed([POLICY_FILE, '--dir', dir]);
  expect(same).toMatchObject({ stays: { blocked: 1, redacted: 1 }, groups: [] });
  const freed = await replayed([written(dir, 'new.yaml', bans('fig')), '--dir', dir]);
  expect(freed).toMatchObject({ changes: { no_longer_blocked: 1, no_longer_redacted: 1 } });
});

test('a call that is too large, or of a team without content, is counted and not judged', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  const env = { DATA_DIR: dir, POLICY_FILE, NO_CONTENT_TEAMS: 'legal', REPLAY_MAX_MB: '2' };
  await keeping(env, async ({ ask }) => {
    await ask(asked('a pear '.repeat(3000)));
    await ask(
      asked('a pear', { request_data: { user_api_key_team_alias: 'legal', user_api_key_hash: 'd' } }),
    );
    await ask(asked('a pear'));
  });
  expect(await replayed([written(dir, 'new.yaml', bans('pear')), '--dir', dir])).toMatchObject({
    calls: 3,
    changes: { newly_blocked: 1 },
    unknown: { too_large: 1, withheld: 1 },
  });
});

test('calls of the thread of large calls, and of all workers, are kept by one', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  const child = await startWorkers({
    DATA_DIR: dir,
    POLICY_FILE,
    REPLAY_DAYS: '1',
    REPLAY_MAX_MB: '1000',
    TELEMETRY: 'off',
  });
  for (let n = 0; n < 6; n++) await judged(child.url, asked(`a pear ${n}`));
  await judged(child.url, asked(`a pear ${'x'.repeat(1_500_000)}`));
  await stopped(child);
  expect(await replayed([written(dir, 'new.yaml', bans('pear')), '--dir', dir])).toMatchObject({
    calls: 7,
    changes: { newly_blocked: 7 },
  });
});

test('calls of several bridges are judged in the order of time', async () => {
  const [one, two] = [folder(), folder()];
  const POLICY_FILE = written(one, 'now.yaml', bans('plum'));
  const texts = ['a pear', 'a fig', 'a pear', 'an apple'];
  await keeping({ DATA_DIR: one, POLICY_FILE }, async (first) => {
    await keeping({ DATA_DIR: two, POLICY_FILE }, async (second) => {
      for (const [i, text] of texts.entries()) await (i % 2 === 0 ? first : second).ask(asked(text));
    });
  });
  const file = written(one, 'new.yaml', bans('pear'));
  const both = ['--dir', one, '--dir', two];
  expect(await replayed([file, ...both])).toMatchObject({ calls: 4, changes: { newly_blocked: 2 } });
  expect((await replayed([file, ...both, '--limit', '2'])).calls).toBe(2);
  expect((await replayed([file, ...both, '--team', 'support', '--since', '1h'])).calls).toBe(4);
});

test.each([
  { name: 'nothing is kept', args: [], code: 1, says: /no calls are kept in .*: set REPLAY_DAYS=7/ },
  { name: 'a time is none', args: ['--since', 'monday'], code: 2, says: /Write a span like 90m, 24h or 7d/ },
  { name: 'a limit is none', args: ['--limit', '0'], code: 2, says: /Write a number, 1 to/ },
])('says so where $name', async ({ args, code, says }) => {
  const dir = folder();
  const file = written(dir, 'new.yaml', bans('pear'));
  const result = await runCli(['policy', 'replay', file, '--dir', dir, ...args]);
  expect(result).toMatchObject({ code, out: '' });
  expect(result.err).toMatch(says);
});

test('a policy file with mistakes is refused with their lines', async () => {
  const dir = folder();
  const file = join(dir, 'new.yaml');
  writeFileSync(file, 'policies:\n  chain: [banned-keyword]\n');
  const { code, err } = await runCli(['policy', 'replay', file, '--dir', dir]);
  expect(code).toBe(1);
  expect(err).toMatch(/line 2: .*banned-keywords/);
});

test('no call of that time or team is said to be none', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    await ask(asked('a pear'));
  });
  const run = (...args: string[]) => runCli(['policy', 'replay', POLICY_FILE, '--dir', dir, ...args]);
  expect(await run('--until', '2d')).toMatchObject({
    code: 1,
    err: expect.stringContaining('of 1 call in all'),
  });
  expect(await run('--team', 'sales')).toMatchObject({ code: 1, err: expect.stringContaining('sales') });
});

test('nothing is kept without REPLAY_DAYS, what was kept is deleted, and TELEMETRY_CONTENT=none is warned of', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  const file = join(dir, 'replay.db');
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    await ask(asked('a pear'));
  });
  expect(existsSync(file)).toBe(true);
  const without = testBridge({ DATA_DIR: dir, POLICY_FILE, TELEMETRY: 'off' });
  await without.ask(asked('a pear'));
  await without.close();
  expect(existsSync(file)).toBe(false);
  expect(without.lines.map(({ msg }) => msg)).toContain(
    'the calls that were kept for policy replay are deleted: none are to be kept',
  );
  const child = await serving({ DATA_DIR: dir, POLICY_FILE, TELEMETRY_CONTENT: 'none' });
  await say(child, 'a pear');
  await stopped(child);
  expect(existsSync(file)).toBe(false);
  expect(child.stdout()).toContain('REPLAY_DAYS keeps nothing: TELEMETRY_CONTENT is none');
});

test('a second bridge without REPLAY_DAYS deletes no calls that another keeps; a deleted file is begun anew, counted and said', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  const first = await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask, metric }) => {
    await ask(asked('a pear'));
    await expect.poll(() => metric('replay_calls_total{result="whole"}'), { timeout: 15_000 }).toBe(1);
    const second = testBridge({ DATA_DIR: dir, POLICY_FILE, TELEMETRY: 'off', DECISIONS_DAYS: '0' });
    await second.close();
    expect(second.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        code: 'LOCKED',
        advice: expect.stringContaining('its own DATA_DIR'),
      }),
    );
    expect((await replayed([POLICY_FILE, '--dir', dir])).calls).toBe(1);
    rmSync(join(dir, 'replay.db'));
    await ask(asked('an apple'));
  });
  expect((await replayed([POLICY_FILE, '--dir', dir])).calls).toBe(1);
  expect(await first.metric('replay_begun_anew_total{reason="gone"}')).toBe(1);
  expect(first.lines.map(({ msg }) => msg)).toContain(
    'replay.db was deleted or replaced; a new one is begun',
  );
});

test('calls that cannot be stored are counted and logged once, and no verdict waits', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  const data = join(dir, 'data');
  writeFileSync(data, 'a file in place of a folder');
  const bridge = await keeping({ DATA_DIR: data, POLICY_FILE }, async ({ ask }) => {
    expect((await ask(asked('a plum'))).reply.action).toBe('BLOCKED');
  });
  expect(await bridge.metric('replay_calls_total{result="lost"}')).toBe(1);
  const told = bridge.lines.filter(({ msg }) => msg === 'calls are not kept for policy replay');
  expect(told).toMatchObject([{ level: 'warn', code: expect.stringMatching(/^E|SQLITE/) }]);
});

/** The section of the guide, and its blocks in a language. */
const GUIDE = /^## Try a change on last week's calls$(.*?)^## /ms.exec(
  readFileSync(join(import.meta.dirname, '../../examples/policies/README.md'), 'utf8'),
)?.[1] as string;
const BLOCKS = [...GUIDE.matchAll(/^```(\w*)\n(.*?)^```$/gms)];
const blocks = (wanted: string) =>
  BLOCKS.flatMap(([, language, text = '']) => (language === wanted ? [text] : []));

test('the guide says what its commands print', async () => {
  const dir = folder();
  const yaml = blocks('yaml');
  for (const text of yaml) writeFileSync(join(dir, /^# (\S+)/.exec(text)?.[1] as string), text);
  await keeping({ DATA_DIR: dir, POLICY_FILE: join(dir, 'old.yaml') }, async ({ ask }) => {
    const of = (team: string, id: string) => ({
      litellm_call_id: id,
      request_data: { user_api_key_team_alias: team, user_api_key_hash: 'abc' },
    });
    await ask(asked('the bluebird sings', of('research', 'a0')));
    await ask(asked('when does kestrel start?', of('support', 'c41d')));
    await ask(asked('who is in kestrel?', of('support', 'e07a')));
    await ask(asked('how do I print?', of('support', 'f2')));
  });
  const [first = '', ...others] = blocks('sh')[0]?.match(/policy replay [^#\n]*/g) ?? [];
  const run = (line: string) => {
    const args = line
      .trim()
      .split(/ +/)
      .map((word) => (word.endsWith('.yaml') ? join(dir, word) : word));
    return runCli(args, { env: { DATA_DIR: dir } });
  };
  const { out, err, code } = await run(first);
  expect({ err, code }).toEqual({ err: '', code: 0 });
  /** Times, speed and references are others each time. */
  const alike = (text: string) =>
    text
      .replaceAll(`${dir}/`, '')
      .replace(/since \S+,/, 'since TIME,')
      .replace(/, \d+ a second/, ', N a second')
      .replace(/[0-9a-f]{16}$/m, 'REF');
  expect(alike(out)).toBe(alike(blocks('')[0] as string));
  for (const line of others) expect(await run(line)).toMatchObject({ code: 0, err: '' });
});

test('a terminal is told how far it is', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    for (let n = 0; n < 3; n++) await ask(asked('a pear'));
  });
  let now = Date.now();
  const clock = () => {
    now += 1000;
    return now;
  };
  const { err, code } = await runCli(['policy', 'replay', POLICY_FILE, '--dir', dir], {
    isTTY: true,
    now: clock,
  });
  expect(code).toBe(0);
  expect(err).toMatch(/\r1 of 3 calls, \d+ a second/);
});

test('calls of MCP tools are judged, each definition that is listed once', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE }, async ({ ask }) => {
    const listed = mcpListed(mcpTool('counting', {}, 'Counts every pear.'));
    for (let n = 0; n < 3; n++) await ask(listed);
    await ask(mcpCall(['a pear']));
    await ask(mcpResult('a pear'));
  });
  const result = await replayed([written(dir, 'new.yaml', bans('pear')), '--dir', dir]);
  expect(result).toMatchObject({ calls: 3, changes: { newly_blocked: 3 } });
});

test('a call by the integration of Akto is judged again as it was', async () => {
  const dir = folder();
  const POLICY_FILE = written(dir, 'now.yaml', bans('plum'));
  await keeping({ DATA_DIR: dir, POLICY_FILE, BRIDGE_API_KEYS: 'akto-key' }, async ({ app }) => {
    for (const content of ['a pear', 'a plum']) {
      const response = await app.request('/api/http-proxy?akto_connector=litellm&guardrails=true', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'akto-key' },
        body: JSON.stringify(envelopeOf({ callId: content, request: chat(content) })),
      });
      expect(response.status).toBe(200);
    }
  });
  const result = await replayed([written(dir, 'new.yaml', bans('pear')), '--dir', dir]);
  expect(result).toMatchObject({
    calls: 2,
    changes: { newly_blocked: 1, no_longer_blocked: 1 },
    groups: [{ team: 'readers', policy: 'banned-keywords' }, { team: 'readers' }],
  });
});
