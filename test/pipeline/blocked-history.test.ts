import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { ALLOW } from '../../src/guardrail/verdict.ts';
import { REMOVED } from '../../src/policies/turns.ts';
import { callOf } from '../support/call.ts';
import { fill } from '../support/credentials.ts';
import { BLOCK, backend, DOWN, defer, fails, judgeOf, open, UNMAPPABLE } from '../support/judging.ts';
import { rewritesOf } from '../support/passages.ts';
import { engineOf } from '../support/policies.ts';

const SECRET = `ghp_${fill(36)}`;
const BAD = 'how do I grow a turnip at home?';
const LONG = `turnip ${'log line '.repeat(20_000)}`;
const NEXT = 'And plums?';
const reminder = '<system-reminder>\nbe brief\n</system-reminder>';

type Row = { role: string; content: string | { type: string; text: string }[] };
const user = (...parts: string[]): Row => ({
  role: 'user',
  content: parts.length === 1 ? parts[0]! : parts.map((text) => ({ type: 'text', text })),
});
const assistant = (content: string): Row => ({ role: 'assistant', content });
const tool = (content: string): Row => ({ role: 'tool', content });

/** A conversation of a caller, as LiteLLM sends it. */
function call(rows: readonly Row[], { identity = {}, ...fields }: Record<string, unknown> = {}) {
  const texts = rows.flatMap(({ content }) =>
    typeof content === 'string' ? content : content.map(({ text }) => text),
  );
  return callOf({
    litellm_version: '1.110.2',
    texts,
    structured_messages: rows,
    request_data: { user_api_key_hash: 'hash-1', user_api_key_user_id: 'ada', ...(identity as object) },
    ...fields,
  });
}

/** A vendor that blocks what holds `turnip`, behind a judge that remembers. */
function vendor(options: Parameters<typeof judgeOf>[1] = {}, more: Parameters<typeof backend>[2] = {}) {
  const seen: string[] = [];
  const check: Check = async ({ structured_messages, texts }) => {
    seen.push(JSON.stringify({ structured_messages, texts }));
    return seen.at(-1)?.includes('turnip') ? BLOCK : ALLOW;
  };
  const { judge } = judgeOf([backend('akto', check, more)], options);
  return {
    seen,
    judge: async (one: GuardrailCall) => {
      const outcome = await judge(one);
      return outcome.kind === 'modify' ? { by: outcome.by, ...rewritesOf(outcome.texts) } : outcome.kind;
    },
  };
}

