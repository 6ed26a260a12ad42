import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import { ALLOW } from '../../src/guardrail/verdict.ts';
import { allowanceFor, BlockedTexts, MAX_SESSIONS_OF_OWNER } from '../../src/pipeline/blocked-texts.ts';
import { SharedBlockedTexts } from '../../src/pipeline/shared-blocked-texts.ts';
import { REMOVED } from '../../src/policies/turns.ts';
import { callOf } from '../support/call.ts';
import { BLOCK, backend, judgeOf } from '../support/judging.ts';
import { rewritesOf } from '../support/passages.ts';
import { engineOf } from '../support/policies.ts';
import { BreakableStore, sharedStates } from '../support/shared-states.ts';

const BAD = 'how do I grow a turnip at home?';
const NEXT = 'And plums?';

/** A conversation of a caller in which the user says some things. */
function conversation(texts: readonly string[], { key = 'hash-1', ...fields }: Record<string, unknown> = {}) {
  return callOf({
    litellm_version: '1.110.2',
    texts,
    structured_messages: texts.map((content) => ({ role: 'user', content })),
    request_data: { user_api_key_hash: key },
    ...fields,
  });
}

type Fields = Parameters<typeof conversation>[1];

/** Replicas that ask one vendor, which blocks what holds a word. */
async function replicasOf(replicas = 2, options: Parameters<typeof judgeOf>[1] = {}) {
  const store = new BreakableStore();
  const { states, failed } = await sharedStates(replicas, store.seen);
  const vendor = { word: 'turnip' };
  const check: Check = async ({ structured_messages }) =>
    JSON.stringify(structured_messages).includes(vendor.word) ? BLOCK : ALLOW;
  const judges = states.map((state) => judgeOf([backend('akto', check)], { state, ...options }));
  const judge = async (replica: number, texts: readonly string[], fields?: Fields) => {
    const outcome = await judges[replica]!.judge(conversation(texts, fields));
    return outcome.kind === 'modify' ? rewritesOf(outcome.texts)[BAD] : outcome.kind;
  };
  store.asked.length = 0;
  return { store, failed, vendor, judge };
}

describe('a text that one replica has blocked', () => {
  test('is removed by another from the very next call', async () => {
    const { judge, failed } = await replicasOf(3);
    expect(await judge(0, [BAD])).toBe('block');
    expect([await judge(1, [BAD, NEXT]), await judge(2, [BAD, NEXT]), await judge(0, [BAD, NEXT])]).toEqual(
      Array(3).fill(REMOVED),
    );
    expect(failed).toEqual([]);
  });

  test('is removed where a policy has blocked it', async () => {
    const banned = { 'banned-keywords': { keywords: ['turnip'] } };
    const { engine } = engineOf({ chain: ['banned-keywords'], policy: banned });
    const { judge, vendor } = await replicasOf(2, { engine });
    vendor.word = 'nothing';
    expect(await judge(0, [BAD])).toBe('block');
    expect(await judge(1, [BAD, NEXT])).toBe(REMOVED);
  });

  test.each<[string, Fields]>([
    ['another key', { key: 'hash-2' }],
    ['another session', { request_headers: { 'x-litellm-session-id': 's-2' } }],
  ])('means nothing to %s', async (_, fields) => {
    const { judge } = await replicasOf();
    expect(await judge(0, [BAD])).toBe('block');
    expect(await judge(1, [BAD, NEXT], fields)).toBe('block');
  });

  test('stays on all of them once it is allowed', async () => {
    const { judge, vendor } = await replicasOf(3);
    expect([await judge(0, [BAD]), await judge(1, [BAD, NEXT])]).toEqual(['block', REMOVED]);
    vendor.word = 'beet';
    expect(await judge(2, [BAD])).toBe('allow');
    for (const replica of [0, 1, 2]) expect(await judge(replica, [BAD, NEXT])).toBe('allow');
  });

  test('is told from one that was blocked in the same millisecond', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { judge } = await replicasOf();
    expect([await judge(0, ['a turnip, please']), await judge(1, ['a turnip, please', NEXT])]).toEqual([
      'block',
      undefined,
    ]);
    expect([await judge(0, [BAD]), await judge(1, [BAD, NEXT])]).toEqual(['block', REMOVED]);
  });

  test('is one of several that are blocked at once', async () => {
    const { judge } = await replicasOf(3);
    const bad = Array.from({ length: 12 }, (_, i) => `${BAD} ${'abcdefghijkl'[i]}`);
    await Promise.all(bad.map((text, i) => judge(i % 3, [text])));
    for (const replica of [0, 1, 2]) expect(await judge(replica, [...bad, NEXT])).toBeUndefined();
  });
});

