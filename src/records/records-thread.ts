import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type Log, MAX_LOGGED_ID_CHARS } from '../observability/log.ts';
import type { BlockedCall } from './intake.ts';
import type { FromWorker, LogsResult, NoteLine, RecordsHealth, ToWorker, WorkerStart } from './protocol.ts';

/** Called when something goes wrong with the thread. */
export type RecordsThreadEvents = {
  /** Called each time that the thread had to be started again. */
  restarted(): void;
  /** Called for each blocked call whose record could not be handed over. */
  lost(): void;
};

/** Notes are handed over together: a message costs more than a verdict. */
const FLUSH_NOTES_MS = 200;
const MAX_NOTES_CHARS = 256 * 1024;
const METRICS_MS = 1000;
/** A sender that waits holds its connection and, if it is LiteLLM, drops what it queues meanwhile. */
const LOGS_MS = 15_000;
const RESTART_MS = 1000;
/** The thread reports its health each second; a disk that hangs keeps it from it. */
const SILENT_MS = 15_000;
/** Bounds of what waits for a thread that hangs; beyond them nothing is handed to it. */
const MAX_UNANSWERED = 20_000;
const MAX_UNANSWERED_BYTES = 192 * 1024 * 1024;
/** A message that ended the thread so often would end it again. */
const MAX_TRIES = 3;
/** A thread that needs more ends alone, and not the process with its verdicts. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 1024 };

const UNAVAILABLE: LogsResult = { refused: 'unavailable' };

type Message = ToWorker extends infer M ? (M extends ToWorker ? Omit<M, 'n'> : never) : never;
type Unanswered = {
  readonly message: ToWorker;
  readonly bytes: number;
  readonly sentAt: number;
  tries: number;
  resolve(result: unknown): void;
};

/**
 * The main thread's side of records. Only `logs` waits for the disk; nothing here waits for a vendor. A thread that ends is
 * started again, and is handed what the last one had not confirmed, but for log events: their sender still has them.
 */
export class RecordsThread {
  readonly #start: WorkerStart;
  readonly #log: Log;
  readonly #events: RecordsThreadEvents;
  /** Messages without a reply, by number, the oldest first. */
  readonly #unanswered = new Map<number, Unanswered>();
  /** Bytes of the bodies among them. */
  #unansweredBytes = 0;
  #lastNumber = 0;
  /** JSON of notes that are not handed over yet, and their length. */
  #notes: string[] = [];
  #notesChars = 0;
  #health: RecordsHealth = { storage: null, inDanger: false, held: [], oldRelease: false };
  /** When the thread last reported its health. */
  #heardAt = performance.now();
  /** Shown while the thread does not reply. */
  #lastMetrics = '';
  #isClosing = false;
  #worker: Worker;
  readonly #timer: NodeJS.Timeout;

