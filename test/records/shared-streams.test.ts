import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/guardrail/decision.ts';
import { PendingCalls } from '../../src/records/pending-calls.ts';
import type { TextLine } from '../../src/records/protocol.ts';
import { noteOf } from '../../src/records/record-decision.ts';
import { ResponseTexts } from '../../src/records/response-texts.ts';
import { StreamedTexts } from '../../src/records/streamed-texts.ts';
import { callOf, toolCall } from '../support/call.ts';
import { undecided } from '../support/decision.ts';

const IDS = { litellm_call_id: 'call-1', litellm_trace_id: 'trace-1' };
const STREAM = 'The kettle on the blue stove boils water slowly while the cook peels carrots.';

const round = (text: string, more: object = {}): Decision =>
  undecided(callOf({ input_type: 'response', ...IDS, texts: [text], ...more }));
const upTo = (...lengths: number[]) => lengths.map((length) => round(STREAM.slice(0, length)));

function rewritten(text: string, to: string): Decision {
  const decision = round(text);
  const texts = new Map(decision.call.passages.all.map((passage) => [passage, to]));
  return { ...decision, outcome: { kind: 'modify', by: ['akto'], texts, form: 'texts' } };
}

/** The text of a record whose rounds came to several judges in turn, where LiteLLM logged another. */
function recorded(judges: number, rounds: readonly Decision[], event: object = {}): unknown {
  const streams = Array.from({ length: judges }, () => new StreamedTexts(true));
  const calls = new PendingCalls();
  const texts = new ResponseTexts(calls);
  let at = 1000;
  for (const [i, one] of rounds.entries()) {
    const note = noteOf(one);
    if (note !== undefined) calls.add({ ...note, at: ++at });
    const line = streams[i % judges]?.next(one);
    if (line !== undefined) texts.addLines(JSON.stringify({ ...line, at } satisfies TextLine));
  }
  const call = calls.get({ ...IDS });
  const message = { content: 'garbled' };
  const response = { choices: [{ index: 0, message }] };
  if (call !== undefined) texts.restore(call, { stream: true, call_type: 'acompletion', response, ...event });
  return message.content;
}

describe.each([2, 3])('the record of a stream whose rounds come to %i judges in turn', (judges) => {
  test.each([2, 3, 4, 5, 6])('has the text of the last of %i rounds', (count) => {
    const lengths = Array.from({ length: count }, (_, i) => 20 + 10 * i);
    expect(recorded(judges, upTo(...lengths))).toBe(STREAM.slice(0, 10 + 10 * count));
  });

  test('has no text of the one more check when a client hangs up, on whichever of them', () => {
    // LiteLLM's last pieces of all rounds, and only then what follows
    const ends = [20, 30, 40, 50];
    const pieces = ends.map((end) => STREAM.slice(end - 4, end)).join('');
    for (const before of [ends, ends.slice(0, 3)]) {
      const last = before.at(-1) as number;
      const mixedUp =
        STREAM.slice(0, last) + pieces.slice(0, 4 * before.length) + STREAM.slice(last, last + 5);
      expect(recorded(judges, [...upTo(...before), round(mixedUp)])).toBe(STREAM.slice(0, last));
    }
    const leaving = `${STREAM.slice(0, 30)}${STREAM.slice(36, 50)}`;
    expect(recorded(judges, [...upTo(20, 30, 40, 50, 60), round(leaving)])).toBe(STREAM.slice(0, 60));
  });

  test('has what was redacted, also where that is shorter than before', () => {
    const rounds = [...upTo(20, 30), rewritten(STREAM.slice(0, 40), 'The [WHAT] on the stove')];
    expect(recorded(judges, rounds)).toBe('The [WHAT] on the stove');
  });

  test('has the text alone once the arguments of tool calls stand apart from it', () => {
    const text = STREAM.slice(0, 30);
    const rounds = [
      ...upTo(20, 30),
      round(`${text}{"q":"a l`),
      round(text, { tool_calls: [toolCall('lookup', '{}')] }),
    ];
    expect(recorded(judges, rounds)).toBe(text);
  });
});

test('a response of one round, and one that is no stream, stay as LiteLLM logged them', () => {
  expect(recorded(3, upTo(40))).toBe('garbled');
  expect(recorded(3, upTo(20, 40, 60), { stream: false })).toBe('garbled');
  expect(recorded(3, upTo(20, 40, 60), { call_type: 'aresponses' })).toBe(STREAM.slice(0, 60));
});

test('nothing is made of a text of which a piece was lost', () => {
  const streams = new StreamedTexts(true);
  const calls = new PendingCalls();
  const texts = new ResponseTexts(calls);
  const rounds = upTo(20, 40, 60);
  const lines = rounds.map((one) => streams.next(one));
  calls.add({ ...(noteOf(rounds[0] as Decision) as NonNullable<ReturnType<typeof noteOf>>), at: 1 });
  texts.addLines([lines[0], lines[2]].map((line) => JSON.stringify(line)).join('\n'));
  const call = calls.get({ ...IDS });
  expect(texts.partsOf(call?.number ?? 0)).toEqual([]);
});
