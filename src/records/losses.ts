import { type Log, MAX_LOGGED_ID_CHARS } from '../observability/log.ts';
import type { RecordsThreadEvents, UnstoredReason } from './protocol.ts';

/** The wait of the reply to a blocked call for its record, which is over after some time. */
export function blockedReply(ms: number, unstored: (reason: UnstoredReason) => void) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const release = (reason?: UnstoredReason) => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    if (reason !== undefined) unstored(reason);
    resolve();
  };
  // Where the loop was busy for that long, the reply of the thread comes first
  const isOver = () => setImmediate(release, 'slow');
  let timer: NodeJS.Timeout | undefined = setTimeout(isOver, ms);
  return { promise, release };
}

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

  unstored(callId: string | null, reason: UnstoredReason): void {
    this.#events.unstored(reason);
    this.#log.warn(loggedBlock(callId, reason), 'a blocked call was replied to before its record was stored');
  }
}

function loggedBlock(callId: string | null, reason: string) {
  return { litellm_call_id: callId?.slice(0, MAX_LOGGED_ID_CHARS) ?? null, reason };
}
