import cluster from 'node:cluster';
import type { Config } from '../config/config.ts';
import { type Growth, growing } from '../guardrail/growing-wait.ts';
import { within } from '../guardrail/within.ts';
import { listenMistake } from '../http/drain.ts';
import type { Log } from '../observability/log.ts';
import type { DrainOrder, FromWorkerProcess } from './protocol.ts';
import { type ProcessEnd, WorkerProcess, WorkerStartError } from './worker-process.ts';

/** Time that a worker may take to start, on a machine that has much else to do. */
const START_MS = 60_000;
/** A worker that lived so long is replaced at once; one that did not waits longer each time. */
const STEADY_MS = 60_000;
const PAUSE: Growth = { firstMs: 1000, maxMs: 30_000 };
/** Seconds in which a worker says nothing before it is killed: it reports four times a second. Longer than the primary may hang. */
const SILENT_CHECKS = 30;
const CHECK_MS = 1000;
/** Time for the last work of a worker, beside that which it is given. */
const LAST_MS = 3000;

export type WorkerPoolOptions = {
  readonly size: number;
  /** Where all listen. */
  readonly server: Pick<Config['server'], 'host' | 'port'>;
  readonly log: Log;
  readonly receive: (worker: WorkerProcess, message: FromWorkerProcess) => void;
  /** Called when a worker has ended, whyever. */
  readonly ended: (worker: WorkerProcess) => void;
  /** Called for each worker that ended by itself and is replaced. */
  readonly replaced: () => void;
};

