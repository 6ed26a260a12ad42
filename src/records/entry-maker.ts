import type { Fields } from '../guardrail/call.ts';
import type { CallRecord } from '../guardrail/record.ts';
import { factsOf } from '../litellm/log-event.ts';
import type { BadLogRow } from '../litellm/log-rows.ts';
import type { TurnedEvent } from '../litellm/turned-event.ts';
import { type Accepted, type BadRow, type Entry, namelessKey } from '../outbox/contract.ts';
import { blockKey } from '../outbox/one-record.ts';
import type { Receivers } from '../policies/receivers.ts';
import type { BlockedResults } from './blocked-results.ts';
import type { CallEnds } from './call-ends.ts';
import type { ComparedCalls } from './compared-calls.ts';
import type { InForce } from './in-force.ts';
import { notesOf } from './pending-call.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { BlockedCall } from './protocol.ts';
import type { Redactor } from './redact/redact.ts';
import type { ResponseTexts } from './response-texts.ts';
import type { Early, Settling } from './settling.ts';
import { turnedCall } from './turned-call.ts';
import { BLOCK_TO_COME_MS, holdMsOf, keptMsOf, RETRY_MS, type Waits } from './waits.ts';

export type EntryMakerOptions = {
  readonly pendingCalls: PendingCalls;
  readonly responseTexts: Pick<ResponseTexts, 'restore'>;
  readonly blockedResults: BlockedResults;
  /** Told how each call ended. */
  readonly ends: Pick<CallEnds, 'logged'>;
  /** Told of each event whose call is noted, if it was judged. */
  readonly comparedCalls: Pick<ComparedCalls, 'logged'>;
  /** Undefined where the bridge is alone. */
  readonly settling?: Pick<Settling, 'early' | 'earlyBlock' | 'stored'>;
  readonly redactor: Redactor;
  readonly inForce: Pick<InForce, 'sinks' | 'rules' | 'responseCheckMs'>;
  /** Time that a failure waits for a success of its call. */
  readonly failureGraceMs: number;
  /** Time that a request waits for its response, where both come by themselves. */
  readonly missingAfterMs: number;
  /** Called for each event that does not name its call, as LiteLLM logged it before `OLDEST_SUPPORTED`. */
  readonly onUnnamedEvent: () => void;
  /** Called with a mistake of ours about a row, which counts as one that cannot be read. */
  readonly onBug: (error: unknown) => void;
  readonly now: () => number;
};

/** A call that is noted, by its number; the time that its notes are kept after an event of it, and if they are of use then. */
type Joined = { readonly number: number; readonly keptMs: number; readonly isComplete: boolean };
type Unredacted = Pick<CallRecord, 'outcome' | 'event' | 'verdicts' | 'block'>;

/** Makes entries of the outbox from events and from what the bridge blocks: joined with what is noted on their calls, and redacted. */
export class EntryMaker {
  readonly #options: EntryMakerOptions;

  /** The calls that are noted, by entries that are not stored yet. */
  readonly #joined = new WeakMap<Entry, Joined>();

  /** Entries whose notes may not all be here yet. */
  readonly #early = new WeakMap<Entry, Early>();

  constructor(options: EntryMakerOptions) {
    this.#options = options;
  }

