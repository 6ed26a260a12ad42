import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { CheckNote, VerdictNote } from '../../src/guardrail/record.ts';
import type { OnRecord } from '../../src/outbox/contract.ts';
import type { VerdictLine } from '../../src/outbox/note-bytes.ts';
import { storable } from '../../src/outbox/note-bytes.ts';
import { bytesOf } from '../../src/records/note-writer.ts';
import { notesOf, type PendingCall } from '../../src/records/pending-call.ts';
import { PendingCalls } from '../../src/records/pending-calls.ts';
import type { Clues } from '../../src/records/same-id.ts';

const note = (callId: string, more: Partial<VerdictNote> = {}): VerdictNote => ({
  litellm_call_id: callId,
  litellm_trace_id: null,
  input_type: 'request',
  action: 'NONE',
  by: null,
  at: 1000,
  ms: 1,
  checks: [],
  ...more,
});

const NO_CLUES: Clues = { key: undefined, trace: undefined, words: () => 0, startedAt: 0 };

/** The notes that an event of a call is joined with. */
const notes = (calls: PendingCalls, callId: string, clues: Partial<Clues> = {}) => {
  const call = calls.find(callId, { ...NO_CLUES, ...clues });
  return call === undefined ? [] : notesOf(call);
};

const checkOf = (
  callId: string,
  input_type: 'request' | 'response',
  check: CheckNote,
  trace: string | null = null,
) => ({
  ...{ litellm_call_id: callId, litellm_trace_id: trace, input_type, check },
});

describe('pending calls', () => {
  test('keep one note for the request and one for the response: of a stream the last, with their number', () => {
    const calls = new PendingCalls();
    calls.add(note('a'));
    calls.add(note('b'));
    for (const at of [2, 3, 4]) calls.add(note('a', { input_type: 'response', at }));
    expect(notes(calls, 'a')).toEqual([note('a'), note('a', { input_type: 'response', at: 4, calls: 3 })]);
    expect(notes(calls, 'c')).toEqual([]);
  });

  test('add a check that ends after the decision to its note', () => {
    const calls = new PendingCalls();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    calls.add(note('a'));
    calls.addCheck(checkOf('a', 'request', check));
    calls.addCheck(checkOf('a', 'response', check));
    calls.addCheck(checkOf('unknown', 'request', check));
    expect(notes(calls, 'a')).toEqual([note('a', { checks: [check] })]);
  });

  test('add a check that ends just before the decision too', () => {
    const calls = new PendingCalls();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    calls.addCheck(checkOf('a', 'request', check));
    calls.add(note('a'));
    calls.add(note('b'));
    expect([...notes(calls, 'a'), ...notes(calls, 'b')]).toEqual([note('a', { checks: [check] }), note('b')]);
  });

  test('forget a check that ends long before the decision, or with too many others', async () => {
    let now = 1;
    const calls = new PendingCalls({ now: () => now });
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    const checksOf = (callId: string) => {
      calls.add(note(callId));
      return notes(calls, callId)[0]?.checks.length;
    };
    for (let i = 0; i < 20_000; i++) calls.addCheck(checkOf(`call-${i}`, 'request', check));
    expect([checksOf('call-0'), checksOf('call-19999')]).toEqual([0, 1]);
    now += 599_000;
    await sleep(10); // lru-cache looks at the clock once a millisecond
    expect(checksOf('call-19998')).toBe(1);
    now += 2000;
    await sleep(10);
    expect(checksOf('call-19997')).toBe(0);
  });

  test('keep one note when a new thread is handed it again', () => {
    const calls = new PendingCalls();
    for (let i = 0; i < 2; i++) calls.add({ ...note('a', { input_type: 'response' }) });
    expect(notes(calls, 'a')).toEqual([note('a', { input_type: 'response' })]);
  });

  test('add nothing when a new thread is handed the same notes again: responses of a stream, and checks', () => {
    const calls = new PendingCalls();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    const response = (at: number) => note('a', { input_type: 'response', at });
    const chunk = () =>
      Buffer.concat([
        ...[note('a'), response(2), checkOf('a', 'response', check), response(3)].map(bytesOf),
        bytesOf(checkOf('a', 'request', check)),
      ]);
    // From the outbox, and from the main thread
    calls.addNotes(storable(chunk()));
    calls.addNotes(chunk());
    expect(notes(calls, 'a')).toEqual([note('a', { checks: [check] }), { ...response(3), calls: 2 }]);
  });

  test('keep the newest of notes that come out of order', () => {
    const calls = new PendingCalls();
    for (const at of [3, 2]) calls.add(note('a', { input_type: 'response', at }));
    expect(notes(calls, 'a')).toEqual([note('a', { input_type: 'response', at: 3, calls: 2 })]);
  });

  test('forget and report the oldest call when there are too many', () => {
    let forgotten = 0;
    const calls = new PendingCalls({ max: 2, onForgotten: () => forgotten++ });
    for (const id of ['a', 'b', 'c']) calls.add(note(id, { litellm_trace_id: 't' }));
    expect(forgotten).toBe(1);
    expect(['a', 'b', 'c'].map((id) => notes(calls, id).length)).toEqual([0, 1, 1]);
  });
});

