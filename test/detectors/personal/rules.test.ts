import { describe, expect, test } from 'vitest';
import { PLAIN, viewOf } from '../../../src/detectors/normalize/view.ts';
import { ENTITIES, PERSONAL_DATA } from '../../../src/detectors/personal/index.ts';
import type { AnchoredRule } from '../../../src/detectors/rule.ts';
import { Scanner } from '../../../src/detectors/scan/scanner.ts';
import { editedText } from '../../../src/guardrail/edit.ts';
import { personalSamples } from '../../support/personal-samples.ts';
import { marked } from '../../support/secret-samples.ts';

/** The text with the id of what was found in place of it. */
function relabelled(rules: readonly AnchoredRule[], text: string): string {
  const view = viewOf(text, PLAIN);
  const { findings } = new Scanner(rules).scan(view.text);
  return editedText(
    text,
    findings.map((finding) => ({ ...view.original(finding), text: `[${finding.rule.id}]` })),
  );
}

const kebab = (name: string) => name.toLowerCase().replaceAll('_', '-');
const all = ENTITIES.flatMap(({ rules }) => rules);
const samplesOf = (name: string) => personalSamples[name] ?? { finds: [], passes: [] };

describe('the rules for personal data', () => {
  test('are named after their entities, and have samples of both kinds', () => {
    for (const { name, rules } of ENTITIES) {
      expect(new Set(rules.map(({ id }) => id))).toEqual(new Set([kebab(name)]));
      expect(samplesOf(name).finds.length, name).toBeGreaterThan(0);
      expect(samplesOf(name).passes.length, name).toBeGreaterThan(0);
    }
    expect(Object.keys(personalSamples)).toEqual(ENTITIES.map(({ name }) => name));
  });

  test('look a bounded way ahead', () => {
    for (const rule of all) expect(rule.reach()).toBeLessThan(2000);
  });

  describe.each(ENTITIES.map(({ name, rules }) => ({ name, rules })))('$name', ({ name, rules }) => {
    const { finds, passes } = samplesOf(name);
    const marker = `[${kebab(name)}]`;

    test.each(finds)('%s is found, and nothing else', (sample) => {
      const { text, start, end } = marked(sample);
      const expected = text.slice(0, start) + marker + text.slice(end);
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
      ]) {
        const framed = frame.replace('%', () => text);
        expect(relabelled(rules, framed)).toBe(frame.replace('%', () => expected));
      }
    });

    test.each(finds)('%s is found in JSON within a string', (sample) => {
      const json = JSON.stringify(JSON.stringify({ note: `first\n${marked(sample).text}`, other: 'é' }));
      const marks = relabelled(rules, json);
      expect(marks.split(marker)).toHaveLength(2);
      expect(() => JSON.parse(JSON.parse(marks))).not.toThrow();
    });

    test.each(passes)('%s is not found', (text) => {
      expect(relabelled(rules, text)).toBe(text);
    });

    test.each(finds)('%s is held back wherever its text is cut', (sample) => {
      const { text: own, start, end: last } = marked(sample);
      const text = `so ${own}`;
      const scanner = new Scanner(rules);
      for (let end = start + 4; end <= last + 3; end++) {
        expect(scanner.scan(text.slice(0, end), {}, true).open, text.slice(0, end)).toBeLessThanOrEqual(
          start + 3,
        );
      }
      const goesOn = `${text}, and so on.${' And on.'.repeat(200)} `;
      expect(scanner.scan(goesOn, {}, true).open).toBe(goesOn.length);
    });
  });

  test('leave the signs beside a number alone', () => {
    const marks = (text: string) => relabelled(PERSONAL_DATA, text);
    expect(marks('12 4111 1111 1111 1111')).toBe('12 [credit-card]');
    expect(marks('1234 4111 1111 1111 1111')).toBe('1234 [credit-card]');
    expect(marks('4111 1111 1111 1111 123')).toBe('[credit-card] 123');
    expect(marks('4111 1111 1111 1111 5500 0000 0000 0004')).toBe('[credit-card] [credit-card]');
    expect(marks('1,4111111111111111,5500000000000004')).toBe('1,[credit-card],[credit-card]');
    expect(marks('Ada: 123 45 6789, Bo: 999 88 1234')).toBe('Ada: [us-ssn], Bo: [us-itin]');
    expect(marks('BE68 5390 0754 7034 CODE')).toBe('[iban-code] CODE');
    expect(marks('a@b.example,c@d.example')).toBe('[email-address],[email-address]');
    expect(marks('415-555-2671 and (415) 555-2672')).toBe('[phone-number] and [phone-number]');
  });

  test.each([
    ['prose', 'Order 20931 costs 19.99 and arrives on Monday @ noon. Call 112; room 4711.'],
    ['a digest', '9764757c5b34ccbf20575dfc8fdcbfde19112241c920871b02b7121ba7e06f60'],
    ['a UUID', '3f2504e0-4f89-11d3-9a0c-0305e82c3301'],
    ['dates and times', '2026-11-21T07:09:04Z, 01-02-2024, 2024/01/02, 12:30:45.123'],
    ['code', 'std::vector<int> a[::2] A::B b::c @decorator pkg@1.2.3 image@2x.png x@y 0xdeadbeef'],
    ['a number in seconds', '1795244878, 1234567893'],
  ])('leave %s alone', (_, text) => {
    expect(relabelled(PERSONAL_DATA, text)).toBe(text);
  });
});
