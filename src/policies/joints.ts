import type { Finding, TextRule } from '../detectors/rule.ts';
import { isName } from '../detectors/secrets/filler.ts';
import type { GuardrailCall, Passage, PassagePath } from '../guardrail/call.ts';
import type { Budget, Work } from './budget.ts';
import type { Finder, Found } from './finder.ts';
import { partNumber } from './utterances.ts';

/** The rest of a finding that begins in an earlier text of the same message. */
export type Rest = {
  readonly start: number;
  readonly end: number;
  readonly head: Finding;
  readonly passage: Passage;
};

/** Units on either side of a joint that are read together: a private key of 4096 bits has 3300. */
const REACH = 4096;
/** Between two texts stands nothing, or what vendors put there: to the rules any blank is one. */
const GAPS = ['', ' '] as const;

/** Cost of a finding in each text, in characters. */
const COST = 256;

/** A stretch of a text that is read together with others. */
type Piece = {
  readonly passage: Passage;
  /** Units of the passage before it. */
  readonly skipped: number;
  /** Place in the joined text. */
  readonly start: number;
  readonly end: number;
};

type Joined = { readonly text: string; readonly pieces: readonly Piece[] };

/**
 * The results for the passages of a call, with what is found only where texts of one message are read together: a key of
 * which one part has the beginning and the next one the end. Such a finding belongs to the text in which it begins; the
 * others have the rest of it.
 *
 * Only what is near the joints is read again, so time is linear.
 *
 * @throws OutOfTime
 */
export function* withJoints(
  call: GuardrailCall,
  finder: Finder,
  results: readonly Found[],
  budget: Budget,
): Work<readonly Found[]> {
  let all: Found[] | undefined;
  for (const parts of adjacentTexts(call)) {
    for (const gap of GAPS) {
      for (const joined of joinedTexts(parts, gap)) {
        const found = yield* finder.find(joined.text, budget);
        if (found.findings.length + found.plain.length === 0) continue;
        all ??= [...results];
        yield* addJoint(all, joined, found, gap, budget);
      }
    }
  }
  return all ?? results;
}

/** Texts of one message each, in order, where there are several. */
function adjacentTexts(call: GuardrailCall): Iterable<readonly Passage[]> {
  const byList = new Map<PassagePath, Passage[]>();
  // Those of a response can be choices, of which none may depend on another: nothing tells them from blocks
  const isWhole = call.shape === 'mcp_result';
  let last: { readonly list: PassagePath; readonly parts: Passage[] } | undefined;
  for (const passage of call.passages.all) {
    if ((passage.place !== 'text' && passage.place !== 'message') || passage.isKey) continue;
    const list = listOf(passage, isWhole);
    if (list === undefined || passage.text === '') continue;
    if (last?.list !== list) {
      const parts = byList.get(list) ?? [];
      byList.set(list, parts);
      last = { list, parts };
    }
    last.parts.push(passage);
  }
  const lists = [...byList.values()].filter((parts) => parts.length > 1);
  for (const parts of lists) parts.sort((a, b) => partNumber(a) - partNumber(b));
  return lists;
}

/** The list of which a text is a part, or the text of a part. Two rows are two messages. */
function listOf({ path, messagePath }: Passage, isWhole: boolean): PassagePath | undefined {
  const { parent, key } = messagePath ?? path;
  const list =
    typeof key === 'number' ? parent : key === 'text' && isIndex(parent) ? parent.parent : undefined;
  return list?.parent !== undefined || (isWhole && list?.key === 'texts') ? list : undefined;
}

const isIndex = (path: PassagePath | undefined): path is PassagePath => typeof path?.key === 'number';

/** The text round the joints of some texts, in as few stretches as have nothing left out between two joints. */
function joinedTexts(parts: readonly Passage[], gap: string): readonly Joined[] {
  const all: Joined[] = [];
  let texts: string[] = [];
  let pieces: Piece[] = [];
  let length = 0;
  const add = (passage: Passage, from: number, to: number) => {
    const start = length;
    texts.push(passage.text.slice(from, to));
    length += to - from;
    pieces.push({ passage, skipped: from, start, end: length });
    length += gap.length;
  };
  const close = () => {
    all.push({ text: texts.join(gap), pieces });
    texts = [];
    pieces = [];
    length = 0;
  };
  parts.forEach((passage, i) => {
    const size = passage.text.length;
    const [isFirst, isLast] = [i === 0, i === parts.length - 1];
    if (isFirst || isLast || size <= 2 * REACH) {
      add(passage, isFirst ? Math.max(0, size - REACH) : 0, isLast ? Math.min(size, REACH) : size);
      return;
    }
    add(passage, 0, REACH);
    close();
    add(passage, size - REACH, size);
  });
  close();
  return all;
}

