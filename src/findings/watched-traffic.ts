import type { ReleasesReport } from '../litellm/releases.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { PolicySource } from '../policies/store.ts';
import type { ComparedCall } from '../records/protocol.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { AskedSides, type SideCounts } from './asked-sides.ts';
import type { BridgeFinding } from './finding.ts';
import { JudgedShares } from './judged-shares.ts';
import { LiveFindings } from './live-findings.ts';
import { PolicyFileWatch } from './policy-file-watch.ts';
import { type BackendStanding, stateFindings } from './state-findings.ts';

/** Time between two looks. */
const LOOK_MS = 1000;
/** LiteLLM logs nothing any more, where it did. */
const SILENT_MS = 10 * 60_000;
/** Results of POSTs of log events that were read. */
const POSTED = ['accepted', 'no_backend'] as const;

export type WatchedTrafficOptions = {
  readonly metrics: Metrics;
  readonly log: Log;
  /** How backends stand with all processes. */
  readonly standings: () => readonly BackendStanding[];
  readonly releases: () => ReleasesReport;
  readonly records: () => RecordsThread | undefined;
  /** Guardrail calls of all processes since the last time. */
  readonly sides: () => SideCounts;
  /** Undefined where no file gives the policies. */
  readonly policyFile: string | undefined;
  /** The policies in force. */
  readonly policies: () => PolicySource | undefined;
};

/** All that tells in a running bridge what is wrong with its wiring: in the one process that counts for all. */
export class WatchedTraffic {
  readonly #options: WatchedTrafficOptions;
  readonly #findings: LiveFindings;
  readonly #shares: JudgedShares;
  readonly #sides = new AskedSides();
  readonly #policyFile: PolicyFileWatch | undefined;
  #posts = 0;
  #postedAt = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(options: WatchedTrafficOptions) {
    this.#options = options;
    const { metrics, log, standings, releases, records, policyFile, policies } = options;
    this.#policyFile =
      policyFile === undefined ? undefined : new PolicyFileWatch(policyFile, policies).start();
    this.#findings = new LiveFindings({
      ...{ metrics, log },
      states: () =>
        stateFindings({
          standings: standings(),
          records: records()?.health(),
          otherFile: this.#policyFile?.other,
          now: Date.now(),
        }),
    });
    this.#shares = new JudgedShares({
      metrics,
      release: () => releases().oldest_seen,
      shown: (...calls) => this.#findings.shown(...calls),
    });
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  get findings(): readonly BridgeFinding[] {
    return this.#findings.all;
  }

  /** LiteLLM has logged calls that succeeded. */
  compared(calls: readonly ComparedCall[]): void {
    this.#shares.compared(calls);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#policyFile?.close();
  }

  #look(): void {
    const now = Date.now();
    const { sides, metrics } = this.#options;
    const unasked = this.#sides.add(sides(), now);
    const posts = POSTED.reduce((sum, result) => sum + metrics.log_posts_total.countOf({ result }), 0);
    if (posts !== this.#posts) this.#postedAt = now;
    this.#posts = posts;
    // Log events tell it better
    if (now - this.#postedAt > SILENT_MS) this.#findings.shown('post_call_missing', unasked, now);
    this.#findings.look();
  }
}
