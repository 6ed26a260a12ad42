import { createGiveBackLate } from '../guardrail/give-back.ts';
import { within } from '../guardrail/within.ts';
import type { Losses } from './losses.ts';
import type { LogsResult, UnstoredReason } from './protocol.ts';
import type { ThreadHealth } from './thread-health.ts';
import type { Unanswered } from './unanswered.ts';

/** The JSON of a blocked call that is longer is freed on purpose. */
const LARGE_JSON = 4 * 1024 * 1024;
/** Longest that the reply to a blocked call waits for its record; a common commit takes about 1 ms. */
const BLOCKED_MS = 50;

type BlockedRecordsOptions = {
  readonly unanswered: Unanswered;
  readonly health: ThreadHealth;
  readonly losses: Losses;
  readonly failed: (error: unknown) => void;
};

/** Blocked calls whose replies wait for their records. */
export class BlockedRecords {
  readonly #options: BlockedRecordsOptions;
  readonly #giveBack = createGiveBackLate();

  constructor(options: BlockedRecordsOptions) {
    this.#options = options;
  }

  /**
   * Has a blocked call recorded. Resolves when its record is durable, or cannot be waited for; it is stored then when it can be.
   *
   * @param json a BlockedCall, in memory that all threads share: it is held once, however long it waits
   * @param onDone called when the record needs no memory any more
   */
  store(callId: string | null, json: Uint8Array, onDone: () => void): Promise<void> {
    const { unanswered, health, losses, failed } = this.#options;
    if (unanswered.isFull(json.length)) {
      losses.block(callId, 'not_answering');
      onDone();
      return Promise.resolve();
    }
    const stored = unanswered.ask('blocked', [json], json.length);
    const { promise, release } = blockedReply(BLOCKED_MS, (reason) => losses.unstored(callId, reason));
    const sent = unanswered.last;
    if (sent !== undefined) sent.release = release;
    if (health.isRestarting) release('restarting');
    stored
      .then((result) => {
        release();
        if (result === undefined) losses.block(callId, 'not_taken');
        onDone();
        if (json.length > LARGE_JSON) setImmediate(this.#giveBack);
      })
      .catch(failed);
    return promise;
  }

  /** Resolves when a record that was sent is durable, or cannot be waited for. */
  async waitFor(sent: Promise<LogsResult>): Promise<void> {
    const stored = sent.then((result) => {
      if (typeof result !== 'string') this.#options.losses.unrecorded(result.refused);
    });
    stored.catch(this.#options.failed);
    await within(BLOCKED_MS, stored);
  }
}

/** The wait of the reply to a blocked call for its record, which is over after some time. */
function blockedReply(ms: number, unstored: (reason: UnstoredReason) => void) {
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