/** Adds what is found in joined texts to the results for the passages it stands in. */
function* addJoint(
  all: Found[],
  { pieces }: Joined,
  { findings, plain }: Found,
  gap: string,
  budget: Budget,
): Work<void> {
  for (const finding of findings) {
    const spans = spansOf(finding, pieces);
    const turn = budget.spend(COST * spans.length);
    if (turn !== undefined) yield turn;
    if (spans.length < 2 || !isNew(all, finding.rule, spans)) continue;
    const [{ passage, start, end }, ...others] = spans as [PlacedSpan, ...PlacedSpan[]];
    const announced = Math.max(0, start - (finding.start - finding.from));
    const value = spans.map((span) => span.passage.text.slice(span.start, span.end)).join(gap);
    const head: Finding = { rule: finding.rule, start, end, from: announced, value };
    for (const span of spans) {
      const found = all[span.passage.index]!;
      const isApart = (own: Finding) =>
        own.rule !== finding.rule || own.start < span.start || own.end > span.end;
      all[span.passage.index] = { ...found, findings: found.findings.filter(isApart) };
    }
    const own = all[passage.index]!;
    all[passage.index] = { ...own, findings: [...own.findings, head].sort((a, b) => a.start - b.start) };
    for (const { passage: other, ...span } of others) {
      const found = all[other.index]!;
      all[other.index] = { ...found, rests: [...(found.rests ?? []), { ...span, head, passage }] };
    }
  }
  const known = new Set<TextRule>();
  if (plain.length > 0) {
    for (const { passage } of pieces) {
      for (const { rule } of all[passage.index]!.findings) known.add(rule);
      for (const rule of all[passage.index]!.plain) known.add(rule);
    }
  }
  const hidden = plain.filter((rule) => !known.has(rule));
  if (hidden.length > 0) {
    const { index } = pieces[0]!.passage;
    all[index] = { ...all[index]!, plain: [...all[index]!.plain, ...hidden] };
  }
}

/** A finding in joined texts as one span in each of them. */
function spansOf({ start: from, end: to }: Finding, pieces: readonly Piece[]): readonly PlacedSpan[] {
  const spans: PlacedSpan[] = [];
  for (let i = pieceAt(pieces, from); i < pieces.length && pieces[i]!.start < to; i++) {
    const { passage, skipped, start, end } = pieces[i]!;
    if (from >= end) continue;
    const shift = skipped - start;
    spans.push({ passage, start: Math.max(from, start) + shift, end: Math.min(to, end) + shift });
  }
  return spans;
}

/** The index of the piece in which a place lies; of a gap the one before it. */
function pieceAt(pieces: readonly Piece[], place: number): number {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pieces[middle]!.start <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

type PlacedSpan = { readonly passage: Passage; readonly start: number; readonly end: number };

/** The next text can begin with a date, and a name or a number is no part of a key. */
const RUN = /(?<![A-Za-z0-9])(?!\d{8}(?:T|$))(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{8,64}/g;

/** True for a part of a key that is left over where a shorter one was found: not merely the word that follows. */
const isMore = (rest: string) => (rest.match(RUN) ?? []).some((run) => !isName(run));

/**
 * True for a finding of which no part is a finding by itself, or one that leaves much of the value: `ada@example.com` is not
 * followed by more of it, and half a key can look like a whole one.
 */
function isNew(all: readonly Found[], rule: TextRule, spans: readonly PlacedSpan[]): boolean {
  let isFound = false;
  let hasMore = false;
  for (const { passage, start, end } of spans) {
    const { findings, rests = [] } = all[passage.index]!;
    let from = start;
    for (const own of [...findings, ...rests]) {
      const by = 'head' in own ? own.head.rule : own.rule;
      if (by !== rule || own.start >= end || own.end <= start) continue;
      isFound = true;
      from = Math.max(from, own.end);
    }
    // The letters before a whole one are no part of it
    hasMore ||= isFound && isMore(passage.text.slice(from, end));
  }
  return !isFound || hasMore;
}
