import { describe, expect, test } from 'vitest';
import { editedText, type TextEdit } from '../../src/guardrail/edit.ts';
import { modified } from '../../src/guardrail/verdict.ts';
import { type BackendRedaction, mergeRedactions } from '../../src/pipeline/merge.ts';
import { callOf } from '../support/call.ts';
import { rewritesOf, textsOf } from '../support/passages.ts';

/** The merge of two or more versions of one text; null where they cannot be merged. */
function merge(original: string, ...versions: string[]): string | null {
  const call = callOf({ texts: [original] });
  const merged = mergeRedactions(
    versions.map((version) => ({ texts: textsOf(call, { [original]: version }) })),
  );
  return merged === null ? null : rewritesOf(merged.texts)[original]!;
}

describe('redactions of several backends', () => {
  test('of different texts are all kept', () => {
    const call = callOf({ texts: ['a', 'b'] });
    const merged = mergeRedactions([
      { texts: textsOf(call, { a: '1' }) },
      { texts: textsOf(call, { b: '2' }) },
    ]);
    expect(merged && rewritesOf(merged.texts)).toEqual({ a: '1', b: '2' });
  });

  test.each([
    {
      name: 'by one backend alone are taken as they are',
      original: 'mail dana',
      versions: ['mail <P>'],
      merged: 'mail <P>',
    },
    {
      name: 'that are the same are one',
      original: 'mail dana',
      versions: ['mail <P>', 'mail <P>'],
      merged: 'mail <P>',
    },
    {
      name: 'at different places are both made',
      original: 'mail dana from the kitchen in Rome',
      versions: ['mail <P> from the kitchen in Rome', 'mail dana from the kitchen in <C>'],
      merged: 'mail <P> from the kitchen in <C>',
    },
    {
      name: 'at different places are both made, whichever backend comes first',
      original: 'mail dana from the kitchen in Rome',
      versions: ['mail dana from the kitchen in <C>', 'mail <P> from the kitchen in Rome'],
      merged: 'mail <P> from the kitchen in <C>',
    },
    {
      name: 'of the same stretch make one with both markers',
      original: 'mail 47110815 now',
      versions: ['mail # now', 'mail * now'],
      merged: 'mail #* now',
    },
    {
      name: 'of which one lies inside the other remove the longer stretch',
      original: 'x 47110815 y',
      versions: ['x ## y', 'x 47**15 y'],
      merged: 'x ##** y',
    },
    {
      name: 'that overlap remove both stretches',
      original: 'x 47110815 y',
      versions: ['x ##0815 y', 'x 47** y'],
      merged: 'x ##** y',
    },
    {
      name: 'of which one removes all keep the marker of the other',
      original: 'mail 4711',
      versions: ['', 'mail #'],
      merged: '#',
    },
    {
      name: 'that both remove all leave an empty text',
      original: 'mail 4711',
      versions: ['', ''],
      merged: '',
    },
    {
      name: 'of characters of two code units do not split them',
      original: '🍰🍋 47',
      versions: ['# 47', '🍰🍋 *'],
      merged: '# *',
    },
    {
      name: 'by three backends are all made',
      original: 'aaaa 1111 bbbb 2222 cccc 3333 dddd',
      versions: [
        'aaaa # bbbb 2222 cccc 3333 dddd',
        'aaaa 1111 bbbb * cccc 3333 dddd',
        'aaaa 1111 bbbb 2222 cccc + dddd',
      ],
      merged: 'aaaa # bbbb * cccc + dddd',
    },
  ])('$name', ({ original, versions, merged }) => {
    expect(merge(original, ...versions)).toBe(merged);
  });

  test('that leave nothing of the text leave their markers', () => {
    const original = Array.from({ length: 3000 }, (_, i) => String.fromCharCode(0x4e00 + i)).join('');
    expect(merge(original, 'x'.repeat(3000), 'y'.repeat(3000))).toBe('x'.repeat(3000) + 'y'.repeat(3000));
  });

  test('of many places each are all made, of text that is much longer', () => {
    const words = Array.from({ length: 20_000 }, (_, i) => `word${i}`);
    const masked = (every: number, marker: string) => (word: string, i: number) =>
      i % every === 0 ? marker : word;
    const merged = merge(
      words.join(' '),
      words.map(masked(7, '#')).join(' '),
      words.map(masked(11, '*')).join(' '),
    );
    expect(merged).toBe(
      words.map((word, i) => (i % 77 === 0 ? '#*' : masked(7, '#')(masked(11, '*')(word, i), i))).join(' '),
    );
  });

  test.each([
    {
      name: 'a marker that is a word of the text',
      original: 'NAME is Dana',
      versions: ['NAME is [NAME]', '* is Dana'],
    },
  ])('are not merged where $name could be what was removed', ({ original, versions }) => {
    expect(merge(original, ...versions)).toBeNull();
  });

  test('of long texts with few changes are merged', () => {
    const filler = Array.from({ length: 4000 }, (_, i) => `word${i}`).join(' ');
    expect(merge(`dana ${filler} Rome`, `<P> ${filler} Rome`, `dana ${filler} <C>`)).toBe(
      `<P> ${filler} <C>`,
    );
  });
});

