import { randomUUID } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { within } from '../guardrail/within.ts';
import { type Log, loggable } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { CallEnd } from '../records/protocol.ts';
import type { OpenWorker, WorkerPort } from '../records/restarting-worker.ts';
import { decisionLoss, decisionsAdvice } from './decision-losses.ts';
import { openDecisionsThread } from './decisions-thread.ts';
import type { LateFinding } from './late-findings.ts';
import { packRow } from './packed-row.ts';
import type { DecisionsStart, EndLine, FromDecisions, ToDecisions } from './protocol.ts';
import type { DecisionRow } from './row.ts';
import { type DecisionBatch, WaitingBatches } from './waiting-batches.ts';

/** Rows wait so long for others: a process that is killed loses no more. */
const FLUSH_MS = 250;
/** A batch that is so long goes at once. */
const BATCH_CHARS = 256 * 1024;
const RETRY_MS = 1000;
/** A batch without an answer for so long: the disk hangs. */
const SILENT_MS = 15_000;
/** Time at the end for what waits, and then for a thread that hangs. */
const CLOSE_MS = 3000;
const LAST_MS = 200;

export type DecisionKeeperOptions = {
  /** Plain data, of which the thread is given a copy. */
  readonly start: DecisionsStart;
  readonly log: Log;
  readonly metrics: Pick<
    Metrics,
    'decisions_lost_total' | 'decisions_unshipped_rows' | 'decisions_ship_failures_total'
  >;
  /** Leads to the thread, if that is in another process. */
  readonly open?: OpenWorker<FromDecisions> | undefined;
};

/** The state of keeping, as `/readyz` tells it. */
export type DecisionsHealth = {
  /** False while decisions cannot be stored. */
  readonly isUp: boolean;
  /** False while they do not reach the database. */
  readonly isShipping: boolean;
};

/**
 * The main thread's side of decisions: gathers rows and hands them to a thread, one batch after the other. Nothing waits for it. What
 * cannot be stored waits within a bound and is tried again; the oldest beyond that are lost and counted.
 */
export class DecisionKeeper {
  readonly #options: DecisionKeeperOptions;
  readonly #open: OpenWorker<FromDecisions>;
  readonly #sender = randomUUID();
  /** Rows that are being gathered, each with its line end, and their number. */
  #lines = '';
  #rows = 0;
  /** The first may be under way. */
  readonly #batches = new WaitingBatches();
  /** Started for the first row. */
  #worker: WorkerPort | undefined;
  /** When the batch under way was sent; undefined for none. */
  #sentAt: number | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  /** Why the last batch could not be stored. */
  #trouble: string | undefined;
  /** Rows lost in this outage. */
  #lost = 0;
  #isShipping = true;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  /** Resolved when nothing waits. */
  #drained: (() => void) | undefined;
  #closed: (() => void) | undefined;

  constructor(options: DecisionKeeperOptions) {
    this.#options = options;
    this.#open = options.open ?? openDecisionsThread;
  }

  /** Keeps a decision. */
  append(row: DecisionRow): void {
    this.#add(packRow(row));
  }

  /** Keeps a decision, as {@link DecisionRows} tells it. */
  decided(_: DecisionRow, packed: () => string): void {
    this.#add(packed());
  }

  /** Keeps a result that came after its decision. */
  late(late: LateFinding): void {
    this.#add(JSON.stringify(late));
  }

  /** Keeps lines that were gathered in another thread or process. */
  take(lines: string, rows: number): void {
    this.#add(lines, rows);
  }

  /** Tells how calls ended. */
  ended(ends: readonly CallEnd[]): void {
    for (const { callId, traceId, outcome, at } of ends) {
      const line: EndLine = { litellm_call_id: callId, litellm_trace_id: traceId, ended: { outcome, at } };
      this.#add(JSON.stringify(line));
    }
  }

