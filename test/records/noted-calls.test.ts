import { expect, test } from 'vitest';
import { notesOf, type PendingCall } from '../../src/records/pending-call.ts';
import { PendingCalls } from '../../src/records/pending-calls.ts';
import { randomFrom } from '../support/random.ts';
import { noteOf } from '../support/record.ts';

const CLUES = { key: undefined, trace: undefined, words: () => 0, startedAt: 0 };
const idOf = (n: number) => `6f0e3f0a-4b0d-4f3e-9c55-${String(n).padStart(12, '0')}`;
const find = (calls: PendingCalls, id: string, more = {}) => calls.find(id, { ...CLUES, ...more });

type Model = {
  readonly id: string;
  at: number;
  readonly notes: Map<string, number>;
  doneAt: number;
};

test('calls in any order are found with their notes until they are finished or forgotten', () => {
  for (const seed of [1, 2, 3]) {
    const random = randomFrom(seed);
    const calls = new PendingCalls();
    const model = new Map<string, Model>();
    const finished = new Set<string>();
    let begun = 0;
    for (let now = 1; now < 30_000; now++) {
      const id = idOf(random() < 0.6 ? begun++ : Math.floor(random() * begun));
      const side = random() < 0.7 ? 'request' : 'response';
      const known = model.get(id);
      if (random() < 0.3) {
        const call = find(calls, id, { startedAt: now });
        expect(call !== undefined).toBe(known !== undefined);
        const found = call && notesOf(call).map(({ input_type, at, calls: n = 1 }) => [input_type, at, n]);
        const sides = ['request', 'response'].filter((one) => known?.notes.has(one));
        if (known !== undefined) {
          expect(found?.map(([type]) => type)).toEqual(sides);
          expect(found?.map(([, , n]) => n)).toEqual(sides.map((one) => known.notes.get(one)));
        }
        if (call !== undefined && known !== undefined) {
          calls.logged(call, now + 50);
          known.doneAt = now + 50;
        }
      } else {
        calls.add(noteOf({ litellm_call_id: id, litellm_trace_id: null, input_type: side, at: now, by: id }));
        // Its event is to come, once more; or has come
        if (known !== undefined && known.doneAt > 0 && side === 'request')
          Object.assign(known, { at: now, doneAt: 0 });
        const doneAt = side === 'response' && finished.has(id) ? now + 60_000 : 0;
        const call = known ?? { id, at: now, notes: new Map<string, number>(), doneAt };
        call.notes.set(side, (call.notes.get(side) ?? 0) + 1);
        model.set(id, call);
      }
      if (now % 500 === 0) {
        calls.finish(now);
        calls.forget(now - 5000);
        for (const { id: one, at, doneAt } of model.values()) {
          const isFinished = doneAt > 0 && doneAt <= now;
          if (isFinished) finished.add(one);
          if (isFinished || at < now - 5000) model.delete(one);
        }
      }
    }
    expect([...model.keys()].filter((id) => find(calls, id, { startedAt: 30_000 }) === undefined)).toEqual(
      [],
    );
  }
});

test('memory follows what is kept: it grows with calls, and shrinks when they are finished', () => {
  const calls = new PendingCalls();
  const before = calls.bytes;
  for (let n = 0; n < 50_000; n++) calls.add(noteOf({ litellm_call_id: idOf(n), at: n + 1 }));
  expect(calls.bytes).toBeGreaterThan(before);
  expect(calls.bytes).toBeLessThan(50_000 * 250);
  for (let n = 0; n < 50_000; n++) calls.logged(find(calls, idOf(n)) as never, 1);
  calls.finish(2);
  expect(calls.bytes).toBe(before);
  expect(find(calls, idOf(7))).toBeUndefined();
});

test('the notes on all calls keep to a bound of bytes, and the oldest calls are given up for it', () => {
  let forgotten = 0;
  const maxBytes = 2 * 1024 * 1024;
  const calls = new PendingCalls({ maxBytes, onForgotten: () => forgotten++ });
  const by = 'x'.repeat(1000);
  for (let n = 0; n < 10_000; n++) calls.add(noteOf({ litellm_call_id: idOf(n), by, at: n + 1 }));
  expect(calls.bytes).toBeLessThan(maxBytes + 1024 * 1024);
  expect(forgotten).toBeGreaterThan(8000);
  expect(find(calls, idOf(forgotten - 1))).toBeUndefined();
  expect(find(calls, idOf(forgotten))?.request?.by).toBe(by);
  expect(find(calls, idOf(9999))?.request?.by).toBe(by);
});

