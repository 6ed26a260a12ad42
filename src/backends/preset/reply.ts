import { type Passage, textOf } from '../../guardrail/call.ts';
import { editedTexts, type TextEdit } from '../../guardrail/edit.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { fieldsOf } from '../../guardrail/json.ts';
import { modified, type Verdict } from '../../guardrail/verdict.ts';
import { genericVerdict } from '../generic-guardrail/reply.ts';
import { compileConditions, compileNames, hasValue, type Test } from './conditions.ts';
import { compileFindings, type ReadFindings, type VendorFindings } from './findings.ts';
import { optionNamed } from './options.ts';
import { Places, placesOf } from './places.ts';
import { compileRedaction, listAt, type ReadRedaction, type VendorRedaction } from './redaction.ts';
import type { OptionValues, PresetAsk, PresetReply, RedactForm } from './shape.ts';
import type { VendorRequest } from './vendor-request.ts';

/** The content of one reply: a verdict, or edits that are joined with those of the other replies of a check. */
export type Reading = Verdict | { readonly kind: 'redaction'; readonly redaction: VendorRedaction | 'lost' };

const ALLOWED: Reading = { kind: 'allow' };

/** Told of a block: records and audit rows keep it. */
const MAX_CATEGORIES = 50;
const MAX_NAME_CHARS = 200;

/** Reads the replies to one ask. Everything is looked up and compiled once. */
export class ReplyReader {
  readonly #kind: string;
  readonly #isGeneric: boolean;
  readonly #root: Places | undefined;
  readonly #oneEach: readonly { readonly places: Places; readonly of: 'texts' | 'documents' | number }[];
  readonly #statuses: readonly number[];
  readonly #failure: readonly Test[];
  readonly #block: readonly Test[];
  readonly #allow: readonly Test[];
  readonly #reason: readonly Places[];
  readonly #findings: readonly ReadFindings[];
  readonly #redacts: readonly Test[] | undefined;
  readonly #redaction: ReadRedaction | undefined;
  readonly #insteadOfBlock: ((found: ReadonlyMap<string, number>) => boolean) | undefined;

