import { randomBytes, randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows } from '../support/akto.ts';
import { aktoAt, capsuleAt, type testBridge } from '../support/bridge.ts';
import { capsuleAllows } from '../support/capsule.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';
import { answer, byModel, chat, MAIL, plain, redacting, stream } from '../support/state-calls.ts';
import { startPostgres } from './server.ts';
import { bridgesWith, policyFile } from './shared-bridges.ts';

type Bridge = ReturnType<typeof testBridge>;

const PADDING = Array(10_001).fill({});
const CANARY = 'canary-of-a-prompt';
const [KEY, NEXT] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];

const named = (id: string) => ({
  ...{ litellm_call_id: id, litellm_trace_id: `trace of ${id}`, litellm_version: '1.110.2' },
});
const ask = async (bridge: Bridge | undefined, id: string, call: object) =>
  (await bridge!.ask({ ...named(id), ...call })).reply;

async function akto(reply = aktoAllows) {
  const vendor = await startFakeBackend(reply);
  onTestFinished(() => vendor.close());
  return vendor;
}

test.each([
  { sizes: 'small', large: [false, false] },
  { sizes: 'a large response', large: [false, true] },
  { sizes: 'a large request', large: [true, false] },
  { sizes: 'large', large: [true, true] },
])(
  'a vendor gets the request that another replica saw, with what was redacted there ($sizes)',
  async ({ large }) => {
    const vendor = await akto();
    const policies = {
      policies: { chain: ['pii-detector'] },
      policy: { 'pii-detector': { action: 'redact' } },
    };
    const env = { ...aktoAt(vendor.url), POLICY_FILE: policyFile(policies), STATE_TIMEOUT: '5' };
    const { bridges } = await bridgesWith(env, {}, {});
    const id = randomUUID();
    const padded = large.map((isLarge) => (isLarge ? { padding: PADDING } : {}));
    const asked = chat('house', `${CANARY} and ${MAIL}`);
    expect((await ask(bridges[0], id, { ...asked, ...padded[0] })).action).toBe('GUARDRAIL_INTERVENED');
    vendor.seen.length = 0;
    await ask(bridges[1], id, { ...answer('house', 'an answer', plain), ...padded[1] });
    const [seen] = vendor.seen;
    expect(seen?.text).toContain('an answer');
    expect(seen?.text).toContain(CANARY);
    expect(seen?.text).not.toContain(MAIL);
  },
);

test('of two requests under one id a vendor gets the later one, whichever replica saw it', async () => {
  const vendor = await akto();
  const { bridges } = await bridgesWith({ ...aktoAt(vendor.url), STATE_TIMEOUT: '5' }, {}, {});
  for (const places of [
    [0, 1],
    [1, 0],
    [0, 0],
  ]) {
    const id = randomUUID();
    for (const [i, at] of places.entries())
      await ask(bridges[at], id, chat('house', `the words number ${i}`));
    vendor.seen.length = 0;
    for (const at of [0, 1]) await ask(bridges[at], id, answer('house', `an answer to ${at}`, plain));
    expect(vendor.seen.map(({ text }) => /number \d/.exec(text)?.[0])).toEqual(['number 1', 'number 1']);
  }
});

test('a stream is given back what was redacted, each of its rounds on another replica', async () => {
  const env = { POLICY_FILE: policyFile(redacting), BLOCKED_HISTORY: 'block', STATE_TIMEOUT: '5' };
  const { bridges } = await bridgesWith({ ...env, STATE_KEY: KEY }, {}, {}, {});
  const id = randomUUID();
  expect(await ask(bridges[0], id, chat('house', `write to ${MAIL}`, stream))).toMatchObject({
    texts: ['write to [EMAIL_ADDRESS_1]'],
  });
  const whole = 'I wrote to [EMAIL_ADDRESS_1], as you said.';
  let shown = '';
  for (let end = 4, round = 1; end < whole.length + 4; end += 4, round++) {
    const text = whole.slice(0, end);
    const reply = await ask(bridges[round % 3], id, answer('house', text, stream));
    const [now = text] = (reply.texts as string[] | undefined) ?? [];
    const [held = 0] = (reply.stream_holdback_chars as number[] | undefined) ?? [];
    const released = now.slice(0, now.length - held);
    expect(released.startsWith(shown), `${shown} | ${released}`).toBe(true);
    shown = released;
  }
  expect(shown).toContain(`I wrote to ${MAIL}, as you`);
});

