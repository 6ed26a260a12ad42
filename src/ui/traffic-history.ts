import type { TakenCounts } from '../observability/metric.ts';
import type { Metrics } from '../observability/metrics.ts';
import { quantileOf, TIME_BUCKETS } from '../observability/time-buckets.ts';
import type { Minute, Picture, ShownBackend } from './page-source.ts';

/** Time between two looks. */
const LOOK_MS = 1000;
const MINUTE_MS = 60_000;
const MINUTES = 60;

/** Refusals by which a call is blocked unread. Those for want of a key, and of one that was given up, block nothing. */
const BLOCKED_UNREAD: ReadonlySet<string | undefined> = new Set([
  ...['too_large', 'overloaded', 'slow', 'too_many_nodes', 'too_deep', 'invalid', 'content_encoding'],
]);

type BackendCounts = {
  readonly failures: number;
  /** Those for which it was not asked at all. */
  readonly unasked: number;
  /** Up to each bound, and last all. */
  readonly buckets: readonly number[];
};

/** All counts since the start, as they are at one moment. */
type Moment = {
  readonly at: number;
  readonly counts: Omit<Minute, 'at' | 'p50Ms' | 'p99Ms'>;
  readonly buckets: readonly number[];
  readonly backends: ReadonlyMap<string, BackendCounts>;
};

export type TrafficMetrics = Pick<
  Metrics,
  | 'decisions_total'
  | 'decision_seconds'
  | 'bypassed_calls_total'
  | 'rejected_total'
  | 'check_seconds'
  | 'failures_total'
>;

/** The last hour by minutes, read off the metrics once a second: no call has anything to do for it. */
export class TrafficHistory {
  readonly #metrics: TrafficMetrics;
  readonly #now: () => number;
  /** Moments at which minutes began, the first of them that of the start; and those of the last minute. */
  readonly #minutes: Moment[];
  readonly #seconds: Moment[];
  #lastBypassAt: number | null = null;
  readonly #timer: NodeJS.Timeout;