describe('two calls under one id', () => {
  const first = note('a', { litellm_trace_id: 't1', at: 1000 });
  const second = note('a', { litellm_trace_id: 't2', at: 2000 });
  const lines: readonly VerdictLine[] = [
    { ...first, words: 1 },
    { ...second, words: 2 },
  ];
  const both = () => {
    const calls = new PendingCalls();
    for (const line of lines) calls.add(line);
    return calls;
  };

  test.each<{ clue: string; clues: Partial<Clues>; found: VerdictNote }>([
    { clue: 'the trace', clues: { trace: 't1', words: () => 2, startedAt: 2000 }, found: first },
    {
      clue: 'the words, under a trace of LiteLLM alone',
      clues: { trace: 'x', words: () => 2 },
      found: second,
    },
    {
      clue: 'the time, without the words',
      clues: { trace: 'x', words: () => 3, startedAt: 1400 },
      found: first,
    },
    { clue: 'the time, without the words', clues: { startedAt: 1600 }, found: second },
  ])('are told apart by $clue', ({ clues, found }) => {
    expect(notes(both(), 'a', clues)).toEqual([found]);
  });

  test('are told apart by the time alone, once their notes were stored without words', () => {
    const calls = new PendingCalls();
    for (const line of lines) calls.addNotes(storable(bytesOf(line)));
    const clues = { trace: 'x', words: () => 2 };
    expect(notes(calls, 'a', { ...clues, startedAt: 1400 })).toEqual([first]);
    const other = lines.map((line) => bytesOf({ ...line, words: 7 }));
    expect(lines.map((line) => storable(bytesOf(line)))).toEqual(other.map(storable));
  });

  test('are told apart by their key first', () => {
    const calls = new PendingCalls();
    const [first, second] = ['0123456789abcdef', 'fedcba9876543210'];
    for (const key of [first, second]) calls.add(note('a', { key, litellm_trace_id: 't' }));
    expect(notes(calls, 'a', { key: `${second} and the rest of its hash` })).toMatchObject([{ key: second }]);
  });

  test('have their own responses and checks', () => {
    const calls = both();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    const response = { ...second, input_type: 'response', at: 3000, key: 'k' } as const;
    calls.add(response);
    calls.addCheck(checkOf('a', 'request', check, 't1'));
    expect(notes(calls, 'a', { trace: 't1' })).toEqual([{ ...first, checks: [check] }]);
    expect(notes(calls, 'a', { trace: 't2' })).toEqual([second, response]);
  });

  test('are forgotten one by one, and the oldest of very many', () => {
    const calls = both();
    calls.forget(1500);
    expect(notes(calls, 'a', { trace: 't1' })).toEqual([second]);
    for (let i = 0; i < 200; i++) calls.add(note('a', { litellm_trace_id: `u${i}`, at: 3000 }));
    expect(notes(calls, 'a', { trace: 'u199' })).toMatchObject([{ litellm_trace_id: 'u199' }]);
    expect(notes(calls, 'a', { trace: 't2', words: () => 2 })).not.toMatchObject([
      { litellm_trace_id: 't2' },
    ]);
  });
});

