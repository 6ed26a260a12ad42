const LOG_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Bounds of the histograms of times, in seconds, inclusive: of the time that a backend takes, a POST of log events, and a decision. */
export const TIME_BUCKETS = {
  check: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30],
  log: LOG_SECONDS,
  decision: [0.0001, 0.00025, ...LOG_SECONDS, 30],
} as const;

/**
 * A quantile as a histogram tells it: between the bounds of its bucket in proportion, as Prometheus has it.
 *
 * @param counts of the values up to each bound, and last of all
 * @param q 0 to 1
 * @returns null without a value; beyond the last bound that
 * @see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
 */
export function quantileOf(bounds: readonly number[], counts: readonly number[], q: number): number | null {
  const all = counts[bounds.length] ?? 0;
  if (all <= 0) return null;
  const rank = q * all;
  const i = bounds.findIndex((_, place) => (counts[place] ?? 0) >= rank);
  if (i < 0) return bounds.at(-1) ?? null;
  const [below, from] = i === 0 ? [0, 0] : [counts[i - 1] ?? 0, bounds[i - 1] ?? 0];
  const within = (counts[i] ?? 0) - below;
  return within <= 0 ? from : from + (((bounds[i] ?? 0) - from) * (rank - below)) / within;
}
