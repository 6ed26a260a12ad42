import { LRUCache } from 'lru-cache';
import { plainVariants } from '../detectors/normalize/plain.ts';
import { withPlainSigns } from '../detectors/normalize/plain-signs.ts';
import type { Finding, TextRule } from '../detectors/rule.ts';
import { firstOf, type Open, Scanner, withoutCut } from '../detectors/scan/scanner.ts';
import type { InputType } from '../guardrail/call.ts';
import { boundedBy } from '../guardrail/memory.ts';
import { type Budget, SLICE, type Work } from './budget.ts';
import type { Rest } from './joints.ts';
import { KnownTexts } from './known-texts.ts';
import { copyOf } from './markers.ts';
import type { Policy, TextPolicy } from './policy.ts';

/** Everything that the rules matched in one text. */
export type Found = {
  readonly findings: readonly Finding[];
  /** Rules that match once encodings and look-alike letters are undone; these matches have no place in the text. */
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

/** Characters of the slice before that are read again for disguises. */
const OVERLAP = 2048;

const ALL_DISGUISES = { decodes: true, normalizes: true, homoglyphs: true };

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
  readonly #scanner: Scanner | undefined;
  /** One scanner for each policy that looks behind disguises. */
  readonly #plain: readonly { readonly scanner: Scanner; readonly use: NonNullable<TextPolicy['plain']> }[];
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
    this.#scanner =
      texts.length > 0 ? new Scanner([...new Set(texts.flatMap(({ rules }) => rules))]) : undefined;
    this.#plain = texts.flatMap(({ rulesForPlain, plain }) =>
      rulesForPlain === undefined
        ? []
        : [{ scanner: new Scanner(rulesForPlain), use: plain ?? ALL_DISGUISES }],
    );
  }

  /** The result for a text, if it is known without any work. */
  known(text: string): Found | undefined {
    return this.#scanner === undefined ? CLEAN : this.#known.get(text);
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

  *#scan(text: string, start: number, growing: boolean, budget: Budget, isRandom = false): Work<Found> {
    const scanner = this.#scanner;
    if (scanner === undefined) return CLEAN;
    const findings: Finding[] = [];
    const opens: Open[] = [];
    const view = withPlainSigns(text);
    const written = view === text ? undefined : text;
    for (let from = start; from < text.length; from += scanner.slice) {
      const to = Math.min(from + scanner.slice, text.length);
      const scan = scanner.scan(view, { from, to, floor: start, written }, growing);
      budget.found(scan.findings.length);
      for (const finding of scan.findings) findings.push(finding);
      for (const open of scan.opens) opens.push(open);
      const turn = budget.spend(((to - from) * SLICE) / scanner.slice);
      if (turn !== undefined) yield turn;
    }
    const plain = this.#plain.length > 0 && !isRandom ? yield* this.#scanPlain(text, start, budget) : [];
    return findings.length + opens.length + plain.length === 0
      ? CLEAN
      : { findings, plain, opens, continues: false };
  }

  /** The rules that match behind disguises. */
  *#scanPlain(text: string, start: number, budget: Budget): Work<readonly TextRule[]> {
    const matched = new Set<TextRule>();
    for (let from = start; from < text.length; from += SLICE) {
      const to = Math.min(from + SLICE, text.length);
      const part = from === 0 && to === text.length ? text : text.slice(Math.max(0, from - OVERLAP), to);
      for (const { scanner, use } of this.#plain) {
        for (const variant of plainVariants(part, use)) yield* scanVariant(scanner, variant, matched, budget);
      }
      const turn = budget.spend(to - from);
      if (turn !== undefined) yield turn;
    }
    return matched.size > 0 ? [...matched] : [];
  }
}

function* scanVariant(scanner: Scanner, variant: string, matched: Set<TextRule>, budget: Budget): Work<void> {
  for (let from = 0; from < variant.length; from += scanner.slice) {
    const to = Math.min(from + scanner.slice, variant.length);
    for (const { rule } of scanner.scan(variant, { from, to, floor: 0 }).findings) matched.add(rule);
    const turn = budget.spend(((to - from) * SLICE) / scanner.slice);
    if (turn !== undefined) yield turn;
  }
}
