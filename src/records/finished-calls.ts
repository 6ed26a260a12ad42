/** Marks that tell a call from others under its id. Hashes are of the bytes of a note, see `hashOf`; 0 is none. */
export type Traits = {
  readonly trace: number;
  readonly key: number;
  readonly words: number | undefined;
  readonly startedAt: number;
};

/** Calls that are remembered: at 125 a second those of 17 minutes. */
const SLOTS = 131_072;
/** Slots that a call can take, from the one that the hash of its id names. */
const PROBES = 8;

/**
 * Calls whose record is complete, in 24 bytes each: an event that comes again, or late, is about one of them, and not about another
 * call under the same id.
 */
export class FinishedCalls {
  /** Hashes of ids; 0 is a free slot. Made for the first call, as the others are. */
  #ids = new Uint32Array(0);
  #traces = new Uint32Array(0);
  #keys = new Uint32Array(0);
  /** 0 is none. */
  #words = new Uint32Array(0);
  #startedAt = new Float64Array(0);

  add(id: number, { trace, key, words = 0, startedAt }: Traits): void {
    if (this.#ids.length === 0) this.#open();
    let slot = id % SLOTS;
    for (let i = 1; i < PROBES && this.#ids[slot] !== 0; i++) {
      const other = (id + i) % SLOTS;
      const isOlder = (this.#startedAt[other] as number) < (this.#startedAt[slot] as number);
      if (this.#ids[other] === 0 || isOlder) slot = other;
    }
    this.#ids[slot] = id;
    this.#traces[slot] = trace;
    this.#keys[slot] = key;
    this.#words[slot] = words;
    this.#startedAt[slot] = startedAt;
  }

  /** Those with that hash of their id. */
  of(id: number): Traits[] {
    const found: Traits[] = [];
    for (let i = 0; i < PROBES && this.#ids.length > 0; i++) {
      const slot = (id + i) % SLOTS;
      if (this.#ids[slot] !== id) continue;
      const words = this.#words[slot] as number;
      found.push({
        trace: this.#traces[slot] as number,
        key: this.#keys[slot] as number,
        words: words === 0 ? undefined : words,
        startedAt: this.#startedAt[slot] as number,
      });
    }
    return found;
  }

  #open(): void {
    this.#ids = new Uint32Array(SLOTS);
    this.#traces = new Uint32Array(SLOTS);
    this.#keys = new Uint32Array(SLOTS);
    this.#words = new Uint32Array(SLOTS);
    this.#startedAt = new Float64Array(SLOTS);
  }
}
