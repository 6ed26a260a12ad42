import { describe, expect, test } from 'vitest';
import { FAKE_BOUNDARIES, FAKE_DELIMITERS, INJECTIONS } from '../../src/detectors/injection/index.ts';
import { ENTITIES } from '../../src/detectors/personal/index.ts';
import { removePersonalData } from '../../src/detectors/remove.ts';
import { Scanner } from '../../src/detectors/scan/scanner.ts';
import { userPattern } from '../../src/detectors/scan/user-pattern.ts';
import { growth } from '../support/linear.ts';

describe('hostile text takes time in proportion to its length', () => {
  test.each([
    'ignore ',
    'ignore all the previous ',
    '"ignore previous instructions" attack ',
    'show me all of the ',
    '<|im_start|>system ',
    '</system>',
    '\nSystem: ',
    '![](https://a/?b=',
    'image conversation ',
    'send to the ',
    '忽略',
  ])('with the rules for prompt injection, made of %j', (piece) => {
    const scanner = new Scanner(
      [...INJECTIONS, ...FAKE_DELIMITERS, ...FAKE_BOUNDARIES].map(({ rule }) => rule),
    );
    expect(growth((text) => scanner.scan(text), piece)).toBeLessThan(3);
  });

  test.each([
    ...[
      'a',
      '1',
      '1 ',
      '4111 ',
      '4',
      '@',
      'a@',
      'a@a.',
      'a@a.aa',
      'a.',
      '1.',
      'a:',
      ':',
      'AB12 ',
      'AB12CD34',
    ],
    ...[
      '+1',
      '0',
      '01 ',
      '(',
      '-',
      '1-',
      '1A1zP1eP5QGefi2DMPTfTL5SLmv7Div ',
      'bc1q',
      '0x0',
      'mrn ',
      'cvv ',
      '00:',
    ],
  ])('with the rules for personal data, made of %j', (piece) => {
    const scanner = new Scanner(ENTITIES.flatMap(({ rules }) => rules));
    expect(growth((text) => scanner.scan(text), piece)).toBeLessThan(3);
    expect(growth((text) => removePersonalData(`!${text} @ : 1`), piece)).toBeLessThan(3);
  });

  test.each([
    ['(a+)+$', 'a'],
    ['(a|aa)+$', 'a'],
    ['([a-z]+)*\\d', 'a'],
    ['(.*)(.*)(.*)x$', 'a'],
    ['^(\\w+\\s?)*!$', 'word '],
    ['[a-z ]{1,30}[0-9]', 'a '],
  ])('with %s, a pattern of a user', (source, piece) => {
    const rule = userPattern('x', source);
    expect(growth((text) => rule.sweep(`${text}!`, 0, text.length + 1), piece, 60_000)).toBeLessThan(3);
    // The end of a text is looked at alone, so that its length is nothing to it
    rule.openFrom(`${piece.repeat(100_000)}!`, 0);
  });

  test.each([
    ['TOKEN-\\w+', 'TOKEN-', 'a'],
    ['\\w+', '', 'a'],
    ['[a-z]+$', '', 'a'],
    ['\\bPROJ-[\\w-]+', '', 'PROJ-'],
  ])('with %s, a pattern of a user read in slices', (source, start, piece) => {
    const inSlices = (text: string) => {
      const rule = userPattern('x', source);
      for (let from = 0; from < text.length; from += 2048) {
        rule.sweep(text, from, Math.min(text.length, from + 2048));
      }
    };
    expect(growth((text) => inSlices(`${start}${text}!`), piece, 300_000)).toBeLessThan(3);
  });
});
