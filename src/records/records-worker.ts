import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { createHttp, type Http } from '../backends/http.ts';
import { sinkOf } from '../backends/index.ts';
import { Courier } from '../delivery/courier.ts';
import { OLDEST_SUPPORTED } from '../litellm/releases.ts';
import { loggable, MAX_LOGGED_ID_CHARS } from '../observability/log.ts';
import { type Disposition, type Entry, OutboxError } from '../outbox/outbox.ts';
import { SqliteOutbox } from '../outbox/sqlite.ts';
import { type BlockedCall, Intake, type Receipt } from './intake.ts';
import { Maintenance } from './maintenance.ts';
import { PendingCalls } from './pending-calls.ts';
import type { FromWorker, LogsResult, ToWorker, WorkerStart } from './protocol.ts';
import { createRecordsMetrics, type RecordsMetrics } from './records-metrics.ts';
import { RecordsObserver } from './records-observer.ts';
import { Redactor } from './redact/redact.ts';

/** Events that arrive within this time are delivered together: a delivery costs several times what a record in it does. */
const GATHER_MS = 100;
/** Attempts, a second apart, to store the record of a blocked call. */
const BLOCKED_TRIES = 60;
/** Time for a guardrail call to reach a backend and return, added to its deadline. */
const RESPONSE_CHECK_LAG_MS = 2000;

/** The records thread: puts outbox, intake and delivery together, and replies to the messages of the main thread. */
export class RecordsWorker {
  readonly #maxLogBodyBytes: number;
  readonly #post: (message: FromWorker) => void;
  readonly #metrics: RecordsMetrics;
  readonly #observer: RecordsObserver;
  readonly #outbox: SqliteOutbox;
  readonly #pendingCalls: PendingCalls;
  readonly #intake: Intake;
  readonly #http: Http;
  readonly #courier: Courier;
  readonly #maintenance: Maintenance;
  /** Resolved once the notes of the time before a restart are read; no message is handled earlier. */
  readonly #ready: Promise<void>;
  /** Replies that go out together: one message for all that one commit made durable. */
  #replies: [n: number, result: unknown][] = [];
  /** Blocked calls whose record is not stored yet. */
  readonly #storing = new Set<Promise<void>>();
  #isWakePlanned = false;
  #isClosing = false;

