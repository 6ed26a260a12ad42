import type { Config } from '../config/config.ts';
import { type BridgeState, readyRoute } from '../http/health.ts';
import { OpsListener } from '../http/ops-listener.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { PageSource } from '../ui/page-source.ts';
import { type PlacedOps, placeOps } from '../ui/placed-ops.ts';

export type PrimaryOpsOptions = {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly readiness: () => BridgeState;
  readonly metricsPage: () => Promise<string>;
  readonly page: PageSource;
  /** False until workers take calls. */
  readonly isOpen: () => boolean;
  readonly isDraining: () => boolean;
  readonly failed: (error: Error) => void;
};

/** The listener for those who operate the bridge, where workers judge: the process that they report to answers itself. */
export class PrimaryOps {
  readonly #placed: PlacedOps;
  readonly #listener: OpsListener | undefined;

  constructor(options: PrimaryOpsOptions) {
    const { config, metrics, isDraining, failed } = options;
    this.#placed = placeOps({ ...options, ready: readyRoute(options.readiness) });
    const { apart } = this.#placed;
    const { bodyTimeoutMs } = config.bodies;
    const onCut = () => metrics.cut_connections_total.inc({ reason: 'pipelining' });
    this.#listener =
      config.ops && apart && new OpsListener(apart, config.ops, { bodyTimeoutMs, isDraining, onCut, failed });
  }

  /**
   * Listens.
   *
   * @returns the port; undefined where workers answer in its place
   * @throws Error that an operator can read
   */
  async open(): Promise<number | undefined> {
    return this.#listener?.open();
  }

  /** Has no wrong key wait any more: the bridge drains. */
  stopWaiting(): void {
    this.#placed.close();
  }

  close(): void {
    this.#listener?.close();
  }
}
