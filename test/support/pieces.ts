import { expect } from 'vitest';
import { PLAIN } from '../../src/detectors/normalize/view.ts';
import { ENTITIES } from '../../src/detectors/personal/index.ts';
import type { Finding, TextRule } from '../../src/detectors/rule.ts';
import { firstOf, Scanner, withoutCut } from '../../src/detectors/scan/scanner.ts';
import { userPattern } from '../../src/detectors/scan/user-pattern.ts';
import { HIGH_ENTROPY, SECRETS } from '../../src/detectors/secrets/index.ts';
import { Budget, inTurns, Turns } from '../../src/policies/budget.ts';
import { Finder, type Found } from '../../src/policies/finder.ts';
import { personalSamples } from './personal-samples.ts';
import { secretSamples } from './secret-samples.ts';

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

const ALL = [
  ...[...secretSamples].flatMap(([id, { finds, passes }]) =>
    [...finds, ...passes].map((text) => [id, text] as const),
  ),
  ...Object.entries(personalSamples).flatMap(([id, { finds, passes }]) =>
    [...finds, ...passes].map((text) => [id, text] as const),
  ),
  ...OWN.map(([source, text]) => [source, text] as const),
];

/** Texts in which some rule finds something, or nearly so: the rule, and the text. */
export const SAMPLES = [...new Map(ALL.map((sample) => [sample[1], sample])).values()];

const scanner = new Scanner(RULES);
const inWords = (text: string, findings: readonly { rule: TextRule; start: number; end: number }[]) =>
  findings.map(({ rule, start, end }) => `${rule.id} ${text.slice(start, end)}`).sort();

/** Reads a text as it grows by one character at a time, as a stream does, and expects what is found in the whole of it. */
export function expectSameInPieces(text: string): void {
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
  expect(inWords(text, sure), text).toEqual(inWords(text, scanner.scan(text).findings));
}

const finder = new Finder(
  [
    {
      texts: {
        rules: RULES,
        encoding: PLAIN,
        on: ['response'],
        reasonCode: 'found',
        decide: () => 'redact',
        replace: () => '*',
      },
    },
  ],
  'response',
);

/** Reads a text as it grows, and expects that nothing changes of what was decided before. */
export function expectSureInPieces(text: string, stream: string): void {
  const read = (part: string): Found => {
    const round = finder.round(stream);
    const found = inTurns(round.find(part, new Budget(new Turns(), 60_000))) as Found;
    round.keep();
    return found;
  };
  const named = ({ rule, start, end }: Finding) => `${rule.id} ${start} ${end}`;
  const whole = read(text).findings;
  const all = new Set(whole.map(named));
  for (let end = 1; end < text.length; end++) {
    const part = text.slice(0, end);
    const { findings, opens } = read(part);
    const decided = withoutCut(part, findings, firstOf(opens, end));
    const sure = findings.filter((finding) => finding.end <= decided).map(named);
    for (const one of sure) expect(all, part).toContain(one);
    for (const finding of whole)
      if (finding.start < decided)
        expect(sure, `${part} is decided up to ${decided}`).toContain(named(finding));
  }
}