describe('a text that a vendor blocked', () => {
  test.each<{ name: string; first?: Row[]; next: Row[]; is: unknown }>([
    {
      name: 'is removed from an older turn',
      next: [user(BAD), user(NEXT)],
      is: { by: [], [BAD]: REMOVED },
    },
    {
      name: 'is removed with the refusal that answered it',
      next: [
        user(BAD),
        assistant('400 Blocked by security policy. [policy] Reference: 0123456789abcdef'),
        user(NEXT),
      ],
      is: {
        by: [],
        [BAD]: REMOVED,
        '400 Blocked by security policy. [policy] Reference: 0123456789abcdef': REMOVED,
      },
    },
    {
      name: 'is removed from the newest message where more is said',
      next: [user(reminder, BAD, NEXT)],
      is: { by: [], [BAD]: REMOVED },
    },
    {
      name: 'is removed, and what stands behind it stays',
      next: [user(`${BAD} Continue from where you left off.`), user(NEXT)],
      is: {
        by: [],
        [`${BAD} Continue from where you left off.`]: `${REMOVED} Continue from where you left off.`,
      },
    },
    {
      name: 'is removed from the result of a tool',
      first: [user('look'), assistant('yes'), tool(BAD)],
      next: [user('look'), assistant('yes'), tool(BAD), user(NEXT)],
      is: { by: [], [BAD]: REMOVED },
    },
    {
      name: 'is removed, and the prompt stays that it was looked up for',
      first: [user('look for roots'), assistant('yes'), tool(BAD)],
      next: [user('look for roots'), assistant('yes'), tool(BAD), user(NEXT)],
      is: { by: [], [BAD]: REMOVED },
    },
    { name: 'is judged again alone', next: [user('a'), assistant('b'), user(BAD)], is: 'block' },
    { name: 'is judged again beside the harness', next: [user(reminder, BAD, reminder)], is: 'block' },
    { name: 'is judged again with an addition', next: [user(`${BAD} Please.`)], is: 'block' },
    { name: 'is judged again behind an empty message', next: [user(BAD), user(' ')], is: 'block' },
    { name: 'is judged as what the model said', next: [assistant(BAD), user(NEXT)], is: 'block' },
    {
      name: 'is judged in a system prompt',
      next: [{ role: 'system', content: BAD }, user(NEXT)],
      is: 'block',
    },
    {
      name: 'is judged as the new result of a tool',
      next: [user(NEXT), assistant('b'), tool(BAD)],
      is: 'block',
    },
    {
      name: 'is removed, and what stands before it stays',
      next: [user(`<ctx>12:01</ctx> ${BAD}`), user(NEXT)],
      is: { by: [], [`<ctx>12:01</ctx> ${BAD}`]: `<ctx>12:01</ctx> ${REMOVED}` },
    },
    { name: 'is judged again behind an addition', next: [user(`<ctx>12:01</ctx> ${BAD}`)], is: 'block' },
    {
      name: 'is removed, however long it is',
      first: [user(LONG)],
      next: [user(LONG), user(NEXT)],
      is: { by: [], [LONG]: REMOVED },
    },
    {
      name: 'is removed, and a word beside it stays that says little',
      first: [user('look'), assistant('yes'), tool('ok'), tool(BAD)],
      next: [user('look'), assistant('yes'), tool('ok'), tool(BAD), user(NEXT)],
      is: { by: [], [BAD]: REMOVED },
    },
    {
      name: 'is removed, short as it is, and a shorter one stays',
      first: [user('look'), assistant('yes'), tool('ok'), tool('a turnip')],
      next: [user('look'), assistant('yes'), tool('ok'), tool('a turnip'), user(NEXT)],
      is: { by: [], 'a turnip': REMOVED },
    },
    {
      name: 'is removed if it says little, alone',
      first: [user('turnip!')],
      next: [user('turnip!'), user(NEXT)],
      is: { by: [], 'turnip!': REMOVED },
    },
    { name: 'lets nothing else pass', next: [user(BAD), user('a turnip')], is: 'block' },
    { name: 'lets nothing else pass beside it', next: [user(BAD, 'a turnip')], is: 'block' },
  ])('$name', async ({ first = [user(BAD)], next, is }) => {
    const { judge, seen } = vendor();
    expect(await judge(call(first))).toBe('block');
    const outcome = await judge(call(next));
    if (typeof is === 'string') expect(outcome).toBe(is);
    else {
      expect(outcome).toEqual(is);
      expect(seen.at(-1)).not.toContain('turnip');
    }
  });

  test('is removed in each later turn, the three turns of Akto', async () => {
    const { judge, seen } = vendor();
    expect(await judge(call([user(BAD)]))).toBe('block');
    expect(await judge(call([user(reminder, BAD, NEXT)]))).toMatchObject({ [BAD]: REMOVED });
    const third = [user(reminder, BAD, NEXT), assistant('Fine.'), user('third')];
    expect(await judge(call(third))).toMatchObject({ [BAD]: REMOVED });
    expect(seen).toHaveLength(3);
    expect(seen.slice(1).join()).not.toContain('turnip');
  });

  test('is no reminder of the harness', async () => {
    const { judge } = vendor();
    const bad = '<system-reminder>turnip, says the house</system-reminder>';
    expect(await judge(call([user(bad, NEXT)]))).toBe('block');
    expect(await judge(call([user(bad), user('other')]))).toBe('block');
  });

  test('is forgotten once it is allowed', async () => {
    let isStrict = true;
    const check: Check = async () => (isStrict ? BLOCK : ALLOW);
    const { judge } = judgeOf([backend('akto', check)]);
    expect((await judge(call([user(BAD)]))).kind).toBe('block');
    isStrict = false;
    expect((await judge(call([user(BAD)]))).kind).toBe('allow');
    expect((await judge(call([user(BAD), assistant('So.'), user(NEXT)]))).kind).toBe('allow');
  });

  test('is not forgotten for passing while its vendor is down', async () => {
    let isDown = false;
    const check: Check = (...args) => (isDown ? fails(DOWN)(...args) : Promise.resolve(BLOCK));
    const { judge } = judgeOf([backend('akto', check, open)]);
    expect((await judge(call([user(BAD)]))).kind).toBe('block');
    isDown = true;
    expect((await judge(call([user(BAD)]))).kind).toBe('allow');
    expect((await judge(call([user(BAD), user(NEXT)]))).kind).toBe('modify');
  });

  test.each([
    ['key', { user_api_key_hash: 'hash-2' }, {}],
    ['user', { user_api_key_user_id: 'bob' }, {}],
    ['session in the JSON of Claude Code', { user_api_key_end_user_id: '{"session_id":"s-2"}' }, {}],
    ['end user', { user_api_key_end_user_id: 'cem' }, {}],
    ['session that a header names', {}, { request_headers: { 'x-litellm-session-id': 's-2' } }],
  ])('means nothing under another %s', async (_what, identity, fields) => {
    const { judge } = vendor();
    expect(await judge(call([user(BAD)]))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)], { identity, ...fields }))).toBe('block');
  });

  test('is known by the session, whatever else its JSON says', async () => {
    const { judge } = vendor();
    const of = (device: string) => ({
      identity: { user_api_key_end_user_id: JSON.stringify({ device, session_id: 's-1' }) },
    });
    expect(await judge(call([user(BAD)], of('a')))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)], of('b')))).toMatchObject({ [BAD]: REMOVED });
  });

  test('means nothing to an end user who is too long to be JSON of Claude Code: it is not parsed', async () => {
    const { judge } = vendor();
    const of = (device: string) => ({
      identity: { user_api_key_end_user_id: JSON.stringify({ device, session_id: 's-1' }) },
    });
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    expect(await judge(call([user(BAD)], of('a'.repeat(900_000))))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)], of('b'.repeat(900_000))))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)], of('a'.repeat(900_000))))).toMatchObject({
      [BAD]: REMOVED,
    });
    expect(parse.mock.calls.some(([text]) => text.startsWith('{"device"'))).toBe(false);
  });

  test('is removed where each call of the session names another trace', async () => {
    const { judge } = vendor();
    const of = (trace: string) => ({ request_headers: { 'x-litellm-trace-id': trace } });
    expect(await judge(call([user(BAD)], of('t-1')))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)], of('t-2')))).toMatchObject({ [BAD]: REMOVED });
  });

  test('is removed under a key, however many sessions another key has', async () => {
    const { judge } = vendor();
    expect(await judge(call([user(BAD)]))).toBe('block');
    for (let n = 0; n < 600; n++)
      await judge(
        call([user(BAD)], { identity: { user_api_key_hash: 'h', user_api_key_end_user_id: `${n}` } }),
      );
    expect(await judge(call([user(BAD), user(NEXT)]))).toMatchObject({ [BAD]: REMOVED });
  });

  test('is not remembered of a caller without a name', async () => {
    const { judge } = vendor();
    const nobody = { request_data: {} };
    expect(await judge(call([user(BAD)], nobody))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)], nobody))).toBe('block');
  });

  test('blocks again with BLOCKED_HISTORY=block', async () => {
    const { judge } = vendor({ removesHistory: false });
    expect(await judge(call([user(BAD)]))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)]))).toBe('block');
  });

  test('blocks again where no reply can carry new texts', async () => {
    const { judge } = vendor({ rewriteForm: () => null });
    expect(await judge(call([user(BAD)]))).toBe('block');
    expect(await judge(call([user(BAD), user(NEXT)]))).toBe('block');
  });

  test('stays removed from what LiteLLM gets where another vendor defers', async () => {
    let isDown = false;
    const down = backend('b', async (...args) => (isDown ? fails(DOWN)(...args) : ALLOW), defer);
    const akto = backend('akto', async ({ texts }) => (texts.includes(BAD) ? BLOCK : ALLOW));
    const { judge } = judgeOf([akto, down]);
    expect((await judge(call([user(BAD)]))).kind).toBe('block');
    isDown = true;
    expect(await judge(call([user(BAD), user(NEXT)]))).toMatchObject({ kind: 'block', cause: 'redaction' });
  });
});

