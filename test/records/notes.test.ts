import { describe, expect, test } from 'vitest';
import type { VerdictNote } from '../../src/guardrail/record.ts';
import { createNotes } from '../../src/records/notes.ts';

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
const event = (more: object = {}) => ({
  traceId: undefined,
  fingerprint: () => 'f',
  startedAt: 1000,
  endedAt: 2000,
  ...more,
});

describe('what was said about a call', () => {
  test('one note for its request and one for its answer, the last of a stream with their number', () => {
    const notes = createNotes();
    notes.add(note('a'));
    notes.add(note('b'));
    for (const at of [2, 3, 4]) notes.add(note('a', { input_type: 'response', at }));
    expect(notes.of('a')).toEqual([note('a'), note('a', { input_type: 'response', at: 4, calls: 3 })]);
    expect(notes.of('c')).toEqual([]);
  });

  test('what an observing backend says later is added', () => {
    const notes = createNotes();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    notes.add(note('a'));
    notes.addCheck('a', 'request', check);
    notes.addCheck('a', 'response', check);
    notes.addCheck('unknown', 'request', check);
    expect(notes.of('a')).toEqual([note('a', { checks: [check] })]);
  });

  test('what an observing backend says before the others have answered is added too', () => {
    const notes = createNotes();
    const check = { backend: 'akto', mode: 'observe', result: 'block', ms: 3 } as const;
    notes.addCheck('a', 'request', check);
    notes.add(note('a'));
    notes.add(note('b'));
    expect([...notes.of('a'), ...notes.of('b')]).toEqual([note('a', { checks: [check] }), note('b')]);
  });

  test('beyond its bound the oldest is forgotten, and told', () => {
    let forgotten = 0;
    const notes = createNotes(2, () => forgotten++);
    for (const id of ['a', 'b', 'c']) notes.add(note(id, { litellm_trace_id: 't' }));
    expect([notes.size, forgotten]).toEqual([2, 1]);
    expect(notes.of('a')).toEqual([]);
  });
});

describe('an event without litellm_call_id', () => {
  test('belongs to the only call of its trace', () => {
    const notes = createNotes();
    notes.add(note('a', { litellm_trace_id: 't' }));
    expect(notes.find(event({ traceId: 't' }))).toBe('a');
    expect(notes.find(event({ traceId: 'other' }))).toBeUndefined();
    notes.add(note('b', { litellm_trace_id: 't' }));
    expect(notes.find(event({ traceId: 't' }))).toBeUndefined();
  });

  test('belongs to the first call with its fingerprint at that time that has no event yet', () => {
    const notes = createNotes();
    for (const id of ['a', 'b']) notes.add(note(id, { fingerprint: 'f' }));
    notes.add(note('other', { fingerprint: 'g' }));
    for (const expected of ['a', 'b', undefined]) {
      const found = notes.find(event());
      expect(found).toBe(expected);
      if (found !== undefined) notes.seen(found);
    }
  });

  test.each([
    ['ended before the call was asked about', { startedAt: 0, endedAt: -1 }],
    ['began long after', { startedAt: 100_000, endedAt: 101_000 }],
  ])('does not belong to a call if it %s', (_, times) => {
    const notes = createNotes();
    notes.add(note('a', { fingerprint: 'f' }));
    expect(notes.find(event(times))).toBeUndefined();
  });
});

describe('calls without an event', () => {
  test('each is told once, but for blocked ones and those whose event came', () => {
    const notes = createNotes();
    notes.add(note('seen'));
    notes.add(note('missing'));
    notes.add(note('blocked', { action: 'BLOCKED' }));
    notes.add(note('young', { at: 5000 }));
    notes.seen('seen');
    expect([notes.missing(2000), notes.missing(2000), notes.missing(9000)]).toEqual([1, 0, 1]);
    expect(notes.of('missing')).toHaveLength(1);
  });

  test('old calls are forgotten', () => {
    const notes = createNotes();
    notes.add(note('a', { fingerprint: 'f', litellm_trace_id: 't' }));
    notes.add(note('b', { at: 5000 }));
    notes.forget(2000);
    expect(notes.size).toBe(1);
    expect(notes.find(event({ traceId: 't' }))).toBeUndefined();
  });
});
