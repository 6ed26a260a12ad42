import type { Log } from '../observability/log.ts';
import type { WorkerPool } from './pool.ts';
import type { SettingsInForce, SettingsInForceOptions } from './settings-in-force.ts';

type RollingRestartOptions = {
  readonly inForce: SettingsInForce;
  readonly changes: SettingsInForceOptions;
  readonly pool: WorkerPool;
  readonly log: Log;
  readonly failed: (error: unknown) => void;
};

/** Replaces all workers, one by one. */
export class RollingRestart {
  readonly #options: RollingRestartOptions;
  #state: 'none' | 'running' | 'queued' = 'none';

  constructor(options: RollingRestartOptions) {
    this.#options = options;
  }

  /** Begins; a second one waits for the first. */
  restart(): void {
    const { pool, log, failed } = this.#options;
    if (pool.isClosing) return;
    if (this.#state !== 'none') {
      this.#state = 'queued';
      log.info('workers are being restarted; they will be once more after that');
      return;
    }
    this.#state = 'running';
    this.#restartAll()
      .finally(() => {
        const isQueued = this.#state === 'queued';
        this.#state = 'none';
        if (isQueued) this.restart();
      })
      .catch(failed);
  }

  async #restartAll(): Promise<void> {
    const { inForce, changes, pool, log } = this.#options;
    const takeBack = await inForce.readAnew(changes);
    if (takeBack === undefined || pool.isClosing) return;
    const { server, workers } = inForce.config;
    const { shutdownDelayMs: delayMs, shutdownTimeoutMs: timeoutMs } = server;
    const startedAt = performance.now();
    log.info({ workers }, 'workers are restarted one by one');
    const restarted = await pool.restart({ delayMs, timeoutMs });
    if (pool.isClosing) return;
    // One that ends now begins with the settings of the others
    if (restarted === 0) await takeBack();
    if (restarted < workers) return;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    log.info({ workers, seconds }, 'all workers were restarted');
  }
}
