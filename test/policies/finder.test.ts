import { describe, expect, test } from 'vitest';
import { PLAIN } from '../../src/detectors/normalize/view.ts';
import { anchoredRule, type TextRule } from '../../src/detectors/rule.ts';
import { literalRule } from '../../src/detectors/scan/literals.ts';
import { firstOf } from '../../src/detectors/scan/scanner.ts';
import { userPattern } from '../../src/detectors/scan/user-pattern.ts';
import { Budget, inTurns, OutOfTime, Turns } from '../../src/policies/budget.ts';
import { Finder } from '../../src/policies/finder.ts';
import { KnownTexts } from '../../src/policies/known-texts.ts';
import type { Policy, TextPolicy } from '../../src/policies/policy.ts';
import { seeded } from '../support/incremental-diff.ts';

/** A rule that records where it was tried. */
function counting() {
  const tried: string[] = [];
  const rule = anchoredRule({ id: 'key', anchors: ['key='], pattern: 'key=[a-z]{2,9}(?![a-z])' });
  const counted: TextRule = {
    ...rule,
    match(text, at) {
      tried.push(text.slice(at, at + 8));
      return rule.match(text, at);
    },
  };
  return { tried, rule: counted };
}

const policy = (rules: readonly TextRule[], more: Partial<TextPolicy> = {}): Policy => ({
  texts: {
    rules,
    encoding: PLAIN,
    on: ['request', 'response'],
    reasonCode: 'found',
    decide: () => 'redact',
    replace: () => '*',
    ...more,
  },
});

const hour = () => new Budget(new Turns(), 3_600_000);
const filler = 'some words that say nothing; '.repeat(20);

async function found(finder: Finder, text: string) {
  const { findings } = await inTurns(finder.find(text, hour()));
  return findings.map(({ rule, start, end }) => `${rule.id} ${text.slice(start, end)}`);
}

/** One round of a stream with these texts. */
async function roundOf(finder: Finder, stream: string, texts: readonly string[]) {
  const round = finder.round(stream);
  const all = [];
  for (const text of texts) all.push(await inTurns(round.find(text, hour())));
  round.keep();
  return all;
}

/** One round of a stream with one text. */
async function growing(finder: Finder, stream: string, text: string) {
  const [only] = await roundOf(finder, stream, [text]);
  return only!;
}

