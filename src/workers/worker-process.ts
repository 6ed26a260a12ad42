import cluster, { type Worker } from 'node:cluster';
import type { BridgeReport } from '../bridge-parts.ts';
import type { PolicySource } from '../policies/store.ts';
import { closeLostConnections } from './handoffs.ts';
import type { AskedOfWorkers, FromWorkerProcess, ProcessMetrics, ToWorkerProcess } from './protocol.ts';
import { Questions } from './questions.ts';

/** How a process ended. */
export type ProcessEnd = { readonly code: number | null; readonly signal: string | null };

/** Why a worker cannot be used: it ended, or it cannot listen. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError';
  /** Of the system, where it cannot listen. */
  readonly listenCode: string | undefined;

  constructor(message: string, listenCode?: string) {
    super(message);
    this.listenCode = listenCode;
  }
}

/** The primary's side of a worker. */
export class WorkerProcess {
  /** Its place among the others: one that takes over from it has the same. */
  readonly n: number;
  readonly questions = new Questions<AskedOfWorkers>((question) => this.send(question));
  readonly startedAt = performance.now();
  /** Resolves with its port once it takes connections; rejects with a WorkerStartError. */
  readonly up: Promise<number>;
  readonly ended: Promise<ProcessEnd>;
  /** Called when it has ended. */
  onEnd = (_: ProcessEnd): void => {};
  isUp = false;
  isGone = false;
  /** True once it has been told to end. */
  isLeaving = false;
  /** Checks since it last said something. */
  silence = 0;
  /** The last it told of itself. */
  report: BridgeReport | undefined;
  process: ProcessMetrics = [];
  /** The policies that it judges by; undefined before its start. */
  policies: PolicySource | undefined;
  readonly #worker: Worker;

  /** Starts a process. @param receive called with what it says */
  constructor(n: number, receive: (worker: WorkerProcess, message: FromWorkerProcess) => void) {
    this.n = n;
    const worker = cluster.fork();
    this.#worker = worker;
    closeLostConnections(worker);
    const up = Promise.withResolvers<number>();
    const ended = Promise.withResolvers<ProcessEnd>();
    this.up = up.promise;
    this.ended = ended.promise;
    // Nobody may wait for it
    up.promise.catch(() => {});
    worker.on('message', (message: FromWorkerProcess) => {
      this.silence = 0;
      if (message.kind === 'up') {
        this.isUp = true;
        up.resolve(message.port);
      } else if (message.kind === 'unusable') {
        up.reject(new WorkerStartError('it cannot listen', message.code));
      } else if (message.kind === 'answer') this.questions.take(message);
      receive(this, message);
    });
    // Such as a process that cannot be started, or a pipe to one that is gone: its exit tells the rest
    worker.on('error', () => {});
    const end = (code: number | null, signal: string | null) => {
      this.isGone = true;
      this.isUp = false;
      this.questions.end();
      up.reject(new WorkerStartError(`it ended (${signal ?? `code ${code}`})`));
      this.onEnd({ code, signal });
      ended.resolve({ code, signal });
    };
    worker.once('exit', end);
    worker.process.once('error', () => {
      if (worker.process.pid === undefined) end(null, null);
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** A line of the log that it wrote, with its number. */
  named(line: string): string {
    const end = line.lastIndexOf('}');
    return `${line.slice(0, end)},"worker":${this.n}${line.slice(end)}`;
  }

  send(message: ToWorkerProcess): void {
    if (this.#worker.isConnected()) this.#worker.send(message, () => {});
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }
}