  health(): DecisionsHealth {
    const isSilent = this.#sentAt !== undefined && performance.now() - this.#sentAt > SILENT_MS;
    return { isUp: this.#trouble === undefined && !isSilent, isShipping: this.#isShipping };
  }

  /** Stores what waits, then ends the thread. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flush();
    this.#isClosed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.hurry();
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
      if (this.#batches.first === undefined) resolve();
    });
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    await within(
      CLOSE_MS,
      drained.then(() => {
        this.#post({ kind: 'close' });
        return closed;
      }),
    );
    clearTimeout(this.#retryTimer);
    for (const batch of this.#batches.takeAll()) this.#lose(batch);
    await within(LAST_MS, worker.close());
  }

  #add(lines: string, rows = 1): void {
    if (this.#isClosed) return;
    this.#lines = this.#rows === 0 ? lines : `${this.#lines}\n${lines}`;
    this.#rows += rows;
    if (this.#lines.length >= BATCH_CHARS) this.#flush();
    else this.#flushTimer ??= setTimeout(this.#flush, FLUSH_MS).unref();
  }

  readonly #flush = (): void => {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (this.#rows === 0) return;
    this.#batches.add(this.#lines, this.#rows);
    this.#lines = '';
    this.#rows = 0;
    // That under way may be stored
    for (const batch of this.#batches.takeExcess(this.#sentAt !== undefined)) this.#lose(batch);
    this.#send();
  };

  #lose({ rows }: DecisionBatch, reason = decisionLoss(this.#trouble)): void {
    if (this.#lost === 0 && reason === 'slow')
      this.#options.log.error({ reason }, 'decisions are lost: they come faster than they are stored');
    this.#lost += rows;
    this.#options.metrics.decisions_lost_total.inc({ reason }, rows);
  }

  #send(): void {
    const batch = this.#batches.first;
    if (batch === undefined || this.#sentAt !== undefined || this.#retryTimer !== undefined) return;
    try {
      this.#worker ??= this.#startWorker();
    } catch (error) {
      // The system has no thread to give
      this.#failed(batch.n, 'no_thread');
      this.#bug(error);
      return;
    }
    this.#sentAt = performance.now();
    const { n, lines, rows } = batch;
    this.#post({ kind: 'put', sender: this.#sender, n, lines, rows });
  }

  #startWorker(): WorkerPort {
    return this.#open({
      data: () => this.#options.start,
      received: (message) => this.#receive(message),
      failed: (error) =>
        this.#options.log.error({ error: (error as Error).name }, 'the thread of decisions failed'),
      ended: () => {
        this.#sentAt = undefined;
        this.#trouble ??= 'restarting';
      },
      restarted: () => this.#send(),
      bug: this.#bug,
    });
  }

  #receive(message: FromDecisions): void {
    switch (message.kind) {
      case 'done':
        this.#done(message.n);
        break;
      case 'failed':
        if (message.isBad) this.#bad(message.n, message.code);
        else this.#failed(message.n, message.code, message.advice);
        break;
      case 'log':
        this.#options.log[message.line[0]](message.line[1], message.line[2]);
        break;
      case 'shipping':
        this.#isShipping = message.isUp;
        this.#options.metrics.decisions_unshipped_rows.set({}, message.unshipped);
        this.#options.metrics.decisions_ship_failures_total.inc({}, message.failures);
        break;
      case 'closed':
        this.#closed?.();
    }
  }

  #done(n: number): void {
    const batch = this.#batches.first;
    if (batch?.n !== n) return;
    this.#batches.shift();
    this.#sentAt = undefined;
    if (this.#trouble !== undefined || this.#lost > 0)
      this.#options.log.warn({ lost: this.#lost }, 'decisions are kept again');
    this.#trouble = undefined;
    this.#lost = 0;
    this.#send();
    if (this.#batches.first === undefined) this.#drained?.();
  }

  #failed(n: number, code: string, advice?: string): void {
    if (this.#batches.first?.n !== n) return;
    this.#sentAt = undefined;
    if (this.#trouble === undefined)
      this.#options.log.error(
        { code, advice: advice ?? decisionsAdvice(code) },
        'decisions cannot be stored; they wait, and calls are judged as before',
      );
    this.#trouble = code;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#send();
    }, RETRY_MS).unref();
  }

  #bad(n: number, code: string): void {
    const batch = this.#batches.first;
    if (batch?.n !== n) return;
    this.#sentAt = undefined;
    this.#options.log.error({ code }, 'decisions could not be stored, and are lost; please report it');
    this.#batches.shift();
    this.#lose(batch, 'unavailable');
    this.#send();
    if (this.#batches.first === undefined) this.#drained?.();
  }

  #post(message: ToDecisions): void {
    this.#worker?.post(message, []);
  }

  readonly #bug = (error: unknown): void => {
    this.#options.log.error(
      { failure: loggable({ kind: 'bug', error }) },
      'decisions could not be handed over',
    );
  };
}

/** Undefined where none are kept. @param open where their thread is in another process: leads to it */
export function keepDecisions(
  { decisions, database }: Config,
  log: Log,
  metrics: Metrics,
  open?: OpenWorker<FromDecisions>,
): DecisionKeeper | undefined {
  return decisions && new DecisionKeeper({ start: { ...decisions, database }, log, metrics, open });
}
