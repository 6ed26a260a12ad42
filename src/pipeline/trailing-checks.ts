import { LRUCache } from 'lru-cache';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { isContinued } from '../guardrail/growth.ts';
import type { Verdict } from '../guardrail/verdict.ts';

/** Milliseconds without another call about a response that are taken for its end. */
const QUIET_MS = 1500;

/** Resolves with undefined if a mistake of ours kept it from a result. */
type Check = () => Promise<CheckResult | undefined>;
type Waiting = {
  readonly timer: NodeJS.Timeout;
  readonly call: GuardrailCall;
  readonly check: Check;
};
type Stopped = { readonly texts: readonly string[]; readonly result: CheckResult };

const UNMAPPABLE: Verdict = { kind: 'modify', texts: null };

/**
 * Checks of responses that may have ended. Nothing in LiteLLM's calls tells the last one about a stream from the others, so
 * what a backend has not been asked about is judged once no other call follows: too late to stop it, never unseen.
 */
export class TrailingChecks {
  /** Checks that wait for the end of a response, by backend and call. Only streams in `STREAM_CHECK_GROWTH` have one. */
  readonly #waiting = new Map<string, Waiting>();
  /** Checks that run. */
  readonly #running = new Set<Promise<void>>();
  /** Verdicts against responses that were delivered, in case they go on after all. */
  readonly #stopped = new LRUCache<string, Stopped>({
    max: 5000,
    ttl: 10 * 60_000,
    maxSize: 16 * 1024 * 1024,
    sizeCalculation: ({ texts }) => texts.reduce((chars, { length }) => chars + length, 1),
  });

  /** Checks a response unless another call about it comes first. */
  schedule(key: string, call: GuardrailCall, check: Check): void {
    this.cancel(key);
    this.#waiting.set(key, { timer: setTimeout(() => this.run(key), QUIET_MS), call, check });
  }

  cancel(key: string): void {
    clearTimeout(this.#waiting.get(key)?.timer);
    this.#waiting.delete(key);
  }

  /** Makes a check that waits at once. */
  run(key: string): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.cancel(key);
    const work = waiting.check().then((result) => {
      if (result === undefined || !('verdict' in result) || result.verdict.kind === 'allow') return;
      // Its new texts belong to the passages of an earlier round: they cannot be put into a later one
      const verdict = result.verdict.kind === 'modify' ? UNMAPPABLE : result.verdict;
      this.#stopped.set(key, { texts: waiting.call.texts, result: { ...result, verdict } });
    });
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  /** The result of a trailing check against the beginning of a response that goes on; another response has none. */
  against(key: string, call: GuardrailCall): CheckResult | undefined {
    const stopped = this.#stopped.get(key);
    return stopped !== undefined && isContinued(stopped.texts, call) ? stopped.result : undefined;
  }

  /** Makes the checks that wait, and resolves when all have ended. */
  async settled(): Promise<void> {
    for (const key of [...this.#waiting.keys()]) this.run(key);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
