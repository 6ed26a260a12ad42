import { randomUUID } from 'node:crypto';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from '../config/config.ts';
import type { Signal } from '../config/otlp-settings.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import { within } from '../guardrail/within.ts';
import { type Log, loggable } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { OpenWorker, WorkerPort } from '../records/restarting-worker.ts';
import { CallLines, LINE_TAGS } from './call-lines.ts';
import type { LogTap } from './log-tap.ts';
import { openOtlpThread } from './otlp-thread.ts';
import type { FromOtlp, OtlpLoss, OtlpStart, ToOtlp } from './protocol.ts';

/** Lines wait so long for others. */
const FLUSH_MS = 250;
/** As many letters go at once. */
const BATCH_CHARS = 64 * 1024;
/** Longest that an export waits for the metrics. */
const PAGE_MS = 5000;
/** Least and longest time at the end for what waits, and then for a thread that hangs. */
const MIN_CLOSE_MS = 1000;
const CLOSE_MS = 3000;
const LAST_MS = 200;

export type OtlpSenderOptions = {
  readonly start: OtlpStart;
  readonly log: Log;
  readonly tap: LogTap;
  readonly metrics: Pick<Metrics, 'otlp_lost_total' | 'otlp_restarts_total'>;
  /** All metrics in Prometheus' text format. */
  readonly page: () => Promise<string | undefined>;
  /** Leads to the thread, if that is in another process. */
  readonly open?: OpenWorker<FromOtlp> | undefined;
};

type Batch = { readonly chars: number; readonly calls: number; readonly logs: number };

/**
 * The main thread's side of what is exported by OTLP: gathers lines and hands them to a thread, which alone loads OpenTelemetry's packages.
 * Nothing waits for it: what is too much is lost and counted.
 */
export class OtlpSender {
  readonly #options: OtlpSenderOptions;
  /** Undefined where no traces are sent. */
  readonly calls: CallLines | undefined;
  #lines = '';
  #calls = 0;
  #logs = 0;
  #last = 0;
  /** Batches that the thread has not read yet, and their letters. */
  readonly #unread = new Map<number, Batch>();
  #unreadChars = 0;
  #worker: WorkerPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Signals whose exports fail, and what was lost since the first of them did. */
  readonly #troubles = new Set<Signal>();
  #lost: Partial<Record<Signal, number>> = {};
  #isClosed = false;
  #closed: (() => void) | undefined;

  constructor(options: OtlpSenderOptions) {
    this.#options = options;
    const { addresses } = options.start;
    if (addresses.traces !== undefined) this.calls = new CallLines((line) => this.call(line));
    if (addresses.logs !== undefined && options.open === undefined)
      options.tap.open((line) => {
        this.#logs++;
        this.#add(LINE_TAGS.log + (line.endsWith('\n') ? line.slice(0, -1) : line));
      });
    // Metrics are exported without a call too
    this.#startWorker();
  }

  /** Adds a line about a call. */
  call(line: string): void {
    this.#calls++;
    this.#add(line);
  }

  /** Adds lines about calls that were gathered in another process. */
  take(lines: string): void {
    for (let i = lines.indexOf('\n'); i >= 0; i = lines.indexOf('\n', i + 1)) this.#calls++;
    this.call(lines);
  }

  /**
   * Exports what waits, and the metrics once more, then ends the thread.
   *
   * @param leftMs of the time that the bridge has for its end
   */
  async close(leftMs = CLOSE_MS): Promise<void> {
    const ms = Math.min(CLOSE_MS, Math.max(MIN_CLOSE_MS, leftMs));
    this.#flush();
    this.#isClosed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.hurry();
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    this.#post({ kind: 'close', ms });
    await within(ms + LAST_MS, closed);
    this.#worker = undefined;
    this.#loseUnread();
    await within(LAST_MS, worker.close());
  }

