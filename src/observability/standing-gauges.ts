import { gauge } from './metric.ts';

/** In the order of their values. */
const BREAKER_STATES = ['closed', 'half_open', 'open'] as const;

/** How a backend stands at a scrape. */
export type ShownStanding = {
  readonly name: string;
  readonly breaker: (typeof BREAKER_STATES)[number];
  /** It refuses our token. */
  readonly isRefused: boolean;
  /** Time that it has for a verdict. */
  readonly timeoutMs: number;
};

/** Gauges of backends, which are set at the scrape: those that are gone have none. */
export function standingGauges(backend: readonly string[]) {
  return {
    check_timeout_seconds: gauge('Time that a backend has for a verdict, in seconds.', { backend }),
    breaker_state: gauge('0 closed (asked), 1 half open (one probe), 2 open.', { backend }),
    token_refused: gauge('1 while a backend refuses our token when it is asked about calls.', { backend }),
  };
}

export function setStandings(
  { breaker_state, token_refused, check_timeout_seconds }: ReturnType<typeof standingGauges>,
  standings: readonly ShownStanding[],
): void {
  for (const metric of [breaker_state, token_refused, check_timeout_seconds]) metric.clear();
  for (const { name: backend, breaker, isRefused, timeoutMs } of standings) {
    breaker_state.set({ backend }, BREAKER_STATES.indexOf(breaker));
    token_refused.set({ backend }, isRefused ? 1 : 0);
    check_timeout_seconds.set({ backend }, timeoutMs / 1000);
  }
}