  /** @param post sends a message to the main thread */
  constructor({ records, bodies, proxy, ...config }: WorkerStart, post: (message: FromWorker) => void) {
    const sinks = config.backends.flatMap((backend) => {
      const sink = sinkOf(backend);
      return sink === undefined ? [] : [{ name: backend.name, sink }];
    });
    const backends = sinks.map(({ name }) => name);
    const { content, noContentTeams, noContentKeys } = records.redaction;
    this.#maxLogBodyBytes = bodies.maxLogBodyBytes;
    this.#post = post;
    this.#metrics = createRecordsMetrics(backends);
    this.#observer = new RecordsObserver(this.#metrics, (line) => post({ kind: 'log', ...line }));
    this.#outbox = new SqliteOutbox({
      dir: records.dir,
      backends,
      maxBytes: records.maxBytes,
      maxAgeMs: records.maxAgeMs,
      events: this.#observer.outbox,
    });
    this.#pendingCalls = new PendingCalls({ onForgotten: () => this.#metrics.notesForgotten.inc() });
    this.#intake = new Intake({
      outbox: this.#outbox,
      pendingCalls: this.#pendingCalls,
      redactor: new Redactor(records.redaction),
      sinks,
      failureGraceMs: records.failureGraceMs,
      responseCheckMs: Math.max(...config.backends.map(({ timeoutMs }) => timeoutMs)) + RESPONSE_CHECK_LAG_MS,
      keepsContent: content === 'full' && noContentTeams.size === 0 && noContentKeys.size === 0,
      onUnnamedEvent: () => this.#observer.unnamedEvent(OLDEST_SUPPORTED.join('.')),
      now: Date.now,
    });
    this.#http = createHttp({ proxy });
    this.#courier = new Courier({
      outbox: this.#outbox,
      sinks,
      http: this.#http,
      events: this.#observer.delivery,
    });
    this.#ready = this.#pendingCalls.restore(this.#outbox);
    this.#maintenance = new Maintenance({
      outbox: this.#outbox,
      pendingCalls: this.#pendingCalls,
      courier: this.#courier,
      missingAfterMs: records.missingAfterMs,
      maxAgeMs: records.maxAgeMs,
      observer: this.#observer,
      report: (health) => post({ kind: 'health', health }),
    });
  }

  /** Handles a message, and replies to it even if that failed. */
  async take(message: ToWorker): Promise<void> {
    try {
      await this.#ready;
      this.#reply(message.n, await this.#handle(message));
    } catch (error) {
      this.#observer.bug(loggable({ kind: 'bug', error }), message.kind);
      this.#reply(message.n, undefined);
    }
  }

  #handle(message: ToWorker): Promise<unknown> {
    switch (message.kind) {
      case 'logs':
        return this.#takeLogs(message.body, message.isGzip);
      case 'notes':
        return this.#takeNotes(message.lines);
      case 'blocked':
        return this.#takeBlocked(JSON.parse(message.json) as BlockedCall);
      case 'metrics':
        return this.#metricsText();
      case 'close':
        return this.#close(message.drainMs);
    }
  }

  async #takeLogs(body: Uint8Array, isGzip: boolean): Promise<LogsResult> {
    let bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    try {
      if (isGzip) bytes = gunzipSync(bytes, { maxOutputLength: this.#maxLogBodyBytes });
    } catch (error) {
      const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      return { refused: isLarge ? 'too_large' : 'not_gzip' };
    }
    try {
      const receipt = await this.#intake.logs(bytes.toString());
      this.#observer.received(receipt);
      if (receipt.new + receipt.late > 0) this.#wakeSoon();
      return isInvalid(receipt) ? { refused: 'invalid' } : JSON.stringify(receipt);
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
      return { refused: error.kind };
    }
  }

  async #takeNotes(lines: string): Promise<void> {
    this.#pendingCalls.addLines(lines);
    await this.#outbox.appendNotes(lines).catch(() => {});
  }

  async #takeBlocked(call: BlockedCall): Promise<void> {
    const entry = this.#intake.blockedEntry(call);
    void this.#outbox.appendNotes(JSON.stringify(call.note)).catch(() => {});
    const stored = this.#store(entry);
    this.#storing.add(stored);
    await stored.finally(() => this.#storing.delete(stored));
  }

  /** Stores the entry of a blocked call. Nobody else has it: no caller can be told that it could not be stored. */
  async #store(entry: Entry): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        const [disposition] = await this.#outbox.accept([entry]);
        this.#metrics.rows.inc({ result: `block_${disposition as Disposition}` });
        this.#courier.wake();
        return;
      } catch (error) {
        if (!(error instanceof OutboxError)) throw error;
        if (tries > BLOCKED_TRIES || this.#isClosing) {
          this.#observer.blockedLost(entry.callKey.slice(0, MAX_LOGGED_ID_CHARS), error.kind);
          return;
        }
        await sleep(1000, undefined, { ref: false });
      }
    }
  }

  async #metricsText(): Promise<string> {
    return this.#metrics.text(await this.#outbox.stats().catch(() => undefined));
  }

  async #close(drainMs: number): Promise<void> {
    this.#maintenance.stop();
    this.#isClosing = true;
    await Promise.allSettled(this.#storing);
    await this.#courier.close(drainMs);
    await this.#outbox.close();
    await this.#http.close();
  }

  #wakeSoon(): void {
    if (this.#isWakePlanned) return;
    this.#isWakePlanned = true;
    setTimeout(() => {
      this.#isWakePlanned = false;
      this.#courier.wake();
    }, GATHER_MS).unref();
  }

  #reply(n: number, result: unknown): void {
    this.#replies.push([n, result]);
    if (this.#replies.length > 1) return;
    // After all that the commit resolved, and before the next bodies are read
    process.nextTick(() => {
      this.#post({ kind: 'replies', replies: this.#replies });
      this.#replies = [];
    });
  }
}

function isInvalid({ bad, ...others }: Receipt): boolean {
  return bad > 0 && Object.values(others).every((rows) => rows === 0);
}
