import type { Decision } from '../guardrail/decision.ts';
import type { CallScope } from './call-scope.ts';

/** A call that is being judged. */
export type Running = {
  readonly key: string;
  readonly body: Buffer;
  readonly scope: CallScope;
  /** Those who sent the same call meanwhile. */
  readonly others: ((decision: Decision) => void)[];
  /** Another call under the same key. */
  next: Running | undefined;
};

/**
 * Calls that are being judged, to tell one that LiteLLM sends again: under the same ids with the same bytes, over another
 * connection, mostly when the first took too long for its `timeout`. It is judged and counted once, and every connection gets
 * the decision. Bodies are compared only under the key of a call that runs.
 *
 * @see LiteLLM 1.110.2, `_post_check` in generic_guardrail_api.py
 */
export class RepeatedCalls {
  /** The newest call under each key. */
  readonly #running = new Map<string, Running>();

  /** The call that this one repeats, if there is one. */
  find(key: string, body: Buffer): Running | undefined {
    // Where no call has to wait the key, made of several strings, need not be put together and hashed
    let one = this.#running.size === 0 ? undefined : this.#running.get(key);
    while (one !== undefined && !one.body.equals(body)) one = one.next;
    return one;
  }

  begin(key: string, body: Buffer, scope: CallScope): Running {
    const running = { key, body, scope, others: [], next: this.#running.get(key) };
    this.#running.set(key, running);
    return running;
  }

  /** Hands the decision to everybody who sent the call again. */
  end(running: Running, decision: Decision): void {
    const { key, next, others } = running;
    let before = this.#running.get(key);
    if (before === running) {
      if (next === undefined) this.#running.delete(key);
      else this.#running.set(key, next);
    } else {
      while (before !== undefined && before.next !== running) before = before.next;
      if (before !== undefined) before.next = next;
    }
    for (const resolve of others) resolve(decision);
  }
}