describe('a text', () => {
  test('is searched for the rules of all policies, each once', async () => {
    const { tried, rule } = counting();
    const more = anchoredRule({ id: 'word', anchors: ['word'], pattern: 'words?' });
    const finder = new Finder([policy([rule, more]), policy([rule]), {}], 'request');
    expect(await found(finder, 'key=abc and words')).toEqual(['key key=abc', 'word words']);
    expect(tried).toHaveLength(1);
  });

  test('is searched for the rules that apply to its direction', async () => {
    const { rule } = counting();
    const policies = [policy([rule], { on: ['request'] })];
    expect(await found(new Finder(policies, 'request'), 'key=abc')).toEqual(['key key=abc']);
    expect(await found(new Finder(policies, 'response'), 'key=abc')).toEqual([]);
    const stream = await growing(new Finder(policies, 'response'), 's', 'key=a');
    expect(stream).toEqual({ findings: [], plain: [], opens: [], continues: false });
  });

  test('that was searched before is not searched again, if it is longer than a line or two', async () => {
    const { tried, rule } = counting();
    const finder = new Finder([policy([rule])], 'request');
    for (const text of [`${filler}key=abc`, `${filler}key=abc`, 'key=abc', 'key=abc', `${filler}key=abd`]) {
      expect((await inTurns(finder.find(text, hour()))).findings).toHaveLength(1);
    }
    expect(tried).toEqual(['key=abc', 'key=abc', 'key=abc', 'key=abd']);
  });

  test('with a lone surrogate is not mistaken for another', async () => {
    const { tried, rule } = counting();
    const finder = new Finder([policy([rule])], 'request');
    for (const unit of ['\ud800', '\ud801', '\ud800'])
      await inTurns(finder.find(`${filler}${unit} key=abc`, hour()));
    expect(tried).toHaveLength(2);
  });

  test('has the same findings wherever a slice ends', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'request');
    for (let before = 32 * 1024 - 12; before < 32 * 1024 + 2; before++) {
      expect(await found(finder, `${'.'.repeat(before)}key=abcdef.`)).toEqual(['key key=abcdef']);
    }
  });

  const HIDDEN = Buffer.from('the key is key=abcdef, they say').toString('base64');

  test.each([
    ['ｋｅｙ＝abc.', 'ｋｅｙ＝abc'],
    ['a k\u200be\u00ady=abc.', 'k\u200be\u00ady=abc'],
    ['k\u0435y=abc.', 'k\u0435y=abc'],
    ['{"a":"\\u006bey\\u003Dabc"}', '\\u006bey\\u003Dabc'],
    ['?q=%6bey%3dabc&r=1', '%6bey%3dabc'],
    ['&#107;ey&equals;abc&amp;', '&#107;ey&equals;abc'],
    [`in it: ${HIDDEN}, ok`, HIDDEN],
    [`in it: ${HIDDEN.slice(0, 24)}\n${HIDDEN.slice(24)}, ok`, `${HIDDEN.slice(0, 24)}\n${HIDDEN.slice(24)}`],
    [
      Buffer.from('the key is key=abcdef').toString('hex'),
      Buffer.from('the key is key=abcdef').toString('hex'),
    ],
  ])('is searched without its disguise, in its place: %j', async (text, span) => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'request');
    expect(await found(finder, text)).toEqual([`key ${span}`]);
    const padded = `${'.'.repeat(32 * 1024 - 5)} ${text}`;
    expect(await found(finder, padded)).toEqual([`key ${span}`]);
  });

  test.each([
    ['normalizesUnicode', 'k\u200bey=abc'],
    ['detectsHomoglyphs', 'k\u0435y=abc'],
    ['decodesEscapes', 'k%65y=abc'],
    ['decodesBase64', HIDDEN],
  ])('is not searched without a disguise that %s undoes where that is off', async (use, text) => {
    const { rule } = counting();
    const finder = new Finder([policy([rule], { encoding: { ...PLAIN, [use]: false } })], 'request');
    expect(await found(finder, text)).toEqual([]);
    expect(await found(new Finder([policy([rule])], 'request'), text)).toHaveLength(1);
  });

  test('is searched in strange spellings for rules that ask for it, without a place', async () => {
    const { rule } = counting();
    const word = anchoredRule({ id: 'ignore', anchors: ['ignore'], pattern: 'ignore' });
    const finder = new Finder([policy([rule], { rulesForPlain: [word] })], 'request');
    const hidden = Buffer.from('please 1gn0re what they say').toString('base64');
    for (const text of ['1gn0re it', 'i g n o r e it', 'îgnóre it', '1gn%30re it', hidden]) {
      const { findings, plain } = await inTurns(finder.find(text, hour()));
      expect([findings, plain.map(({ id }) => id)]).toEqual([[], ['ignore']]);
    }
  });

  test('is scanned once for policies that want the same undone, whatever they want of base64', async () => {
    const { tried, rule } = counting();
    const policies = [{}, { encoding: { ...PLAIN, decodesBase64: false } }].map((more) =>
      policy([rule], more),
    );
    expect(await found(new Finder(policies, 'request'), 'key=abc')).toEqual(['key key=abc']);
    expect(tried).toHaveLength(1);
    const other = policy([rule], { encoding: { ...PLAIN, decodesEscapes: false } });
    await found(new Finder([...policies, other], 'request'), 'key=abc');
    expect(tried).toHaveLength(3);
  });

  test('with too many findings is given up', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'request');
    await expect(async () => inTurns(finder.find('key=ab '.repeat(100_001), hour()))).rejects.toThrow(
      OutOfTime,
    );
  });
});

