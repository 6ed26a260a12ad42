import { describe, expect, test } from 'vitest';
import { FAKE_BOUNDARIES, FAKE_DELIMITERS, INJECTIONS } from '../../src/detectors/injection/index.ts';
import { ENTITIES } from '../../src/detectors/personal/index.ts';
import { anchoredRule } from '../../src/detectors/rule.ts';
import { HIGH_ENTROPY, SECRETS, VIRTUAL_KEY } from '../../src/detectors/secrets/index.ts';

const injections = [...INJECTIONS, ...FAKE_DELIMITERS, ...FAKE_BOUNDARIES].map(({ rule }) => rule);
const personal = ENTITIES.flatMap(({ rules }) => rules);

describe('the rules, which make their expressions lazily', () => {
  test.each([
    ['injections', injections],
    ['secrets', [...SECRETS, ...HIGH_ENTROPY, VIRTUAL_KEY]],
    ['personal data', personal],
  ])('for %s have expressions that can be made, with bounded quantifiers', (_, rules) => {
    expect(rules.length).toBeGreaterThan(20);
    for (const rule of rules) {
      expect(rule.reach(), rule.id).toBeGreaterThan(0);
      for (const anchor of rule.anchors) expect(() => rule.match(`${anchor} `.repeat(3), 0)).not.toThrow();
    }
  });

  test('refuse an expression without a bound', () => {
    const rule = anchoredRule({ id: 'x', anchors: ['x'], pattern: 'x[a-z]*' });
    expect(() => rule.reach()).toThrow('a quantifier has no bound: [a-z]*');
  });
});
