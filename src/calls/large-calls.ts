import type { Worker } from 'node:worker_threads';
import type { Config } from '../config/config.ts';
import { loggable } from '../observability/log.ts';
import type { PolicySource } from '../policies/store.ts';
import { replyFrom } from '../state/remote-store.ts';
import type { StateStore } from '../state/state-store.ts';
import { type CallForm, GENERIC } from './call-form.ts';
import type { CallConnection } from './call-scope.ts';
import { type LargeCallOutlets, passOn } from './large-call-outlets.ts';
import { type LargeCall, LargeCallQueue } from './large-call-queue.ts';
import { LargeCallRecords } from './large-call-records.ts';
import { ABORTED, LOST, OVERLOADED } from './large-call-refusals.ts';
import { startLargeCallThread } from './large-call-thread.ts';
import type { FromLargeCalls, LargeCallsStart, ToLargeCalls } from './protocol.ts';
import { LARGE_BYTES, ReceivedBody } from './received-body.ts';
import type { CallRefusal, CallResponse, RefuseCall } from './refusal.ts';
import type { RequestState } from './request-state.ts';
import { StateKeys } from './state-keys.ts';

/** A call of more nodes is large too: it takes some milliseconds to read. */
export const LARGE_NODES = 10_000;
/** A call of fewer bytes does not wait for others. */
const SMALL_BYTES = 64 * 1024;
const CLOSE_MS = 10_000;
/** Time that a call may take beyond that of its policies and its vendors; after that the thread hangs. */
const MARGIN_MS = 60_000;
/** Time that the thread may take to start, on a machine that has much else to do. */
const START_MS = 60_000;

export type LargeCallsOptions = LargeCallOutlets & {
  readonly config: Pick<Config, 'judging'>;
  /** Milliseconds that the slowest backend may take. */
  readonly longestCheckMs: () => number;
  /** Plain data, of which the thread is given a copy. */
  readonly start: () => LargeCallsStart;
  readonly refuse: RefuseCall;
  /** All that is known here of the calls under a state key. */
  readonly stateOf: (key: string) => RequestState;
  /** Undefined for a bridge that is alone. */
  readonly store: StateStore | undefined;
};

/**
 * The main thread's side of large calls. They are read and judged in a thread of their own, so that none delays the others: here
 * nothing but their pieces passes. The thread is started for the first of them, and stays. It judges one at a time; the next is read
 * while one waits for a vendor. If it ends by a mistake its calls are blocked, and the next one starts it again.
 *
 * The state of a call is in one place: before the thread judges the first under a state key, it is told all that is known here, and
 * from then on all calls under that key, small ones too, are judged there.
 */
export class LargeCalls {
  readonly #options: LargeCallsOptions;
  /** Milliseconds that a call may wait for the thread. */
  readonly #waitMs: number;
  #worker: Worker | undefined;
  /** True once the thread can judge: the time that it takes to start counts for nobody. */
  #isUp = false;
  #lastNumber = 0;
  readonly #queue = new LargeCallQueue();
  readonly #keys = new StateKeys();
  readonly #records: LargeCallRecords;

  constructor(options: LargeCallsOptions) {
    this.#options = options;
    this.#records = new LargeCallRecords(options.records, () => this.#next());
    options.blockedTexts.onChange((change) => this.#post({ kind: 'blockedText', change }));
    this.#waitMs = options.config.judging.policyTimeoutMs;
  }

  /** Milliseconds in which a call must be done. */
  get #hangMs(): number {
    return this.#waitMs + this.#options.longestCheckMs() + MARGIN_MS;
  }

  /** True for a body of so many bytes that it is to be read in the thread. */
  takes(body: ReceivedBody): boolean {
    return body.size > LARGE_BYTES;
  }

  /** Judges a call in the thread if it has many nodes. */
  ofNodes(
    nodes: number,
    body: Buffer,
    connection: CallConnection,
    form: CallForm,
  ): Promise<CallResponse> | undefined {
    return nodes > LARGE_NODES ? this.handle(ReceivedBody.of(body), connection, form) : undefined;
  }

