import type { Finding, TextRule } from '../detectors/rule.ts';
import { firstOf, withoutCut } from '../detectors/scan/scanner.ts';
import type { GuardrailCall, Passage } from '../guardrail/call.ts';
import { editedText, heldBackChars } from '../guardrail/edit.ts';
import { jsonNumbers } from '../guardrail/json-numbers.ts';
import type { Budget, Work } from './budget.ts';
import type { Found } from './finder.ts';
import type { Rest } from './joints.ts';
import type { Markers, PlacedEdit } from './markers.ts';
import type { Removal, Removals } from './older-turns.ts';
import type { PlannedPolicy } from './plan.ts';
import type { TextPolicy } from './policy.ts';
import { isNumericId } from './structure.ts';
import { REMOVED } from './turns.ts';

export type Redaction = {
  /** New texts of redacted passages. */
  readonly texts: ReadonlyMap<Passage, string>;
  /** Number of characters at the end of each of `texts` that may not be shown yet. */
  readonly holdback: readonly number[];
};

/** How the passages of a call are redacted. */
export type RedactionPlan = {
  /** The policies that redact this call. */
  readonly redacting: readonly PlannedPolicy[];
  /** The rules of each enforced policy: what the end of a text may cut off counts for these alone. */
  readonly acting: readonly ReadonlySet<TextRule>[];
  readonly markers: Markers | undefined;
  /** Removals from older turns. */
  readonly removals: Removals;
};

/**
 * Redacts the passages of a call, and puts back in a response what was redacted in its request.
 *
 * @param found the result for each passage by its index; empty if none was looked at
 * @throws OutOfTime
 */
export function* redact(
  call: GuardrailCall,
  found: readonly Found[],
  { redacting, acting, markers, removals }: RedactionPlan,
  budget: Budget,
): Work<Redaction> {
  const isRequest = call.input_type === 'request';
  const { all } = call.passages;
  // In a response that grows only the markers of the request are known from the beginning
  const taken = isRequest ? (markers === undefined ? 0 : highestNumberIn(all)) : (markers?.highest ?? 0);
  const owners = ownersOf(redacting);
  const together = new Replacements(owners, taken, isRequest ? markers : undefined);
  const texts = new Map<Passage, string>();
  const held: number[] = [];
  for (const passage of all) {
    const { text, index } = passage;
    const turn = budget.spend(text.length);
    if (turn !== undefined) yield turn;
    const { findings = [], opens = [], rests = [] } = found[index] ?? {};
    const removal = removals.get(passage);
    if (isNumericId(passage)) continue;
    if (removal === 'all' || rests.some(({ passage: head }) => removals.get(head) === 'all')) {
      texts.set(passage, removedText(passage));
      continue;
    }
    // Arguments of tools cannot be rewritten in a response
    const restored = !isRequest && passage.place === 'text' ? markers?.restore(text) : undefined;
    // The shown part of one choice of a stream must not depend on what another says later
    const replacements =
      isRequest || findings.length === 0 ? together : new Replacements(owners, taken, undefined);
    const numbers = jsonNumbers(text, findings);
    const own = findings.flatMap((finding) => {
      const isNumber = numbers.has(finding.start);
      return removal?.has(finding.rule)
        ? { ...finding, text: isNumber ? JSON.stringify(REMOVED) : REMOVED }
        : replacements.editsFor(finding, text, isNumber);
    });
    const cut = rests.filter(
      ({ head, passage: first }) => isRemoved(removals.get(first), head) || owners.has(head.rule),
    );
    const edits = [...own, ...cut.map(cutOf), ...(restored?.edits ?? [])];
    if (edits.length > own.length) edits.sort((a, b) => a.start - b.start);
    if (edits.length > 0) texts.set(passage, editedText(text, edits) || CUT);
    if (isRequest) continue;
    const counted = opens.filter(({ rule }) =>
      rule === undefined ? acting.length > 0 : acting.some((rules) => rules.has(rule)),
    );
    const open = Math.min(firstOf(counted, text.length), restored?.open ?? text.length);
    held[index] = heldBackChars(text, edits, withoutCut(text, edits, open));
  }
  return { texts, holdback: call.texts.map((_, index) => held[index] ?? 0) };
}

/** Stands for a text of which nothing is left: vendors refuse empty ones. */
const CUT = '…';

/** Its marker stands in the text in which it begins. */
const cutOf = ({ start, end }: Rest): PlacedEdit => ({ start, end, from: start, text: '' });

const isRemoved = (removal: Removal | undefined, { rule }: Finding) =>
  removal !== undefined && removal !== 'all' && removal.has(rule);

/** Arguments of a tool call have to stay JSON. */
function removedText({ path }: Passage): string {
  return path.key === 'arguments' ? '{}' : REMOVED;
}

const NUMBERED = /_(\d{1,6})\b/g;

/** The highest number that could be one of a marker: somebody may have written it, or an earlier turn left it. */
function highestNumberIn(passages: readonly Passage[]): number {
  let highest = 0;
  for (const { text } of passages) {
    for (const [, number] of text.matchAll(NUMBERED)) highest = Math.max(highest, Number(number));
  }
  return highest;
}

/** By rule, the policy that redacts its findings. */
function ownersOf(redacting: readonly PlannedPolicy[]): ReadonlyMap<TextRule, TextPolicy> {
  const owners = new Map<TextRule, TextPolicy>();
  for (const { policy } of redacting) {
    for (const rule of policy.texts?.rules ?? [])
      if (!owners.has(rule)) owners.set(rule, policy.texts as TextPolicy);
  }
  return owners;
}

/** Replaces findings; the same value has the same number throughout a call. */
class Replacements {
  readonly #owners: ReadonlyMap<TextRule, TextPolicy>;
  /** Numbers of values, by the name of their marker. */
  readonly #numbers = new Map<string, Map<string, number>>();
  /** The last number that means something else already. */
  readonly #taken: number;
  readonly #markers: Markers | undefined;

  constructor(owners: ReadonlyMap<TextRule, TextPolicy>, taken: number, markers: Markers | undefined) {
    this.#owners = owners;
    this.#taken = taken;
    this.#markers = markers;
  }

  /** @param isNumber true for a number in JSON, which a string replaces */
  editsFor(
    { rule, start, end, from, value: whole }: Finding,
    text: string,
    isNumber: boolean,
  ): readonly PlacedEdit[] {
    const policy = this.#owners.get(rule);
    if (policy === undefined) return [];
    const value = whole ?? text.slice(start, end);
    // Two kinds of data can have one label, and what is undone by a marker must be one value
    const name = policy.isReversible ? policy.replace(rule, value, 0) : rule.id;
    const known = this.#numbers.get(name) ?? new Map<string, number>();
    this.#numbers.set(name, known);
    const number = known.get(value) ?? this.#taken + known.size + 1;
    known.set(value, number);
    const marker = policy.replace(rule, value, number);
    const written = isNumber ? JSON.stringify(marker) : marker;
    if (policy.isReversible) {
      this.#markers?.put(marker, value, number);
      if (isNumber) this.#markers?.put(written, value, number);
    }
    return [{ start, end, from, text: written }];
  }
}
