import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/guardrail/decision.ts';
import { StreamedTexts } from '../../src/records/streamed-texts.ts';
import { callOf, toolCall } from '../support/call.ts';
import { undecided } from '../support/decision.ts';

const IDS = { litellm_call_id: 'call-1', litellm_trace_id: 'trace-1' };

const round = (texts: string | string[], more: object = {}): Decision =>
  undecided(callOf({ input_type: 'response', ...IDS, texts: [texts].flat(), ...more }));

/** A round whose reply has another text. */
function rewritten(text: string, to: string): Decision {
  const decision = round(text);
  const texts = new Map(decision.call.passages.all.map((passage) => [passage, to]));
  return { ...decision, outcome: { kind: 'modify', by: ['akto'], texts, form: 'texts' } };
}

/** The texts that the records thread holds after some rounds; undefined if it was told nothing. */
function held(...rounds: readonly Decision[]): readonly string[] | undefined {
  const streams = new StreamedTexts();
  let texts: readonly string[] | undefined;
  for (const one of rounds) {
    const line = streams.next(one);
    if (line !== undefined)
      texts = line.texts.map(({ kept, added }, i) => (texts?.[i] ?? '').slice(0, kept) + added);
  }
  return texts;
}

const STREAM = 'The kettle on the blue stove boils water slowly while the cook peels carrots.';
const upTo = (...lengths: number[]) => lengths.map((length) => round(STREAM.slice(0, length)));

describe('the record of a streamed response takes', () => {
  test('nothing from the one round of a plain response, or from requests and calls without an id', () => {
    expect(held(round(STREAM))).toBeUndefined();
    const nameless = round(STREAM, { litellm_call_id: null });
    const request = round(STREAM, { input_type: 'request' });
    for (const one of [nameless, request]) expect(held(one, one, one)).toBeUndefined();
  });

  test('nothing from releases that log what was delivered', () => {
    const rounds = [20, 40, 60].map((length) =>
      round(STREAM.slice(0, length), { litellm_version: '1.103.0' }),
    );
    expect(held(...rounds)).toBeUndefined();
  });

  test('what was judged last, handed over piece by piece', () => {
    const streams = new StreamedTexts();
    const lines = upTo(20, 40, 60, 60).map((one) => streams.next(one));
    expect(lines).toEqual([
      undefined,
      { ...IDS, texts: [{ kept: 0, added: STREAM.slice(0, 40) }] },
      { ...IDS, texts: [{ kept: 40, added: STREAM.slice(40, 60) }] },
      undefined,
    ]);
    expect(held(...upTo(20, 40, 60))).toEqual([STREAM.slice(0, 60)]);
  });

  test.each([
    { name: 'shorter', text: 'The kettle on the blue sls waterly' },
    { name: 'as long', text: 'The kettle on the blue stove boils wls water' },
    { name: 'longer', text: 'The kettle on the blue stove boils wls water slowly while the coohe cook pee' },
  ])('no mixed up text of a check after the client hung up: $name', ({ text }) => {
    expect(held(...upTo(20, 40), round(text))).toEqual([STREAM.slice(0, 40)]);
  });

  test.each([
    { name: 'one round', rounds: [16], text: 'The kettle on thn thblue stove boi' },
    {
      name: 'two rounds',
      rounds: [16, 36],
      text: 'The kettle on the blue stove boils wn thls water slowly whil',
    },
    {
      name: 'three',
      rounds: [16, 36, 56],
      text: 'The kettle on the blue stove boils water slowly while thn thls we the co',
    },
  ])('no text that goes on with the last pieces of its rounds, after $name', ({ rounds: lengths, text }) => {
    const told = held(...upTo(...lengths), round(text));
    expect(told).toEqual(lengths.length > 1 ? [STREAM.slice(0, lengths.at(-1))] : undefined);
  });

  test('a text that says some words twice', () => {
    const text = 'No, no, no, no, that is that, and tea is tea is tea for tea, very very good.';
    const lengths = Array.from({ length: Math.ceil(text.length / 8) }, (_, i) => 8 * (i + 1));
    expect(held(...lengths.map((length) => round(text.slice(0, length))))).toEqual([text]);
  });

  // Compared in every way, these kept the thread for minutes
  test.each([
    { name: 'dashes', lengths: [64, 128, 192, 256, 30_000] },
    { name: 'dashes that come in many rounds', lengths: Array.from({ length: 500 }, (_, i) => 64 * (i + 1)) },
    {
      name: 'many rounds, then a long one',
      lengths: [...Array.from({ length: 300 }, (_, i) => 64 * (i + 1)), 28_000],
    },
    { name: 'many long rounds', lengths: Array.from({ length: 60 }, (_, i) => 500 * (i + 1)) },
  ])('a text that repeats itself: $name', ({ lengths }) => {
    const text = '-'.repeat(lengths.at(-1)!);
    expect(held(...lengths.map((length) => round(text.slice(0, length))))).toEqual([text]);
  });

  test('128 choices that repeat themselves', () => {
    const choices = (length: number) => round(Array<string>(128).fill('- '.repeat(length)));
    const rounds = Array.from({ length: 40 }, (_, i) => choices(250 * (i + 1)));
    expect(held(...rounds)).toEqual(Array(128).fill('- '.repeat(10_000)));
  });

  test('each choice for itself', () => {
    expect(
      held(round(['One', 'Tea']), round(['One two', 'Tea']), round(['One two', 'Tea or water'])),
    ).toEqual(['One two', 'Tea or water']);
  });

  test('what a search found before a text that has begun', () => {
    expect(held(...upTo(20, 40), round(['A title', STREAM]))).toEqual(['A title', STREAM]);
  });

  test('the text without the arguments that stood behind it until the model had ended', () => {
    const glued = `${STREAM}{"q":"a l`;
    const last = round(STREAM, { tool_calls: [toolCall('{"q":"a lot"}')] });
    expect(held(...upTo(40, 60), round(glued), last)).toEqual([STREAM]);
  });

  test('another response under the same ids in place of the one before', () => {
    expect(held(...upTo(20, 40), round('Quite another answer'))).toEqual(['Quite another answer']);
  });

  test('the words that were put into a reply, and what was held back and changed since', () => {
    const text = 'Write to ada@example.com today';
    expect(held(...[1, 2].map(() => rewritten(text, 'Write to [MAIL] today')))).toEqual([
      'Write to [MAIL] today',
    ]);
    const rounds = ['The kettle is the kettle of ada', 'The kettle is the kettle of [MAIL], and'];
    const [first, second] = rounds.map((one) => round(one)) as [Decision, Decision];
    expect(held(first, { ...first, holdback: [3] }, second)).toEqual([rounds[1]]);
  });

  test('nothing after a block', () => {
    const block = { kind: 'block', cause: 'verdict', by: 'akto', reason: 'no' } as const;
    const blocked = { ...round(STREAM.slice(0, 60)), outcome: block };
    const streams = new StreamedTexts();
    for (const one of [...upTo(20, 40), blocked]) streams.next(one);
    expect(streams.next(round(STREAM))).toBeUndefined();
  });
});
