import type { Sink } from '../backends/backend.ts';
import type { Fields, GuardrailCall } from '../guardrail/call.ts';
import type { BlockNote, CallRecord, VerdictNote } from '../guardrail/record.ts';
import { type EventFacts, factsOf } from '../litellm/log-event.ts';
import { type BadLogRow, parseLogRows } from '../litellm/log-rows.ts';
import { blockKey } from '../outbox/one-record.ts';
import type { BadRow, Disposition, Entry, Outbox } from '../outbox/outbox.ts';
import { blockedEvent, wordsOf } from './blocked-event.ts';
import { createJoined } from './joined.ts';
import type { Notes } from './notes.ts';
import { removeNamedCredentials } from './redact/credential-field.ts';
import type { Redactor } from './redact/redact.ts';

/** What became of the rows of one POST. */
export type Receipt = Readonly<Record<Disposition | 'bad' | 'legacy' | 'null', number>>;

/** A call that the bridge blocked, as the main thread knows it. */
export type BlockedCall = {
  readonly call: GuardrailCall;
  /** For an answer, the request it belongs to, as far as it is known. */
  readonly request: GuardrailCall | undefined;
  readonly note: VerdictNote;
  readonly block: BlockNote;
};

export type IntakeOptions = {
  readonly outbox: Outbox;
  readonly notes: Notes;
  readonly redactor: Redactor;
  readonly sinks: readonly { readonly name: string; readonly sink: Sink }[];
  readonly failureGraceMs: number;
  /** How long an answer may still be judged after its event arrived, with releases that log it before. */
  readonly judgingMs: number;
  /** Whether rows that nobody can read may be stored as they are. */
  readonly keepsContent: boolean;
  readonly now: () => number;
};

/** Of a row that cannot be read. */
const MAX_BAD_CHARS = 8 * 1024;

/** Makes entries of the outbox from what LiteLLM logs and from what the bridge blocks: joined, redacted, durable. */
export function createIntake(options: IntakeOptions) {
  const { outbox, notes, redactor, sinks, now } = options;
  const joined = createJoined();

  type Unredacted = Pick<CallRecord, 'outcome' | 'event' | 'verdicts' | 'block'>;

  function entryOf(record: Unredacted, about: Omit<Entry, 'outcome' | 'backends' | 'payload'>): Entry {
    const { outcome, verdicts, block } = record;
    const reason = block && redactor.text(block.reason, record.event);
    const { event, erased, masked } = redactor.redact(record.event);
    const stored: Omit<CallRecord, 'record_id'> = {
      outcome,
      event,
      verdicts,
      ...(block && reason !== undefined && { block: { ...block, reason } }),
      erased,
      masked,
    };
    const wanting = sinks.filter(({ sink }) => sink.wants(stored));
    return { ...about, outcome, backends: wanting.map(({ name }) => name), payload: JSON.stringify(stored) };
  }

  /** The key of a call whose event does not tell it; a repetition of the event finds the same. */
  function joinedKey(facts: EventFacts, isStream: boolean): string {
    const { traceId, outcome, eventKey, startedAt, fingerprint } = facts;
    // A stream is told to begin with its request, other calls when the provider is called: after the first verdict
    const endedAt = isStream ? facts.endedAt : startedAt;
    const known = joined.of(eventKey);
    if (known !== undefined) return known;
    const found =
      notes.find({ traceId, fingerprint, startedAt, endedAt }) ??
      (outcome === 'success' ? joined.recovered(traceKey(facts)) : undefined);
    // What was not found stays so: by its repetition another call may have the same words
    const key = found ?? `event:${eventKey}`;
    joined.add(eventKey, key);
    return key;
  }

  function entryOfEvent(event: Fields): Entry {
    const facts = factsOf(event, now());
    const { callId, outcome, eventKey, startedAt, endedAt, ref, mayBeBlocked } = facts;
    const callKey = callId ?? joinedKey(facts, event.stream === true);
    if (callId !== undefined) {
      notes.seen(callId, startedAt);
      if (outcome === 'failure') joined.failed(traceKey(facts), callId);
    }
    const verdicts = notes.of(callKey);
    // Releases without call ids log an answer while it may still be judged, and all of them one from their cache
    const isUnderJudgement =
      (callId === undefined || event.cache_hit === true) &&
      verdicts.length > 0 &&
      verdicts.every(({ input_type }) => input_type !== 'response');
    const holdMs = outcome === 'failure' ? options.failureGraceMs : isUnderJudgement ? options.judgingMs : 0;
    return entryOf(
      { outcome, event, verdicts },
      {
        ...{ callKey, eventKey, startedAt, endedAt, holdMs, mayBeBlocked },
        ...(verdicts.some(({ action }) => action === 'BLOCKED') && { words: facts.fingerprint() }),
        ...(ref !== undefined && { ref }),
      },
    );
  }

  function badRow({ reason, text }: BadLogRow): BadRow {
    const beginning = removeNamedCredentials(text.slice(0, 2 * MAX_BAD_CHARS));
    const kept = options.keepsContent && { text: redactor.text(beginning, {}).slice(0, MAX_BAD_CHARS) };
    return { reason, payload: JSON.stringify({ chars: text.length, ...kept }) };
  }

  return {
    /** Stores the rows of one POST. @throws OutboxError if they could not be stored; then none of them is */
    async logs(body: string): Promise<Receipt> {
      const rows = parseLogRows(body);
      const bad = rows.bad.map(badRow);
      const entries: Entry[] = [];
      for (const event of rows.events) {
        try {
          entries.push(entryOfEvent(event));
        } catch (error) {
          // A mistake of ours about one row must not cost the others
          const reason = `bug: ${error instanceof Error ? error.name : 'unknown'}`;
          bad.push(badRow({ reason, text: JSON.stringify(event) }));
        }
      }
      const dispositions = entries.length + bad.length > 0 ? await outbox.accept(entries, bad) : [];
      const count = (disposition: Disposition) => dispositions.filter((one) => one === disposition).length;
      return {
        new: count('new'),
        late: count('late'),
        duplicate: count('duplicate'),
        attempt: count('attempt'),
        blocked: count('blocked'),
        bad: bad.length,
        legacy: rows.legacy,
        null: rows.nulls,
      };
    },

    /**
     * Makes the record of a blocked call, ahead of anything that LiteLLM logs about it. What is returned stores it, and can
     * be called again if that fails: it throws an OutboxError.
     */
    blocked({ call, request, note, block }: BlockedCall): () => Promise<Disposition> {
      notes.add(note);
      const entry = entryOf(
        {
          outcome: 'blocked',
          event: blockedEvent(call, request, note),
          verdicts: notes.of(note.litellm_call_id),
          block,
        },
        {
          callKey: note.litellm_call_id,
          eventKey: blockKey(call.input_type, wordsOf(call, request)),
          startedAt: Math.round(note.at - note.ms),
          endedAt: note.at,
          ref: block.ref,
          holdMs: 0,
        },
      );
      return async () => (await outbox.accept([entry]))[0] as Disposition;
    },
  };
}

export type Intake = ReturnType<typeof createIntake>;

/** Of all attempts of a call, and as a rule of no other call. */
function traceKey({ traceId, fingerprint }: EventFacts): string {
  return `${traceId}|${fingerprint()}`;
}
