import { describe, expect, test } from 'vitest';
import { removePersonalData } from '../../src/detectors/remove.ts';

const wide = (sign: string) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0);

/** Ways to write a value, as programs, pages and those who disguise it do. */
const DISGUISES: readonly [string, (value: string) => string][] = [
  ['JSON within a string', (value) => JSON.stringify(value).slice(1, -1)],
  ['no-break spaces as escapes', (value) => value.replaceAll(' ', '\\u00a0')],
  ['no-break spaces as escapes of escapes', (value) => value.replaceAll(' ', '\\\\\\u00a0')],
  ['no-break spaces as entities', (value) => value.replaceAll(' ', '&nbsp;')],
  [
    'escapes',
    (value) =>
      value.replace(/./gsu, (sign) =>
        JSON.stringify(sign).length > 3 ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
      ),
  ],
  ['percent codes', encodeURIComponent],
  ['percent codes of percent codes', (value) => encodeURIComponent(encodeURIComponent(value))],
  ['entities', (value) => value.replace(/./gsu, (sign) => `&#${sign.codePointAt(0)};`)],
  ['entities in hex', (value) => value.replace(/./gsu, (sign) => `&#x${sign.codePointAt(0)?.toString(16)};`)],
  ['wide characters', (value) => value.replace(/[!-~]/g, wide)],
  ['characters between that cannot be seen', (value) => value.replace(/.(?=.)/gsu, '$&\u200b')],
  [
    'colours of a terminal',
    (value) => `${value.slice(0, 2)}\u001b[1;31m${value.slice(2, 5)}\u001b[m${value.slice(5)}`,
  ],
  ['tags', (value) => value.replace(/[ -~]/g, (sign) => String.fromCodePoint(0xe0000 + sign.charCodeAt(0)))],
];

const VALUES = [
  'dana.moreau+x@mail.example.com',
  '4111 1111 1111 1111',
  '378282246310005',
  'GB82 WEST 1234 5698 7654 32',
  'DE89370400440532013000',
  '123-45-6789',
  '+49 30 1234567',
  '203.0.113.7',
  '2001:db8:85a3::8a2e:370:7334',
];

describe('personal data in disguise', () => {
  test.each(DISGUISES)('as %s is removed, and nothing else', (_, disguise) => {
    for (const value of VALUES) {
      const written = disguise(value);
      for (const [before, after] of [
        ['', ''],
        ['to: ', ', please'],
        ['größer\\n', '\\nthen'],
        ['<', '>'],
        ['\\u003c', '\\u003e'],
        ['{\\"a\\":\\"', '\\",\\"b\\":\\"stays\\"}'],
        ['&lt;', '&gt;'],
        ['😀 ', ' 𝓱𝓲'],
      ]) {
        expect(removePersonalData(before + written + after)).toBe(`${before}[REDACTED]${after}`);
      }
    }
  });

  test('leaves JSON in JSON in JSON what it is', () => {
    const inner = {
      note: VALUES.map((value) => `Tel.:\u00a0<${value}>\n"${value}"`),
      path: 'C:\\new\\table',
    };
    const written = JSON.stringify(JSON.stringify(JSON.stringify(inner)));
    const clean = JSON.parse(JSON.parse(JSON.parse(removePersonalData(written))));
    expect(clean.path).toBe(inner.path);
    expect(clean.note).toEqual(VALUES.map(() => 'Tel.:\u00a0<[REDACTED]>\n"[REDACTED]"'));
  });
});

