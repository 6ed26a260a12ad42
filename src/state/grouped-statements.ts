type Waiting<In, Out> = {
  readonly input: In;
  readonly resolve: (output: Out) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Makes one statement of all that is asked for while others run: one alone goes at once, and many share the way there and back.
 */
export class GroupedStatements<In, Out> {
  readonly #send: (inputs: readonly In[]) => Promise<readonly Out[]>;
  readonly #most: { readonly running: number; readonly inputs: number };
  #waiting: Waiting<In, Out>[] = [];
  #running = 0;

  /**
   * @param send returns an output for each input, or rejects for all
   * @param most statements at once, and inputs of one
   */
  constructor(
    send: (inputs: readonly In[]) => Promise<readonly Out[]>,
    most: { readonly running: number; readonly inputs: number },
  ) {
    this.#send = send;
    this.#most = most;
  }

  add(input: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#running === this.#most.running || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, this.#most.inputs);
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
        this.#running--;
        this.#next();
      });
  }
}
