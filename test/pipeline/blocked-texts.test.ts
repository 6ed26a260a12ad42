import { describe, expect, test } from 'vitest';
import { type Allowance, allowanceFor, BlockedTexts } from '../../src/pipeline/blocked-texts.ts';

const PROMPT = 'how do I grow a turnip at home?';
const blanks = '  \n';
const of = (owner: string, session = '') => ({ owner, session });
const ME = of('me');

/** The places in a text where one of these remembered texts stands. */
function findIn(text: string, remembered: readonly string[], more: Partial<Allowance> = {}) {
  const texts = new BlockedTexts();
  for (const one of remembered) texts.remember(ME, one, ['akto']);
  return texts.finder(ME, { ...allowanceFor(text.length), ...more })?.(text) ?? [];
}

test.each<{ name: string; remembered: string[]; text: string; spans: [number, number][] }>([
  { name: 'the same text', remembered: [PROMPT], text: PROMPT, spans: [[0, PROMPT.length]] },
  {
    name: 'with blanks round it',
    remembered: [`${blanks}${PROMPT}`],
    text: `${blanks}${PROMPT}${blanks}`,
    spans: [[3, 3 + PROMPT.length]],
  },
  {
    name: 'with an addition behind it',
    remembered: [PROMPT],
    text: `${PROMPT} Continue from where you left off.`,
    spans: [[0, PROMPT.length]],
  },
  {
    name: 'the longest of several',
    remembered: [PROMPT, `${PROMPT} Or a beet?`, PROMPT.slice(0, 20)],
    text: `${PROMPT} Or a beet? Or a pea?`,
    spans: [[0, PROMPT.length + 11]],
  },
  { name: 'a short one', remembered: ['turnip'], text: 'turnip ', spans: [[0, 6]] },
  { name: 'a short one with an addition', remembered: ['turnip'], text: 'turnip soup', spans: [] },
  {
    name: 'with an addition before it',
    remembered: [PROMPT],
    text: `<ctx>12:01</ctx> ${PROMPT}`,
    spans: [[17, 17 + PROMPT.length]],
  },
  {
    name: 'with additions round it, on a line of its own, twice',
    remembered: [PROMPT],
    text: `So:\n${PROMPT}\n${PROMPT} Please.`,
    spans: [
      [4, 4 + PROMPT.length],
      [5 + PROMPT.length, 5 + 2 * PROMPT.length],
    ],
  },
  {
    name: 'two behind one another',
    remembered: [PROMPT, 'and a beet, by the way?'],
    text: `${PROMPT} Well, and a beet, by the way?`,
    spans: [
      [0, PROMPT.length],
      [PROMPT.length + 7, PROMPT.length + 30],
    ],
  },
  {
    name: 'behind a sign of a script without blanks',
    remembered: ['如何在家里种植萝卜请告诉我详细步骤'],
    text: '你好如何在家里种植萝卜请告诉我详细步骤',
    spans: [[2, 19]],
  },
  { name: 'one that begins within a word', remembered: [PROMPT], text: `some${PROMPT}`, spans: [] },
  { name: 'a short one within another', remembered: ['turnip'], text: 'a turnip', spans: [] },
  {
    name: 'another text with this beginning',
    remembered: [PROMPT],
    text: PROMPT.replace('turnip', 'plum'),
    spans: [],
  },
  { name: 'a part of it', remembered: [PROMPT], text: PROMPT.slice(0, -1), spans: [] },
  { name: 'nothing', remembered: ['', ' '], text: ' ', spans: [] },
  {
    name: 'one of three million characters',
    remembered: ['a'.repeat(3_000_000)],
    text: 'a'.repeat(3_000_001),
    spans: [[0, 3_000_000]],
  },
])('$name', ({ remembered, text, spans }) => {
  expect(findIn(text, remembered)).toEqual(spans.map(([start, end]) => ({ start, end, by: ['akto'] })));
});

describe('work for one call is bounded', () => {
  test('at the beginning of texts', () => {
    const texts = new BlockedTexts();
    texts.remember(ME, PROMPT, ['akto']);
    const find = texts.finder(ME, { ...allowanceFor(0), starts: 3 * (PROMPT.length + 512) });
    expect(Array.from({ length: 5 }, () => find?.(PROMPT).length)).toEqual([1, 1, 1, 0, 0]);
  });

  test('within texts, which takes nothing from their beginnings', () => {
    const text = Array(5).fill(PROMPT).join(' ');
    expect(findIn(text, [PROMPT], { inner: 2 * (PROMPT.length + 512) })).toHaveLength(3);
    expect(findIn(text, [PROMPT], { places: 0 })).toHaveLength(1);
  });
});

describe('memory', () => {
  const prompt = (n: number) => `${PROMPT} ${n}.`;

  test('keeps callers and their sessions apart', () => {
    const texts = new BlockedTexts();
    texts.remember(of('me', 'a'), PROMPT, ['akto']);
    expect([of('you', 'a'), of('me', 'b'), of('me', 'a')].map((one) => texts.count(one))).toEqual([0, 0, 1]);
  });

  test('keeps fifty texts of a session, the last', () => {
    const texts = new BlockedTexts();
    for (let n = 0; n < 60; n++) texts.remember(ME, prompt(n), ['akto']);
    texts.remember(ME, prompt(10), ['akto']);
    expect(texts.count(ME)).toBe(50);
    const find = texts.finder(ME, allowanceFor(0));
    expect([9, 10, 11, 59].map((n) => find?.(prompt(n)).length)).toEqual([0, 1, 1, 1]);
  });

  test('keeps 500 sessions of one owner, the last used, and they drive out nobody else', () => {
    const texts = new BlockedTexts();
    texts.remember(ME, PROMPT, ['akto']);
    for (let n = 0; n < 500; n++) texts.remember(of('other', `${n}`), PROMPT, ['akto']);
    texts.finder(of('other', '0'), allowanceFor(0));
    for (let n = 500; n < 510; n++) texts.remember(of('other', `${n}`), PROMPT, ['akto']);
    const kept = [ME, of('other', '0'), of('other', '1'), of('other', '10'), of('other', '11')];
    expect(kept.map((one) => texts.count(one))).toEqual([1, 1, 0, 0, 1]);
  });

  test('keeps 2000 sessions in all, and makes room among those of who has most', () => {
    const texts = new BlockedTexts();
    texts.remember(ME, PROMPT, ['akto']);
    for (let n = 0; n < 3000; n++) texts.remember(of(`other ${n % 6}`, `${n}`), PROMPT, ['akto']);
    texts.remember(of('late'), PROMPT, ['akto']);
    expect([ME, of('late')].map((one) => texts.count(one))).toEqual([1, 1]);
    const left = Array.from({ length: 3000 }, (_, n) => texts.count(of(`other ${n % 6}`, `${n}`)));
    expect(left.reduce((sum, one) => sum + one)).toBe(1998);
  });

  test('forgets a text that was allowed since', () => {
    const texts = new BlockedTexts();
    texts.remember(ME, PROMPT, ['akto']);
    texts.remember(ME, 'turnip', ['akto']);
    texts.forget(ME, `${PROMPT}\n`);
    expect(texts.count(ME)).toBe(1);
    texts.forget(ME, 'turnip');
    expect(texts.isEmpty).toBe(true);
  });
});