test.each([
  { by: KEY, to: KEY, restores: true },
  { by: KEY, to: `${NEXT},${KEY}`, restores: true },
  { by: `${NEXT},${KEY}`, to: `${KEY},${NEXT}`, restores: true },
  { by: `${NEXT},${KEY}`, to: KEY, restores: false },
  { by: KEY, to: NEXT, restores: false },
])(
  'a marker is restored with the key of its writer alone, and otherwise stays and counts (%#)',
  async ({ by, to, restores }) => {
    const env = { POLICY_FILE: policyFile(redacting), BLOCKED_HISTORY: 'block', STATE_TIMEOUT: '5' };
    const { bridges } = await bridgesWith(env, { STATE_KEY: by }, { STATE_KEY: to });
    for (let n = 0; n < 2; n++) {
      const id = randomUUID();
      await ask(bridges[0], id, chat('house', `write to ${MAIL}`, plain));
      const reply = await ask(bridges[1], id, answer('house', 'I wrote to [EMAIL_ADDRESS_1]', plain));
      expect(reply.texts).toEqual(restores ? [`I wrote to ${MAIL}`] : undefined);
    }
    const sample = 'state_failures_total{feature="markers",reason="unreadable"}';
    expect(await bridges[1]?.metric(sample)).toBe(restores ? 0 : 2);
    const told = bridges[1]?.lines.filter(({ msg }) =>
      msg.startsWith('another replica has another STATE_KEY'),
    );
    expect(told?.length).toBe(restores ? 0 : 1);
  },
);

test('what is shared can be read by nobody who reads the database', async () => {
  const vendor = await akto();
  const both = { ...redacting, rules: byModel.rules, policy: { ...redacting.policy, ...byModel.policy } };
  const env = { ...aktoAt(vendor.url), POLICY_FILE: policyFile(both), STATE_KEY: KEY, STATE_TIMEOUT: '5' };
  const { bridges, query } = await bridgesWith(env, {});
  const id = 'canary-of-an-id';
  const caller = {
    request_data: { user_api_key_hash: 'canary-of-a-key', user_api_key_user_id: 'canary-of-a-user' },
  };
  await ask(bridges[0], id, { ...chat('canary-of-a-model', `${CANARY} ${MAIL}`, plain), ...caller });
  await ask(bridges[0], id, {
    ...answer('house', '[EMAIL_ADDRESS_1] canary-of-an-answer', plain),
    ...caller,
  });
  const rows = await query<{ row: string; value: Buffer }>('SELECT state::text AS row, value FROM state');
  expect(rows.length).toBeGreaterThanOrEqual(3);
  const all = rows
    .map(({ row, value }) => row + value.toString('latin1') + value.toString('utf16le'))
    .join('\n');
  const common = await query<{ row: string }>('SELECT state_common::text AS row FROM state_common');
  for (const word of [
    'canary',
    MAIL,
    'frost',
    'EMAIL',
    'trace',
    'calls',
    'markers',
    KEY,
    Buffer.from(KEY, 'hex').toString('latin1'),
  ])
    expect(all.includes(word) || JSON.stringify(common).includes(word), word).toBe(false);
});

test('a blocked response is recorded with the request that another replica saw', async () => {
  const vendor = await startFakeBackend(capsuleAllows);
  onTestFinished(() => vendor.close());
  const policies = { policies: { chain: ['banned-keywords'] }, policy: byModel.policy };
  const env = { ...capsuleAt(vendor.url), POLICY_FILE: policyFile(policies), STATE_TIMEOUT: '5' };
  const folders = [{ DATA_DIR: temporaryFolder() }, { DATA_DIR: temporaryFolder() }];
  const { bridges, query } = await bridgesWith(env, ...folders);
  const id = randomUUID();
  await ask(bridges[0], id, chat('asked-for', 'hello'));
  // No reply waits for what only a record needs
  await expect.poll(() => query('SELECT 1 FROM state')).toHaveLength(1);
  vendor.seen.length = 0;
  // Its record names the model that was asked for, which only the request tells
  expect((await ask(bridges[1], id, answer('house', 'a zebra', plain))).action).toBe('BLOCKED');
  await expect
    .poll(() => vendor.seen.map(({ text }) => text).join(), { timeout: 15_000 })
    .toContain('asked-for');
});