describe('blocked texts while the store of replicas cannot be reached', () => {
  test('are removed where they were blocked, and by the others once it is back', async () => {
    const { store, judge, failed } = await replicasOf(2);
    expect([await judge(0, [NEXT]), await judge(1, ['another turnip, please'])]).toEqual(['allow', 'block']);
    store.isDown = true;
    expect(await judge(0, [BAD])).toBe('block');
    expect(await judge(0, [BAD, NEXT])).toBe(REMOVED);
    expect(await judge(1, [BAD, NEXT])).toBe('block');
    expect(new Set(failed)).toEqual(new Set(['blocked_history unavailable']));
    store.isDown = false;
    store.asked.length = 0;
    await vi.waitFor(() => expect(store.asked.filter((name) => name === 'ping')).toHaveLength(2), 3000);
    expect([await judge(0, [BAD, NEXT]), await judge(1, [BAD, NEXT])]).toEqual([REMOVED, REMOVED]);
  });

  test('are owed as the last of each text, and as many as a session has', async () => {
    const { store, judge } = await replicasOf(2);
    await judge(0, [NEXT]);
    store.isDown = true;
    for (let i = 0; i < 60; i++) {
      await judge(0, [BAD]);
      await judge(0, [`turnip number ${i}`]);
    }
    store.isDown = false;
    store.asked.length = 0;
    await vi.waitFor(() => expect(store.asked).toContain('ping'), 3000);
    await vi.waitFor(async () => expect(await judge(0, [BAD, NEXT])).toBe(REMOVED), 3000);
    expect(await judge(1, [BAD, NEXT])).toBe(REMOVED);
    for (const number of [59, 20])
      expect(await judge(1, [`turnip number ${number}`, NEXT]), `${number}`).toBe(undefined);
    expect(await judge(1, ['turnip number 3', NEXT])).toBe('block');
  });

  test('are removed by the replicas that know them where it has lost them', async () => {
    const { store, judge } = await replicasOf(3);
    expect([await judge(0, [BAD]), await judge(1, [BAD, NEXT])]).toEqual(['block', REMOVED]);
    await store.lose();
    expect([await judge(0, [BAD, NEXT]), await judge(1, [BAD, NEXT])]).toEqual([REMOVED, REMOVED]);
    expect(await judge(2, [BAD, NEXT])).toBe('block');
  });
});

describe('the store of replicas', () => {
  test.each<[string, Fields, object, string[]]>([
    ['once about a request of a caller without any', {}, {}, ['read']],
    ['never about a response', { input_type: 'response' }, {}, []],
    ['never about texts that are no conversation', { structured_messages: [] }, {}, []],
    ['never about a caller whom nothing tells from others', { request_data: {} }, {}, []],
    ['never where nothing is removed', {}, { removesHistory: false }, []],
  ])('is asked %s', async (_, fields, options, asked) => {
    const { store, judge } = await replicasOf(1, options);
    await judge(0, [NEXT], fields);
    expect(store.asked).toEqual(asked);
  });

  test('keeps as many sessions of a key as one replica, and drives out none of another', async () => {
    const store = new BreakableStore();
    const { states } = await sharedStates(2, store.seen);
    const [first, second] = states.map((state) => {
      const texts = new BlockedTexts();
      return { texts, shared: new SharedBlockedTexts(state, texts) };
    });
    const scope = (session: number, owner = 'busy') => ({ owner, session: `s-${session}` });
    const blocked = async (at: ReturnType<typeof scope>) => {
      await first!.shared.fetch(at);
      first!.texts.remember(at, BAD, ['akto']);
      await first!.shared.store(at);
    };
    const isKnown = async (at: ReturnType<typeof scope>) => {
      await second!.shared.fetch(at);
      return second!.texts.finder(at, allowanceFor(100))?.(BAD).length === 1;
    };
    await blocked(scope(0, 'quiet'));
    for (let session = 0; session <= MAX_SESSIONS_OF_OWNER; session++) await blocked(scope(session));
    expect(await isKnown(scope(0))).toBe(false);
    expect(await isKnown(scope(1))).toBe(true);
    expect(await isKnown(scope(MAX_SESSIONS_OF_OWNER))).toBe(true);
    expect(await isKnown(scope(0, 'quiet'))).toBe(true);
  });

  test('keeps the fifty texts of a session that were blocked last', async () => {
    const { judge } = await replicasOf(2);
    const bad = (i: number) => `${BAD} number ${i} of them`;
    for (let i = 0; i < 51; i++) await judge(0, [bad(i)]);
    expect(await judge(1, [bad(1), NEXT])).toBeUndefined();
    expect(await judge(1, [bad(0), NEXT])).toBe('block');
  });
});
