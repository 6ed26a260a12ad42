import { setImmediate as nextTurn } from 'node:timers/promises';
import { within } from '../guardrail/within.ts';
import type { TurnedSource } from '../litellm/turned-rows.ts';
import { type Log, loggable } from '../observability/log.ts';
import type { NoteLine } from '../outbox/note-bytes.ts';
import { BlockedRecords } from './blocked-records.ts';
import { Losses } from './losses.ts';
import { NoteTaking } from './note-taking.ts';
import { openThread } from './open-thread.ts';
import { OutgoingNotes } from './outgoing-notes.ts';
import type {
  BlockedCall,
  FromWorker,
  LogsResult,
  RecordsHealth,
  RecordsSetup,
  RecordsStart,
  RecordsThreadEvents,
  RelayedMessage,
  TextLine,
  UnstoredReason,
  WorkerStart,
} from './protocol.ts';
import type { OpenWorker, WorkerPort } from './restarting-worker.ts';
import { isShared, ownBytes, sharedJson } from './thread-bytes.ts';
import { ThreadHealth } from './thread-health.ts';
import { Unanswered } from './unanswered.ts';

const METRICS_MS = 1000;
/** A sender that waits holds its connection and, if it is LiteLLM, drops what it queues meanwhile. */
const LOGS_MS = 15_000;
/** Time that a thread has to end, beside that in which it delivers. */
const CLOSE_MS = 2000;
/** Longest that a start waits for the thread: a disk that hangs must not keep verdicts from being given. */
const START_MS = 2000;

/**
 * The main thread's side of records. The thread is started once some backend takes records, or where there is an outbox. Only log events and blocked calls wait for the disk; nothing here waits for a vendor. A
 * thread that ends is started again, and is handed what the last one had not confirmed, but for log events: their sender still
 * has them.
 */
export class RecordsThread {
  #start: RecordsStart;
  readonly #log: Log;
  readonly #events: RecordsThreadEvents;
  readonly #losses: Losses;
  readonly #unanswered = new Unanswered((...message) => this.#worker?.post(...message));
  readonly #outgoing: OutgoingNotes;
  readonly #health = new ThreadHealth();
  readonly #started = Promise.withResolvers<void>();
  /** Shown while the thread does not reply. */
  #lastMetrics = '';
  readonly #blocked: BlockedRecords;
  readonly #taking = new NoteTaking();
  /** True if the thread that runs keeps records. */
  #keeps = false;
  /** Undefined as long as there is nothing to do. */
  #worker: WorkerPort | undefined;
  readonly #open: OpenWorker<FromWorker>;

  /**
   * @param start plain data, of which the thread is given a copy
   * @param open where the thread is in another process: leads to it
   */
  constructor(start: RecordsStart, log: Log, events: RecordsThreadEvents, open = openThread) {
    this.#start = start;
    this.#open = open;
    this.#log = log;
    this.#events = events;
    this.#losses = new Losses(events, log);
    this.#blocked = new BlockedRecords({
      ...{ unanswered: this.#unanswered, health: this.#health, losses: this.#losses },
      failed: this.#failed,
    });
    const isAlone = start.database === undefined && start.workers === 1;
    this.#outgoing = new OutgoingNotes(
      {
        // Held twice, as a thread that is started again is handed them again; texts are of two bytes a letter
        notes: (bytes, count) => {
          this.#unanswered
            .ask('notes', [bytes], 2 * bytes.length)
            .then((result) => result ?? this.#losses.notes(count))
            .catch(this.#failed);
        },
        texts: (lines) => {
          this.#unanswered.ask('texts', [lines], 4 * lines.length).catch(this.#failed);
        },
      },
      isAlone,
    );
    this.#switch();
  }

  /** False while no backend takes records: nothing is kept then. */
  get isOn(): boolean {
    return this.#taking.isOn;
  }

