import { openRuns, runsInTurns } from '../detectors/normalize/encoded-runs.ts';
import { plainOf } from '../detectors/normalize/plain.ts';
import { type Encoding, type View, viewInTurns } from '../detectors/normalize/view.ts';
import type { Finding, TextRule } from '../detectors/rule.ts';
import { ofBothTexts } from '../detectors/scan/both-texts.ts';
import { type Open, Scanner } from '../detectors/scan/scanner.ts';
import { type Budget, SLICE, type Work } from './budget.ts';
import type { TextPolicy } from './policy.ts';

/** Characters of the slice before that are read again for words that are spelled in a strange way. */
const OVERLAP = 2048;

/** Results that each scan of a text adds to. */
export type Scanned = { readonly findings: Finding[]; readonly opens: Open[]; readonly plain: Set<TextRule> };

type Part = { readonly start: number; readonly growing: boolean };
const WHOLE: Part = { start: 0, growing: false };

/**
 * Looks for the rules of policies that want the same disguises undone, in one pass over the view of a text, and in one over the
 * text as it was written where that is another.
 */
export class ViewScanner {
  readonly #encoding: Encoding;
  readonly #scanner: Scanner;
  /** For the text as it was written: all rules but those that look for what a text means. */
  readonly #written: Scanner;
  /** Rules that look into runs of base64 and hex. A scanner of their own would cost as much memory as that of all. */
  readonly #inRuns: ReadonlySet<TextRule>;
  readonly #plain: Scanner | undefined;

