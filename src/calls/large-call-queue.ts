import type { Worker } from 'node:worker_threads';
import type { CallForm } from './call-form.ts';
import type { ReceivedBody } from './received-body.ts';
import type { CallResponse } from './refusal.ts';

/** Bytes of calls that are in the thread at once, and of records that are not stored yet; a larger one is there alone. */
const HELD_BYTES = 40 * 1024 * 1024;

/** A call that waits for the thread of large calls, or is there. */
export type LargeCall = {
  readonly n: number;
  readonly form: CallForm;
  readonly body: ReceivedBody;
  readonly bytes: number;
  readonly resolve: (response: CallResponse) => void;
  readonly traceparent: string | undefined;
  /** While it waits for the thread: ends the wait. While it is there: ends a thread that hangs. */
  timer: NodeJS.Timeout | undefined;
  /** Undefined while it waits for the thread. */
  worker: Worker | undefined;
  /** True while nothing else may be read in the thread. */
  isRead: boolean;
  /** True once somebody has its response: only those that nobody waits for are asked any more. */
  isAnswered: boolean;
};

/** Calls that wait for the thread, and those that are there. */
export class LargeCallQueue {
  /** The oldest first. */
  readonly waiting = new Set<LargeCall>();
  /** By number, the oldest first. */
  readonly there = new Map<number, LargeCall>();

  /**
   * The call that can be handed over now.
   *
   * @param unstored bytes of records that are not stored yet
   */
  next(unstored: number): LargeCall | undefined {
    const [first] = this.waiting;
    return first !== undefined && !this.#isReading() && this.#excess(first, unstored) <= 0
      ? first
      : undefined;
  }

  /** The answered calls, the oldest first, without which the next one could be handed over. */
  inTheWay(unstored: number): LargeCall[] {
    const [first] = this.waiting;
    if (first === undefined || this.#isReading()) return [];
    let excess = this.#excess(first, unstored);
    const calls: LargeCall[] = [];
    for (const call of this.there.values()) {
      if (excess <= 0) break;
      if (!call.isAnswered) continue;
      calls.push(call);
      excess -= call.bytes;
    }
    return calls;
  }

  #isReading(): boolean {
    return [...this.there.values()].some(({ isRead }) => isRead);
  }

  /** Bytes that are held beyond what leaves room for a call. */
  #excess({ bytes }: LargeCall, unstored: number): number {
    const held = [...this.there.values()].reduce((sum, call) => sum + call.bytes, unstored);
    return held > 0 ? held + bytes - HELD_BYTES : 0;
  }
}
