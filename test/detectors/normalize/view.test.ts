import { describe, expect, test } from 'vitest';
import { PLAIN, viewInTurns, viewOf } from '../../../src/detectors/normalize/view.ts';
import { editedText } from '../../../src/guardrail/edit.ts';
import { growth } from '../../support/linear.ts';
import { randomFrom } from '../../support/random.ts';

const plain = (text: string, undone = {}) => viewOf(text, { ...PLAIN, ...undone }).text;
const hex = (letter: string, digits: number) => letter.codePointAt(0)!.toString(16).padStart(digits, '0');

describe('the view', () => {
  test.each([
    ['a\u00a0b\u2003c\u3000d\u202fe\u2028f', 'a b c d e\nf'],
    ['10\u201120\u201330\u221240', '10-20-30-40'],
    ['10\u201420 and\u201430', '10-20 and\u201430'],
    ['\u201cyes\u201d \u2018no\u2019 \u00abja\u00bb it\u2019s \uff02', '"yes" \'no\' "ja" it\'s "'],
    ['ｆｕｌｌ　ｗｉｄｔｈ：４２', 'full width:42'],
    ['𝓱𝒆𝕝𝗅𝚘 ﬁne Ⓗ ㎏', 'hello fine H kg'],
    ['٤١١١ ४२', '4111 42'],
    ['①4 ①② x² H₂O', '①4 12 x² H₂O'],
    ['h\u200be\u00adl\u2060l\ufeffo', 'hello'],
    ['hi \u{e0068}\u{e0069}', 'hi hi'],
    ['😀\u{e0158}\u{e0159} 葛\u{e0100}', '😀hi 葛'],
    ['s\u0336e\u0332n\u0338d 4\ufe0f\u20e31\ufe0f\u20e3', 'send 41'],
    ['%u0040 &#000064; &#x0040', '@ @ @'],
    ['раураl', 'paypal'],
    ['\u001b[01;31m\u001b[Kada\u001b[m\u001b[K@example.com \\u001b[0m\u0000', 'ada@example.com '],
    ['crème brûlée', 'crème brûlée'],
    ['4\u03015\u0301\u03023\uff19\u0301 -\u0301 e\u0301', '4539 - e\u0301'],
    [String.raw`ghp\_a1 EMP\-48 \*x\* a\@b`, 'ghp_a1 EMP-48 *x* a@b'],
    ['https://x.example/?q=project+nightfall#a+b', 'https://x.example/?q=project nightfall#a+b'],
    ['card=4539+5787+6362+1486&exp=12%2F27', 'card=4539 5787 6362 1486&exp=12/27'],
    ['a=1&phone=%2B49+30+901820555', 'a=1&phone=+49 30 901820555'],
    ['"text=Projekt+%C3%9Cber"', '"text=Projekt Über"'],
    ['?phone=+49+30+901820555&x', '?phone=+49 30 901820555&x'],
    ['frühеren précédеntes übеrflüssig', 'früheren précédentes überflüssig'],
    ['instrucciόn lӧschen naїve', 'instrucción löschen naïve'],
    ['a\u0085b\u3164c\u115fd', 'a\nb c d'],
    ['x² ¹²³ ⁴⁵³⁹', 'x² 123 4539'],
    ['fr&uuml;her &Uuml;bersee stra&szlig;e&numsp;a&ThinSpace;b&NewLine;', 'früher Übersee straße a b\n'],
    ['fr&uumlher 4539&nbsp5787 ?a=1&copy=2&section;', 'früher 4539 5787 ?a=1&copy=2&section;'],
    [encodeURIComponent('日本語'.repeat(60)), '日本語'.repeat(60)],
    [`%20${encodeURIComponent('дом'.repeat(90))}`, ` ${'дом'.repeat(90)}`],
    ['x\\u00a0y\\u003cz', 'x y<z'],
    ['{\\"a\\":\\"b\\\\nc\\\\\\/d\\"}', '{"a":"b\nc/d"}'],
    ['\\\\\\\\u0040 \\x40 \\u{40} \\U00000040', '@ @ @ @'],
    ['\\ud83d\\ude00 \\ud835\\udc00', '😀 A'],
    ['ada%40example.com?q=%E2%82%AC%20%e2', 'ada@example.com?q=€ %e2'],
    ['%2540 %25%34%30', '@ @'],
    ['%ff%c0%80%ed%a0%80%f5', '%ff%c0%80%ed%a0%80%f5'],
    ['&lt;a&#64;b&#x40;c&gt;&nbsp;&amp;#64;&amp', '<a@b@c> @&'],
    ['&unknown; &#x110000; &lt=1', '&unknown; &#x110000; &lt=1'],
    ['%26%2364%3B %5Cu0040', '@ @'],
  ])('of %j is %j', (text, expected) => {
    expect(plain(text)).toBe(expected);
    expect(plain(expected)).toBe(expected);
  });

  test.each(['日本語のテキストを', ' 😀Привет', '%é'])(
    'of many percent codes of %j is as long a text',
    (text) => {
      const long = text.repeat(100);
      expect(plain(encodeURIComponent(long))).toBe(long);
    },
  );

  test.each([
    '',
    'Hello world, 12 of 3rd floor at 10:30!',
    String.raw`/^\d{3}-\w+\s*$/ and "%s: %d %5.2f" && a & b`,
    String.raw`C:\Users\Ada\Documents`,
    'https://example.com/a?b=1&c=2#d',
    'Zażółć gęślą jaźń, größer, naïve, ½ × ²',
    'ışığı fülløst Đường',
    'её ёё и рос',
    'const a=b+c; x=a+b+c; y=i+1&&z; if(a==b+c) "a"+b+"c" phone=+4930901820555 i=+1',
    '+49 30 901820555, 1+1=2, 2+3+4=9, 4111+1111&5',
    'https://x.example/?data=SGVsbG8+V29ybGQhIEhlbGxv+ZWFzdHBhbmts&a=1',
    String.raw`\alpha \[x\] C:\Users\Ada`,
    'Όταν από το ό',
    'пример текста',
    'У него сор и роса, а с ухом хорошо',
    'Η ουσία του κόσμου',
    '你好世界 こんにちは 안녕하세요 ㅋㅋㅋ',
    'שלום नमस्ते สวัสดี',
    '😀👍 → ✓',
  ])('of %j is the very same text', (text) => {
    const view = viewOf(text, PLAIN);
    expect(view.text).toBe(text);
    expect(view.original({ start: 0, end: text.length })).toEqual({ start: 0, end: text.length });
  });

  test('undoes a character wherever it stands', () => {
    for (let unit = 0; unit < 0x1_0000; unit++) {
      const letter = String.fromCharCode(unit);
      const alone = plain(letter, { detectsHomoglyphs: false });
      if (alone === letter) continue;
      const far = plain(`\u00a0${'x'.repeat(40)}${letter}${'y'.repeat(40)}`, { detectsHomoglyphs: false });
      expect(far).toBe(` ${'x'.repeat(40)}${alone}${'y'.repeat(40)}`);
    }
  });

  test('undoes only what is asked for', () => {
    const text = 'ｆ раураl \\u0040';
    expect(plain(text, { normalizesUnicode: false })).toBe('ｆ paypal @');
    expect(plain(text, { detectsHomoglyphs: false })).toBe('f раураl @');
    expect(plain(text, { decodesEscapes: false })).toBe('f paypal \\u0040');
  });
});