  constructor(encoding: Encoding, policies: readonly TextPolicy[]) {
    const all = [...new Set(policies.flatMap(({ rules }) => rules))];
    this.#encoding = encoding;
    this.#scanner = new Scanner(all);
    const meant = new Set(policies.flatMap(({ judgesMeaning, rules }) => (judgesMeaning ? rules : [])));
    const written = all.filter((rule) => !meant.has(rule) || !('anchors' in rule));
    this.#written = written.length === all.length ? this.#scanner : new Scanner(written);
    this.#inRuns = new Set(
      policies.flatMap((policy) =>
        policy.encoding.decodesBase64 ? (policy.rulesInRuns ?? policy.rules) : [],
      ),
    );
    this.#plain = scannerOf(
      encoding.normalizesUnicode ? policies.flatMap(({ rulesForPlain = [] }) => rulesForPlain) : [],
    );
  }

  /** Looks at an id that is drawn at random: it is no disguise. @throws OutOfTime */
  *scanId(id: string, into: Scanned, budget: Budget): Work<void> {
    const { findings } = yield* scanned(this.#scanner, id, WHOLE, budget);
    into.findings.push(...findings);
  }

  /** Looks at a text from a place on. @throws OutOfTime */
  *scan(text: string, part: Part, into: Scanned, budget: Budget): Work<void> {
    const { start, growing } = part;
    const view = yield* viewed(text, this.#encoding, part, budget);
    const isWritten = view.text === text;
    const from = isWritten ? start : view.viewed(start);
    // Behind it the view may still change, and no rule can tell what it would say there
    const stable = growing && view.open < text.length ? view.viewed(view.open) : view.text.length;
    const isStable = stable === view.text.length;
    const decided = { start: from, growing: growing && isStable };
    const { findings, opens } = yield* scanned(this.#scanner, view.text, decided, budget);
    const own = isWritten ? findings : findings.map((finding) => placed(finding, view));
    if (growing) {
      const all = isStable
        ? opens
        : (yield* scanned(this.#scanner, view.text.slice(0, stable), { start: from, growing }, budget)).opens;
      for (const { rule, start: at } of all) into.opens.push({ rule, start: placeOf(at, view) });
      if (view.open < text.length) into.opens.push({ rule: undefined, start: view.open });
      const run = this.#inRuns.size === 0 ? stable : openRuns(view.text, stable);
      if (run < stable) into.opens.push({ rule: undefined, start: placeOf(run, view) });
    }
    if (isWritten) for (const finding of own) into.findings.push(finding);
    else {
      const written = yield* scanned(this.#written, text, { start, growing }, budget);
      for (const open of written.opens) into.opens.push(open);
      for (const finding of ofBothTexts(own, written.findings, text, view)) into.findings.push(finding);
    }
    if (this.#inRuns.size > 0) yield* this.#scanRuns(view, from, into, budget);
    if (this.#plain !== undefined) yield* this.#scanPlain(view.text, from, into, budget);
  }

  /** Looks at what runs of base64 and hex stand for. A finding in one has the place of the run. */
  *#scanRuns(view: View, from: number, into: Scanned, budget: Budget): Work<void> {
    const { text } = view;
    const begin = from > 0 ? openRuns(text, from) : 0;
    for (const run of runsInTurns(begin > 0 ? text.slice(begin) : text)) {
      if (typeof run === 'number') {
        const turn = budget.spend(run);
        if (turn !== undefined) yield turn;
        continue;
      }
      const start = Math.max(from, begin + run.span.start);
      if (begin + run.span.end <= from) continue;
      const inner = yield* viewed(run.text, this.#encoding, WHOLE, budget);
      const { findings } = yield* scanned(this.#scanner, inner.text, WHOLE, budget);
      const span = view.original({ start, end: begin + run.span.end });
      for (const rule of new Set(findings.map((finding) => finding.rule)))
        if (this.#inRuns.has(rule)) into.findings.push({ rule, ...span, from: span.start });
      if (this.#plain !== undefined) yield* this.#scanPlain(inner.text, 0, into, budget);
    }
  }

  /** The rules that match only where words are written as they are meant, which says nothing of places. */
  *#scanPlain(text: string, start: number, into: Scanned, budget: Budget): Work<void> {
    for (let from = start; from < text.length; from += SLICE) {
      const to = Math.min(from + SLICE, text.length);
      const part = from === 0 && to === text.length ? text : text.slice(Math.max(0, from - OVERLAP), to);
      const plain = plainOf(part, this.#encoding.detectsHomoglyphs);
      if (plain !== undefined) {
        const { findings } = yield* scanned(this.#plain!, plain, WHOLE, budget);
        for (const { rule } of findings) into.plain.add(rule);
      }
      const turn = budget.spend(to - from);
      if (turn !== undefined) yield turn;
    }
  }
}

function scannerOf(rules: readonly TextRule[]): Scanner | undefined {
  return rules.length > 0 ? new Scanner([...new Set(rules)]) : undefined;
}

function* viewed(text: string, encoding: Encoding, { start, growing }: Part, budget: Budget): Work<View> {
  const view = viewInTurns(text, encoding, start, growing);
  for (;;) {
    const { value, done } = view.next();
    if (done) return value;
    const turn = budget.spend(value);
    if (turn !== undefined) yield turn;
  }
}

/** Scans a text slice by slice. */
function* scanned(
  scanner: Scanner,
  text: string,
  { start, growing }: Part,
  budget: Budget,
): Work<{ readonly findings: readonly Finding[]; readonly opens: readonly Open[] }> {
  const findings: Finding[] = [];
  const opens: Open[] = [];
  for (let from = start; from < text.length; from += scanner.slice) {
    const to = Math.min(from + scanner.slice, text.length);
    const scan = scanner.scan(text, { from, to, floor: start }, growing);
    budget.found(scan.findings.length);
    for (const finding of scan.findings) findings.push(finding);
    for (const open of scan.opens) opens.push(open);
    const turn = budget.spend(((to - from) * SLICE) / scanner.slice);
    if (turn !== undefined) yield turn;
  }
  return { findings, opens };
}

/** A finding of a view with its place in the original. */
function placed({ rule, start, end, from }: Finding, view: View): Finding {
  const span = view.original({ start, end });
  return { rule, ...span, from: from < start ? Math.min(span.start, placeOf(from, view)) : span.start };
}

function placeOf(at: number, view: View): number {
  return view.original({ start: at, end: Math.min(at + 1, view.text.length) }).start;
}