test('the event of a finished call that comes again is not taken for one of another call under its id', () => {
  const calls = new PendingCalls();
  const first = noteOf({ litellm_trace_id: 't1', key: '0123456789abcdef', at: 1000 });
  calls.add(first);
  calls.logged(find(calls, 'call-1') as never, 2000);
  calls.finish(2000);
  calls.add(noteOf({ litellm_trace_id: 't2', key: 'fedcba9876543210', at: 5000 }));
  expect(find(calls, 'call-1', { trace: 't1', key: `${first.key}01` })).toBeUndefined();
  expect(find(calls, 'call-1', { trace: 't2' })?.trace).toBe('t2');
  expect(find(calls, 'call-1', { startedAt: 4900 })?.trace).toBe('t2');
});

test('a response that is judged after its call is finished is not missing', () => {
  const calls = new PendingCalls();
  calls.add(noteOf({ at: 1000 }));
  calls.logged(find(calls, 'call-1') as never, 2000);
  calls.finish(2000);
  calls.add(noteOf({ input_type: 'response', at: 70_000 }));
  calls.add(noteOf({ litellm_call_id: 'another', input_type: 'response', at: 70_000 }));
  expect(calls.missing(100_000)).toBe(1);
  calls.finish(200_000);
  expect([find(calls, 'call-1'), find(calls, 'another')?.number]).toEqual([undefined, 3]);
});

test('blocked calls, and those whose event is on record, are given up before those that wait, and are no loss', () => {
  let forgotten = 0;
  const maxBytes = 2 * 1024 * 1024;
  for (const bound of [{ max: 1000 }, { maxBytes }]) {
    const calls = new PendingCalls({ ...bound, onForgotten: () => forgotten++ });
    const waiting = { litellm_call_id: idOf(0), by: 'x'.repeat(1000) };
    calls.add(noteOf(waiting));
    for (let n = 1; n < 5000; n++) {
      const isBlocked = n % 2 === 0;
      const note = noteOf({
        ...waiting,
        litellm_call_id: idOf(n),
        action: isBlocked ? 'BLOCKED' : 'NONE',
        at: n,
      });
      calls.add(note);
      if (!isBlocked) calls.logged(calls.get(note) as PendingCall, 1e12);
    }
    expect([find(calls, idOf(0))?.request?.by?.length, forgotten]).toEqual([1000, 0]);
    expect([find(calls, idOf(1)), find(calls, idOf(4999))?.request?.at]).toEqual([undefined, 4999]);
  }
});

test('of many calls under one id, one whose record is complete is given up first', () => {
  const calls = new PendingCalls();
  const trace = (n: number) => ({ litellm_trace_id: `t${n}` });
  for (let n = 0; n < 100; n++) calls.add(noteOf(trace(n)));
  calls.logged(calls.get(noteOf(trace(50))) as PendingCall, 1e12);
  calls.add(noteOf(trace(100)));
  expect([0, 50, 100].map((n) => calls.get(noteOf(trace(n)))?.trace)).toEqual(['t0', undefined, 't100']);
});

test('a call that a failed attempt is on record of is given up as one that waits is', () => {
  let forgotten = 0;
  const calls = new PendingCalls({ max: 1, onForgotten: () => forgotten++ });
  calls.add(noteOf());
  calls.logged(find(calls, 'call-1') as PendingCall, 1e12, false);
  calls.add(noteOf({ litellm_call_id: 'call-2' }));
  expect(forgotten).toBe(1);
});

test('a second call under the same id outlives the first, and is missing if it has no event', () => {
  const calls = new PendingCalls();
  calls.add(noteOf({ at: 1000 }));
  calls.logged(find(calls, 'call-1') as PendingCall, 61_000);
  calls.add(noteOf({ at: 40_000 }));
  calls.finish(70_000);
  expect(find(calls, 'call-1')?.request?.at).toBe(40_000);
  expect([calls.missing(40_000), calls.missing(40_001)]).toEqual([0, 1]);
});
