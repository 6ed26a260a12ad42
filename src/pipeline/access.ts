import type { Failure, FailureKind } from '../guardrail/failure.ts';

/** Between two tries of a backend that refused our token, and of one that fails. */
const TRY_REFUSED_MS = 5000;
const TRY_FAILING_MS = 15_000;
/** Failures in a row that make a backend unhappy: before its breaker opens, however seldom it is asked. */
const FAILURES = 3;

/** The result of a check without a verdict, as far as it is told. */
export type CheckFailure = { readonly kind: FailureKind; readonly status?: number };

/** The last check of a backend that gave no verdict, and when that was, Unix milliseconds. */
export type LastFailure = CheckFailure & { readonly at: number };

export function checkFailureOf(failure: Failure): CheckFailure {
  const { kind } = failure;
  return 'status' in failure ? { kind, status: failure.status } : { kind };
}

/**
 * The standing of one backend: if it accepts our token, and gives verdicts. A refusal counts at the first one, whatever the breaker says, a
 * failure from the third in a row on; then the backend is tried again and again with a harmless text, traffic or not, until it gives a verdict.
 */
export class Access {
  readonly #tryAgain: () => Promise<unknown>;
  #isRefused = false;
  #failures = 0;
  #failing: FailureKind | null = null;
  #lastFailure: LastFailure | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param tryAgain asks with a harmless text; its result comes back to `settle`. It never rejects */
  constructor(tryAgain: () => Promise<unknown>) {
    this.#tryAgain = tryAgain;
  }

  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** The kind of the last failure, once it failed some calls in a row; null if it did not. */
  get failing(): FailureKind | null {
    return this.#failing;
  }

  get lastFailure(): LastFailure | null {
    return this.#lastFailure;
  }

  /** Takes the result of a check; undefined is a verdict. */
  settle(failure: CheckFailure | undefined): void {
    if (failure === undefined) {
      this.#isRefused = false;
      this.#failures = 0;
      this.#failing = null;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    const { kind } = failure;
    if (kind === 'cancelled') return;
    const { status } = failure;
    this.#lastFailure = { kind, ...(status !== undefined && { status }), at: Date.now() };
    if (kind === 'unauthorized') this.#isRefused = true;
    if (++this.#failures >= FAILURES) this.#failing = kind;
    this.#plan();
  }

  /** Tries a backend now that refused our token or fails: its configuration has changed. */
  retry(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#try, 0).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    if (this.#isRefused) this.#timer = setTimeout(this.#try, TRY_REFUSED_MS).unref();
    else if (this.#failing !== null) this.#timer = setTimeout(this.#try, TRY_FAILING_MS).unref();
  }

  readonly #try = (): void => {
    this.#tryAgain()
      .then(() => {
        if (this.#timer === undefined) return;
        this.#timer = undefined;
        this.#plan();
      })
      // A mistake of ours is told with the calls that meet it too
      .catch(() => {});
  };
}

/** In a thread beside the one that keeps the standing, which is told of each result and tries again. */
export class ReportedAccess extends Access {
  readonly #settled: (failure: CheckFailure | null) => void;

  constructor(settled: (failure: CheckFailure | null) => void) {
    super(async () => {});
    this.#settled = settled;
  }

  override settle(failure: CheckFailure | undefined): void {
    this.#settled(failure ?? null);
  }
}
