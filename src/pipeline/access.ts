import type { Failure } from '../guardrail/failure.ts';

/** Between two tries of a backend that refused our token. */
const TRY_MS = 5000;

/**
 * The standing of our token with one backend. A refusal counts at the first one, whatever the breaker says; then the backend is tried
 * again and again with a harmless text, traffic or not, until it gives a verdict.
 */
export class Access {
  readonly #tryAgain: () => Promise<unknown>;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param tryAgain asks with a harmless text; its result comes back to `settle`. It never rejects */
  constructor(tryAgain: () => Promise<unknown>) {
    this.#tryAgain = tryAgain;
  }

  get isRefused(): boolean {
    return this.#timer !== undefined;
  }

  /** Takes the result of a check; undefined is a verdict. */
  settle(failure: Failure | undefined): void {
    if (failure === undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else if (failure.kind === 'unauthorized' && this.#timer === undefined && !this.#isClosed) {
      this.#timer = setTimeout(this.#try, TRY_MS).unref();
    }
  }

  /** Tries a backend that refused our token now: its configuration has changed. */
  retry(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#try, 0).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  readonly #try = (): void => {
    this.#tryAgain()
      .then(() => {
        if (this.#timer !== undefined && !this.#isClosed) this.#timer = setTimeout(this.#try, TRY_MS).unref();
      })
      // A mistake of ours is told with the calls that meet it too
      .catch(() => {});
  };
}

/** In a thread beside the one that keeps the standing, which is told of each refusal and tries again. */
export class ReportedAccess extends Access {
  readonly #refused: () => void;

  constructor(refused: () => void) {
    super(async () => {});
    this.#refused = refused;
  }

  override settle(failure: Failure | undefined): void {
    if (failure?.kind === 'unauthorized') this.#refused();
  }
}
