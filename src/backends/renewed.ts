import { BackendError } from '../guardrail/failure.ts';

/** A value that expires, just fetched. */
export type Fetched<Value> = {
  readonly value: Value;
  /** Seconds until it expires. */
  readonly seconds: number;
};

/** Before its end a value is renewed, by that much or by a third of its life. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** Not used in its last moments: it would expire on the way. */
const SPARE_MS = 10_000;
/** Between two attempts to renew a value that is still good. */
const RETRY_MS = 10_000;
/** A vendor that refuses two tokens in a row means the account and not the token. */
const DROP_AGAIN_MS = 10_000;

type Held<Value> = { readonly value: Value; readonly endsAt: number; renewAt: number };

/**
 * A value that expires, such as a token: fetched when it is first needed, and again before it expires, while the old one is still
 * handed out. One fetch at a time, for however many checks; what it throws is thrown to those that wait for it.
 *
 * Life is measured from the reply, by a clock that nobody sets: a wrong time of day changes nothing.
 */
export class Renewed<Value> {
  readonly #fetch: () => Promise<Fetched<Value>>;
  #held: Held<Value> | undefined;
  #fetching: Promise<Value> | undefined;
  #droppedAt = Number.NEGATIVE_INFINITY;

  constructor(fetch: () => Promise<Fetched<Value>>) {
    this.#fetch = fetch;
  }

  /** The value: at once while there is one that is good. */
  get(): Value | Promise<Value> {
    const held = this.#held;
    const now = performance.now();
    if (held === undefined || now >= held.endsAt) return this.#fetchOnce();
    if (now >= held.renewAt && this.#fetching === undefined) {
      held.renewAt = now + RETRY_MS;
      // Who waits for the next one is told, if there is still none by then
      this.#fetchOnce().catch(() => {});
    }
    return held.value;
  }

  /**
   * Forgets a value that was refused, so that the next `get` fetches another.
   *
   * @returns false if that is no use: its successor of a moment ago was refused too
   */
  drop(value: Value): boolean {
    if (this.#held?.value !== value) return true;
    const now = performance.now();
    if (now - this.#droppedAt < DROP_AGAIN_MS) return false;
    this.#droppedAt = now;
    this.#held = undefined;
    return true;
  }

  #fetchOnce(): Promise<Value> {
    this.#fetching ??= this.#renew().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #renew(): Promise<Value> {
    const { value, seconds } = await this.#fetch();
    const lifeMs = seconds * 1000;
    const now = performance.now();
    const endsAt = now + lifeMs - Math.min(SPARE_MS, lifeMs / 3);
    this.#held = { value, endsAt, renewAt: endsAt - Math.min(RENEW_BEFORE_MS, lifeMs / 3) };
    return value;
  }
}

/** Asks a vendor with a value that expires, and once more with a new one if it does not take the value any more. */
export async function askWith<Value, Reply>(
  renewed: Renewed<Value>,
  ask: (value: Value) => Promise<Reply>,
): Promise<Reply> {
  const value = await renewed.get();
  try {
    return await ask(value);
  } catch (error) {
    const isRefused = error instanceof BackendError && error.failure.kind === 'unauthorized';
    if (!isRefused || !renewed.drop(value)) throw error;
  }
  return ask(await renewed.get());
}
