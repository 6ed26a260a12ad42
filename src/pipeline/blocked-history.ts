import { hash } from 'node:crypto';
import {
  fieldsOf,
  type GuardrailCall,
  headerOf,
  type Passage,
  type PassageTexts,
  textOf,
} from '../guardrail/call.ts';
import type { CheckResult, Outcome, PolicyResult } from '../guardrail/decision.ts';
import { editedText } from '../guardrail/edit.ts';
import { parseInner } from '../guardrail/json.ts';
import { withTexts } from '../guardrail/passages.ts';
import { isHarness, newPassages, REMOVED, turnPlaces } from '../policies/turns.ts';
import type { BlockedScope } from './blocked-hashes.ts';
import { allowanceFor, type BlockedSpan, type BlockedTexts, HEAD } from './blocked-texts.ts';
import type { SharedBlockedTexts } from './shared-blocked-texts.ts';

/** A call without what was blocked before. */
export type Remainder = {
  readonly call: GuardrailCall;
  /** New texts for passages of the call as it was sent. */
  readonly texts: PassageTexts;
  /** Who had blocked what is removed. */
  readonly removed: readonly string[];
  /** Texts that were blocked before and are all of the newest message, so they are judged again. */
  readonly repeated: readonly string[];
};

/**
 * Keeps a block from ending its conversation. Agents send a refused prompt again with every later one, as a message of its
 * own or as a part of the next: what was blocked for a caller is removed from there, before policies, vendors and the model see
 * the call. A newest message of nothing but blocked text is judged again.
 *
 * Text that somebody else had blocked means nothing here, and all that remains is judged as ever: nothing gets past by
 * being called old.
 */
export class BlockedHistory {
  readonly #texts: BlockedTexts;
  readonly #shared: SharedBlockedTexts | undefined;

  /** @param shared has other replicas know the texts */
  constructor(texts: BlockedTexts, shared?: SharedBlockedTexts) {
    this.#texts = texts;
    this.#shared = shared;
  }

  /** Learns what other replicas have blocked for a caller; undefined where there is nothing to wait for. */
  fetch(call: GuardrailCall): Promise<void> | undefined {
    const scope = this.#shared === undefined || !hasTurns(call) ? undefined : scopeOf(call);
    return scope && this.#shared?.fetch(scope);
  }

  /** Resolves when other replicas know what was decided about a call. */
  async stored(call: GuardrailCall): Promise<void> {
    const scope = scopeOf(call);
    if (scope !== undefined) await this.#shared?.store(scope);
  }

  /** @param isRewritable true if new texts reach the model */
  remainderOf(
    call: GuardrailCall,
    isRewritable: (call: GuardrailCall, texts: PassageTexts) => boolean,
  ): Remainder {
    const nothing = wholeOf(call);
    const scope = this.#texts.isEmpty || !hasTurns(call) ? undefined : scopeOf(call);
    const find = scope && this.#texts.finder(scope, allowanceFor(call.passages.chars));
    if (find === undefined) return nothing;
    const placeOf = turnPlaces(call);
    const older = new Map<Passage, readonly BlockedSpan[]>();
    const newest = new Map<Passage, readonly BlockedSpan[]>();
    let hasMore = false;
    for (const passage of call.passages.all) {
      const place = placeOf(passage);
      if (place === 'elsewhere' || !isSaid(passage)) continue;
      const found = find(passage.text);
      if (found.length > 0) (place === 'older' ? older : newest).set(passage, found);
      else hasMore ||= place === 'newest' && passage.text.trim() !== '' && !isHarness(passage.text);
    }
    const spans = hasMore ? new Map([...older, ...newest]) : older;
    const repeated = hasMore ? [] : [...newest.keys()].map(({ text }) => text);
    const texts = new Map([...spans].map(([passage, found]) => [passage, without(passage.text, found)]));
    if (texts.size === 0 || !isRewritable(call, texts)) return { ...nothing, repeated };
    const removed = [...new Set([...spans.values()].flat().flatMap(({ by }) => by))];
    return { call: withTexts(call, texts), texts, removed, repeated };
  }

  /** Remembers what was blocked of a call, and forgets what is allowed now and was not before. */
  decided(
    remainder: Remainder,
    outcome: Outcome,
    policies: PolicyResult | undefined,
    checks: readonly CheckResult[],
  ): void {
    const { call, repeated } = remainder;
    if (outcome.kind === 'block') {
      if (!hasTurns(call)) return;
      if (policies?.verdict === 'block') this.#remember(remainder, policies.offending, [outcome.by]);
      else this.#remember(remainder, telling(newPassages(call)), blockersIn(checks, outcome));
    } else if (
      repeated.length > 0 &&
      outcome.kind !== 'cancelled' &&
      checks.every((check) => 'verdict' in check)
    ) {
      const scope = scopeOf(call);
      for (const text of repeated) if (scope !== undefined) this.#texts.forget(scope, text);
    }
  }

