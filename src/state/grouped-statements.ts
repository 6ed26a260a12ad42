import { StateError } from './shared-state.ts';

type Waiting<In, Out> = {
  readonly input: In;
  readonly since: number;
  readonly resolve: (output: Out) => void;
  readonly reject: (error: unknown) => void;
};

export type StatementLimits<In> = {
  /** Statements at once. */
  readonly running: number;
  /** Inputs of one statement. */
  readonly inputs: number;
  /** Bytes of an input, of which a statement has so many at most, unless it is one input. */
  readonly bytes?: { readonly of: (input: In) => number; readonly most: number };
  /** Milliseconds after which nobody waits for an output any more. */
  readonly waitMs: number;
};

/**
 * Makes one statement of all that is asked for while others run: one alone goes at once, and many share the way there and back. What could not
 * be done in time any more is not done at all, or a store that is slow for a while would stay behind.
 */
export class GroupedStatements<In, Out> {
  readonly #send: (inputs: readonly In[]) => Promise<readonly Out[]>;
  readonly #limits: StatementLimits<In>;
  #waiting: Waiting<In, Out>[] = [];
  #running = 0;
  /** Milliseconds that the last two statements took. */
  #took: readonly [number, number] = [0, 0];

  /** @param send returns an output for each input, or rejects for all */
  constructor(send: (inputs: readonly In[]) => Promise<readonly Out[]>, limits: StatementLimits<In>) {
    this.#send = send;
    this.#limits = limits;
  }

  add(input: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, since: performance.now(), resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#running === this.#limits.running) return;
    const startedAt = performance.now();
    this.#dropLate(startedAt);
    const batch = this.#waiting.splice(0, this.#length());
    if (batch.length === 0) return;
    this.#running++;
    this.#send(batch.map(({ input }) => input))
      .then(
        (outputs) => {
          for (const [i, { resolve }] of batch.entries()) resolve(outputs[i] as Out);
        },
        (error: unknown) => {
          // Those that wait would fare no better, and their callers are gone before they were told
          for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
        },
      )
      .finally(() => {
        this.#took = [this.#took[1], performance.now() - startedAt];
        this.#running--;
        this.#next();
      });
  }

  /** One that took long alone may have been a pause. */
  #dropLate(now: number): void {
    const { waitMs } = this.#limits;
    const since = now - Math.max(waitMs / 4, waitMs - Math.min(...this.#took));
    const inTime = this.#waiting.findIndex((waiting) => waiting.since >= since);
    const late = this.#waiting.splice(0, inTime < 0 ? this.#waiting.length : inTime);
    for (const { reject } of late) reject(new StateError('timeout'));
  }

  /** Inputs of the next statement. */
  #length(): number {
    const { inputs, bytes } = this.#limits;
    let length = 0;
    for (let left = bytes?.most ?? 0; length < Math.min(inputs, this.#waiting.length); length++) {
      left -= bytes?.of((this.#waiting[length] as Waiting<In, Out>).input) ?? 0;
      if (left < 0 && length > 0) break;
    }
    return length;
  }
}