describe('personal data', () => {
  test.each([
    ['an e-mail address', 'dana.moreau+x@mail.example.com'],
    ['an e-mail address with umlauts', 'jürgen@exämple.de'],
    ['a card', '4111111111111111'],
    ['a card in groups', '4111 1111 1111 1111'],
    ['a card with hyphens', '5500-0000-0000-0004'],
    ['a card with dots', '6011.1111.1111.1117'],
    ['a card of 14 digits', '30569309025904'],
    ['a card of 15 digits', '378282246310005'],
    ['a card of 15 digits in groups', '3782 822463 10005'],
    ['a card of 19 digits', '6304 0000 0000 0000 000'],
    ['an IBAN', 'DE89370400440532013000'],
    ['an IBAN in groups', 'GB82 WEST 1234 5698 7654 32'],
    ['an IBAN in full groups', 'BE68 5390 0754 7034'],
    ['an IBAN in small letters', 'de89 3704 0044 0532 0130 00'],
    ['a social security number', '123-45-6789'],
    ['a social security number with blanks', '123 45 6789'],
    ['an international telephone number', '+49 30 1234567'],
    ['one with brackets', '+1 (415) 555-2671'],
    ['one without gaps', '+14155552671'],
    ['an American telephone number', '(415) 555-2671'],
    ['one with hyphens', '415-555-2671'],
    ['a French telephone number', '06 12 34 56 78'],
    ['a British telephone number', '020 7946 0958'],
    ['a German telephone number', '0171/1234567'],
    ['a card with no-break spaces', '4111\u00a01111\u00a01111\u00a01111'],
    ['a card with thin spaces', '4111\u20091111\u20091111\u20091111'],
    ['an IBAN with no-break spaces', 'GB82\u202fWEST\u202f1234\u202f5698\u202f7654\u202f32'],
    ['a social security number with hyphens that do not break', '123\u201145\u20116789'],
    ['a social security number with dashes', '123\u201345\u20136789'],
    ['a telephone number with a no-break space', '(415)\u00a0555\u20112671'],
    ['an IPv4 address', '203.0.113.7'],
    ['an IPv6 address', '2001:db8::8a2e:370:7334'],
    ['a short IPv6 address', 'fe80::1'],
    ['an IPv4 address in IPv6', '::ffff:203.0.113.7'],
  ])('%s is removed, and nothing else', (_, sample) => {
    for (const frame of [
      '%',
      'it is % now',
      'it is %.',
      '(%)',
      '"%"',
      '%, or',
      '%\n5 more',
      'number:\n%',
      'über %, dann',
      "{ to: '%' }",
      "u'%'",
      "it is '%, or",
    ]) {
      const text = frame.replace('%', () => sample);
      expect(removePersonalData(text)).toBe(frame.replace('%', '[REDACTED]'));
    }
    const json = JSON.stringify({ note: `first\n${sample}`, other: 'é' });
    expect(JSON.parse(removePersonalData(json))).toEqual({ note: 'first\n[REDACTED]', other: 'é' });
  });

  test('is removed without the signs beside a number', () => {
    expect(removePersonalData('12 4111 1111 1111 1111')).toBe('12 [REDACTED]');
    expect(removePersonalData('1234 4111 1111 1111 1111')).toBe('1234 [REDACTED]');
    expect(removePersonalData('4111 1111 1111 1111 123')).toBe('[REDACTED] 123');
    expect(removePersonalData('BE68 5390 0754 7034 CODE')).toBe('[REDACTED] CODE');
    expect(removePersonalData('a@b.example,c@d.example')).toBe('[REDACTED],[REDACTED]');
  });

  test.each([
    ['prose', 'Order 20931 costs 19.99 and arrives on Monday @ noon.'],
    ['a digest', '9764757c5b34ccbf20575dfc8fdcbfde19112241c920871b02b7121ba7e06f60'],
    ['a UUID', '3f2504e0-4f89-11d3-9a0c-0305e82c3301'],
    ['a number that fails the sum of cards', '4111 1111 1111 1112'],
    ['a time in milliseconds', '1795244878858'],
    ['a long decimal', '0.4111111111111111'],
    ['a number that fails the sum of IBANs', 'DE89370400440532013001'],
    ['numbers of no person', '000-12-3456, 666-12-3456, 123-00-4567'],
    ['dates and times', '2026-11-21T07:09:04Z, 01-02-2024, 2024/01/02, 12:30:45.123'],
    ['versions', 'v1.2.3.4, 1.2.3, 1.2.3.4.5'],
    ['code', 'std::vector<int> a[::2] A::B b::c @decorator pkg@1.2.3 image@2x.png x@y'],
    ['a sum', '1 + 2 = 3, +12, 300-400'],
  ])('%s is not removed', (_, text) => {
    expect(removePersonalData(text)).toBe(text);
  });

  test('is not removed from base64', () => {
    const base64 = `${'iVBORw0KGgo+4111111111111111/'.repeat(40)}==`;
    expect(removePersonalData(base64)).toBe(base64);
    expect(removePersonalData(`data:image/png;base64,${base64}`)).toBe(`data:image/png;base64,${base64}`);
  });
});