  /** The response to the body of a large call. Never rejects. */
  handle(body: ReceivedBody, connection: CallConnection, form: CallForm = GENERIC): Promise<CallResponse> {
    return new Promise((resolve) => {
      const call: LargeCall = {
        n: ++this.#lastNumber,
        ...{ form, body, bytes: body.size, resolve, traceparent: connection.traceparent },
        timer: undefined,
        worker: undefined,
        isRead: body.size > SMALL_BYTES,
        isAnswered: false,
      };
      if (call.isRead) {
        this.#queue.waiting.add(call);
        if (this.#isUp) this.#limitWait(call);
      } else this.#begin(call);
      connection.onGone(() => this.#gone(call));
      this.#next();
    });
  }

  /** Judges a small call in the thread, if calls under its state key belong there. */
  judge(
    key: string,
    body: Buffer,
    connection: CallConnection,
    form: CallForm,
  ): Promise<CallResponse> | undefined {
    return this.#keys.has(key) ? this.handle(ReceivedBody.of(body), connection, form) : undefined;
  }

  /** A small call was judged here, and its state key may belong to the thread since. */
  decided(key: string): void {
    if (this.#keys.has(key)) this.#tell(key);
  }

  /** Tells the thread that other policies are in force. */
  policiesChanged(source: PolicySource): void {
    this.#post({ kind: 'policies', source });
  }

  /** Ends the thread, after what still runs in it. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#forgetThread();
    const timer = setTimeout(() => worker.terminate().catch(this.#failed), CLOSE_MS);
    await new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
      this.#post({ kind: 'close' }, worker);
    });
    clearTimeout(timer);
  }

  #limitWait(call: LargeCall): void {
    call.timer ??= setTimeout(() => this.#refuse(call, OVERLOADED), this.#waitMs);
  }

  /** Hands over those that wait, as far as the thread can take them. What is asked for nobody makes room. */
  #next(): void {
    for (;;) {
      const call = this.#queue.next(this.#records.bytes);
      if (call === undefined) break;
      this.#begin(call);
    }
    for (const { n, worker } of this.#queue.inTheWay(this.#records.bytes))
      this.#post({ kind: 'unwatch', n }, worker);
  }

  #begin(call: LargeCall): void {
    clearTimeout(call.timer);
    this.#queue.waiting.delete(call);
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
    this.#queue.there.set(call.n, call);
    const { n, form, traceparent } = call;
    const body = call.body.take();
    const isNoted = this.#options.records?.takesNotes === true;
    const message: ToLargeCalls = { kind: 'call', n, body, form, isNoted, traceparent };
    worker.postMessage(message, [body]);
  }

  #startWorker(): Worker {
    const worker = startLargeCallThread(this.#options.start());
    worker.on('message', (message: FromLargeCalls) => this.#receive(worker, message));
    worker.on('error', (error: NodeJS.ErrnoException) =>
      this.#options.log.error({ error: error.name, code: error.code }, 'the thread of large calls failed'),
    );
    worker.on('exit', () => this.#ended(worker));
    return worker;
  }

  #ended(worker: Worker): void {
    if (worker === this.#worker) {
      this.#forgetThread();
      this.#options.metrics.large_call_restarts_total.inc();
      this.#options.log.error({ calls: this.#queue.there.size }, 'the thread of large calls ended');
    }
    for (const call of [...this.#queue.there.values()]) {
      if (call.worker !== worker) continue;
      clearTimeout(call.timer);
      this.#queue.there.delete(call.n);
      if (!call.isAnswered) call.resolve(this.#options.refuse(LOST, call.form.door));
    }
    this.#next();
  }

  #receive(worker: Worker, message: FromLargeCalls): void {
    switch (message.kind) {
      case 'ready':
        this.#isUp = worker === this.#worker;
        for (const call of this.#queue.waiting) this.#limitWait(call);
        break;
      case 'waiting':
        this.#read(message.n);
        break;
      case 'response':
        this.#answered(message.n, message.response);
        break;
      case 'done':
        this.#queue.there.delete(message.n);
        this.#next();
        break;
      case 'recall':
        if (worker === this.#worker) this.#keys.add(message.key);
        this.#tell(message.key, worker);
        break;
      case 'store': {
        const { store } = this.#options;
        const answered = store && replyFrom(store, message.request);
        answered?.then((reply) => this.#post({ kind: 'stored', reply }, worker)).catch(this.#failed);
        break;
      }
      case 'recording':
      case 'blocked': {
        const { n } = message;
        const told = () => this.#post({ kind: 'recorded', n }, worker);
        this.#records.store(message).then(told).catch(this.#failed);
        break;
      }
      default:
        passOn(message, this.#options);
    }
  }

  #read(n: number): void {
    const call = this.#queue.there.get(n);
    if (call === undefined || !call.isRead) return;
    call.isRead = false;
    this.#next();
  }

  #answered(n: number, response: CallResponse): void {
    const call = this.#queue.there.get(n);
    if (call === undefined) return;
    clearTimeout(call.timer);
    call.isAnswered = true;
    call.isRead = false;
    const { writing } = this.#options.audit;
    if (writing === undefined) call.resolve(response);
    else writing.then(() => call.resolve(response)).catch(this.#failed);
    this.#next();
  }

  #tell(key: string, worker = this.#worker): void {
    this.#post({ kind: 'state', key, state: this.#options.stateOf(key) }, worker);
  }

  /** Nobody waits for a call any more. */
  #gone(call: LargeCall): void {
    if (this.#queue.waiting.has(call)) this.#refuse(call, ABORTED);
    else if (!call.isAnswered) this.#post({ kind: 'gone', n: call.n }, call.worker);
  }

  /** Ends the wait of a call for the thread. */
  #refuse(call: LargeCall, refusal: CallRefusal): void {
    clearTimeout(call.timer);
    this.#queue.waiting.delete(call);
    call.body.clear();
    call.resolve(this.#options.refuse(refusal, call.form.door));
  }

  #forgetThread(): void {
    this.#worker = undefined;
    this.#isUp = false;
    this.#keys.clear();
    for (const { timer } of this.#queue.waiting) clearTimeout(timer);
  }

  /** A mistake of ours about the thread; the calls in it end by the clock. */
  readonly #failed = (error: unknown): void => {
    this.#options.log.error(
      { failure: loggable({ kind: 'bug', error }) },
      'the thread of large calls cannot be reached',
    );
  };

  #post(message: ToLargeCalls, worker = this.#worker): void {
    worker?.postMessage(message);
  }
}
