import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Auditor } from '../audit/auditor.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { type Log, loggable, writeLine } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { BlockedTexts } from '../pipeline/blocked-texts.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import type { CallConnection } from './call-scope.ts';
import type { FromLargeCalls, LargeCallsStart, RequestState, ToLargeCalls } from './protocol.ts';
import { ReceivedBody } from './received-body.ts';
import type { CallRefusal, CallResponse, RefuseCall } from './refusal.ts';
import { RequestStates } from './request-states.ts';
import { UnstoredRecords } from './unstored-records.ts';

/** A call of more bytes, or of more nodes, is large: it takes some milliseconds to read. */
const LARGE_BYTES = 1024 * 1024;
export const LARGE_NODES = 10_000;
/** A call of fewer bytes does not wait for others. */
const SMALL_BYTES = 64 * 1024;
/** Bytes of calls that are in the thread at once, and of records that are not stored yet; a larger one is there alone. */
const HELD_BYTES = 40 * 1024 * 1024;
/** Time without a large call after which the thread ends: while it may hold what a response needs, and if it cannot. */
const IDLE_WITH_STATE_MS = 4_000;
const IDLE_MS = 2000;
const CLOSE_MS = 10_000;
/** Time that a call may take beyond that of its policies and its vendors; after that the thread hangs. */
const MARGIN_MS = 60_000;
/** Time that the thread may take to start, on a machine that has much else to do. */
const START_MS = 60_000;
/** Far above what calls of 32 MB take: a thread that needs more ends alone, and not the process. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 768, maxYoungGenerationSizeMb: 24 };

const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

const OVERLOADED = {
  status: 503,
  reason: 'overloaded',
  message: 'too many large calls at once',
} as const satisfies CallRefusal;
const LOST = {
  status: 400,
  reason: 'bug',
  message: 'the thread of large calls ended',
} as const satisfies CallRefusal;
const ABORTED = { status: 400, reason: 'aborted', message: '' } as const satisfies CallRefusal;

export type LargeCallsOptions = {
  /** Plain data, of which the thread is given a copy. */
  readonly start: () => LargeCallsStart;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly refuse: RefuseCall;
  readonly records: Pick<RecordsThread, 'note' | 'text' | 'blockedJson'> | undefined;
  readonly audit: Pick<Auditor, 'append'>;
  readonly release: (version: string | null) => void;
  readonly blockedTexts: BlockedTexts;
  /** All that is known here of a request. */
  readonly stateOf: (key: string) => RequestState;
};

type LargeCall = {
  readonly n: number;
  readonly body: ReceivedBody;
  readonly bytes: number;
  readonly resolve: (response: CallResponse) => void;
  /** While it waits for the thread: ends the wait. While it is there: ends a thread that hangs. */
  timer: NodeJS.Timeout | undefined;
  /** Undefined while it waits for the thread. */
  worker: Worker | undefined;
  /** True while nothing else may be read in the thread. */
  isRead: boolean;
};

/**
 * The main thread's side of large calls. They are read and judged in a thread of their own, so that none delays the others: here
 * nothing but their pieces passes. The thread is started for the first of them, and ends when no more come. It judges one at a time;
 * the next is read while one waits for a vendor. If it ends by a mistake its calls are blocked, and it is started again.
 */