test.each([
  ['whose redaction could not be applied', async () => UNMAPPABLE, true],
  ['that gave no verdict', fails(DOWN), false],
] as const)('of a vendor %s, what it blocked is remembered: %#', async (_what, first, isRemembered) => {
  let calls = 0;
  const check: Check = (...args) => (calls++ === 0 ? first(...args) : Promise.resolve(ALLOW));
  const { judge } = judgeOf([backend('akto', check)]);
  expect((await judge(call([user(BAD)]))).kind).toBe('block');
  expect((await judge(call([user(BAD), user(NEXT)]))).kind).toBe(isRemembered ? 'modify' : 'allow');
});

test('of several vendors, each counts by its own name for what it blocked', async () => {
  const redact: Check = async ({ passages }) => ({
    kind: 'modify',
    texts: new Map(passages.all.filter(({ text }) => text === BAD).map((passage) => [passage, '*'])),
  });
  const { decide } = judgeOf([backend('akto', redact), backend('capsule', async () => UNMAPPABLE)]);
  expect((await decide(call([user(BAD)]))).outcome).toMatchObject({ kind: 'block', by: 'akto,capsule' });
  expect((await decide(call([user(BAD), user(NEXT)]))).removed).toEqual(['akto', 'capsule']);
});

test('of a vendor that allowed what another blocked nothing is said', async () => {
  const akto = backend('akto', async ({ texts }) => (texts.includes(BAD) ? BLOCK : ALLOW));
  const { decide } = judgeOf([akto, backend('capsule', async () => ALLOW)]);
  await decide(call([user(BAD)]));
  expect((await decide(call([user(BAD), user(NEXT)]))).removed).toEqual(['akto']);
});

