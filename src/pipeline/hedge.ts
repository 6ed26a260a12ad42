import { type Deadline, startDeadline } from '../guardrail/deadline.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import type { Verdict } from '../guardrail/verdict.ts';

export type HedgeOptions = {
  /** Milliseconds until the second attempt. */
  readonly afterMs: number;
  /** Of the whole check, in milliseconds. */
  readonly timeoutMs: number;
  /** Asked when the second attempt would begin. */
  readonly mayBegin: () => boolean;
};

/** A check with a second attempt if the first takes long. The first verdict counts, and ends the other attempt. */
export class Hedge {
  readonly #options: HedgeOptions;
  /** Those under way. */
  readonly #attempts = new Set<AbortController>();
  #result: CheckResult['hedged'];

  constructor(options: HedgeOptions) {
    this.#options = options;
  }

  /** The attempt of which the verdict came; undefined where there was no second one. */
  get result(): CheckResult['hedged'] {
    return this.#result;
  }

  /**
   * Rejects with the error of the first attempt that failed, once none is under way.
   *
   * @param deadline of the whole check
   */
  ask(ask: (deadline: Deadline) => Promise<Verdict>, deadline: Deadline): Promise<Verdict> {
    const { afterMs, mayBegin } = this.#options;
    return new Promise((resolve, reject) => {
      const wait = startDeadline(afterMs);
      const end = () => {
        wait.clear();
        for (const attempt of this.#attempts) attempt.abort();
      };
      let failed: { readonly error: unknown } | undefined;
      const begin = (which: 'first' | 'second') => {
        this.#attempt(ask).then(
          (verdict) => {
            if (this.#result === 'none') this.#result = which;
            resolve(verdict);
            end();
          },
          (error: unknown) => {
            failed ??= { error };
            if (this.#attempts.size > 0) return;
            reject(failed.error);
            end();
          },
        );
      };
      begin('first');
      wait.onStop(() => {
        if (deadline.isStopped || !mayBegin()) return;
        this.#result = 'none';
        begin('second');
      });
      deadline.onStop(end);
    });
  }

  async #attempt(ask: (deadline: Deadline) => Promise<Verdict>): Promise<Verdict> {
    const attempt = new AbortController();
    const deadline = startDeadline(this.#options.timeoutMs, attempt.signal);
    this.#attempts.add(attempt);
    try {
      return await deadline.limit(ask(deadline));
    } finally {
      deadline.clear();
      this.#attempts.delete(attempt);
    }
  }
}
