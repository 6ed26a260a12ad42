import { type Log, MAX_LOGGED_ID_CHARS } from '../observability/log.ts';
import type { LogsRefusal, RecordsThreadEvents, UnstoredReason } from './protocol.ts';

/** Counts and logs what the main thread could not have recorded, or not in time. */
export class Losses {
  readonly #events: RecordsThreadEvents;
  readonly #log: Log;

  constructor(events: RecordsThreadEvents, log: Log) {
    this.#events = events;
    this.#log = log;
  }

  notes(notes: number): void {
    this.#events.lostNotes(notes);
    this.#log.error({ notes }, 'notes on calls were lost: their records lack these verdicts');
  }

  block(callId: string | null, reason: 'not_answering' | 'not_taken'): void {
    this.#events.lost();
    this.#log.error(loggedBlock(callId, reason), 'the record of a blocked call was lost');
  }

  unrecorded(reason: LogsRefusal): void {
    this.#events.unrecorded(reason);
  }

  unstored(callId: string | null, reason: UnstoredReason): void {
    this.#events.unstored(reason);
    this.#log.warn(loggedBlock(callId, reason), 'a blocked call was replied to before its record was stored');
  }
}

function loggedBlock(callId: string | null, reason: string) {
  return { litellm_call_id: callId?.slice(0, MAX_LOGGED_ID_CHARS) ?? null, reason };
}
