import type { Config } from '../config/config.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { FromWorker, RecordsSetup, RecordsThreadEvents } from './protocol.ts';
import { RecordsThread } from './records-thread.ts';
import type { OpenWorker } from './restarting-worker.ts';

/** Those who are told of records. */
export type RecordsListeners = Pick<RecordsThreadEvents, 'ended' | 'compared'> & {
  readonly metrics: Metrics;
  readonly log: Log;
};

/** Undefined where nothing is recorded. */
export function startRecords(
  { bodies, proxy, database, state, workers, records }: Config,
  setup: RecordsSetup,
  { metrics, log, ended, compared }: RecordsListeners,
  open?: OpenWorker<FromWorker>,
): RecordsThread | undefined {
  if (records === undefined) return undefined;
  const events: RecordsThreadEvents = {
    restarted: () => metrics.telemetry_restarts_total.inc(),
    lost: () => metrics.telemetry_lost_total.inc(),
    lostNotes: (notes) => metrics.telemetry_lost_notes_total.inc({}, notes),
    unrecorded(result) {
      metrics.log_posts_total.inc({ result });
      log.warn({ reason: result }, 'a judged call could not be recorded');
    },
    unstored: (reason) => metrics.telemetry_unstored_blocks_total.inc({ reason }),
    ...{ ended, compared },
  };
  return new RecordsThread({ ...setup, bodies, proxy, database, state, workers, records }, log, events, open);
}
