import { memoryBytes } from '../guardrail/memory.ts';

/** Rows that go together, and their number. */
export type DecisionBatch = { readonly n: number; readonly lines: string; readonly rows: number };

/** Batches that are to be stored, the oldest first, within a bound. */
export class WaitingBatches {
  readonly #all: DecisionBatch[] = [];
  #bytes = 0;
  #last = 0;

  get first(): DecisionBatch | undefined {
    return this.#all[0];
  }

  add(lines: string, rows: number): void {
    this.#all.push({ n: ++this.#last, lines, rows });
    this.#bytes += bytesInMemory(lines);
  }

  /** Removes the first, which is stored. */
  shift(): void {
    this.#take(0);
  }

  takeAll(): DecisionBatch[] {
    this.#bytes = 0;
    return this.#all.splice(0);
  }

  /** Removes the oldest of those beyond the bound; the newest stays. @param keepsFirst true if the first is not to be one of them */
  takeExcess(keepsFirst: boolean): DecisionBatch[] {
    const taken: DecisionBatch[] = [];
    const place = keepsFirst ? 1 : 0;
    while (this.#bytes > memoryBytes('decisions') && this.#all.length > place + 1)
      taken.push(...this.#take(place));
    return taken;
  }

  #take(place: number): DecisionBatch[] {
    const taken = this.#all.splice(place, 1);
    for (const { lines } of taken) this.#bytes -= bytesInMemory(lines);
    return taken;
  }
}

/** V8 holds a text of plain letters with one byte for each. */
function bytesInMemory(text: string): number {
  return Buffer.byteLength(text) === text.length ? text.length : 2 * text.length;
}