  /** True if calls are to be noted: for their records, or to compare them with what LiteLLM logs. */
  get takesNotes(): boolean {
    return this.#taking.takesNotes;
  }

  /** True once LiteLLM logs calls. */
  get isListening(): boolean {
    return this.#taking.isListening;
  }

  /** Puts other backends and rules in force. Records of a backend that is gone are kept until it is back, or they are too old. */
  configure(setup: RecordsSetup): void {
    this.#outgoing.flush();
    this.#start = { ...this.#start, ...setup };
    this.#unanswered.ask('configure', [setup]).catch(this.#failed);
    this.#switch();
  }

  #switch(): void {
    this.#taking.configure(this.#start);
    const { hasRecords, keepsRecords } = this.#taking;
    const isHere = this.#open === openThread;
    if (isHere && this.#worker !== undefined && keepsRecords && !this.#keeps) {
      this.#worker.close().catch(this.#failed);
      this.#unanswered.threadEnded();
      this.#worker = this.#startWorker();
      this.#unanswered.sendAgain();
      // One of another process tells if LiteLLM logs calls
    } else if (hasRecords || !isHere) this.#worker ??= this.#startWorker();
  }

  /** LiteLLM logs calls: from now on they are compared with what was judged. */
  #listen(): void {
    this.#taking.listen();
    this.#worker ??= this.#startWorker();
  }

  /** Resolves once the thread stores records, or after 2 s: a blocked call cannot wait for its record before. */
  async ready(): Promise<void> {
    if (this.isOn) await within(START_MS, this.#started.promise);
  }

  /**
   * Has the rows of a POST stored; resolves when they are durable, or refused.
   *
   * @param body given away if it has a buffer of its own
   */
  async logs(body: Uint8Array, isGzip: boolean): Promise<LogsResult> {
    this.#listen();
    this.#outgoing.flush();
    const bytes = ownBytes(body);
    const sent = this.#unanswered.ask('logs', [bytes, isGzip], bytes.length, [bytes.buffer]);
    return (await within(LOGS_MS, sent)) ?? { refused: 'unavailable' };
  }

  /** The same for what another vendor's integration tells of calls. @param body given away, or in memory that all threads share */
  async turned(body: Uint8Array, source: TurnedSource): Promise<LogsResult> {
    this.#outgoing.flush();
    const bytes = isShared(body) ? body : ownBytes(body);
    const transfer = isShared(bytes) ? [] : [bytes.buffer as ArrayBuffer];
    const sent = this.#unanswered.ask('turned', [bytes, source], bytes.length, transfer);
    return (await within(LOGS_MS, sent)) ?? { refused: 'unavailable' };
  }

  /** Has a judged call recorded, whose envelope this is. Resolves when that is durable, or cannot be waited for. */
  async recordCall(body: Uint8Array): Promise<void> {
    if (!this.isOn) return;
    const own = isShared(body) ? body : new Uint8Array(body);
    await this.#blocked.waitFor(this.turned(own, { door: 'akto', isBatch: false }));
  }

  /** Keeps a note on a call for its record. */
  note(line: NoteLine): void {
    if (this.takesNotes) this.#outgoing.note(line);
  }

  /** Keeps what was delivered of a streamed response for its record. */
  text(line: TextLine): void {
    if (this.isOn) this.#outgoing.text(line);
  }

  /** See {@link BlockedRecords.store}. */
  blocked(call: BlockedCall): Promise<void> {
    if (!this.isOn) {
      this.note(call.note);
      return Promise.resolve();
    }
    return this.blockedJson(call.note.litellm_call_id, sharedJson(call));
  }

  /** See {@link BlockedRecords.store}. */
  blockedJson(callId: string | null, json: Uint8Array, onDone = () => {}): Promise<void> {
    this.#outgoing.flush();
    if (this.isOn) return this.#blocked.store(callId, json, onDone);
    onDone();
    return Promise.resolve();
  }

  /** Hands over the notes and texts that wait to go together. */
  flush(): void {
    this.#outgoing.flush();
  }

  /**
   * Passes on what another process has for the thread.
   *
   * @param message its bytes are given away
   * @param unstored called for a blocked call whose record cannot be stored yet
   * @returns the reply; undefined if too much waits, or there is none to come
   */
  relay({ kind, args }: RelayedMessage, unstored: (reason: UnstoredReason) => void): Promise<unknown> {
    // Those of a POST are given away; others are held for a thread that is started again
    const isPost = kind === 'logs' || kind === 'turned';
    if (kind === 'logs') this.#listen();
    const transfer = isPost && !isShared(args[0]) ? [args[0].buffer as ArrayBuffer] : [];
    const sent = this.#unanswered.ask(kind, args as never, (isPost ? 1 : 2) * args[0].length, transfer);
    const waiting = this.#unanswered.last;
    if (kind === 'blocked' && waiting !== undefined) waiting.release = unstored;
    return sent;
  }

  /** Metrics of the thread in Prometheus' text format; the last ones with `outbox_up 0` if it does not reply in a second. */
  async metrics(): Promise<string> {
    if (this.#worker !== undefined && !this.#keeps) return '';
    const text = await within(METRICS_MS, this.#unanswered.ask('metrics', []));
    this.#lastMetrics =
      text ?? this.#lastMetrics.replace(/^(guardrail_bridge_telemetry_outbox_up) 1$/m, '$1 0');
    return this.#lastMetrics;
  }

  /** Undefined while no records are kept. */
  health(): RecordsHealth | undefined {
    return this.#worker === undefined || !this.#keeps ? undefined : this.#health.now();
  }

  /** Delivers what is due within that time, then ends the thread. Everything else is kept for the next start. */
  async close(drainMs: number): Promise<void> {
    this.#outgoing.flush();
    if (this.#worker === undefined) return;
    const done = this.#unanswered.ask('close', [drainMs]);
    this.#worker.hurry();
    await within(drainMs + CLOSE_MS, done);
    await this.#worker.close();
    this.#unanswered.giveUp();
    // Losses by its end have been told then
    await nextTurn();
  }

  readonly #failed = (error: unknown): void => {
    this.#log.error({ failure: loggable({ kind: 'bug', error }) }, 'telemetry failed');
  };

  #startWorker(): WorkerPort {
    this.#health.begin();
    // One of another process tells it with its health
    this.#keeps = this.#open === openThread && this.#taking.keepsRecords;
    this.#unanswered.begin();
    return this.#open({
      data: () => ({ ...this.#start, keepsRecords: this.#keeps }) satisfies WorkerStart,
      received: (message) => this.#receive(message),
      failed: (error) => this.#log.error({ error: (error as Error).name }, 'the telemetry thread failed'),
      ended: () => {
        this.#events.restarted();
        this.#health.ended();
        if (!this.#keeps) this.#taking.restart();
        this.#unanswered.threadEnded();
      },
      restarted: () => {
        this.#health.restarted();
        this.#unanswered.sendAgain();
      },
      bug: this.#failed,
    });
  }

  #receive(message: FromWorker): void {
    switch (message.kind) {
      case 'replies':
        for (const [n, result] of message.replies) this.#unanswered.settle(n, result);
        break;
      case 'unstored':
        this.#unanswered.get(message.n)?.release?.(message.reason);
        break;
      case 'log':
        this.#log[message.line[0]](message.line[1], message.line[2]);
        break;
      case 'ended':
        this.#events.ended(message.ends);
        break;
      case 'compared':
        this.#events.compared(message.calls.filter((call) => this.#taking.holds(call)));
        break;
      case 'listening':
        this.#taking.listen();
        break;
      case 'health':
        this.#keeps ||= this.#open !== openThread;
        this.#health.heard(message.health);
        this.#started.resolve();
    }
  }
}