describe('calls without an event', () => {
  test('are reported once, except blocked calls and those whose event came', () => {
    const calls = new PendingCalls();
    calls.add(note('seen'));
    calls.add(note('missing'));
    calls.add(note('blocked', { action: 'BLOCKED' }));
    calls.add(note('young', { at: 5000 }));
    calls.logged(calls.find('seen', NO_CLUES) as PendingCall, 9000);
    expect([calls.missing(2000), calls.missing(2000), calls.missing(9000)]).toEqual([1, 0, 1]);
    expect(notes(calls, 'missing')).toHaveLength(1);
  });

  test('are forgotten by age', () => {
    const calls = new PendingCalls();
    calls.add(note('a'));
    calls.add(note('b', { at: 5000 }));
    calls.forget(2000);
    expect(['a', 'b'].map((id) => notes(calls, id).length)).toEqual([0, 1]);
  });
});

test.each([
  ['cut short', (bytes: Uint8Array) => bytes.subarray(0, -1)],
  ['of no length', (bytes: Uint8Array) => bytes.fill(0, 0, 4)],
  ['of another length', (bytes: Uint8Array) => bytes.fill(255, 0, 4)],
  ['with other JSON', (bytes: Uint8Array) => bytes.fill(0x7b, -9)],
  ['all noise', (bytes: Uint8Array) => bytes.fill(7)],
  ['empty', () => new Uint8Array(0)],
])('notes that a disk damaged do not take those of others with them: %s', (_, damage) => {
  const calls = new PendingCalls();
  // One that is waited for makes the note be read at once
  const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
  calls.addCheck(checkOf('unknown', 'request', check));
  calls.addNotes(damage(bytesOf(note('a', { action: 'DEFERRED' }))));
  calls.addNotes(Buffer.concat([bytesOf(note('b')), damage(bytesOf(note('c', { action: 'DEFERRED' })))]));
  calls.addNotes(bytesOf(note('d')));
  expect(['b', 'c', 'd'].map((id) => notes(calls, id).length)).toEqual([1, 0, 1]);
  expect(calls.missing(2000)).toBeGreaterThan(1);
});

describe('after a restart', () => {
  const restored = async (chunks: readonly VerdictLine[], records: readonly OnRecord[]) => {
    const calls = new PendingCalls();
    const outbox = {
      notes: async () => chunks.map((line) => storable(bytesOf(line))),
      known: async () => new Map([['a', records]]),
    };
    await calls.restore(outbox, 10_000);
    calls.finish(10_000);
    return calls;
  };
  const record = { outcome: 'success', trace: 't1', acceptedAt: 2000 } as const;

  test('a call that is on record is done, and one of its id under another trace waits', async () => {
    const calls = await restored(
      ['t1', 't2'].map((litellm_trace_id) => note('a', { litellm_trace_id })),
      [record],
    );
    expect(calls.get(note('a', { litellm_trace_id: 't1' }))).toBeUndefined();
    expect(notes(calls, 'a', { trace: 't2' })).toMatchObject([{ litellm_trace_id: 't2' }]);
  });

  test('a call that began after the record of one with its ids waits', async () => {
    const again = [1000, 3000].map((at) => note('a', { litellm_trace_id: 't1', at }));
    expect(notes(await restored(again, [record]), 'a')).toHaveLength(1);
    expect(notes(await restored(again.slice(0, 1), [record]), 'a')).toHaveLength(0);
  });
});
