import type { AuditSink } from './audit/auditor.ts';
import type { GivenBlocks } from './calls/given-blocks.ts';
import type { KeptSink } from './decisions/kept-calls.ts';
import type { FromDecisions } from './decisions/protocol.ts';
import type { SideCounts } from './findings/asked-sides.ts';
import type { OtherProcesses, Standing } from './http/health.ts';
import type { ReleasesReport } from './litellm/releases.ts';
import type { CountsByMetric } from './observability/metrics.ts';
import type { FromOtlp } from './otlp/protocol.ts';
import type { PolicySource } from './policies/store.ts';
import type { CallEnd, FromWorker } from './records/protocol.ts';
import type { OpenWorker } from './records/restarting-worker.ts';
import type { StateStore } from './state/state-store.ts';
import type { HandedRows } from './ui/decision-ring.ts';
import type { PageSource } from './ui/page-source.ts';

/** The parts that one process owns for several which judge. */
export type GivenParts = {
  /** The policies that are to be in force. */
  readonly policies: () => PolicySource;
  readonly openRecords: OpenWorker<FromWorker>;
  readonly openAudit: () => AuditSink;
  readonly openDecisions: OpenWorker<FromDecisions>;
  readonly openOtlp: OpenWorker<FromOtlp>;
  /** Keeps what workers share; undefined where that is the database. */
  readonly store: StateStore | undefined;
  /** Texts that were blocked in other workers; undefined where the database tells of them. */
  readonly blocked: GivenBlocks | undefined;
  /** Keeps calls for all. */
  readonly replay: KeptSink;
  readonly metricsPage: () => Promise<string | undefined>;
  /** Calls the listener with the ends of calls of the doctor, of which it shall tell the others. */
  readonly onCanariesEnded: (listener: (ends: readonly CallEnd[]) => void) => void;
  readonly others: () => OtherProcesses;
  /** All that the page shows of all processes. */
  readonly page: PageSource;
};

/** All that a process tells the one that shows metrics and health for all. */
export type BridgeReport = {
  /** Counts since the last report; undefined for none. */
  readonly counts: CountsByMetric | undefined;
  readonly standings: readonly Standing[];
  readonly litellm: ReleasesReport;
  /** Since the last report. */
  readonly sides: SideCounts;
  /** Since the last report; undefined for none. */
  readonly decided: HandedRows | undefined;
  /** False while what replicas share of calls is not known to it. */
  readonly isStateUp: boolean;
};
