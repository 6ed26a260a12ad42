import { listIn } from '../../state/list.ts';
import { type SharedKey, type SharedState, StateError } from '../../state/shared-state.ts';
import type { AnswerModels } from './answer-models.ts';

const KEY: SharedKey = 'learned_models:names';
const EVERY_MS = 5000;
/** Names outlive a restart of all replicas by as much. */
const AGE_MS = 24 * 60 * 60_000;
const REFRESH_MS = AGE_MS / 4;

/**
 * Has replicas tell each other which names the answers of a model have: each learns from a part of the calls, and would refuse a foreign
 * answer later than one that sees all of them. They tell it every few seconds, while calls come; no call waits for it.
 */
export class SharedAnswerModels {
  readonly #state: SharedState;
  readonly #models: AnswerModels;
  #exchangedAt = Number.NEGATIVE_INFINITY;
  /** All that was learned when this share was written, and when. */
  #written = { version: 0, at: 0 };
  readonly #seen = new WeakSet<Buffer>();

  constructor(state: SharedState, models: AnswerModels) {
    this.#state = state;
    this.#models = models;
  }

  /** Begins to exchange names, unless that was done lately. @param now Unix milliseconds */
  exchange(now: number): void {
    if (Math.abs(now - this.#exchangedAt) < EVERY_MS) return;
    this.#exchangedAt = now;
    this.#exchange(now).catch((error: unknown) => {
      // Counted and logged, and tried again with a later call
      if (!(error instanceof StateError)) throw error;
    });
  }

  async #exchange(now: number): Promise<void> {
    const shares = (await this.#state.readShares([KEY])).get(KEY) ?? [];
    for (const share of shares) {
      if (share === null || this.#seen.has(share)) continue;
      this.#seen.add(share);
      for (const one of listIn(share)) {
        const [asked, ...names] = Array.isArray(one) ? one.map(String) : [];
        if (asked !== undefined) this.#models.learn(asked, names);
      }
    }
    const { version } = this.#models;
    const { version: written, at } = this.#written;
    if (shares.includes(null) && version === written && Math.abs(now - at) < REFRESH_MS) return;
    const value = Buffer.from(JSON.stringify(this.#models.learned()));
    await this.#state.writeShares([{ key: KEY, value, ttlMs: AGE_MS }]);
    this.#written = { version, at: now };
  }
}
