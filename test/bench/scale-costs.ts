/** What `scale` has measured and `simulate` is driven with. */
import { readFileSync } from 'node:fs';

export const COSTS_FILE = new URL('./scale-costs.json', import.meta.url);

/** A writer's events, and what each cost. */
export type Measured = {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the writer. */
  readonly cpuUs: number;
  readonly postgresUs: number;
  readonly walBytes: number;
  readonly commits: number;
};

/** A store of events, by how many callers handed them in. */
export type Intake = {
  /** On disk, while it waits for its delivery. */
  readonly bytesPerEvent: number;
  readonly at: Readonly<Record<number, Measured>>;
};

/** A whole call through bridges: judged twice, logged, and delivered to a vendor. */
export type CallCosts = {
  readonly perSecond: number;
  /** Of all bridges, all threads. */
  readonly bridgeUs: number;
  /** Of these, of the thread that keeps records. */
  readonly recordsUs: number;
  readonly postgresUs: number;
  readonly walBytes: number;
  readonly commits: number;
  /** To Postgres, of one bridge. */
  readonly connections: number;
  /** Read and written by a bridge, to all sides and on disk. */
  readonly ioBytes: number;
};

export type ScaleCosts = {
  readonly machine: string;
  readonly day: string;
  readonly intake: Readonly<Record<string, Intake>>;
  readonly calls: { readonly alone: CallCosts; readonly replicas: CallCosts };
  /** An event that waited through an outage of its vendor. */
  readonly drained: {
    readonly perSecond: number;
    readonly bridgeUs: number;
    readonly postgresUs: number;
    readonly walBytes: number;
  };
};

export function scaleCosts(): ScaleCosts {
  return JSON.parse(readFileSync(COSTS_FILE, 'utf8')) as ScaleCosts;
}
