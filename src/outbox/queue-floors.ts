/** A look at a whole queue that took longer passed over many rows that are gone. */
const SLOW_MS = 50;
/** Until the next one it is looked at from its first record on, for so many times what that look took. */
const PART = 20;

type Floor = { readonly first: number; readonly until: number };

/**
 * Where the queues of backends begin. What was delivered stays in the index of a queue until Postgres has cleaned up, which a long transaction
 * of anybody, such as a backup, keeps it from: 30,000 rows that are gone cost 15 ms. Then most looks begin at the first record of the last
 * whole one, and what becomes ready before it is found by the next whole one.
 */
export class QueueFloors {
  readonly #floors = new Map<string, Floor>();
  readonly #highest = new Map<string, number>();

  /** The first record to look at. */
  of(backend: string): number {
    const floor = this.#floors.get(backend);
    return floor === undefined || performance.now() > floor.until ? 0 : floor.first;
  }

  /** @param ids what was found from a record on; @param ms the time that it took */
  looked(backend: string, from: number, ids: readonly number[], ms: number): void {
    const [first] = ids;
    const highest = Math.max(this.#highest.get(backend) ?? 0, ids.at(-1) ?? 0);
    this.#highest.set(backend, highest);
    const floor = this.#floors.get(backend);
    if (from > 0) {
      // One that waited, and is before the others from now on
      if (floor !== undefined && first !== undefined && first < floor.first)
        this.#floors.set(backend, { ...floor, first });
    } else if (ms < SLOW_MS) this.#floors.delete(backend);
    else this.#floors.set(backend, { first: first ?? highest + 1, until: performance.now() + PART * ms });
  }

  /** Looks at all queues from their beginnings again. */
  reset(): void {
    this.#floors.clear();
  }
}
