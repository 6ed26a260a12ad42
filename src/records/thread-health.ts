import type { RecordsHealth } from './protocol.ts';

/** The thread reports its health each second; a disk that hangs keeps it from it. */
const SILENT_MS = 15_000;

/** The health of the records thread, as it told it last, and as its silence tells. */
export class ThreadHealth {
  #health: RecordsHealth = {
    ...{ storage: null, inDanger: false, held: [], stopped: [], retries: {} },
    oldRelease: false,
  };
  #heardAt = performance.now();

  /** A thread is being started. */
  begin(): void {
    this.#heardAt = performance.now();
  }

  heard(health: RecordsHealth): void {
    this.#health = health;
    this.#heardAt = performance.now();
  }

  /** The thread has ended, and will be started again. */
  ended(): void {
    this.#health = { ...this.#health, storage: 'restarting' };
  }

  restarted(): void {
    this.#health = { ...this.#health, storage: null };
  }

  get isRestarting(): boolean {
    return this.#health.storage === 'restarting';
  }

  now(): RecordsHealth {
    const isSilent = performance.now() - this.#heardAt > SILENT_MS;
    return isSilent ? { ...this.#health, storage: this.#health.storage ?? 'not_answering' } : this.#health;
  }
}