  /** @param start plain data, of which the thread is given a copy */
  constructor(start: WorkerStart, log: Log, events: RecordsThreadEvents) {
    this.#start = start;
    this.#log = log;
    this.#events = events;
    this.#worker = this.#startWorker();
    this.#timer = setInterval(() => {
      this.#flushNotes();
      this.#giveUpLateLogs();
    }, FLUSH_NOTES_MS);
    this.#timer.unref();
  }

  /** Has the rows of a POST stored; resolves when they are durable, or refused. */
  async logs(body: Uint8Array, isGzip: boolean): Promise<LogsResult> {
    this.#flushNotes();
    // A copy, which the thread can be given: what was read is a piece of a larger buffer
    const copy = new Uint8Array(body);
    const sent = this.#send({ kind: 'logs', body: copy, isGzip }, copy.length, [copy.buffer]);
    return ((await sent) as LogsResult | undefined) ?? UNAVAILABLE;
  }

  /** Keeps a note on a call for its record. */
  note(line: NoteLine): void {
    const json = JSON.stringify(line);
    this.#notes.push(json);
    this.#notesChars += json.length;
    if (this.#notesChars > MAX_NOTES_CHARS) this.#flushNotes();
  }

  /** Has a blocked call recorded. */
  blocked(call: BlockedCall): void {
    this.#flushNotes();
    const json = JSON.stringify(call);
    const callId = call.note.litellm_call_id;
    if (this.#isFull(json.length)) this.#lost(callId, 'not_answering');
    else void this.#hand({ kind: 'blocked', callId, json }, json.length);
  }

  /** Metrics of the thread in Prometheus' text format; the last ones with `outbox_up 0` if it does not reply in a second. */
  async metrics(): Promise<string> {
    const asked = this.#send({ kind: 'metrics' });
    const text = await Promise.race([asked, sleep(METRICS_MS, undefined, { ref: false })]);
    if (typeof text === 'string') this.#lastMetrics = text;
    else this.#lastMetrics = this.#lastMetrics.replace(/^(guardrail_bridge_telemetry_outbox_up) 1$/m, '$1 0');
    return this.#lastMetrics;
  }

  health(): RecordsHealth {
    const isSilent = performance.now() - this.#heardAt > SILENT_MS;
    return isSilent ? { ...this.#health, storage: this.#health.storage ?? 'not_answering' } : this.#health;
  }

  /** Delivers what is due within that time, then ends the thread. Everything else is kept for the next start. */
  async close(drainMs: number): Promise<void> {
    clearInterval(this.#timer);
    this.#flushNotes();
    const done = this.#hand({ kind: 'close', drainMs });
    this.#isClosing = true;
    await Promise.race([done, sleep(drainMs + 2000, undefined, { ref: false })]);
    await this.#worker.terminate();
  }

  #startWorker(): Worker {
    const url = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    const worker = new Worker(url, { workerData: this.#start, resourceLimits: RESOURCE_LIMITS });
    worker.on('message', (message: FromWorker) => this.#receive(message));
    worker.on('error', (error) => this.#log.error({ error: error.name }, 'the telemetry thread failed'));
    worker.on('exit', () => {
      if (!this.#isClosing) void this.#restart();
    });
    return worker;
  }

  async #restart(): Promise<void> {
    this.#events.restarted();
    this.#health = { ...this.#health, storage: 'restarting' };
    for (const [n, unanswered] of this.#unanswered) {
      const { message, resolve } = unanswered;
      const isKept = message.kind === 'notes' || message.kind === 'blocked';
      if (isKept && unanswered.tries++ < MAX_TRIES) continue;
      this.#forget(n);
      if (message.kind === 'blocked') this.#lost(message.callId, 'not_taken');
      resolve(message.kind === 'logs' ? UNAVAILABLE : undefined);
    }
    await sleep(RESTART_MS);
    if (this.#isClosing) return;
    this.#worker = this.#startWorker();
    this.#health = { ...this.#health, storage: null };
    for (const { message } of this.#unanswered.values()) this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'replies':
        for (const [n, result] of message.replies) {
          const unanswered = this.#unanswered.get(n);
          this.#forget(n);
          unanswered?.resolve(result);
        }
        break;
      case 'log':
        this.#log[message.level](message.fields, message.msg);
        break;
      case 'health':
        this.#health = message.health;
        this.#heardAt = performance.now();
    }
  }

  /** Resolves with the reply of the thread, or with undefined if too much waits for it. */
  #send(message: Message, bytes = 0, transfer: ArrayBuffer[] = []): Promise<unknown> {
    return this.#isFull(bytes) ? Promise.resolve(undefined) : this.#hand(message, bytes, transfer);
  }

  #isFull(bytes: number): boolean {
    return this.#unanswered.size >= MAX_UNANSWERED || this.#unansweredBytes + bytes > MAX_UNANSWERED_BYTES;
  }

  #hand(message: Message, bytes = 0, transfer: ArrayBuffer[] = []): Promise<unknown> {
    return new Promise((resolve) => {
      const n = ++this.#lastNumber;
      const numbered = { ...message, n } as ToWorker;
      this.#unanswered.set(n, { message: numbered, bytes, sentAt: performance.now(), tries: 1, resolve });
      this.#unansweredBytes += bytes;
      this.#worker.postMessage(numbered, transfer);
    });
  }

  #forget(n: number): void {
    this.#unansweredBytes -= this.#unanswered.get(n)?.bytes ?? 0;
    this.#unanswered.delete(n);
  }

  #flushNotes(): void {
    if (this.#notes.length === 0) return;
    const lines = this.#notes.join('\n');
    this.#notes = [];
    this.#notesChars = 0;
    void this.#send({ kind: 'notes', lines }, lines.length);
  }

  #giveUpLateLogs(): void {
    const before = performance.now() - LOGS_MS;
    for (const { message, sentAt, resolve } of this.#unanswered.values()) {
      if (sentAt > before) break;
      if (message.kind === 'logs') resolve(UNAVAILABLE);
    }
  }

  #lost(callId: string, reason: string): void {
    this.#events.lost();
    const fields = { litellm_call_id: callId.slice(0, MAX_LOGGED_ID_CHARS), reason };
    this.#log.error(fields, 'the record of a blocked call was lost');
  }
}
