import { onTestFinished } from 'vitest';
import { MemoryStore } from '../../src/state/memory-store.ts';
import type { SharedState, StateFailure, StateFeature } from '../../src/state/shared-state.ts';
import { SharedValues } from '../../src/state/shared-values.ts';
import type { StateStore } from '../../src/state/state-store.ts';

/** A store that can go down, be slow, or lose all it has. */
export class BreakableStore {
  isDown = false;
  /** Operations so far, by name. */
  readonly asked: string[] = [];
  slowMs = 0;
  #store: StateStore = new MemoryStore(1024 * 1024 * 1024);

  /** The store as one replica sees it. */
  readonly seen = new Proxy({} as StateStore, {
    get:
      (_, name: keyof StateStore) =>
      async (...args: unknown[]) => {
        this.asked.push(name);
        if (this.isDown && name !== 'close') throw new Error('down');
        if (this.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, this.slowMs));
        return (this.#store[name] as (...args: unknown[]) => Promise<unknown>)(...args);
      },
  });

  /** Goes up again; resolves once those that had seen it down know. */
  async back(): Promise<void> {
    this.isDown = false;
    const known = this.asked.length;
    // Each of them asks every second
    await new Promise((resolve) => setTimeout(resolve, 1300));
    if (!this.asked.slice(known).includes('ping')) throw new Error('nobody had seen it down');
  }

  async lose(): Promise<void> {
    const secret = await this.#store.secret();
    this.#store = Object.assign(new MemoryStore(1024 * 1024 * 1024), { secret: async () => secret });
  }
}

/** The shared state of some replicas in one store in memory, and the failures that they counted. */
export async function sharedStates(
  replicas: number,
  store: StateStore = new MemoryStore(1024 * 1024 * 1024),
  keys: readonly Uint8Array[] = [],
) {
  const failed: string[] = [];
  const states = Array.from({ length: replicas }, () => {
    const observer = {
      failed: (feature: StateFeature, reason: StateFailure) => void failed.push(`${feature} ${reason}`),
      outage() {},
    };
    return new SharedValues({ store, keys, timeoutMs: 1000, observer });
  });
  onTestFinished(async () => {
    for (const state of states) await state.close();
  });
  await Promise.all(states.map((state) => state.start()));
  return { states: states as SharedState[], failed };
}