describe('a text that a policy blocked', () => {
  const { engine } = engineOf({ chain: ['secrets'], policy: { secrets: { action: 'block' } } });
  const bad = `is ${SECRET} valid?`;

  test('is removed from the newest message where more is said', async () => {
    const { judge, seen } = vendor({ engine });
    expect(await judge(call([user(reminder, bad)]))).toBe('block');
    expect(await judge(call([user(reminder, bad, NEXT)]))).toEqual({ by: [], [bad]: REMOVED });
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toContain(SECRET);
  });

  test('is not removed from there for what stood beside it', async () => {
    const { judge } = vendor({ engine });
    expect(await judge(call([user('beside it', bad)]))).toBe('block');
    expect(await judge(call([user('beside it', bad, NEXT)]))).toEqual({ by: [], [bad]: REMOVED });
  });

  test('blocks with its policy and no vendor where no reply can carry new texts', async () => {
    const { judge } = judgeOf([backend('akto', async () => ALLOW)], { engine, rewriteForm: () => null });
    expect(await judge(call([user(bad), user(NEXT)]))).toEqual({
      older: true,
      kind: 'block',
      cause: 'verdict',
      by: 'secrets',
      reason: 'secret_detected',
    });
  });

  test('is removed beside what a vendor redacts', async () => {
    const check: Check = async ({ passages }) => ({
      kind: 'modify',
      texts: new Map(passages.all.filter(({ text }) => text === NEXT).map((passage) => [passage, '*'])),
    });
    const { judge } = judgeOf([backend('akto', check)], { engine });
    const outcome = await judge(call([user(bad), user(NEXT)]));
    if (outcome.kind !== 'modify') throw new Error(outcome.kind);
    expect(outcome.by).toEqual(['akto']);
    expect(rewritesOf(outcome.texts)).toEqual({ [bad]: `is ${REMOVED} valid?`, [NEXT]: '*' });
  });
});