/** Ways to write a letter so that it is the same in the view. */
const DISGUISES: readonly ((letter: string) => string)[] = [
  (letter) => letter,
  (letter) => letter,
  (letter) => `\\u${hex(letter, 4)}`,
  (letter) => `\\\\\\u${hex(letter, 4).toUpperCase()}`,
  (letter) => `\\x${hex(letter, 2)}`,
  (letter) => `\\u{${hex(letter, 2)}}`,
  (letter) => `%${hex(letter, 2)}`,
  (letter) => `%25${hex(letter, 2)}`,
  (letter) => `&#${letter.charCodeAt(0)};`,
  (letter) => `&#x${hex(letter, 2)};`,
  (letter) => `&amp;#${letter.charCodeAt(0)};`,
  (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0),
  (letter) => `\\u${(letter.charCodeAt(0) + 0xfee0).toString(16)}`,
  (letter) => encodeURIComponent(String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
  (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xe0000),
];
const INVISIBLE = ['\u200b', '\u2060', '\u00ad', '\\u200b', '%E2%80%8B', '&#8203;', '\u{e0001}', '\u001b[1m'];
/** Surroundings of a value; none of it joins a code. */
const NEIGHBOURS = [
  'plain words ',
  'größer ',
  'x\u00a0y ',
  '\\n',
  '\\\\"',
  '😀',
  '\\ud83d\\ude00',
  '%20',
  '%ff ',
  '&nbsp;',
  '&lt;',
  'ﬁ ',
  '〇 ',
  '\u200b ',
  'пример ',
  '"',
  '\n',
  '𝓱 ',
];
/** Codes that are cut or broken, or text that looks like the beginning of a code. */
const CUT = [
  '\\',
  '\\u00',
  '\\u{',
  '%',
  '%e2%8',
  '&',
  '&#6',
  '&am',
  '\ud83d',
  '\ude00',
  'а',
  '①',
  '—',
  '#',
  '4',
];
const VALUE = '4111-Secret@Word_77';

const { below, pick } = (() => {
  const random = randomFrom(12);
  const count = (limit: number) => Math.floor(random() * limit);
  return { below: count, pick: <Item>(items: readonly Item[]): Item => items[count(items.length)]! };
})();
const many = (items: readonly string[], most: number) =>
  Array.from({ length: below(most + 1) }, () => pick(items)).join('');

/** The value as it may be disguised: what shows nothing only between its letters. */
function disguised(value: string): string {
  const letters = [...value].map((letter) => pick(DISGUISES)(letter));
  return letters.reduce((text, letter) => text + (below(8) === 0 ? pick(INVISIBLE) : '') + letter);
}

describe('the way back', () => {
  test('gives exactly what stands for a value, whatever stands round it', () => {
    for (let i = 0; i < 4000; i++) {
      const before = many(NEIGHBOURS, 4);
      const written = disguised(VALUE);
      const after = many(NEIGHBOURS, 4);
      const text = before + written + after;
      const view = viewOf(text, PLAIN);
      const start = view.text.indexOf(VALUE);
      expect(start, JSON.stringify(text)).toBeGreaterThanOrEqual(0);
      const span = view.original({ start, end: start + VALUE.length });
      expect(text.slice(span.start, span.end), JSON.stringify(text)).toBe(written);
      expect(editedText(text, [{ ...span, text: '[REDACTED]' }])).toBe(`${before}[REDACTED]${after}`);
      expect(view.text.slice(view.viewed(span.start), view.viewed(span.end))).toContain(VALUE);
    }
  });

  test('gives it in long texts too, which are undone in slices', () => {
    for (let i = 0; i < 5; i++) {
      const parts: string[] = [];
      const values: { start: number; end: number }[] = [];
      let length = 0;
      const add = (part: string) => {
        parts.push(part);
        length += part.length;
      };
      while (length < 200_000) {
        for (let n = below(2000); n > 0; n--) add(pick(NEIGHBOURS));
        const start = length;
        add(disguised(VALUE));
        values.push({ start, end: length });
      }
      const text = parts.join('');
      const view = viewOf(text, PLAIN);
      let at = 0;
      for (const value of values) {
        at = view.text.indexOf(VALUE, at);
        expect(view.original({ start: at, end: at + VALUE.length })).toEqual(value);
        at += VALUE.length;
      }
    }
  });

  test('never splits a code point or a code, and keeps the order of things', () => {
    for (let i = 0; i < 5000; i++) {
      const text = many([...NEIGHBOURS, ...CUT, ...INVISIBLE, disguised(VALUE)], 8);
      const view = viewOf(text, PLAIN);
      let last = 0;
      for (let at = 0; at < view.text.length; at++) {
        const { start, end } = view.original({ start: at, end: at + 1 });
        expect(end, JSON.stringify(text)).toBeGreaterThan(start);
        expect(start, JSON.stringify(text)).toBeGreaterThanOrEqual(last);
        expect(
          /^[\udc00-\udfff]/.test(text.slice(start)) && /[\ud800-\udbff]$/.test(text.slice(0, start)),
        ).toBe(false);
        last = start;
        const rest = view.original({ start: at, end: view.text.length });
        expect(rest.start).toBe(start);
        expect(view.viewed(start)).toBeLessThanOrEqual(at);
      }
      expect(view.original({ start: 0, end: view.text.length }).end).toBeLessThanOrEqual(text.length);
    }
  });
});

describe('a text that grows', () => {
  test('keeps its view before the place from which on it is open', () => {
    for (let i = 0; i < 3000; i++) {
      const text = many([...NEIGHBOURS, ...CUT, ...INVISIBLE, disguised('@a1'), 'раура'], 8);
      const whole = viewOf(text, PLAIN);
      for (let length = 0; length <= text.length; length++) {
        const { open, viewed, ...begun } = growing(text.slice(0, length));
        expect(open).toBeLessThanOrEqual(length);
        const decided = begun.text.slice(0, viewed(open));
        expect(whole.text.slice(0, decided.length), JSON.stringify([text, length])).toBe(decided);
        expect(whole.viewed(open), JSON.stringify([text, length])).toBe(decided.length);
      }
    }
  });

  const growing = (text: string) => {
    const view = viewOf(text, PLAIN);
    return { text: view.text, open: view.open, viewed: (at: number) => view.viewed(at) };
  };

  test('has the same view from some place on', () => {
    for (let i = 0; i < 200; i++) {
      const text = many([...NEIGHBOURS, ...INVISIBLE, disguised(VALUE)], 2000);
      const from = viewOf(text.slice(0, below(text.length)), PLAIN).open;
      const whole = viewOf(text, PLAIN);
      const part = viewOf(text, PLAIN, from);
      expect(part.text.slice(part.viewed(from))).toBe(whole.text.slice(whole.viewed(from)));
      const start = part.text.indexOf(VALUE, part.viewed(from));
      if (start < 0) continue;
      const other = whole.text.indexOf(VALUE, whole.viewed(from));
      expect(part.original({ start, end: start + VALUE.length })).toEqual(
        whole.original({ start: other, end: other + VALUE.length }),
      );
    }
  });
});

/** Letters, signs and pieces of codes that make all kinds of codes, whole and broken, when they come together by chance. */
const PIECES =
  'a|B| |\n|\\|\\\\|n|u|0|4|1|x|%|25|40|&|#|amp;|amp|lt|; |é|ж|а|о|е|р|ａ|①|②|—|9|\u200b|\u00a0|\ud83d|\ude00|\ud835|\udc00|𝓱|\u{e0041}|\u001b|[|31m|%e2|%82|%ac|?a=|a+b|+c|+%41|&q=|=|+|\u0301|_|ü|ё|ό|uml;|&u|nbsp|\\u00|\\ud83d|{|}|U0001F600|ᴀ|“|ﬁ|\u0336|word |раура|дом |\\u0040|%41|&#65;'.split(
    '|',
  );

describe('a text of chance', () => {
  test('shows, while it grows, what the view of the whole shows', () => {
    for (let i = 0; i < 3000; i++) {
      const text = many(PIECES, 60);
      const whole = viewOf(text, PLAIN).text;
      let done = 0;
      let shown = '';
      for (let end = 0; end < text.length; ) {
        end = Math.min(text.length, end + 1 + below(7));
        const view = viewOf(text.slice(0, end), PLAIN, done);
        if (view.open <= done) continue;
        shown += view.text.slice(view.viewed(done), view.viewed(view.open));
        done = view.open;
        expect(whole.slice(0, shown.length), JSON.stringify([text, end])).toBe(shown);
      }
    }
  });

  test('has the same view wherever it is cut into slices', () => {
    const filler = 'x '.repeat(33_000);
    for (let i = 0; i < 300; i++) {
      const text = many(PIECES, 400);
      const before = filler.slice(0, 65_536 - (below(text.length) & ~1));
      const [alone, behind] = [viewOf(text, PLAIN), viewOf(before + text, PLAIN)];
      expect(behind.text.slice(before.length), JSON.stringify(text)).toBe(alone.text);
      expect(behind.open).toBe(before.length + alone.open);
      const start = below(alone.text.length);
      const { length } = before;
      const span = alone.original({ start, end: start + 5 });
      expect(behind.original({ start: length + start, end: length + start + 5 })).toEqual({
        start: length + span.start,
        end: length + span.end,
      });
    }
  });
});

describe('hostile text', () => {
  test.each([
    ['backslashes', '\\'],
    ['escapes', '\\u0041'],
    ['escaped line ends', '\\n'],
    ['percent codes', '%41'],
    ['first bytes', '%e2'],
    ['nested percent codes', '%25'],
    ['entities', '&amp;'],
    ['entities that are none', '&abcdefghijklmnop;'],
    ['parameters', '?a=b+c'],
    ['blanks of forms', 'a+'],
    ['values', '=a+b+c&'],
    ['accents', '\u0301'],
    ['signs of markdown', '\\_'],
    ['beginnings of entities', '&#'],
    ['no-break spaces', '\u00a0'],
    ['zero-width characters', '\u200b'],
    ['ligatures', '\ufb03'],
    ['letters of mathematics', '𝓱'],
    ['tags', '\u{e0041}'],
    ['lone surrogates', '\ud800'],
    ['numbers in rings', '①'],
    ['dashes', '—'],
    ['a long word of look-alikes', 'а'],
    ['words of look-alikes', 'ааааа '],
    ['one Latin letter in a long word', `${'ж'.repeat(100)}a`],
  ])('of %s costs linear time, in short turns', (_, piece) => {
    expect(growth((text) => viewOf(text, PLAIN), piece, 500_000)).toBeLessThan(4);
    let turns = 0;
    const text = piece.repeat(1_000_000 / piece.length);
    for (const _ of viewInTurns(text, PLAIN)) turns++;
    expect(turns).toBeGreaterThan(10);
  });
});
