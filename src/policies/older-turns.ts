import type { Finding, TextRule } from '../detectors/rule.ts';
import type { GuardrailCall, Passage } from '../guardrail/call.ts';
import type { PolicyNote } from '../guardrail/decision.ts';
import { type Found, NOWHERE } from './finder.ts';
import type { TextPolicy } from './policy.ts';
import { isNumericId } from './structure.ts';
import { type TurnPlace, turnPlaces } from './turns.ts';

/** The part of a passage that is removed: all of it, or the findings of some rules. */
export type Removal = 'all' | ReadonlySet<TextRule>;
export type Removals = ReadonlyMap<Passage, Removal>;

type Placed = Finding & { readonly passage: Passage; readonly turn: TurnPlace };

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
  readonly #found: readonly Found[];
  #placeOf: ((passage: Passage) => TurnPlace) | undefined;

  /** @param found the result for each passage by its index */
  constructor(call: GuardrailCall, found: readonly Found[]) {
    this.#call = call;
    this.#found = found;
  }

  /** The verdict of a policy whose findings block, all turns taken together. */
  judge(
    { kind, enforced }: Pick<PolicyNote, 'kind' | 'enforced'>,
    texts: TextPolicy,
    rules: ReadonlySet<TextRule>,
  ): PolicyNote['verdict'] {
    const all = this.#placed(rules);
    const older = all.filter(({ turn }) => turn === 'older');
    const removed = new Set(older.length > 0 ? condemned(texts, older) : []);
    const left = all.filter((finding) => !removed.has(finding));
    const verdict = texts.decide(left);
    if (enforced) {
      for (const finding of removed) this.#remove(finding, texts);
      if (removed.size > 0) this.kinds.push(kind);
      if (verdict === 'block')
        for (const { passage, turn } of left) if (turn === 'newest') this.offending.add(passage);
    }
    return verdict === 'allow' && removed.size > 0 ? 'remove' : verdict;
  }

  #placed(rules: ReadonlySet<TextRule>): Placed[] {
    this.#placeOf ??= turnPlaces(this.#call);
    const placeOf = this.#placeOf;
    return this.#found.flatMap(({ findings, plain }, index) => {
      const passage = this.#call.passages.all[index]!;
      const own = [
        ...findings.filter(({ rule }) => rules.has(rule)),
        ...plain.filter((rule) => rules.has(rule)).map((rule) => ({ rule, ...NOWHERE })),
      ];
      if (own.length === 0) return [];
      const turn = placeOf(passage);
      if (turn === 'older' && isNumericId(passage)) return [];
      return own.map((finding) => ({ ...finding, passage, turn }));
    });
  }

  #remove({ passage, rule, end }: Placed, { judgesMeaning }: TextPolicy): void {
    const before = this.removals.get(passage);
    // A part of JSON text cannot be replaced alone
    if (judgesMeaning || end === 0 || passage.within !== undefined) {
      this.removals.set(passage, 'all');
      if (passage.within !== undefined) this.removals.set(passage.within, 'all');
    } else if (before !== 'all') this.removals.set(passage, new Set([...(before ?? []), rule]));
  }
}

/** The findings that would block without those of the newest turn: each alone, in one passage together, or all of them. */
function condemned(texts: TextPolicy, older: readonly Placed[]): readonly Placed[] {
  const blocks = (findings: readonly Placed[]) => texts.decide(findings) === 'block';
  if (!texts.judgesMeaning) return older.filter((finding) => blocks([finding]));
  const byPassage = [...Map.groupBy(older, ({ passage }) => passage).values()];
  return blocks(byPassage.filter((findings) => !blocks(findings)).flat())
    ? older
    : byPassage.filter(blocks).flat();
}
