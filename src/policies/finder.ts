import { LRUCache } from 'lru-cache';
import type { Finding, TextRule } from '../detectors/rule.ts';
import { firstOf, type Open, withoutCut } from '../detectors/scan/scanner.ts';
import type { InputType } from '../guardrail/call.ts';
import { boundedBy } from '../guardrail/memory.ts';
import type { Budget, Work } from './budget.ts';
import type { Rest } from './joints.ts';
import { KnownTexts } from './known-texts.ts';
import { copyOf } from './markers.ts';
import type { Policy, TextPolicy } from './policy.ts';
import { type Scanned, ViewScanner } from './view-scanner.ts';

/** Everything that the rules matched in one text. */
export type Found = {
  readonly findings: readonly Finding[];
  /** Rules that match once accents and strange spellings are undone; these matches have no place in the text. */
  readonly plain: readonly TextRule[];
  /** Matches that the end of the text may cut off. */
  readonly opens: readonly Open[];
  /** Ends of findings that begin in earlier texts of the same message. */
  readonly rests?: readonly Rest[];
  /** True if the text belongs to a response that was read before. */
  readonly continues: boolean;
};

/** A rule that matched behind a disguise has no place in the text. */
export const NOWHERE = { start: 0, end: 0, from: 0 };

/** The result for a text without any match. */
const CLEAN: Found = { findings: [], plain: [], opens: [], continues: false };

/** The part of a growing text that is decided whatever it goes on with. */
type Prefix = { readonly text: string; readonly findings: readonly Finding[] };

/** The texts of one round of a response that may still grow. */
export type Round = {
  /** Looks at the next text: only at what is new, wherever it stood in the round before. @throws OutOfTime */
  find(text: string, budget: Budget): Work<Found>;
  /** Remembers the round for the one that follows. */
  keep(): void;
};

/** A text with more findings than this is scanned again rather than remembered. */
const MAX_KEPT = 100;
/** A shorter beginning does not tell one response from another. */
const MIN_PREFIX = 48;
/** Texts of a response beyond these are looked at whole in each round. */
const MAX_PREFIXES = 64;
const STREAM_AGE_MS = 15 * 60_000;
/** Memory of a finding, in characters. */
const FINDING_CHARS = 50;

/** Looks for the rules of all policies that judge texts in some direction, in one pass. */
export class Finder {
  /** One for each choice of disguises. */
  readonly #scanners: readonly ViewScanner[];
  readonly #known = new KnownTexts<Found>({
    charsOf: ({ findings, plain, opens }) => FINDING_CHARS * (findings.length + plain.length + opens.length),
  });
  /** Decided parts of responses that grow from call to call, by stream name. */
  readonly #prefixes = new LRUCache<string, readonly Prefix[]>({
    ttl: STREAM_AGE_MS,
    ...boundedBy('beginnings of responses', (prefixes: readonly Prefix[]) =>
      prefixes.reduce(
        (chars, { text, findings }) => chars + text.length + FINDING_CHARS * findings.length,
        0,
      ),
    ),
  });

  constructor(policies: readonly Policy[], ...directions: InputType[]) {
    const texts = policies.flatMap((policy) =>
      policy.texts?.on.some((direction) => directions.includes(direction)) ? policy.texts : [],
    );
    const byView = Map.groupBy(texts, ({ encoding }) => viewNameOf(encoding));
    this.#scanners = [...byView.values()].map((some) => new ViewScanner(some[0]!.encoding, some));
  }

  /** The result for a text, if it is known without any work. */
  known(text: string): Found | undefined {
    return this.#scanners.length === 0 ? CLEAN : this.#known.get(text);
  }

  /** Looks at one text of a call. @throws OutOfTime */
  *find(text: string, budget: Budget): Work<Found> {
    const known = this.known(text);
    if (known !== undefined) {
      budget.found(known.findings.length);
      return known;
    }
    const found = yield* this.#scan(text, 0, false, budget);
    if (found.findings.length <= MAX_KEPT) this.#known.set(text, found);
    return found;
  }

  /** Looks at an id that is drawn at random: it is no disguise, and as short as it is not worth remembering. @throws OutOfTime */
  *findInId(id: string, budget: Budget): Work<Found> {
    return yield* this.#scan(id, 0, false, budget, true);
  }

  /** Begins a round of a response that grows from call to call. @param stream its name; undefined if it has none */
  round(stream: string | undefined): Round {
    const before = (stream === undefined ? undefined : this.#prefixes.get(stream)) ?? [];
    const now: Prefix[] = [];
    const find = (text: string, budget: Budget) => this.#findGrowing(text, before, now, budget);
    const keep = () => {
      if (stream !== undefined && now.length > 0) this.#prefixes.set(stream, now);
    };
    return { find, keep };
  }

  *#findGrowing(text: string, before: readonly Prefix[], now: Prefix[], budget: Budget): Work<Found> {
    let known: Prefix | undefined;
    for (const prefix of before) {
      if (prefix.text.length > (known?.text.length ?? 0) && text.startsWith(prefix.text)) known = prefix;
    }
    const start = known?.text.length ?? 0;
    if (known !== undefined) budget.found(known.findings.length);
    const found = yield* this.#scan(text, start, true, budget);
    const findings = known === undefined ? found.findings : [...known.findings, ...found.findings];
    const decided = withoutCut(text, found.findings, Math.max(start, firstOf(found.opens, text.length)));
    const kept = findings.filter(({ end }) => end <= decided);
    if (decided >= MIN_PREFIX && kept.length <= MAX_KEPT && now.length < MAX_PREFIXES) {
      const isWaste = text.length - decided > decided;
      const prefix = text.slice(0, decided);
      now.push({ text: isWaste ? copyOf(prefix) : prefix, findings: kept });
    }
    // The end of a text can have been told apart from it
    const wasLonger = text.length >= MIN_PREFIX && before.some((prefix) => prefix.text.startsWith(text));
    return { ...found, findings, continues: known !== undefined || wasLonger };
  }

  *#scan(text: string, start: number, growing: boolean, budget: Budget, isId = false): Work<Found> {
    const into: Scanned = { findings: [], opens: [], plain: new Set() };
    for (const scanner of this.#scanners) {
      if (isId) yield* scanner.scanId(text, into, budget);
      else yield* scanner.scan(text, { start, growing }, into, budget);
    }
    const { findings, opens, plain } = into;
    if (findings.length + opens.length + plain.size === 0) return CLEAN;
    if (findings.length > 1) findings.sort((a, b) => a.start - b.start);
    return { findings, plain: [...plain], opens, continues: false };
  }
}

/** Policies that undo the same share a view; base64 stands apart from it. */
function viewNameOf({
  normalizesUnicode,
  detectsHomoglyphs,
  decodesEscapes,
}: TextPolicy['encoding']): string {
  return `${normalizesUnicode} ${detectsHomoglyphs} ${decodesEscapes}`;
}
