import type { Failure } from '../guardrail/failure.ts';

export type BreakerState = 'closed' | 'half_open' | 'open';

/** Tells the breaker how the check that it admitted ended; undefined is a verdict. Call it exactly once. */
export type Settle = (failure: Failure | undefined) => void;

export type BreakerOptions = {
  /** Failures in a row that open it. Default 5. */
  readonly failures?: number;
  /** Milliseconds until it lets a probe through. Default 10,000. */
  readonly openMs?: number;
  readonly now?: () => number;
  /** Told of each change. @param failure what opened it */
  readonly onChange?: (state: BreakerState, failure: Failure | undefined) => void;
};

/**
 * A circuit breaker: after some failures in a row the backend is left alone for a while, then one check probes it while the others are
 * still refused. (Libraries let the others wait for the probe, which costs each of them the deadline again.)
 *
 * Only what says that the backend is down or overloaded counts. Another 4xx, a wrong shape or a refusal to judge may be the doing of one
 * hostile call, and must not open the way for everybody else's under `fail_open`.
 */
export class Breaker {
  readonly #failures: number;
  readonly #openMs: number;
  readonly #now: () => number;
  /** Failures since something else happened. */
  #inARow = 0;
  /** When it opened; undefined while it is closed. */
  #openedAt: number | undefined;
  #isProbing = false;
  readonly #onChange: NonNullable<BreakerOptions['onChange']>;
  #told: BreakerState = 'closed';

  constructor(options: BreakerOptions = {}) {
    const { failures = 5, openMs = 10_000, now = () => performance.now(), onChange = () => {} } = options;
    this.#failures = failures;
    this.#openMs = openMs;
    this.#now = now;
    this.#onChange = onChange;
  }

  /** Null while the backend is not to be asked. */
  admit(): Settle | null {
    if (this.#openedAt === undefined) return this.#settleCheck;
    if (this.#isProbing || this.#isWaiting(this.#openedAt)) return null;
    this.#isProbing = true;
    this.#tell('half_open');
    return this.#settleProbe;
  }

  state(): BreakerState {
    if (this.#openedAt === undefined) return 'closed';
    return this.#isWaiting(this.#openedAt) ? 'open' : 'half_open';
  }

  readonly #settleCheck: Settle = (failure) => {
    if (failure?.kind === 'cancelled') return;
    if (failure === undefined || !saysDown(failure)) this.#inARow = 0;
    else if (++this.#inARow >= this.#failures) {
      this.#openedAt ??= this.#now();
      this.#tell('open', failure);
    }
  };

  readonly #settleProbe: Settle = (failure) => {
    this.#isProbing = false;
    if (failure?.kind === 'cancelled') return;
    this.#inARow = 0;
    const isDown = failure !== undefined && saysDown(failure);
    this.#openedAt = isDown ? this.#now() : undefined;
    this.#tell(isDown ? 'open' : 'closed', failure);
  };

  #tell(state: BreakerState, failure?: Failure): void {
    if (state === this.#told) return;
    this.#told = state;
    this.#onChange(state, failure);
  }

  #isWaiting(openedAt: number): boolean {
    return this.#now() - openedAt < this.#openMs;
  }
}

function saysDown(failure: Failure): boolean {
  switch (failure.kind) {
    case 'timeout':
    case 'unreachable':
    case 'tls':
      return true;
    case 'http_status':
      return failure.status >= 500 || failure.status === 429;
    case 'unauthorized':
    case 'not_json':
    case 'wrong_shape':
    case 'oversize':
    case 'no_verdict':
    case 'loop':
    case 'breaker_open':
    case 'cancelled':
    case 'bug':
      return false;
  }
}