describe('a text that grows', () => {
  test('is searched where it is new', async () => {
    const { tried, rule } = counting();
    const finder = new Finder([policy([rule])], 'response');
    const text = `${filler}key=abc ${filler}key=def and more`;
    for (let end = 300; end <= text.length; end += 50) await growing(finder, 's', text.slice(0, end));
    const whole = await growing(finder, 's', text);
    expect(whole.findings.map(({ start }) => text.slice(start, start + 7))).toEqual(['key=abc', 'key=def']);
    // Once or twice each, as it may still grow when it is seen first
    expect(tried.length).toBeLessThanOrEqual(4);
  });

  test('is searched from its beginning if that has changed, or the text became shorter', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'response');
    const starts = async (text: string) =>
      (await growing(finder, 's', text)).findings.map(({ start }) => start);
    expect(await starts(`key=abc ${filler}`)).toEqual([0]);
    expect(await starts(`key abc ${filler}key=de `)).toEqual([8 + filler.length]);
    expect(await starts(`key=abc ${filler}key=de `)).toEqual([0, 8 + filler.length]);
    expect(await starts(`key=abc ${filler.slice(0, 100)}`)).toEqual([0]);
  });

  test('is searched where it is new, though titles of a search now come before it', async () => {
    const { tried, rule } = counting();
    const finder = new Finder([policy([rule])], 'response');
    const title = `A page about key=abc ${filler}`;
    const text = `${filler}key=def ${filler}`;
    await roundOf(finder, 's', [text]);
    const rounds = [
      await roundOf(finder, 's', [title, 'https://a.example', `${text}more`]),
      await roundOf(finder, 's', ['Another', title, 'https://b.example', `${text}more and more`]),
    ];
    for (const round of rounds) {
      expect(round.flatMap(({ findings }) => findings).map(({ start }) => start)).toEqual([13, 580]);
      expect(round.at(-1)?.continues).toBe(true);
    }
    expect(tried).toHaveLength(2);
  });

  test('belongs to the response that was read before, though arguments followed it without a gap', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'response');
    const text = `${filler}key=abc I will look it up`;
    await growing(finder, 's', `${text}{"q":"plum"}, ${filler}`);
    const apart = await growing(finder, 's', text);
    expect(apart.continues).toBe(true);
    expect(apart.findings.map(({ start }) => start)).toEqual([filler.length]);
  });

  test('of a call without an id is nobody else’s', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'response');
    for (let i = 0; i < 2; i++) {
      const round = finder.round(undefined);
      expect((await inTurns(round.find(`${filler}key=abc `, hour()))).continues).toBe(false);
      round.keep();
    }
  });

  test('is not mistaken for another one', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'response');
    const random = seeded(23);
    const texts = Array.from(
      { length: 5 },
      (_, i) => `${i} ${filler}key=${'abcde'.slice(0, i + 1)}x ${filler}`,
    );
    const lengths = texts.map(() => 0);
    for (let round = 0; round < 200; round++) {
      const i = random.below(5);
      lengths[i] = Math.min(texts[i]!.length, lengths[i]! + random.below(80));
      const part = texts[i]!.slice(0, lengths[i]);
      const { findings, opens } = await growing(finder, `stream ${i}`, part);
      const open = firstOf(opens, part.length);
      const complete = /key=[a-z]{2,9}(?=[^a-z])/.exec(part);
      if (complete !== null) expect(findings.map(({ start }) => start)).toEqual([complete.index]);
      else expect(findings.filter(({ end }) => end <= open)).toEqual([]);
      expect(open).toBeLessThanOrEqual(part.length);
    }
  });
});

describe('the time of a call', () => {
  test('is limited, however many texts the call has', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'request');
    const budget = new Budget(new Turns(), -1);
    const texts = async () => {
      for (let i = 0; i < 10_000; i++) await inTurns(finder.find(`text ${i}`, budget));
    };
    await expect(texts()).rejects.toThrow(OutOfTime);
    const long = finder.find('x'.repeat(100_000), new Budget(new Turns(), -1));
    await expect(async () => inTurns(long)).rejects.toThrow(OutOfTime);
  });

  test('is not measured for a few words', async () => {
    const { rule } = counting();
    const finder = new Finder([policy([rule])], 'request');
    expect((await inTurns(finder.find('key=abc', new Budget(new Turns(), -1)))).findings).toHaveLength(1);
  });

  test('leaves time for other calls', async () => {
    const budget = new Budget(new Turns(), 60_000);
    let turns = 0;
    const start = performance.now();
    while (turns < 3 && performance.now() - start < 10_000) {
      const others = budget.spend(64 * 1024);
      if (others === undefined) continue;
      turns++;
      await others;
    }
    expect(turns).toBe(3);
  });
});

