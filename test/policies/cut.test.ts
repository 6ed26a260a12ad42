import { describe, expect, test } from 'vitest';
import { ENTITIES } from '../../src/detectors/personal/index.ts';
import type { TextRule } from '../../src/detectors/rule.ts';
import { createScanner, withoutCut } from '../../src/detectors/scan/scanner.ts';
import { userPattern } from '../../src/detectors/scan/user-pattern.ts';
import { HIGH_ENTROPY, SECRETS } from '../../src/detectors/secrets/index.ts';
import { personalSamples } from '../support/personal-samples.ts';
import { marked, secretSamples } from '../support/secret-samples.ts';

const OWN = [
  ['EMP-\\d{6}', 'EMP-123456'],
  ['(?i)order\\s+no\\.?\\s*[A-Z]{2}\\d+', 'Order  No. ab1234'],
  ['[a-z]+@corp', 'someone@corp'],
  ['"secret":\\s*"[^"]*"', '"secret": "what it is"'],
] as const;

const RULES: readonly TextRule[] = [
  ...new Set([
    ...SECRETS,
    ...HIGH_ENTROPY,
    ...ENTITIES.flatMap(({ rules }) => rules),
    ...OWN.map(([source], i) => userPattern(`own-${i}`, source)),
  ]),
];

const SAMPLES = [
  ...[...secretSamples].flatMap(([id, { finds, passes }]) =>
    [...finds, ...passes].map((text) => [id, text] as const),
  ),
  ...Object.entries(personalSamples).flatMap(([id, { finds, passes }]) =>
    [...finds, ...passes].map((text) => [id, text] as const),
  ),
  ...OWN.map(([source, text]) => [source, text] as const),
];

const AROUND: readonly (readonly [string, string])[] = [
  ['', ''],
  ['the one: ', ' and more'],
  ['("', '"), 12 of 3'],
  ['\n', '\n\nand then, 4 days later'],
  ['x=', '.'],
  ['— ', ' — 😀'],
];

describe('a text that comes in pieces is read as it is read whole', () => {
  const scanner = createScanner(RULES);
  const inWords = (text: string, findings: readonly { rule: TextRule; start: number; end: number }[]) =>
    findings.map(({ rule, start, end }) => `${rule.id} ${text.slice(start, end)}`).sort();

  test.each(
    [...new Map(SAMPLES.map((sample) => [sample[1], sample])).values()].map(
      ([id, text], i) => [id, i, text] as const,
    ),
  )('%s, sample %i', (_, __, sample) => {
    for (const [before, after] of AROUND) {
      const text = `${before}${marked(sample).text}${after}`;
      const sure: { rule: TextRule; start: number; end: number }[] = [];
      let decided = 0;
      for (let end = 1; end <= text.length; end++) {
        const part = text.slice(0, end);
        const goesOn = end < text.length;
        const { findings, open } = scanner.scan(part, { from: decided }, goesOn);
        const next = goesOn ? withoutCut(part, findings, open) : end;
        sure.push(...findings.filter((finding) => finding.end <= next));
        decided = next;
      }
      expect(inWords(text, sure), JSON.stringify([before, after])).toEqual(
        inWords(text, scanner.scan(text).findings),
      );
    }
  });
});
