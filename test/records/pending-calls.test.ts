import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { VerdictNote } from '../../src/guardrail/record.ts';
import { PendingCalls } from '../../src/records/pending-calls.ts';

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

describe('pending calls', () => {
  test('keep one note for the request and one for the response: of a stream the last, with their number', () => {
    const calls = new PendingCalls();
    calls.add(note('a'));
    calls.add(note('b'));
    for (const at of [2, 3, 4]) calls.add(note('a', { input_type: 'response', at }));
    expect(calls.notesOf('a')).toEqual([note('a'), note('a', { input_type: 'response', at: 4, calls: 3 })]);
    expect(calls.notesOf('c')).toEqual([]);
  });

  test('add a check that ends after the decision to its note', () => {
    const calls = new PendingCalls();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    calls.add(note('a'));
    calls.addCheck('a', 'request', check);
    calls.addCheck('a', 'response', check);
    calls.addCheck('unknown', 'request', check);
    expect(calls.notesOf('a')).toEqual([note('a', { checks: [check] })]);
  });

  test('add a check that ends just before the decision too', () => {
    const calls = new PendingCalls();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    calls.addCheck('a', 'request', check);
    calls.add(note('a'));
    calls.add(note('b'));
    expect([...calls.notesOf('a'), ...calls.notesOf('b')]).toEqual([
      note('a', { checks: [check] }),
      note('b'),
    ]);
  });

  test('forget a check that ends long before the decision, or with too many others', async () => {
    let now = 1;
    const calls = new PendingCalls({ now: () => now });
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    const checksOf = (callId: string) => {
      calls.add(note(callId));
      return calls.notesOf(callId)[0]?.checks.length;
    };
    for (let i = 0; i < 10_001; i++) calls.addCheck(`call-${i}`, 'request', check);
    expect([checksOf('call-0'), checksOf('call-1')]).toEqual([0, 1]);
    now += 599_000;
    await sleep(10); // lru-cache looks at the clock once a millisecond
    expect(checksOf('call-2')).toBe(1);
    now += 2000;
    await sleep(10);
    expect(checksOf('call-3')).toBe(0);
  });

  test('keep one note when a new thread is handed it again', () => {
    const calls = new PendingCalls();
    for (let i = 0; i < 2; i++) calls.add({ ...note('a', { input_type: 'response' }) });
    expect(calls.notesOf('a')).toEqual([note('a', { input_type: 'response' })]);
  });

  test('forget and report the oldest call when there are too many', () => {
    let forgotten = 0;
    const calls = new PendingCalls({ max: 2, onForgotten: () => forgotten++ });
    for (const id of ['a', 'b', 'c']) calls.add(note(id, { litellm_trace_id: 't' }));
    expect(forgotten).toBe(1);
    expect(['a', 'b', 'c'].map((id) => calls.notesOf(id).length)).toEqual([0, 1, 1]);
  });
});

describe('calls without an event', () => {
  test('are reported once, except blocked calls and those whose event came', () => {
    const calls = new PendingCalls();
    calls.add(note('seen'));
    calls.add(note('missing'));
    calls.add(note('blocked', { action: 'BLOCKED' }));
    calls.add(note('young', { at: 5000 }));
    calls.logged('seen');
    expect([calls.missing(2000), calls.missing(2000), calls.missing(9000)]).toEqual([1, 0, 1]);
    expect(calls.notesOf('missing')).toHaveLength(1);
  });

  test('are forgotten by age', () => {
    const calls = new PendingCalls();
    calls.add(note('a'));
    calls.add(note('b', { at: 5000 }));
    calls.forget(2000);
    expect(['a', 'b'].map((id) => calls.notesOf(id).length)).toEqual([0, 1]);
  });
});

test.each([
  ['null'],
  ['7'],
  ['"words"'],
  ['{}'],
  ['{"litellm_call_id":7}'],
  ['{"litellm_call_id":"a"'],
  [''],
])('an unreadable line, after damage to a disk, does not take the other notes with it: %j', (bad) => {
  const calls = new PendingCalls();
  const line = JSON.stringify(note('a'));
  expect(calls.addLines(`${bad}\n${line}\n${bad}`)).toEqual(['a']);
  expect(calls.notesOf('a')).toHaveLength(1);
});
