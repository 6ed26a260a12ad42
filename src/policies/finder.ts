import { plainVariants } from '../detectors/normalize/plain.ts';
import type { Finding, TextRule } from '../detectors/rule.ts';
import { createScanner, firstOf, type Open, withoutCut } from '../detectors/scan/scanner.ts';
import type { InputType } from '../guardrail/call.ts';
import { type Budget, SLICE } from './budget.ts';
import { type Cleared, createCleared } from './cleared.ts';
import type { Policy, TextPolicy } from './policy.ts';

/** What was found in one text. */
export type Found = {
  readonly findings: readonly Finding[];
  /** What it says once encodings and look-alike letters are undone; there are no places for these. */
  readonly plain: readonly TextRule[];
  /** What the end of the text may cut off. */
  readonly opens: readonly Open[];
  /** Whether it goes on with what was read before under its name. */
  readonly goesOn: boolean;
};

export type Finder = {
  /** What stands in one text of a call. @throws OutOfTime */
  find(text: string, budget: Budget): Promise<Found>;
  /** As `find` for a text that grows from call to call, known by a name: only what is new is looked at. */
  findOn(stream: string, text: string, budget: Budget): Promise<Found>;
};

/** So much of the slice before is looked at again for what disguises hide. */
const OVERLAP = 2048;

const ALL = { decodes: true, normalizes: true, homoglyphs: true };

const NOTHING: Found = { findings: [], plain: [], opens: [], goesOn: false };

/** More findings than this in one text are looked for again rather than kept. */
const MAX_KEPT = 100;

/** Looks for the rules of all policies that judge texts in one direction, in one pass. */
export function createFinder(policies: readonly Policy[], direction: InputType): Finder {
  const texts = policies.flatMap((policy) => (policy.texts?.on.includes(direction) ? policy.texts : []));
  if (texts.length === 0) return { find: async () => NOTHING, findOn: async () => NOTHING };
  const scanner = createScanner([...new Set(texts.flatMap(({ rules }) => rules))]);
  const plain = createPlainFinder(texts);
  const known: Cleared<Found> = createCleared();
  const streams: Cleared<{ decided: number; key: string; findings: readonly Finding[] }> = createCleared({
    max: 5000,
  });

  async function scan(text: string, start: number, goesOn: boolean, budget: Budget): Promise<Found> {
    const findings: Finding[] = [];
    const inPlain = new Set<TextRule>();
    const opens: Open[] = [];
    for (let from = start; from < text.length; from += scanner.slice) {
      const to = Math.min(from + scanner.slice, text.length);
      const found = scanner.scan(text, { from, to, floor: start }, goesOn);
      for (const finding of found.findings) findings.push(finding);
      for (const open of found.opens) opens.push(open);
      budget.found(found.findings.length);
      const others = budget.spend(((to - from) * SLICE) / scanner.slice);
      if (others !== undefined) await others;
    }
    for (let from = start; plain !== undefined && from < text.length; from += SLICE) {
      const to = Math.min(from + SLICE, text.length);
      await plain(text.slice(Math.max(0, from - OVERLAP), to), inPlain, budget);
      const others = budget.spend(to - from);
      if (others !== undefined) await others;
    }
    return { findings, plain: [...inPlain], opens, goesOn: false };
  }

  return {
    async find(text, budget) {
      const key = text.length > SLICE ? await known.keyOfLong(text, budget) : known.keyOf(text);
      const before = key === undefined ? undefined : known.get(key);
      if (before !== undefined) {
        budget.found(before.findings.length);
        return before;
      }
      const found = await scan(text, 0, false, budget);
      if (key !== undefined && found.findings.length <= MAX_KEPT) known.set(key, found);
      return found;
    },
    async findOn(stream, text, budget) {
      const before = streams.get(stream);
      const isLonger = before !== undefined && text.length >= before.decided;
      const isSame = isLonger && known.keyOf(text.slice(0, before.decided)) === before.key;
      if (isSame) budget.found(before.findings.length);
      const found = await scan(text, isSame ? before.decided : 0, true, budget);
      const findings = isSame ? [...before.findings, ...found.findings] : found.findings;
      const first = Math.max(isSame ? before.decided : 0, firstOf(found.opens, text.length));
      const decided = withoutCut(text, found.findings, first);
      const key = known.keyOf(text.slice(0, decided));
      const kept = findings.filter(({ end }) => end <= decided);
      if (key !== undefined && kept.length <= MAX_KEPT) streams.set(stream, { decided, key, findings: kept });
      return { ...found, findings, goesOn: isSame };
    },
  };
}

/** Looks for what disguises hide. */
function createPlainFinder(policies: readonly TextPolicy[]) {
  const finders = policies.flatMap(({ rulesForPlain, plain }) =>
    rulesForPlain === undefined ? [] : [{ scanner: createScanner(rulesForPlain), use: plain ?? ALL }],
  );
  if (finders.length === 0) return undefined;
  return async (text: string, found: Set<TextRule>, budget: Budget) => {
    for (const { scanner, use } of finders) {
      for (const variant of plainVariants(text, use)) {
        for (let from = 0; from < variant.length; from += scanner.slice) {
          const to = Math.min(from + scanner.slice, variant.length);
          for (const { rule } of scanner.scan(variant, { from, to, floor: 0 }).findings) found.add(rule);
          const others = budget.spend(((to - from) * SLICE) / scanner.slice);
          if (others !== undefined) await others;
        }
      }
    }
  };
}