  get #waits(): Waits {
    const { failureGraceMs, inForce } = this.#options;
    return { failureGraceMs, responseCheckMs: inForce.responseCheckMs };
  }

  /**
   * The entry of a blocked call, ahead of anything that LiteLLM logs about it; undefined if it is not to be recorded. Its event is
   * redacted in place.
   */
  blockedEntry({ note: line, block, event, words }: BlockedCall): Entry | undefined {
    const { pendingCalls, inForce } = this.#options;
    const { words: _, ...note } = line;
    const { litellm_call_id: callId, litellm_trace_id: trace } = note;
    const isResult = callId === null && event.call_type === 'call_mcp_tool';
    // In memory alone: the event of the call tells whose it is
    if (isResult) this.#options.blockedResults.add(block.ref, { note, block }).catch(this.#options.onBug);
    const receivers = inForce.rules.receivers(event);
    if (receivers?.length === 0) return undefined;
    pendingCalls.add(line);
    const pending = pendingCalls.get(note);
    const verdicts = pending ? notesOf(pending) : [note];
    const early = this.#options.settling?.earlyBlock(note, verdicts, this.#options.now());
    const entry: Entry = {
      ...this.#stored({ outcome: 'blocked', event, verdicts, block }, receivers),
      callKey: callId ?? namelessKey(words ?? block.ref),
      trace,
      eventKey: blockKey(block.input_type, callId === null ? block.ref : words),
      startedAt: Math.round(note.at - note.ms),
      endedAt: note.at,
      ref: block.ref,
      holdMs: isResult ? this.#options.failureGraceMs : (early?.holdMs ?? 0),
    };
    if (early !== undefined) this.#early.set(entry, early);
    // A model that was asked at the same time as the check can still reply
    if (pending) this.#joined.set(entry, { number: pending.number, keptMs: RETRY_MS, isComplete: true });
    return entry;
  }

  /** Marks the calls of entries that are on record, or given up: before, the event of a call can be sent again, and is to have its notes. */
  accepted(entries: readonly Entry[], accepted: readonly Accepted[] = []): void {
    const { pendingCalls, now } = this.#options;
    for (const [n, entry] of entries.entries()) {
      const early = this.#early.get(entry);
      if (early !== undefined) this.#options.settling?.stored(entry, early, accepted[n] === 'deferred');
      const call = this.#joined.get(entry);
      if (call !== undefined) pendingCalls.logged(call, now() + call.keptMs, call.isComplete);
    }
  }

  /** Forgets the notes on a call that is not to be recorded: those of the rules before. */
  leaveOut(event: Fields): void {
    const { pendingCalls, ends, now } = this.#options;
    const facts = factsOf(event, now());
    const pending = facts.callId === undefined ? undefined : pendingCalls.find(facts.callId, facts);
    ends.logged(facts, pending);
    if (pending !== undefined) pendingCalls.logged(pending, now());
  }

  /** Notes how a call ended of which no backend takes a record. */
  watch(event: Fields): void {
    const { pendingCalls, ends, comparedCalls, now } = this.#options;
    const facts = factsOf(event, now());
    const pending = facts.callId === undefined ? undefined : pendingCalls.find(facts.callId, facts);
    ends.logged(facts, pending);
    comparedCalls.logged(event, facts, pending, now());
    if (pending === undefined) return;
    const isComplete = facts.outcome === 'success';
    pendingCalls.logged(pending, now() + keptMsOf(facts.outcome, this.#waits), isComplete);
  }

  /** The entry of what LiteLLM logged. Its event is redacted in place. */
  logEntry(event: Fields, receivers: Receivers): Entry {
    const { pendingCalls, responseTexts, onUnnamedEvent, now } = this.#options;
    const facts = factsOf(event, now());
    const { callId, outcome, eventKey, startedAt, endedAt, ref, isBlock, mayBeBlocked } = facts;
    if (callId === undefined) onUnnamedEvent();
    const pending = callId === undefined ? undefined : pendingCalls.find(callId, facts);
    this.#options.ends.logged(facts, pending);
    this.#options.comparedCalls.logged(event, facts, pending, now());
    if (pending !== undefined) responseTexts.restore(pending, event);
    const verdicts = pending === undefined ? [] : notesOf(pending);
    const isBlocked = verdicts.some(({ action }) => action === 'BLOCKED');
    const early = this.#options.settling?.early(event, facts, verdicts, now());
    const result = ref === undefined ? undefined : this.#options.blockedResults.get(ref);
    const entry: Entry = {
      ...{ eventKey, startedAt, endedAt, mayBeBlocked },
      callKey: callId ?? namelessKey(eventKey),
      ...(pending !== undefined && { trace: pending.trace }),
      // Before the event is redacted
      holdMs: Math.max(
        result === undefined ? holdMsOf(event, outcome, verdicts, this.#waits) : 0,
        early?.holdMs ?? 0,
        isBlocked && this.#options.settling !== undefined ? BLOCK_TO_COME_MS : 0,
      ),
      ...((isBlocked || (isBlock && ref === undefined)) && { words: facts.fingerprint() }),
      ...(ref !== undefined && { ref }),
      ...this.#stored(
        result === undefined
          ? { outcome, event, verdicts }
          : { outcome: 'blocked', event, verdicts: [...verdicts, result.note], block: result.block },
        receivers,
      ),
    };
    if (early !== undefined && result === undefined) this.#early.set(entry, early);
    if (pending !== undefined) {
      const isComplete = outcome === 'success' || isBlocked;
      this.#joined.set(entry, { number: pending.number, keptMs: keptMsOf(outcome, this.#waits), isComplete });
    }
    return entry;
  }

  /** The same of what another vendor's integration tells. */
  turnedEntry(turned: TurnedEvent, receivers: Receivers): Entry {
    const { pendingCalls, inForce, now } = this.#options;
    const facts = factsOf(turned.event, now());
    const { callId, outcome } = facts;
    const pending = callId === undefined ? undefined : pendingCalls.find(callId, facts);
    if (turned.stage === 'whole') this.#options.ends.logged(facts, pending);
    const verdicts = pending === undefined ? [] : notesOf(pending);
    const entry: Entry = {
      ...turnedCall(turned, facts, pending, { ...this.#options, responseCheckMs: inForce.responseCheckMs }),
      ...this.#stored({ outcome, event: turned.event, verdicts }, receivers),
    };
    if (pending !== undefined) {
      const keptMs = Math.max(keptMsOf(outcome, this.#waits), entry.holdMs);
      this.#joined.set(entry, { number: pending.number, keptMs, isComplete: turned.stage === 'whole' });
    }
    return entry;
  }

  /** A record as it is stored, and those of its receivers that want it. Its event is redacted in place. */
  #stored(
    { outcome, event, verdicts, block }: Unredacted,
    receivers: Receivers,
  ): Pick<Entry, 'outcome' | 'backends' | 'payload'> {
    const { redactor, inForce } = this.#options;
    // Before the event is redacted: it tells whose content is kept
    const safe = block && { block: { ...block, reason: redactor.text(block.reason, event) } };
    const stored = { outcome, ...redactor.redact(event), verdicts, ...safe };
    const backends = inForce.sinks.flatMap(({ name, sink }) =>
      (receivers?.includes(name) ?? true) && sink.wants(stored) ? [name] : [],
    );
    return { outcome, backends, payload: JSON.stringify(stored) };
  }

  badRow({ reason, text, chars }: BadLogRow): BadRow {
    const { redactor, inForce } = this.#options;
    // Nobody knows whose it is
    const kept = inForce.rules.areAny ? undefined : redactor.unreadable(text);
    return { reason, payload: JSON.stringify({ chars, text: kept }) };
  }
}