  #remember({ call, texts }: Remainder, passages: Iterable<Passage>, by: readonly string[]): void {
    const scope = by.length > 0 ? scopeOf(call) : undefined;
    if (scope === undefined) return;
    const removed = new Set([...texts.keys()].map(({ index }) => index));
    for (const passage of passages) {
      const { text, index } = passage;
      if (isOwn(passage) && !removed.has(index)) this.#texts.remember(scope, text, by);
    }
  }
}

/** Names of the vendors for whose verdict a call is blocked: one that blocks, or redactions that could not be applied. */
function blockersIn(checks: readonly CheckResult[], { cause }: Outcome & { kind: 'block' }): string[] {
  const kind = cause === 'redaction' ? 'modify' : 'block';
  return checks.flatMap((check) =>
    'verdict' in check && check.verdict.kind === kind ? [check.backend] : [],
  );
}

/** The passages that a vendor can have blocked: a word such as `ok` beside something longer is hardly to blame. */
function telling(passages: readonly Passage[]): readonly Passage[] {
  const own = passages.filter(isOwn);
  const longest = own.reduce((most, { text }) => Math.max(most, text.trim().length), 0);
  const least = Math.min(HEAD, longest);
  return own.filter(({ text }) => text.trim().length >= least);
}

const NOTHING: PassageTexts = new Map();

/** A call of which nothing is removed. */
export const wholeOf = (call: GuardrailCall): Remainder => ({
  call,
  texts: NOTHING,
  removed: [],
  repeated: [],
});

/** Passages of older turns that pass for the model's words, and are a refusal of ours that an agent took for them. */
export function refusalsIn(call: GuardrailCall, isRefusal: (text: string) => boolean): readonly Passage[] {
  const placeOf = turnPlaces(call);
  return call.passages.all.filter(
    (passage) =>
      passage.author === 'model' &&
      (passage.place === 'text' || passage.place === 'message') &&
      passage.text.length <= MAX_REFUSAL_CHARS &&
      placeOf(passage) === 'older' &&
      isRefusal(passage.text),
  );
}

/** A longer text only quotes one. */
const MAX_REFUSAL_CHARS = 2000;

const hasTurns = ({ input_type, shape }: GuardrailCall) =>
  input_type === 'request' && shape === 'conversation';

/** True for what a user or a tool said. */
const isSaid = ({ author, place, isKey, within }: Passage) =>
  (author === 'user' || author === 'tool') &&
  (place === 'text' || place === 'message') &&
  !isKey &&
  within === undefined;

/** True for what is said and no agent has added. */
const isOwn = (passage: Passage) => isSaid(passage) && !isHarness(passage.text);

function without(text: string, spans: readonly BlockedSpan[]): string {
  const left = editedText(
    text,
    spans.map(({ start, end }) => ({ start, end, text: REMOVED })),
  );
  return left.trim() === REMOVED ? REMOVED : left;
}

/**
 * Whose text it is: of a virtual key, and of a user, end user and session. Undefined if nothing tells callers apart. No part of it is a
 * header that changes with each call, as that of the trace can.
 */
function scopeOf(call: GuardrailCall): BlockedScope | undefined {
  const { user_api_key_hash, user_api_key_user_id, user_api_key_end_user_id } = call.request_data;
  const endUser = textOf(user_api_key_end_user_id);
  const key = textOf(user_api_key_hash);
  const user = textOf(user_api_key_user_id);
  const names = [user, endUser && (sessionIn(endUser) ?? endUser), headerOf(call, 'x-litellm-session-id')];
  if (key === undefined && names.every((name) => name === undefined)) return undefined;
  return { owner: bounded(key ?? user ?? ''), session: bounded(JSON.stringify(names)) };
}

/** Claude Code writes its session into the JSON text of `metadata.user_id`. Any other text is not parsed: an error costs 10 us. */
const sessionIn = (endUser: string) =>
  endUser.startsWith('{') && endUser.length <= MAX_NAME_CHARS
    ? textOf(fieldsOf(parseInner(endUser)).session_id)
    : undefined;

const MAX_NAME_CHARS = 1000;

function bounded(name: string): string {
  return name.length <= MAX_NAME_CHARS ? name : hash('sha256', name);
}
