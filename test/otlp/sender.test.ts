import { expect, onTestFinished, test } from 'vitest';
import { createLog } from '../../src/observability/log.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { LogTap } from '../../src/otlp/log-tap.ts';
import { sendOtlp } from '../../src/otlp/sender.ts';
import { RestartingWorker } from '../../src/records/restarting-worker.ts';
import { parse } from '../support/config.ts';
import { untilThere } from './world.ts';

test('a thread that ends is started again, and what it had not read is counted', async () => {
  const lines: string[] = [];
  const metrics = createMetrics({ backends: [], policies: [], findings: [] }, () => [], false);
  const log = createLog('info', () => {}, { write: (line) => void lines.push(line) });
  const config = parse({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
  const sender = sendOtlp(config, {
    ...{ log, metrics, tap: new LogTap(), page: async () => '' },
    open: (options) =>
      new RestartingWorker({
        file: new URL('./crashing-worker.ts', import.meta.url),
        resourceLimits: {},
        ...options,
      }),
  });
  onTestFinished(() => sender?.close());
  sender?.call('Cno line');
  await untilThere(() => metrics.otlp_restarts_total.countOf({}) > 0);
  expect(metrics.otlp_lost_total.countOf({ signal: 'traces', reason: 'thread' })).toBe(1);
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['the thread of OTLP failed']);
  // What comes before the next one is started is lost with it; the next one ends likewise
  sender?.call('Cno line');
  await untilThere(() => metrics.otlp_lost_total.countOf({ signal: 'traces', reason: 'thread' }) === 2);
  sender?.call('Cno line');
  await untilThere(() => metrics.otlp_lost_total.countOf({ signal: 'traces', reason: 'thread' }) === 3);
});
