import { describe, expect, test } from 'vitest';
import { BlockedTexts, HASHED_CHARS } from '../../src/pipeline/blocked-texts.ts';

const PROMPT = 'how do I grow a turnip at home?';
const blanks = '  \n';

/** Where one of these remembered texts stands in a text. */
function findIn(text: string, remembered: readonly string[], chars = HASHED_CHARS) {
  const texts = new BlockedTexts();
  for (const one of remembered) texts.remember('me', one, 'akto');
  return texts.find(texts.of('me') ?? [], text, { chars });
}

test.each<{ name: string; remembered: string[]; text: string; span: [number, number] | undefined }>([
  { name: 'the same text', remembered: [PROMPT], text: PROMPT, span: [0, PROMPT.length] },
  {
    name: 'with blanks round it',
    remembered: [`${blanks}${PROMPT}`],
    text: `${blanks}${PROMPT}${blanks}`,
    span: [3, 3 + PROMPT.length],
  },
  {
    name: 'with an addition behind it',
    remembered: [PROMPT],
    text: `${PROMPT} Continue from where you left off.`,
    span: [0, PROMPT.length],
  },
  {
    name: 'the longest of several',
    remembered: [PROMPT, `${PROMPT} Or a beet?`, PROMPT.slice(0, 20)],
    text: `${PROMPT} Or a beet? Or a pea?`,
    span: [0, PROMPT.length + 11],
  },
  { name: 'a short one', remembered: ['turnip'], text: 'turnip ', span: [0, 6] },
  { name: 'a short one with an addition', remembered: ['turnip'], text: 'turnip soup', span: undefined },
  { name: 'an addition before it', remembered: [PROMPT], text: `So, ${PROMPT}`, span: undefined },
  {
    name: 'another text with this beginning',
    remembered: [PROMPT],
    text: PROMPT.replace('turnip', 'plum'),
    span: undefined,
  },
  { name: 'a part of it', remembered: [PROMPT], text: PROMPT.slice(0, -1), span: undefined },
  { name: 'nothing', remembered: ['', ' '], text: ' ', span: undefined },
  { name: 'one of 64 K', remembered: ['a'.repeat(65_536)], text: 'a'.repeat(65_537), span: [0, 65_536] },
  { name: 'one that is longer', remembered: ['a'.repeat(65_537)], text: 'a'.repeat(65_537), span: undefined },
])('$name', ({ remembered, text, span }) => {
  expect(findIn(text, remembered)).toEqual(span && { start: span[0], end: span[1], by: 'akto' });
});

test('as much is hashed for one call as it may cost', () => {
  const allowance = { chars: 3 * (PROMPT.length + 512) };
  const texts = new BlockedTexts();
  texts.remember('me', PROMPT, 'akto');
  const found = Array.from({ length: 5 }, () => texts.find(texts.of('me') ?? [], PROMPT, allowance));
  expect(found.filter((one) => one !== undefined)).toHaveLength(3);
});

describe('memory', () => {
  test('keeps callers apart', () => {
    const texts = new BlockedTexts();
    texts.remember('me', PROMPT, 'akto');
    expect(texts.of('you')).toBeUndefined();
  });

  test('keeps no content', () => {
    const texts = new BlockedTexts();
    texts.remember('me', PROMPT, 'akto');
    expect(JSON.stringify(texts.of('me'))).not.toMatch(/turnip|grow/);
  });

  test('keeps fifty texts of each of 500 callers, the last', () => {
    const texts = new BlockedTexts();
    const prompt = (n: number) => `${PROMPT} ${n}.`;
    for (let n = 0; n < 60; n++) texts.remember('me', prompt(n), 'akto');
    texts.remember('me', prompt(10), 'akto');
    expect(texts.of('me')).toHaveLength(50);
    const found = (n: number) => texts.find(texts.of('me') ?? [], prompt(n), { chars: HASHED_CHARS });
    expect([9, 10, 11, 59].map((n) => found(n) !== undefined)).toEqual([false, true, true, true]);
    for (let n = 0; n < 500; n++) texts.remember(`other ${n}`, PROMPT, 'akto');
    expect(texts.of('me')).toBeUndefined();
  });

  test('forgets a text that was allowed since', () => {
    const texts = new BlockedTexts();
    texts.remember('me', PROMPT, 'akto');
    texts.remember('me', 'turnip', 'akto');
    texts.forget('me', `${PROMPT}\n`);
    expect(texts.of('me')).toHaveLength(1);
    texts.forget('me', 'turnip');
    expect(texts.isEmpty).toBe(true);
  });
});