test("the record of a call of Capsule's plugin has the prompt that another replica saw", async () => {
  const vendor = await startFakeBackend(aktoAllows);
  onTestFinished(() => vendor.close());
  const env = { ...aktoAt(vendor.url), STATE_TIMEOUT: '5' };
  const folders = [{ DATA_DIR: temporaryFolder() }, { DATA_DIR: temporaryFolder() }];
  const { bridges, query } = await bridgesWith(env, ...folders);
  const hook = async (at: number, name: string, body: object) => {
    const path = `/v1/litellm/hooks/events/${name}`;
    const response = await bridges[at]!.app.request(path, { method: 'POST', body: JSON.stringify(body) });
    expect(response.status).toBe(200);
  };
  const named = { requestId: randomUUID(), model: 'house-model', sessionId: 'session-1' };
  await hook(0, 'pre', { ...named, messages: [{ role: 'user', content: CANARY }] });
  await expect.poll(() => query('SELECT 1 FROM state')).not.toHaveLength(0);
  vendor.seen.length = 0;
  await hook(1, 'post', { ...named, durationMs: 420, success: true });
  await expect.poll(() => vendor.seen.map(({ text }) => text).join(), { timeout: 15_000 }).toContain(CANARY);
});

test.each(['fast', 'immediate'] as const)(
  'after a %s stop of Postgres calls are shared again, under the same secret',
  async (mode) => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    const env = { DATABASE_URL: postgres.url, POLICY_FILE: policyFile(redacting), BLOCKED_HISTORY: 'block' };
    const { bridges, query } = await bridgesWith({ ...env, STATE_KEY: KEY }, {}, {});
    const textsOf = async (id: string) => {
      const reply = await ask(bridges[1], id, answer('house', 'I wrote to [EMAIL_ADDRESS_1]', plain));
      return reply.texts;
    };
    const shared = async () => {
      const id = randomUUID();
      await ask(bridges[0], id, chat('house', `write to ${MAIL}`, plain));
      return textsOf(id);
    };
    expect(await shared()).toEqual([`I wrote to ${MAIL}`]);
    const secret = await query('SELECT secret FROM state_common');
    await postgres.stop(mode);
    expect(await shared()).toBeUndefined();
    await postgres.start();
    await expect.poll(shared, { timeout: 15_000, interval: 100 }).toEqual([`I wrote to ${MAIL}`]);
    expect(await query('SELECT secret FROM state_common')).toEqual(secret);
  },
);

test('while Postgres stands still verdicts come in time, counted and told once, and all is shared again afterwards', async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  const env = { DATABASE_URL: postgres.url, POLICY_FILE: policyFile(redacting), BLOCKED_HISTORY: 'block' };
  const { bridges } = await bridgesWith({ ...env, STATE_KEY: KEY }, {}, {});
  const pair = async () => {
    const id = randomUUID();
    const startedAt = performance.now();
    const { action } = await ask(bridges[0], id, chat('house', `write to ${MAIL}`, plain));
    const reply = await ask(bridges[1], id, answer('house', 'I wrote to [EMAIL_ADDRESS_1]', plain));
    return { action, texts: reply.texts, ms: performance.now() - startedAt };
  };
  const restored = [`I wrote to ${MAIL}`];
  // A busy machine takes longer than `STATE_TIMEOUT` for the first statements
  await expect.poll(async () => (await pair()).texts, { timeout: 15_000 }).toEqual(restored);
  const before = bridges.map(({ lines }) => lines.length);
  postgres.pause();
  const slow = await Promise.all(Array.from({ length: 8 }, pair));
  const paused = [];
  for (let n = 0; n < 20; n++) paused.push(await pair());
  for (const { action, texts } of [...slow, ...paused])
    expect({ action, texts }).toEqual({ action: 'GUARDRAIL_INTERVENED', texts: undefined });
  // Nobody waits any more: 20 pairs would wait 4 s
  expect(paused.reduce((sum, { ms }) => sum + ms, 0)).toBeLessThan(2000);
  const told = (beginning: string) =>
    bridges.map(
      ({ lines }, n) => lines.slice(before[n]).filter(({ msg }) => msg.startsWith(beginning)).length,
    );
  expect(told('what replicas share is not known')).toEqual([1, 1]);
  expect(
    await bridges[0]?.metric('state_failures_total{feature="markers",reason="unavailable"}'),
  ).toBeGreaterThan(19);
  postgres.resume();
  await expect.poll(async () => (await pair()).texts, { timeout: 15_000, interval: 100 }).toEqual(restored);
  expect(told('what replicas share is known again')).toEqual([1, 1]);
});