  #add(lines: string): void {
    if (this.#isClosed) return;
    this.#lines = this.#lines === '' ? lines : `${this.#lines}\n${lines}`;
    if (this.#lines.length >= BATCH_CHARS) this.#flush();
    else this.#timer ??= setTimeout(this.#flush, FLUSH_MS).unref();
  }

  readonly #flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines === '') return;
    const lines = this.#lines;
    const batch = { chars: lines.length, calls: this.#calls, logs: this.#logs };
    this.#lines = '';
    this.#calls = 0;
    this.#logs = 0;
    // A letter can take two bytes
    if (2 * (this.#unreadChars + batch.chars) > memoryBytes('traces and log lines')) {
      this.#lose(batch);
      return;
    }
    const n = ++this.#last;
    this.#unread.set(n, batch);
    this.#unreadChars += batch.chars;
    this.#post({ kind: 'put', n, lines });
  };

  #startWorker(): void {
    const { start, open = openOtlpThread } = this.#options;
    try {
      this.#worker = open({
        data: () => start,
        received: (message) => this.#receive(message),
        failed: (error) => this.#say('error', { error: (error as Error).name }, 'the thread of OTLP failed'),
        ended: () => {
          this.#options.metrics.otlp_restarts_total.inc();
          this.#loseUnread();
          // The next thread knows of no trouble
          this.#troubles.clear();
          this.#lost = {};
        },
        // Lines that came meanwhile went to the one that had ended
        restarted: () => this.#loseUnread(),
        bug: this.#bug,
      });
    } catch (error) {
      // The system has no thread to give
      this.#bug(error);
    }
  }

  #receive(message: FromOtlp): void {
    switch (message.kind) {
      case 'done':
        this.#unreadChars -= this.#unread.get(message.n)?.chars ?? 0;
        this.#unread.delete(message.n);
        break;
      case 'page':
        this.#tellMetrics().catch(this.#bug);
        break;
      case 'lost':
        this.#count(message.signal, message.reason, message.count);
        break;
      case 'trouble':
        this.#trouble(message.signal, message.why);
        break;
      case 'closed':
        this.#closed?.();
    }
  }

  async #tellMetrics(): Promise<void> {
    const text = await within(PAGE_MS, this.#options.page()).catch(() => undefined);
    this.#post({ kind: 'page', text });
  }

  #trouble(signal: Signal, why: string | undefined): void {
    if (why === undefined) {
      if (!this.#troubles.delete(signal) || this.#troubles.size > 0) return;
      this.#say('warn', { lost: this.#lost }, 'OTLP is exported again');
      this.#lost = {};
      return;
    }
    const isFirst = this.#troubles.size === 0;
    this.#troubles.add(signal);
    if (!isFirst) return;
    this.#say(
      'error',
      { signal, why, host: hostOf(this.#options.start.addresses[signal]) },
      'OTLP cannot be exported; calls are judged as before, and what does not fit is lost',
    );
  }

  #loseUnread(): void {
    for (const batch of this.#unread.values()) this.#lose(batch);
    this.#unread.clear();
    this.#unreadChars = 0;
  }

  #lose({ calls, logs }: Batch): void {
    if (calls > 0) this.#count('traces', 'thread', calls);
    if (logs > 0) this.#count('logs', 'thread', logs);
  }

  #count(signal: Signal, reason: OtlpLoss, count: number): void {
    this.#options.metrics.otlp_lost_total.inc({ signal, reason }, count);
    this.#lost[signal] = (this.#lost[signal] ?? 0) + count;
  }

  #say(level: 'warn' | 'error', fields: object, message: string): void {
    this.#options.tap.quietly(() => this.#options.log[level](fields, message));
  }

  #post(message: ToOtlp): void {
    this.#worker?.post(message, []);
  }

  readonly #bug = (error: unknown): void => {
    this.#say('error', { failure: loggable({ kind: 'bug', error }) }, 'OTLP could not be handed over');
  };
}

/** An address can hold a key in its path. */
const hostOf = (address = '') => URL.parse(address)?.host;

/** Undefined where nothing is exported. @param open where the thread is in another process: leads to it */
export function sendOtlp(
  { otlp, proxy }: Config,
  options: Omit<OtlpSenderOptions, 'start'>,
): OtlpSender | undefined {
  if (otlp === undefined) return undefined;
  const since = Math.round(performance.timeOrigin);
  const start = { ...otlp, proxy, version: packageJson.version, instance: randomUUID(), since };
  return new OtlpSender({ ...options, start });
}
