import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import { STOPPED } from '../guardrail/deadline.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { isContinued } from '../guardrail/growth.ts';
import { boundedBy, charsOfAll, charsOfVerdict, memoryBytes, textBytes } from '../guardrail/memory.ts';
import type { Verdict } from '../guardrail/verdict.ts';

/** Milliseconds without another call about a response that are taken for its end. */
const QUIET_MS = 1500;

/** Time for those that run to end by themselves when the bridge ends: as long as a backend may take by default. */
const SETTLE_MS = 5000;
/** Of those that wait, and of those that run. */
const MOST_BYTES = memoryBytes('waiting checks') / 2;

/**
 * The result that counts if the response goes on; undefined for none.
 *
 * @param signal aborts when the check has to end
 */
type Check = (signal: AbortSignal) => Promise<CheckResult | undefined>;
/** Told of a verdict against a response, to have others know it; it never rejects for want of them. */
type OnStopped = (stopped: StoppedResponse) => Promise<void>;
type Waiting = {
  readonly timer: NodeJS.Timeout;
  readonly call: GuardrailCall;
  readonly check: Check;
  readonly onStopped: OnStopped | undefined;
};
type Running = { readonly controller: AbortController; readonly bytes: number; ended: Promise<void> };
/** A response that was delivered, and the verdict against it. */
export type StoppedResponse = { readonly texts: readonly string[]; readonly result: CheckResult };

const UNMAPPABLE: Verdict = { kind: 'modify', texts: null };

/**
 * Checks of responses that may have ended. Nothing in LiteLLM's calls tells the last one about a stream from the others, so
 * what a backend has not been asked about is judged once no other call follows: too late to stop it, never unseen. Half of their memory
 * is for those that wait, half for those that run: of a backend that is too slow for that the oldest end without a verdict.
 */
export class TrailingChecks {
  readonly #failed: (error: unknown, call: GuardrailCall) => void;
  /** Checks that wait for the end of a response, by backend and call. Only streams in `STREAM_CHECK_GROWTH` have one. */
  readonly #waiting = new Map<string, Waiting>();
  #waitingBytes = 0;
  /** Checks that run, the oldest first. */
  readonly #running = new Set<Running>();
  #runningBytes = 0;
  /** Verdicts against responses that were delivered, in case they go on after all. */
  readonly #stopped = new LRUCache<string, StoppedResponse>({
    ttl: 10 * 60_000,
    ...boundedBy(
      'ended responses',
      ({ texts, result }: StoppedResponse) =>
        charsOfAll(texts) + ('verdict' in result ? charsOfVerdict(result.verdict) : 0),
    ),
  });

  /** @param failed called with a mistake of ours that kept a check from a result */
  constructor(failed: (error: unknown, call: GuardrailCall) => void) {
    this.#failed = failed;
  }

  /** Checks a response unless another call about it comes first. */
  schedule(key: string, call: GuardrailCall, check: Check, onStopped?: OnStopped): void {
    this.cancel(key);
    const timer = setTimeout(() => this.run(key), QUIET_MS);
    this.#waiting.set(key, { timer, call, check, onStopped });
    this.#waitingBytes += bytesOf(key, call);
    // Rather judged before its end than not at all
    while (this.#waitingBytes > MOST_BYTES) {
      this.run(this.#waiting.keys().next().value as string);
    }
  }

  cancel(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(key);
    this.#waitingBytes -= bytesOf(key, waiting.call);
  }

  /** Makes a check that waits at once. */
  run(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.cancel(key);
    const { call, check, onStopped } = waiting;
    const controller = new AbortController();
    const running: Running = { controller, bytes: bytesOf(key, call), ended: Promise.resolve() };
    this.#running.add(running);
    this.#runningBytes += running.bytes;
    running.ended = this.#make(key, call, () => check(controller.signal), onStopped)
      .catch((error: unknown) => this.#failed(error, call))
      .finally(() => this.#end(running));
    for (const oldest of this.#running) {
      if (this.#runningBytes <= MOST_BYTES || oldest === running) break;
      this.#end(oldest);
      oldest.controller.abort(STOPPED);
    }
  }

  #end(running: Running): void {
    if (this.#running.delete(running)) this.#runningBytes -= running.bytes;
  }

  async #make(
    key: string,
    call: GuardrailCall,
    check: () => ReturnType<Check>,
    onStopped: OnStopped | undefined,
  ): Promise<void> {
    const result = await check();
    if (result === undefined || !('verdict' in result) || result.verdict.kind === 'allow') return;
    // Its new texts belong to the passages of an earlier round: they cannot be put into a later one
    const verdict = result.verdict.kind === 'modify' ? UNMAPPABLE : result.verdict;
    const stopped = { texts: call.texts, result: { ...result, verdict } };
    this.#stopped.set(key, stopped);
    await onStopped?.(stopped);
  }

  /** Takes over a verdict that another replica has. */
  tell(key: string, stopped: StoppedResponse): void {
    this.#stopped.set(key, stopped);
  }

  /** The result of a trailing check against the beginning of a response that goes on; another response has none. */
  against(key: string, call: GuardrailCall): CheckResult | undefined {
    const stopped = this.#stopped.get(key);
    return stopped !== undefined && isContinued(stopped.texts, call) ? stopped.result : undefined;
  }

  /** Makes the checks that wait, and resolves when all have ended, which they are made to after a while. */
  async settled(): Promise<void> {
    for (const key of [...this.#waiting.keys()]) this.run(key);
    const stop = () => {
      for (const { controller } of this.#running) controller.abort(STOPPED);
    };
    const timer = setTimeout(stop, SETTLE_MS);
    while (this.#running.size > 0) await Promise.all([...this.#running].map(({ ended }) => ended));
    clearTimeout(timer);
  }
}

function bytesOf(key: string, { texts }: GuardrailCall): number {
  return textBytes([key]) + textBytes(texts);
}