export class LargeCalls {
  readonly #options: LargeCallsOptions;
  /** Milliseconds that a call may wait for the thread. */
  readonly #waitMs: number;
  readonly #hangMs: number;
  #worker: Worker | undefined;
  /** True once the thread can judge: the time that it takes to start counts for nobody. */
  #isUp = false;
  #lastNumber = 0;
  /** Calls that wait for the thread, the oldest first, and those that are there. */
  readonly #waiting = new Set<LargeCall>();
  readonly #there = new Map<number, LargeCall>();
  readonly #requests = new RequestStates();
  readonly #unstored = new UnstoredRecords(() => this.#next());
  /** Resolved when the thread that ends has told what it knew. */
  #ending = Promise.resolve();
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: LargeCallsOptions) {
    this.#options = options;
    options.blockedTexts.onChange((change) => this.#post(this.#worker, { kind: 'blockedText', change }));
    const { judging, backends } = options.start().config;
    this.#waitMs = judging.policyTimeoutMs;
    this.#hangMs = this.#waitMs + Math.max(0, ...backends.map(({ timeoutMs }) => timeoutMs)) + MARGIN_MS;
  }

  /** True for a body of so many bytes that it is to be read in the thread. */
  takes(body: ReceivedBody): boolean {
    return body.size > LARGE_BYTES;
  }

  /** Judges a call in the thread if it has many nodes. */
  ofNodes(nodes: number, body: Buffer, connection: CallConnection): Promise<CallResponse> | undefined {
    return nodes > LARGE_NODES ? this.handle(ReceivedBody.of(body), connection) : undefined;
  }

  /** The response to the body of a large call. Never rejects. */
  handle(body: ReceivedBody, connection: CallConnection): Promise<CallResponse> {
    return new Promise((resolve) => {
      const call: LargeCall = {
        n: ++this.#lastNumber,
        ...{ body, bytes: body.size, resolve },
        timer: undefined,
        worker: undefined,
        isRead: body.size > SMALL_BYTES,
      };
      connection.onGone(() => this.#gone(call));
      if (!call.isRead) return this.#begin(call);
      this.#waiting.add(call);
      if (this.#isUp) this.#limitWait(call);
      this.#next();
    });
  }

  /** Judges a call in the thread if its state is there: that of a large request whose response is small. */
  readonly elsewhere = (
    { input_type }: GuardrailCall,
    key: string,
    body: Buffer,
    connection: CallConnection,
  ): Promise<CallResponse> | undefined => {
    if (this.#requests.isEmpty || !this.#requests.has(key)) return undefined;
    if (input_type === 'response') return this.handle(ReceivedBody.of(body), connection);
    // Another request under the same id, whose response belongs here
    this.#requests.forget(key);
    return undefined;
  };

  /** Tells the thread that other policies are in force. */
  policiesChanged(text: string): void {
    this.#post(this.#worker, { kind: 'policies', text });
  }

  /** Ends the thread, after what still runs in it. */
  close(): Promise<void> {
    return this.#end();
  }

  #limitWait(call: LargeCall): void {
    call.timer ??= setTimeout(() => this.#refuse(call, OVERLOADED), this.#waitMs);
  }

  /** Hands over those that wait, as far as the thread can take them. */
  #next(): void {
    for (const call of this.#waiting) {
      const there = [...this.#there.values()];
      const held = there.reduce((bytes, one) => bytes + one.bytes, this.#unstored.bytes);
      if (there.some(({ isRead }) => isRead) || (held > 0 && held + call.bytes > HELD_BYTES)) return;
      this.#begin(call);
    }
  }

  #begin(call: LargeCall): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(call.timer);
    this.#waiting.delete(call);
    try {
      this.#worker ??= this.#startWorker();
    } catch (error) {
      // The system has no thread to give
      this.#failed(error);
      this.#refuse(call, LOST);
      return;
    }
    const worker = this.#worker;
    call.worker = worker;
    const limitMs = this.#hangMs + (this.#isUp ? 0 : START_MS);
    call.timer = setTimeout(() => worker.terminate().catch(this.#failed), limitMs);
    this.#there.set(call.n, call);
    const body = call.body.take();
    worker.postMessage({ kind: 'call', n: call.n, body } satisfies ToLargeCalls, [body]);
  }

  #startWorker(): Worker {
    const worker = new Worker(WORKER, { workerData: this.#options.start(), resourceLimits: RESOURCE_LIMITS });
    worker.on('message', (message: FromLargeCalls) => this.#receive(worker, message));
    worker.on('error', (error: NodeJS.ErrnoException) =>
      this.#options.log.error({ error: error.name, code: error.code }, 'the thread of large calls failed'),
    );
    worker.on('exit', () => this.#ended(worker));
    return worker;
  }

  #ended(worker: Worker): void {
    this.#requests.ended(worker);
    if (worker === this.#worker) {
      this.#forgetThread();
      this.#options.metrics.large_call_restarts_total.inc();
      this.#options.log.error({ calls: this.#there.size }, 'the thread of large calls ended');
    }
    for (const call of [...this.#there.values()]) {
      if (call.worker !== worker) continue;
      this.#done(call);
      call.resolve(this.#options.refuse(LOST));
    }
    this.#next();
  }

  #receive(worker: Worker, message: FromLargeCalls): void {
    const { log, metrics, records, audit, release, blockedTexts } = this.#options;
    switch (message.kind) {
      case 'ready':
        this.#isUp = worker === this.#worker;
        for (const call of this.#waiting) this.#limitWait(call);
        break;
      case 'waiting':
        this.#read(message.n);
        break;
      case 'response':
        this.#read(message.n);
        this.#there.get(message.n)?.resolve(message.response);
        break;
      case 'done': {
        const call = this.#there.get(message.n);
        if (call !== undefined) this.#done(call);
        this.#next();
        break;
      }
      case 'kept':
        this.#requests.held(message.key, worker);
        break;
      case 'recall': {
        const { n, key } = message;
        this.#ending
          .then(() =>
            this.#post(worker, {
              kind: 'recalled',
              n,
              state: this.#requests.takenBy(worker, key) ?? this.#options.stateOf(key),
            }),
          )
          .catch(this.#failed);
        break;
      }
      case 'state':
        this.#requests.park(message.key, message.state);
        break;
      case 'blockedText':
        blockedTexts.apply(message.change);
        break;
      case 'log':
        writeLine(log, message.line);
        break;
      case 'counts':
        metrics.add(message.counts);
        break;
      case 'audit':
        audit.append(message.row);
        break;
      case 'release':
        release(message.version);
        break;
      case 'note':
        records?.note(message.line);
        break;
      case 'text':
        records?.text(message.line);
        break;
      case 'blocked': {
        const { n } = message;
        const onDone = this.#unstored.add(message.json.length);
        const stored = records?.blockedJson(message.callId, message.json, onDone) ?? Promise.resolve();
        stored.then(() => this.#post(worker, { kind: 'recorded', n })).catch(this.#failed);
      }
    }
  }

  #read(n: number): void {
    const call = this.#there.get(n);
    if (call === undefined || !call.isRead) return;
    call.isRead = false;
    this.#next();
  }

  #done(call: LargeCall): void {
    clearTimeout(call.timer);
    this.#there.delete(call.n);
    if (this.#there.size > 0) return;
    clearTimeout(this.#idleTimer);
    const idleMs = this.#requests.isHeld ? IDLE_WITH_STATE_MS : IDLE_MS;
    this.#idleTimer = setTimeout(() => this.#end().catch(this.#failed), idleMs).unref();
  }

  /** Nobody waits for a call any more. */
  #gone(call: LargeCall): void {
    if (this.#waiting.has(call)) this.#refuse(call, ABORTED);
    else this.#post(call.worker, { kind: 'gone', n: call.n });
  }

  /** Ends the wait of a call for the thread. */
  #refuse(call: LargeCall, refusal: CallRefusal): void {
    clearTimeout(call.timer);
    this.#waiting.delete(call);
    call.body.clear();
    call.resolve(this.#options.refuse(refusal));
  }

  /** Ends the thread; what it still has to say is heard. A call that comes meanwhile starts another. */
  async #end(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#forgetThread();
    const timer = setTimeout(() => worker.terminate().catch(this.#failed), CLOSE_MS);
    this.#ending = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
      this.#post(worker, { kind: 'close' });
    });
    await this.#ending;
    clearTimeout(timer);
  }

  #forgetThread(): void {
    this.#worker = undefined;
    this.#isUp = false;
    for (const { timer } of this.#waiting) clearTimeout(timer);
  }

  /** A mistake of ours about the thread; the calls in it end by the clock. */
  readonly #failed = (error: unknown): void => {
    this.#options.log.error(
      { failure: loggable({ kind: 'bug', error }) },
      'the thread of large calls cannot be reached',
    );
  };

  #post(worker: Worker | undefined, message: ToLargeCalls): void {
    worker?.postMessage(message);
  }
}
