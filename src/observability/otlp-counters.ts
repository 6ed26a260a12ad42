import { counter } from './metric.ts';

/** Counts of what is exported by OTLP. */
export const otlpCounters = () => ({
  otlp_lost_total: counter(
    'Spans (calls, where their spans were not made yet), log lines and exports of metrics that did not go out by OTLP, by why.',
    { signal: ['traces', 'metrics', 'logs'], reason: ['full', 'failed', 'thread'] },
  ),
  otlp_restarts_total: counter('Times that the thread of OTLP ended by a mistake, and was started again.'),
});