/** The processes that judge: starts them, replaces those that end, and has them restarted one by one. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  /** By number, from 1. */
  readonly #current: (WorkerProcess | undefined)[] = [];
  readonly #all = new Set<WorkerProcess>();
  /** Times in a row that the worker of a number ended soon. */
  readonly #failures: number[] = [];
  /** Numbers whose next worker is being started. */
  readonly #succeeded = new Set<number>();
  #isOpen = false;
  #isClosing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    // Connections are kept for long and there are few: each worker is to have as many. Neither the queue that the system shares nor
    // SO_REUSEPORT spreads them so, and the second loses those that wait when a worker ends; figures in examples/operations/README.md
    cluster.schedulingPolicy = cluster.SCHED_RR;
    cluster.setupPrimary({ args: ['worker'], serialization: 'advanced' });
  }

  /** All that run, also those that start or end. */
  get all(): readonly WorkerProcess[] {
    return [...this.#all];
  }

  /** True once all have been up. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True once all are to end. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Number of workers that take calls. */
  get up(): number {
    return this.#current.filter((worker) => worker?.isUp).length;
  }

  /**
   * Starts all.
   *
   * @returns the port
   * @throws Error that an operator can read, if one cannot be used
   */
  async open(): Promise<number> {
    const { size } = this.#options;
    for (let n = 1; n <= size; n++) this.#current[n] = this.#start(n);
    try {
      const ports = await Promise.all(this.all.map((worker) => this.#untilUp(worker)));
      this.#isOpen = true;
      this.#timer = setInterval(() => this.#check(), CHECK_MS);
      return ports[0] ?? 0;
    } catch (error) {
      this.#isClosing = true;
      for (const worker of this.#all) worker.kill();
      await Promise.all(this.all.map(({ ended }) => ended));
      throw error instanceof WorkerStartError ? this.#mistake(error) : error;
    }
  }

  /**
   * Replaces one worker after the other: the new one takes calls before the old one ends, as by SIGTERM.
   *
   * @returns the number of those replaced: if a new one cannot be started, those that are left stay
   */
  async restart(order: Omit<DrainOrder, 'isForAll'>): Promise<number> {
    for (let n = 1; n <= this.#options.size; n++) {
      if (this.#isClosing) return n - 1;
      this.#succeeded.add(n);
      const isReplaced = await this.#succeed(n, order).finally(() => this.#succeeded.delete(n));
      if (!isReplaced) return n - 1;
    }
    return this.#options.size;
  }

  /**
   * Ends all.
   *
   * @param impatient resolves when work is to be cut off
   * @returns false if it was
   */
  async close(order: Omit<DrainOrder, 'isForAll'>, impatient: Promise<unknown>): Promise<boolean> {
    this.#isClosing = true;
    clearInterval(this.#timer);
    for (const worker of this.#all) {
      worker.isLeaving = true;
      // It has no calls yet
      if (!worker.isUp) worker.kill();
      worker.send({ kind: 'drain', order: { ...order, isForAll: true } });
    }
    const ended = Promise.all(this.all.map((worker) => worker.ended)).then(() => true);
    const isCut = impatient.then(() => false);
    const finished = await within(order.delayMs + order.timeoutMs, Promise.race([ended, isCut]));
    if (finished) return true;
    for (const worker of this.#all) worker.send({ kind: 'cut' });
    await within(LAST_MS, ended);
    for (const worker of this.#all) worker.kill();
    await ended;
    return false;
  }

  #mistake({ listenCode, message }: WorkerStartError): Error {
    const { host, port } = this.#options.server;
    return new Error(
      listenCode === undefined
        ? `a worker cannot be used: ${message}; the log says more`
        : listenMistake(host, port, listenCode),
    );
  }

  #start(n: number): WorkerProcess {
    const worker = new WorkerProcess(n, this.#options.receive);
    this.#all.add(worker);
    worker.onEnd = (end) => this.#ended(worker, end);
    return worker;
  }

  async #untilUp(worker: WorkerProcess): Promise<number> {
    const port = await within(START_MS, worker.up);
    if (port === undefined) throw new WorkerStartError(`it does not start in ${START_MS / 1000} s`);
    return port;
  }

  async #succeed(n: number, order: Omit<DrainOrder, 'isForAll'>): Promise<boolean> {
    const { log } = this.#options;
    const old = this.#current[n];
    const next = this.#start(n);
    try {
      await this.#untilUp(next);
    } catch (error) {
      next.isLeaving = true;
      next.kill();
      if (this.#isClosing) return false;
      const { message } = error as Error;
      log.error({ worker: n, problem: message }, 'a new worker cannot be used; the old ones stay');
      if (old?.isGone) this.#replace(n, 0);
      return false;
    }
    this.#current[n] = next;
    if (old === undefined) return true;
    old.isLeaving = true;
    old.send({ kind: 'drain', order: { ...order, isForAll: false } });
    await within(order.delayMs + order.timeoutMs + LAST_MS, old.ended);
    if (!old.isGone) old.kill();
    await old.ended;
    log.info({ worker: n, pid: next.pid, old_pid: old.pid }, 'worker restarted');
    return true;
  }

  #ended(worker: WorkerProcess, end: ProcessEnd): void {
    this.#all.delete(worker);
    const { log, ended, replaced } = this.#options;
    ended(worker);
    if (worker.isLeaving || !this.#isOpen || this.#isClosing) return;
    const { n, pid } = worker;
    log.error({ worker: n, pid, ...end }, 'a worker ended');
    if (this.#current[n] !== worker) return;
    replaced();
    const isSteady = performance.now() - worker.startedAt > STEADY_MS;
    const failures = isSteady ? 0 : (this.#failures[n] ?? 0);
    this.#failures[n] = failures + 1;
    if (this.#succeeded.has(n)) return;
    this.#replace(n, failures === 0 ? 0 : growing(PAUSE, failures));
  }

  #replace(n: number, pauseMs: number): void {
    const start = () => {
      if (!this.#isClosing) this.#current[n] = this.#start(n);
    };
    if (pauseMs === 0) start();
    else setTimeout(start, pauseMs).unref();
  }

  #check(): void {
    for (const worker of this.#all) {
      if (++worker.silence <= (worker.isUp ? SILENT_CHECKS : START_MS / CHECK_MS)) continue;
      this.#options.log.error(
        { worker: worker.n, pid: worker.pid },
        'a worker does not respond and is killed',
      );
      worker.kill();
    }
  }
}