  constructor(kind: string, shared: PresetReply, ask: PresetAsk, options: OptionValues) {
    const form = { ...shared, ...ask.reply };
    this.#kind = kind;
    this.#isGeneric = form.guardrail_response ?? false;
    this.#root = ask.root === undefined ? undefined : new Places(ask.root);
    this.#oneEach = Object.entries(ask.one_each ?? {}).map(([pointer, of]) => ({
      places: new Places(pointer),
      of: of === 'texts' || of === 'documents' ? of : [options[optionNamed(of) ?? ''] ?? []].flat().length,
    }));
    this.#statuses = form.statuses ?? [];
    this.#failure = compileConditions(form.failure, options);
    this.#block = compileConditions(form.block, options);
    this.#allow = compileConditions(form.allow ?? shared.allow, options);
    this.#reason = placesOf(form.reason);
    this.#findings = compileFindings(form.categories ?? [], options);
    const redact = form.redact ?? undefined;
    this.#redacts = redact?.when && compileConditions(redact.when, options);
    this.#redaction = redact && compileRedaction(redact, options);
    this.#insteadOfBlock = redact && compileInstead(redact, options);
  }

  /** True if a reply under an error status can be a verdict. */
  reads(status: number): boolean {
    return this.#statuses.includes(status);
  }

  /** @throws BackendError `no_verdict` or `wrong_shape` */
  read(body: unknown, asked: VendorRequest): Reading {
    const reply = this.#root === undefined ? body : this.#root.first(body);
    if (this.#failure.some(({ any }) => any(body))) throw new BackendError({ kind: 'no_verdict' });
    if (this.#root !== undefined && (reply === undefined || reply === null)) wrongShape(this.#root.field);
    return this.#judge(reply, asked) ?? wrongShape(this.#allow[0]?.field ?? 'body');
  }

  /** The reading of a reply under an error status: undefined for one that leaves it a failure, as everything does that allows. */
  readRefusal(body: unknown, asked: VendorRequest): Reading | undefined {
    const reply = this.#root === undefined ? body : this.#root.first(body);
    if (this.#failure.some(({ any }) => any(body))) return undefined;
    try {
      const reading = this.#judge(reply, asked);
      return reading?.kind === 'allow' ? undefined : reading;
    } catch (error) {
      // The status says more
      if (error instanceof BackendError) return undefined;
      throw error;
    }
  }

  #judge(reply: unknown, asked: VendorRequest): Reading | undefined {
    if (this.#isGeneric && fieldsOf(reply).action !== undefined) return genericVerdict(reply, asked.call);
    const all: VendorFindings = { names: new Map(), scored: new Map() };
    const found = all.names;
    let isBlocked = false;
    for (const finding of this.#findings) if (finding(reply, all)) isBlocked = true;
    isBlocked ||= this.#block.some(({ any }) => any(reply));
    if (isBlocked) return this.#instead(reply, asked, found) ?? this.#blocked(reply, found);
    if (this.#redacts?.some(({ any }) => any(reply))) {
      const redacted = this.#redacted(reply, asked) ?? ALLOWED;
      // The vendor found something, and does not tell what is left without it
      return redacted.kind === 'allow' ? { kind: 'redaction', redaction: 'lost' } : redacted;
    }
    if (!this.#allow.some(({ every }) => every(reply))) return undefined;
    this.#count(reply, asked);
    if (this.#redacts !== undefined) return ALLOWED;
    return this.#redacted(reply, asked) ?? ALLOWED;
  }

  #redacted(reply: unknown, asked: VendorRequest): Reading | undefined {
    const redaction = this.#redaction?.(reply, asked);
    if (redaction === 'same') return ALLOWED;
    return redaction && { kind: 'redaction', redaction };
  }

  /** Holds the reply to what was sent: what is no list is about one text. */
  #count(reply: unknown, { portion, call }: VendorRequest): void {
    for (const { places, of } of this.#oneEach) {
      const list = places.first(reply);
      const sent = typeof of === 'number' ? of : (portion === undefined ? call.texts : portion[of]).length;
      const isThere = list !== undefined && list !== null;
      const isCounted = Array.isArray(list) ? list.length === sent : sent === 0 || (sent === 1 && isThere);
      if (!isCounted) wrongShape(places.field);
    }
  }

  /** A redaction of what would be blocked, if it takes out all that was found. */
  #instead(reply: unknown, asked: VendorRequest, found: ReadonlyMap<string, number>): Reading | undefined {
    if (this.#insteadOfBlock?.(found) !== true) return undefined;
    const redaction = this.#redaction?.(reply, asked);
    if (typeof redaction !== 'object') return undefined;
    const { labels } = redaction;
    // Each finding, such as one of each message, has a span of its name at least
    const isWhole =
      labels === undefined || [...found].every(([name, times]) => (labels.get(name) ?? 0) >= times);
    return isWhole ? { kind: 'redaction', redaction } : undefined;
  }

  #blocked(reply: unknown, found: ReadonlyMap<string, number>): Reading {
    const categories = [...found.keys()]
      .slice(0, MAX_CATEGORIES)
      .map((name) => name.slice(0, MAX_NAME_CHARS));
    const said = this.#reason.map((places) => places.all(reply).filter(textOf).join(', ')).find(Boolean);
    const reason = said ?? (categories.join(', ') || `blocked by ${this.#kind}`);
    return { kind: 'block', reason, ...(categories.length > 0 && { categories }) };
  }
}

function wrongShape(field: string): never {
  throw new BackendError({ kind: 'wrong_shape', field });
}

function compileInstead({ instead_of_block: instead }: RedactForm, options: OptionValues) {
  if (instead === undefined) return undefined;
  if (instead.if !== undefined && !hasValue(options[instead.if])) return () => false;
  if (instead.categories === undefined) return () => true;
  const names = compileNames(instead.categories, options);
  return (found: ReadonlyMap<string, number>) =>
    found.size > 0 && [...found.keys()].every((name) => names.some((isName) => isName(name)));
}

/** The verdict of several replies to one check, of which none blocks. One that is a verdict on the whole call is the only one. */
export function joined(readings: readonly Reading[]): Verdict {
  const edits = new Map<Passage, TextEdit[]>();
  let isWhole = false;
  for (const reading of readings) {
    if (reading.kind === 'modify') return reading;
    if (reading.kind !== 'redaction') continue;
    if (reading.redaction === 'lost') return { kind: 'modify', texts: null };
    isWhole ||= reading.redaction.isWhole;
    for (const [passage, own] of reading.redaction.edits)
      for (const edit of own) listAt(edits, passage).push(edit);
  }
  for (const own of edits.values()) own.sort((a, b) => a.start - b.start);
  if (!isWhole) return modified(edits);
  return { kind: 'modify', texts: editedTexts(edits) };
}