/** The same numbers on every run. */
function random(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('everything that either backend removes is gone', () => {
  const markers = [
    { name: 'strange to the text', first: '[1]', second: '<2>' },
    { name: 'of one character', first: '*', second: '*' },
    { name: 'with letters of the text', first: '[a]', second: '<bc>' },
    { name: 'as long as what they mask', first: '####', second: '****' },
  ];
  const alphabets = [
    { letters: 'ab', longest: 6 },
    { letters: 'abc ', longest: 12 },
    { letters: 'abcdefghijklmnop 0123456789', longest: 20 },
  ];

  test.each(markers.flatMap((marker) => alphabets.map((alphabet) => ({ ...marker, ...alphabet }))))(
    'with markers $name, in texts of "$letters"',
    ({ first, second, letters, longest }) => {
      const pick = random(42);
      const word = (length: number) => Array.from({ length }, () => letters[pick(letters.length)]).join('');
      const survivors = new Set<string>();
      for (let i = 0; i < 3000; i++) {
        const secrets = [word(3 + pick(longest)), word(3 + pick(longest))] as const;
        // Each stands in the text at least once, apart, overlapping or within the other
        const pieces = [
          word(pick(9)),
          secrets[pick(2)],
          word(pick(9)),
          secrets[0],
          word(pick(3)),
          secrets[1],
          word(pick(9)),
        ];
        const original = pieces.join('');
        const versions = [original.replaceAll(secrets[0], first), original.replaceAll(secrets[1], second)];
        const merged = merge(original, ...versions);
        if (merged === null) continue;
        for (const [i, secret] of secrets.entries()) {
          // Text that a backend left or wrote itself may stay
          const isMadeByMarkers =
            versions[i]?.includes(secret) || [first, second].some((m) => m.includes(secret));
          if (merged.includes(secret) && !isMadeByMarkers)
            survivors.add(JSON.stringify({ original, versions, secret, merged }));
        }
      }
      expect([...survivors].slice(0, 3)).toEqual([]);
    },
  );
});

describe('spans that vendors tell', () => {
  const TEXT = 'Dana Whitfield lives in Rome, in Rome';
  const [passage] = callOf({ texts: [TEXT] }).passages.all;
  const told = (...edits: TextEdit[]): BackendRedaction =>
    modified(new Map([[passage!, edits]])) as BackendRedaction;
  const whole = (text: string): BackendRedaction => ({ texts: new Map([[passage!, text]]) });
  const merged = (...all: BackendRedaction[]) => mergeRedactions(all)?.texts.get(passage!);

  test.each([
    {
      name: 'join with the spans of others',
      all: [told({ start: 0, end: 4, text: '<P>' }), told({ start: 24, end: 28, text: '[C]' })],
      text: '<P> Whitfield lives in [C], in Rome',
    },
    {
      name: 'of which one lies in another are one, with both markers',
      all: [told({ start: 0, end: 14, text: '<P>' }), told({ start: 5, end: 14, text: '[N]' })],
      text: '<P>[N] lives in Rome, in Rome',
    },
    {
      name: 'of one vendor that overlap have the marker of the first',
      all: [
        told({ start: 0, end: 9, text: '<P>' }, { start: 5, end: 14, text: '<N>' }),
        told({ start: 24, end: 28, text: '[C]' }),
      ],
      text: '<P> lives in [C], in Rome',
    },
    {
      name: 'that have the same marker show it once',
      all: [told({ start: 0, end: 14, text: '#' }), told({ start: 5, end: 14, text: '#' })],
      text: '# lives in Rome, in Rome',
    },
    {
      name: 'join with the new text of a vendor that tells none',
      all: [told({ start: 24, end: 28, text: '[C]' }), whole('<P> lives in Rome, in Rome')],
      text: '<P> lives in [C], in Rome',
    },
    {
      name: 'join with such a text that leaves something between two changes',
      all: [whole('<P> Whi<P> lives in Rome, in Rome'), told({ start: 4, end: 6, text: '*' })],
      text: '<P><P>* lives in Rome, in Rome',
    },
  ])('$name', ({ all, text }) => {
    expect(merged(...all)).toBe(text);
  });
});

describe('nothing that one of several vendors removed is in the result', () => {
  const WORDS = 'the library opens at nine and serves tea to Dana Whitfield who lives in Rome , Italy'.split(
    ' ',
  );

  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'in texts with spans, and without (seed %i)',
    (seed) => {
      const pick = random(seed * 7919 + 3);
      let merges = 0;
      for (let run = 0; run < 150; run++) {
        const words = Array.from(
          { length: 5 + pick(60) },
          () => WORDS[pick(seed % 2 === 0 ? 6 : WORDS.length)]!,
        );
        const original = words.join(' ');
        const [passage] = callOf({ texts: [original] }).passages.all;
        const starts = words.map((_, i) => words.slice(0, i).join(' ').length + (i > 0 ? 1 : 0));
        const vendors = Array.from({ length: 2 + pick(3) }, (_, vendor) => {
          const edits: TextEdit[] = [];
          for (let i = pick(9); i < words.length; i += 1 + pick(9)) {
            const last = Math.min(words.length - 1, i + pick(3));
            edits.push({ start: starts[i]!, end: starts[last]! + words[last]!.length, text: `<${vendor}>` });
            i = last + 1;
          }
          return { edits, text: editedText(original, edits), isTold: pick(2) === 0 };
        });
        const redactions = vendors.map(({ edits, text, isTold }) => ({
          texts: new Map([[passage!, text]]),
          ...(isTold && { edits: new Map([[passage!, edits]]) }),
        }));
        const result = mergeRedactions(redactions)?.texts.get(passage!);
        if (result === undefined) continue;
        merges++;
        // Whatever stands between markers was left by all of them
        for (const { text } of vendors) {
          const left = result.split(/(?:<\d>)+/).filter((piece) => piece.trim().length > 2);
          expect(
            left.filter((piece) => !text.includes(piece.trim())),
            `${original} -> ${result}`,
          ).toEqual([]);
        }
      }
      expect(merges).toBeGreaterThan(100);
    },
  );
});
