import { setTimeout as sleep } from 'node:timers/promises';
import { type ResourceLimits, Worker } from 'node:worker_threads';

const RESTART_MS = 1000;

export type RestartingWorkerOptions<Message> = {
  readonly file: URL;
  /** Plain data for the thread, asked for each time that it is started. */
  readonly data: () => object;
  readonly resourceLimits: ResourceLimits;
  /** The environment of the thread; that of the process if left out. */
  readonly env?: Readonly<Record<string, string>>;
  readonly received: (message: Message) => void;
  /** Called with what ended the thread, or kept it from being started. */
  readonly failed: (error: unknown) => void;
  readonly ended: () => void;
  /** Called once there is a new one. */
  readonly restarted: () => void;
  /** Called with a mistake of ours in one of these. */
  readonly bug: (error: unknown) => void;
};

/** Leads to a thread, wherever it is. */
export type WorkerPort = Pick<RestartingWorker<unknown>, 'post' | 'hurry' | 'close'>;
export type OpenWorker<Message> = (
  options: Omit<RestartingWorkerOptions<Message>, 'file' | 'resourceLimits' | 'env'>,
) => WorkerPort;

/** A thread that is started again, after a second, when it ends. */
export class RestartingWorker<Message> {
  readonly #options: RestartingWorkerOptions<Message>;
  /** One that ends is started again at once from then on. */
  readonly #closing = new AbortController();
  #isClosed = false;
  #worker: Worker;

  constructor(options: RestartingWorkerOptions<Message>) {
    this.#options = options;
    this.#worker = this.#start();
  }

  post(message: unknown, transfer: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Nothing is waited for any more to start it again. */
  hurry(): void {
    this.#closing.abort();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    await this.#worker.terminate();
  }

  #start(): Worker {
    const { file, data, resourceLimits, env, received, failed, bug } = this.#options;
    const worker = new Worker(file, { workerData: data(), resourceLimits, ...(env && { env: { ...env } }) });
    worker.on('message', received);
    worker.on('error', failed);
    worker.on('exit', () => {
      if (!this.#isClosed) this.#restart().catch(bug);
    });
    return worker;
  }

  async #restart(): Promise<void> {
    this.#options.ended();
    const { signal } = this.#closing;
    do {
      await sleep(RESTART_MS, undefined, { signal }).catch(() => {});
      if (this.#isClosed) return;
    } while (!this.#startAgain() && !signal.aborted);
    this.#options.restarted();
  }

  #startAgain(): boolean {
    try {
      this.#worker = this.#start();
      return true;
    } catch (error) {
      // Such as no memory for another thread
      this.#options.bug(error);
      return false;
    }
  }
}