  /** @param now Unix milliseconds */
  constructor(metrics: TrafficMetrics, now: () => number = Date.now) {
    this.#metrics = metrics;
    this.#now = now;
    const start = this.#moment();
    this.#minutes = [start];
    this.#seconds = [start];
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Called once a second. */
  look(): void {
    const moment = this.#moment();
    const before = this.#seconds.at(-1) ?? moment;
    if (moment.counts.bypassed > before.counts.bypassed) this.#lastBypassAt = moment.at;
    // A clock that is set back would leave its minutes standing
    if (moment.at < before.at) this.#seconds.length = 0;
    this.#seconds.push(moment);
    while ((this.#seconds[1]?.at ?? Number.POSITIVE_INFINITY) <= moment.at - MINUTE_MS) this.#seconds.shift();
    const begun = this.#minutes.at(-1) ?? moment;
    if (minuteOf(moment.at) === minuteOf(begun.at)) return;
    if (moment.at < begun.at) this.#minutes.length = 0;
    this.#minutes.push(moment);
    while (this.#minutes.length > MINUTES) this.#minutes.shift();
  }

  /** All that is shown of it, read once. @param names of backends */
  picture(names: readonly string[]) {
    const now = this.#moment();
    return {
      ...{ minutes: this.#minutesUntil(now), lastMinute: this.#lastMinute(now) },
      backends: new Map(names.map((name) => [name, this.#backend(name, now)])),
    };
  }

  /** The last sixty minutes, the oldest first; those without any look, as the machine slept, are left out. */
  #minutesUntil(now: Moment): readonly Minute[] {
    return this.#minutes.map((begin, i) => ({
      at: minuteOf(begin.at),
      ...between(begin, this.#minutes[i + 1] ?? now),
    }));
  }

  /** The decisions of the last minute. */
  #lastMinute(now: Moment): Pick<Picture, 'decisionsAMinute' | 'p50Ms' | 'p99Ms' | 'lastBypassAt'> {
    const { p50Ms, p99Ms, ...counts } = between(this.#seconds[0] ?? now, now);
    const decisionsAMinute = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { decisionsAMinute, p50Ms, p99Ms, lastBypassAt: this.#lastBypassAt };
  }

  /** The checks of a backend in the last hour. */
  #backend(name: string, moment: Moment): Pick<ShownBackend, 'checks' | 'failures' | 'p50Ms'> {
    const now = moment.backends.get(name) ?? NO_CHECKS;
    const before = this.#minutes[0]?.backends.get(name) ?? NO_CHECKS;
    const unasked = now.unasked - before.unasked;
    // Without those that took no time, as nobody was asked
    const asked = difference(now.buckets, before.buckets).map((count) => count - unasked);
    return {
      checks: (now.buckets.at(-1) ?? 0) - (before.buckets.at(-1) ?? 0),
      failures: now.failures - before.failures,
      p50Ms: milliseconds(quantileOf(TIME_BUCKETS.check, asked, 0.5)),
    };
  }

  #moment(): Moment {
    const { decisions_total, decision_seconds, bypassed_calls_total, rejected_total } = this.#metrics;
    const actions = sums(decisions_total.counts(), ([, action]) => action);
    const bypassed = sums(bypassed_calls_total.counts(), ([action]) => action);
    const unread = sums(rejected_total.counts(), ([reason]) => BLOCKED_UNREAD.has(reason));
    const of = (counts: ReadonlyMap<unknown, number>, name: unknown) => counts.get(name) ?? 0;
    return {
      at: this.#now(),
      counts: {
        allowed: of(actions, 'NONE') - of(bypassed, 'NONE'),
        redacted: of(actions, 'GUARDRAIL_INTERVENED') - of(bypassed, 'GUARDRAIL_INTERVENED'),
        blocked: of(actions, 'BLOCKED') + of(unread, true),
        bypassed: [...bypassed.values()].reduce((sum, count) => sum + count, 0),
        undecided: of(actions, 'DEFERRED') + of(actions, 'CANCELLED'),
      },
      buckets: bucketsOf(decision_seconds.counts(), TIME_BUCKETS.decision),
      backends: this.#backends(),
    };
  }

  #backends(): Moment['backends'] {
    const { check_seconds, failures_total } = this.#metrics;
    const failures = failures_total.counts().filter(([[, , , kind]]) => kind !== 'cancelled');
    const failed = sums(failures, ([backend]) => backend);
    const unasked = sums(failures, ([backend, , , kind]) => (kind === 'breaker_open' ? backend : undefined));
    const byBackend = Map.groupBy(check_seconds.counts(), ([[backend]]) => backend ?? '');
    return new Map(
      [...byBackend].map(([name, counts]) => [
        name,
        {
          failures: failed.get(name) ?? 0,
          unasked: unasked.get(name) ?? 0,
          buckets: bucketsOf(counts, TIME_BUCKETS.check),
        },
      ]),
    );
  }
}

const NO_CHECKS: BackendCounts = { failures: 0, unasked: 0, buckets: [] };

const minuteOf = (at: number) => at - (at % MINUTE_MS);

function between(begin: Moment, end: Moment): Omit<Minute, 'at'> {
  const count = (name: keyof Moment['counts']) => end.counts[name] - begin.counts[name];
  const buckets = difference(end.buckets, begin.buckets);
  const quantile = (q: number) => milliseconds(quantileOf(TIME_BUCKETS.decision, buckets, q));
  return {
    allowed: count('allowed'),
    redacted: count('redacted'),
    blocked: count('blocked'),
    bypassed: count('bypassed'),
    undecided: count('undecided'),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}

const difference = (counts: readonly number[], before: readonly number[]) =>
  counts.map((count, i) => count - (before[i] ?? 0));

const milliseconds = (seconds: number | null) =>
  seconds === null ? null : Math.round(seconds * 100_000) / 100;

/** The counts of series by a name that their labels have. */
function sums<Name>(counts: TakenCounts, nameOf: (labels: readonly string[]) => Name): Map<Name, number> {
  const sum = new Map<Name, number>();
  for (const [labels, [count = 0]] of counts) {
    const name = nameOf(labels);
    sum.set(name, (sum.get(name) ?? 0) + count);
  }
  return sum;
}

/** All series of a histogram together: values up to each bound, and last of all. */
function bucketsOf(counts: TakenCounts, bounds: readonly number[]): readonly number[] {
  return Array.from({ length: bounds.length + 1 }, (_, i) =>
    counts.reduce((sum, [, own]) => sum + (own[i] ?? 0), 0),
  );
}
