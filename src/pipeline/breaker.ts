import type { Failure } from '../guardrail/failure.ts';

export type BreakerState = 'closed' | 'half_open' | 'open';

/** Tells the breaker how the call it admitted ended; undefined is a verdict. To be called exactly once. */
export type Settle = (failure: Failure | undefined) => void;

export type Breaker = {
  /** Null while the backend is not to be asked. */
  admit(): Settle | null;
  state(): BreakerState;
};

/**
 * A circuit breaker: after `failures` in a row the backend is left alone for `openMs`, then one call probes it
 * while the others are still refused. (Libraries let the others wait for the probe, which costs each of them the
 * deadline again.)
 *
 * Only what says that the backend is down or overloaded counts. Another 4xx, a wrong shape or a refusal to judge
 * may be the doing of one hostile call, and must not open the way for everybody else's under `fail_open`.
 */
export function createBreaker({
  failures = 5,
  openMs = 10_000,
  now = () => performance.now(),
} = {}): Breaker {
  let inARow = 0;
  let openedAt: number | undefined;
  let probing = false;

  const closed: Settle = (failure) => {
    if (failure?.kind === 'cancelled') return;
    if (failure === undefined || !saysDown(failure)) {
      inARow = 0;
    } else if (++inARow >= failures && openedAt === undefined) {
      openedAt = now();
    }
  };

  const probe: Settle = (failure) => {
    probing = false;
    if (failure?.kind === 'cancelled') return;
    inARow = 0;
    openedAt = failure !== undefined && saysDown(failure) ? now() : undefined;
  };

  return {
    admit() {
      if (openedAt === undefined) return closed;
      if (probing || now() - openedAt < openMs) return null;
      probing = true;
      return probe;
    },
    state() {
      if (openedAt === undefined) return 'closed';
      return now() - openedAt < openMs ? 'open' : 'half_open';
    },
  };
}

function saysDown(failure: Failure): boolean {
  switch (failure.kind) {
    case 'timeout':
    case 'unreachable':
    case 'tls':
      return true;
    case 'http_status':
      return failure.status >= 500 || failure.status === 429;
    case 'not_json':
    case 'wrong_shape':
    case 'oversize':
    case 'no_verdict':
    case 'breaker_open':
    case 'cancelled':
    case 'bug':
      return false;
  }
}
