import { extname } from 'node:path';
import type { ReplayConfig } from '../config/config.ts';
import { within } from '../guardrail/within.ts';
import { type Log, loggable } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { type OpenWorker, RestartingWorker, type WorkerPort } from '../records/restarting-worker.ts';
import { type KeptSink, MAX_KEPT_BYTES } from './kept-calls.ts';
import type { BegunAnew } from './replay-file.ts';
import type { KeptCounts } from './replay-keeper.ts';
import type { FromReplay, ToReplay } from './replay-worker.ts';

const WORKER = new URL(`./replay-worker${extname(import.meta.url)}`, import.meta.url);
/** Calls of one handing over are held twice, as bytes and as objects. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };
const LOOK = 'look at DATA_DIR: its disk, or who may write it';
/** Time for the last calls of a bridge that ends. */
const CLOSE_MS = 5000;

const openReplay: OpenWorker<FromReplay> = (options) =>
  new RestartingWorker({ file: WORKER, resourceLimits: RESOURCE_LIMITS, ...options });

type ReplayMetrics = Pick<Metrics, 'replay_calls_total' | 'replay_bytes' | 'replay_begun_anew_total'>;

const BEGUN_ANEW: Record<BegunAnew, string> = {
  gone: 'replay.db was deleted or replaced; a new one is begun',
  damaged: 'replay.db was damaged; it is deleted, and a new one begun',
  format: 'replay.db is of another release; it is deleted, and a new one begun',
  content:
    'less content is to be kept than before, so the calls that were kept for policy replay are deleted',
};

type Handed = { readonly calls: number; readonly bytes: number; readonly done: () => void };

/** The main thread's side of the thread that keeps calls. Calls that it cannot store are counted as lost. */
export class ReplayThread implements KeptSink {
  readonly #log: Log;
  readonly #metrics: ReplayMetrics;
  readonly #worker: WorkerPort;
  readonly #handed = new Map<number, Handed>();
  #number = 0;
  /** Bytes that are handed over and not stored. */
  #bytes = 0;
  /** Why calls cannot be kept; undefined while they can. */
  #trouble: string | undefined;

  constructor(config: ReplayConfig, log: Log, metrics: ReplayMetrics, open = openReplay) {
    this.#log = log;
    this.#metrics = metrics;
    this.#worker = open({
      data: () => config,
      received: (message) => this.#receive(message),
      failed: (error) => this.#failed(error),
      ended: () => {
        this.#tell('thread_ended');
        this.#lostAll();
      },
      restarted() {},
      bug: (error) => this.#failed(error),
    });
  }

  keep(packed: Uint8Array<ArrayBuffer>, calls: number): void {
    const bytes = packed.length;
    if (this.#bytes + bytes > MAX_KEPT_BYTES) {
      this.#tell('slow');
      this.#metrics.replay_calls_total.inc({ result: 'lost' }, calls);
      return;
    }
    this.#bytes += bytes;
    this.#hand((n) => ({ kind: 'keep', n, packed }), { calls, bytes, done() {} }, [packed.buffer]);
  }

  /** Waits for what was handed over, but not for a disk that hangs. */
  async close(): Promise<void> {
    const closed = new Promise<void>((done) => {
      this.#hand((n) => ({ kind: 'close', n }), { calls: 0, bytes: 0, done });
    });
    await within(CLOSE_MS, closed);
    await this.#worker.close();
    this.#lostAll();
  }

  #hand(message: (n: number) => ToReplay, handed: Handed, transfer: readonly ArrayBuffer[] = []): void {
    const n = ++this.#number;
    this.#handed.set(n, handed);
    this.#worker.post(message(n), transfer);
  }

  #receive(message: FromReplay): void {
    switch (message.kind) {
      case 'begun_anew':
        this.#metrics.replay_begun_anew_total.inc({ reason: message.why });
        this.#log[message.why === 'damaged' ? 'warn' : 'info'](
          { reason: message.why },
          BEGUN_ANEW[message.why],
        );
        break;
      case 'maintained':
        this.#metrics.replay_bytes.set({}, message.bytes);
        break;
      case 'kept':
        this.#count(message.counts);
        this.#metrics.replay_bytes.set({}, message.bytes);
        this.#tell(undefined);
        this.#done(message.n);
        break;
      case 'failed':
        this.#tell(message.code);
        this.#lost(message.n);
        break;
      case 'closed':
        this.#done(message.n);
    }
  }

  #count(counts: KeptCounts): void {
    for (const [result, calls] of Object.entries(counts))
      this.#metrics.replay_calls_total.inc({ result }, calls);
  }

  #lost(n: number): void {
    this.#metrics.replay_calls_total.inc({ result: 'lost' }, this.#handed.get(n)?.calls ?? 0);
    this.#done(n);
  }

  #lostAll(): void {
    for (const n of [...this.#handed.keys()]) this.#lost(n);
  }

  #done(n: number): void {
    const handed = this.#handed.get(n);
    this.#handed.delete(n);
    this.#bytes -= handed?.bytes ?? 0;
    handed?.done();
  }

  #tell(code: string | undefined): void {
    if (code === this.#trouble) return;
    this.#trouble = code;
    if (code === undefined) this.#log.info('calls are kept for policy replay again');
    else
      this.#log.warn(
        {
          code,
          advice: code === 'LOCKED' ? 'another bridge keeps calls there: give each its own DATA_DIR' : LOOK,
        },
        'calls are not kept for policy replay',
      );
  }

  #failed(error: unknown): void {
    this.#log.error({ failure: loggable({ kind: 'bug', error }) }, 'the thread that keeps calls failed');
  }
}
