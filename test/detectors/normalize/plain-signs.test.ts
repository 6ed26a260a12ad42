import { expect, test } from 'vitest';
import { withPlainSigns } from '../../../src/detectors/normalize/plain-signs.ts';

test('only blanks and hyphens are replaced, and each unit keeps its place', () => {
  const all = Array.from({ length: 65_536 }, (_, unit) => String.fromCharCode(unit)).join('');
  const plain = withPlainSigns(all);
  expect(plain.length).toBe(all.length);
  const changed = [...Array(all.length).keys()].filter((unit) => all[unit] !== plain[unit]);
  expect(new Set(changed.map((unit) => plain[unit]))).toEqual(new Set([' ', '-']));
  for (const unit of changed) expect(all[unit]).toMatch(/[\p{Zs}\p{Pd}\u2212]/u);
});

test.each(['', 'plain text', 'größer – nein', 'wide\u3000blank'])('%j is looked at once', (text) => {
  const plain = withPlainSigns(text);
  expect(withPlainSigns(plain)).toBe(plain);
});
