import type { TextRule } from '../detectors/rule.ts';
import type { GuardrailCall, Passage } from '../guardrail/call.ts';
import type { PolicyNote } from '../guardrail/decision.ts';
import type { TextPolicy } from './policy.ts';
import { isNumericId } from './structure.ts';
import { type TurnPlace, turnPlaces } from './turns.ts';
import { consequenceOf, type PlacedFinding, utterancesIn } from './utterances.ts';

/** The part of a passage that is removed: all of it, or the findings of some rules. */
export type Removal = 'all' | ReadonlySet<TextRule>;
export type Removals = ReadonlyMap<Passage, Removal>;

/** A verdict with regard to the turns of a conversation. */
export type TurnsVerdict = {
  readonly verdict: PolicyNote['verdict'];
  readonly causes: readonly PlacedFinding[];
};

type Placed = PlacedFinding & { readonly turn: TurnPlace };

/**
 * Judges the texts of a conversation with regard to their turns: what a policy would block only for the sake of an older turn
 * was blocked in its time. It is removed, and the call goes on without it. The newest turn is judged as always.
 */
export class OlderTurns {
  /** By passage, what enforced policies remove. */
  readonly removals = new Map<Passage, Removal>();
  /** Kinds of the enforced policies that remove something. */
  readonly kinds: string[] = [];
  /** Passages of the newest message for which an enforced policy blocks. */
  readonly offending = new Set<Passage>();
  readonly #call: GuardrailCall;
  #placeOf: ((passage: Passage) => TurnPlace) | undefined;

  constructor(call: GuardrailCall) {
    this.#call = call;
  }

  /**
   * The verdict of a policy whose findings block, all turns taken together, and the findings that it is for.
   *
   * @param findings all that count
   */
  judge(
    { kind, enforced }: Pick<PolicyNote, 'kind' | 'enforced'>,
    texts: TextPolicy,
    findings: readonly PlacedFinding[],
  ): TurnsVerdict {
    const all = this.#placed(findings);
    const older = all.filter(({ turn }) => turn === 'older');
    const removed = new Set<PlacedFinding>(older.length > 0 ? condemned(texts, older) : []);
    const left = all.filter((finding) => !removed.has(finding));
    const verdict = consequenceOf(texts, left);
    if (enforced) {
      for (const finding of removed) this.#remove(finding, texts);
      if (removed.size > 0) this.kinds.push(kind);
      if (verdict === 'block')
        for (const { passage, turn } of left) if (turn === 'newest') this.offending.add(passage);
    }
    return verdict === 'allow' && removed.size > 0
      ? { verdict: 'remove', causes: [...removed] }
      : { verdict, causes: left };
  }

  #placed(findings: readonly PlacedFinding[]): Placed[] {
    this.#placeOf ??= turnPlaces(this.#call);
    const placeOf = this.#placeOf;
    return findings
      .map((finding) => ({ ...finding, turn: placeOf(finding.passage) }))
      .filter(({ passage, turn }) => turn !== 'older' || !isNumericId(passage));
  }

  #remove({ passage, rule, end }: PlacedFinding, { judgesMeaning }: TextPolicy): void {
    const before = this.removals.get(passage);
    // A part of JSON text cannot be replaced alone
    if (judgesMeaning || end === 0 || passage.within !== undefined) {
      this.removals.set(passage, 'all');
      if (passage.within !== undefined) this.removals.set(passage.within, 'all');
    } else if (before !== 'all') this.removals.set(passage, new Set([...(before ?? []), rule]));
  }
}

/** True if findings that block do so only for the sake of older turns. */
export function blocksForOlder(
  call: GuardrailCall,
  texts: TextPolicy,
  findings: readonly PlacedFinding[],
): boolean {
  if (call.input_type !== 'request' || call.shape !== 'conversation') return false;
  const placeOf = turnPlaces(call);
  const others = findings.filter(({ passage }) => placeOf(passage) !== 'older');
  return consequenceOf(texts, others) !== 'block';
}

/** The findings that would block without those of the newest turn: each alone, or in one utterance together. */
function condemned(texts: TextPolicy, older: readonly PlacedFinding[]): readonly PlacedFinding[] {
  const apart = texts.judgesMeaning ? utterancesIn(texts, older) : older.map((finding) => [finding]);
  return apart.filter((findings) => texts.decide(findings) === 'block').flat();
}