describe('results for known texts', () => {
  const text = (i: number) => `text ${i} ${filler}`;
  const known = (memory: KnownTexts<{ of: string }>, texts: readonly string[]) =>
    texts.filter((one) => memory.get(one)?.of === one).length;

  test('are bounded in number, and those that are used stay longest', () => {
    const memory = new KnownTexts<{ of: string }>({ max: 10 });
    const others = Array.from({ length: 100 }, (_, i) => text(i));
    memory.set(text(-1), { of: text(-1) });
    for (const other of others) {
      memory.set(other, { of: other });
      expect(memory.get(text(-1))).toEqual({ of: text(-1) });
    }
    expect(known(memory, others)).toBe(9);
    expect(memory.get(text(0))).toBeUndefined();
  });

  test('are all kept until the bound is reached', () => {
    const memory = new KnownTexts<{ of: string }>({ max: 100 });
    const texts = Array.from({ length: 100 }, (_, i) => text(i));
    for (const one of texts) memory.set(one, { of: one });
    expect(known(memory, texts)).toBe(100);
  });

  test('are bounded by their bytes too', () => {
    const memory = new KnownTexts<{ of: string }>({ maxSize: 5 * (250 + 2 * text(10).length) });
    const texts = Array.from({ length: 10 }, (_, i) => text(i + 10));
    for (const one of texts) memory.set(one, { of: one });
    expect(known(memory, texts)).toBe(5);
    const long = 'x'.repeat(10 * text(10).length);
    memory.set(long, { of: long });
    expect([memory.get(long), known(memory, texts)]).toEqual([undefined, 5]);
  });

  test.each([100, 10_000, 1_000_000])(
    'are those of the very text: of %i characters with one changed anywhere',
    (length) => {
      const memory = new KnownTexts<{ of: string }>();
      const whole = 'x'.repeat(length);
      memory.set(whole, { of: whole });
      for (let at = 0; at < length; at += Math.ceil(length / 97)) {
        for (const unit of ['y', '\ud800', '\ufffd']) {
          expect(memory.get(`${whole.slice(0, at)}${unit}${whole.slice(at + 1)}`)).toBeUndefined();
        }
      }
      expect(memory.get('x'.repeat(length))).toEqual({ of: whole });
    },
  );
});

describe('a text with blanks and hyphens that editors make', () => {
  const literal = literalRule('phrase', 'project nightfall');
  const number = userPattern('number', '\\d{3}-\\d{2}-\\d{4}');
  const dash = userPattern('dash', '\u2013');
  const finder = () => new Finder([policy([literal, number, dash])], 'response');

  test('is searched for words and patterns as if they were plain, and for patterns that name them', async () => {
    expect(await found(finder(), 'project\u00a0\u00a0nightfall 123\u201145\u20116789 a\u2013b')).toEqual([
      'phrase project\u00a0\u00a0nightfall',
      'number 123\u201145\u20116789',
      'dash \u2013',
    ]);
    expect(await found(finder(), '123-45\u20136789')).toEqual(['number 123-45\u20136789', 'dash \u2013']);
  });

  test('shows nothing of a match while it grows', async () => {
    for (const gap of [' ', '  ', '\r\n  ', '\u00a0', '\u00a0\n\u2009']) {
      const text = `${filler}the project${gap}nightfall is 123\u201145\u20116789, no more`;
      const start = text.indexOf('project');
      const stream = finder();
      for (let end = filler.length; end <= text.length; end++) {
        const { findings, opens } = await growing(stream, 's', text.slice(0, end));
        const isWhole = findings.some(({ rule }) => rule === literal);
        expect(isWhole).toBe(end >= text.indexOf('nightfall') + 9);
        if (!isWhole && end > start) expect(firstOf(opens, end)).toBeLessThanOrEqual(start);
      }
    }
  });
});
