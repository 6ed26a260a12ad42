import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { BlockNote, VerdictNote } from '../guardrail/record.ts';
import type { Log } from '../observability/log.ts';
import type { FromWorker, LogsResult, NoteLine, TelemetryHealth, ToWorker, WorkerStart } from './protocol.ts';

/** The main thread's side of telemetry. Nothing here waits for a disk or a vendor but {@link Telemetry.logs}. */
export type Telemetry = {
  /** Has the rows of a POST stored; resolves when they are durable, or refused. */
  logs(body: Uint8Array, isGzip: boolean): Promise<LogsResult>;
  /** Remembers what the bridge said, for the record of that call. */
  note(line: NoteLine): void;
  /** Has a blocked call recorded: the body of the guardrail call, and for an answer that of its request. */
  blocked(note: VerdictNote, block: BlockNote, body: Uint8Array, request: Uint8Array | undefined): void;
  /** Metrics of the thread in Prometheus' text format; those of last time, but for `outbox_up`, if it does not answer soon. */
  metrics(): Promise<string>;
  health(): TelemetryHealth;
  /** Delivers what is due for at most so long, then ends the thread. Everything else is kept for the next start. */
  close(drainMs: number): Promise<void>;
};

/** Notes are handed over together: a message costs more than a verdict. */
const NOTES_MS = 200;
const MAX_NOTES_CHARS = 256 * 1024;
const METRICS_MS = 1000;
const LOGS_MS = 15_000;
const RESTART_MS = 1000;
/** It tells its health each second; a disk that hangs keeps it from it. */
const SILENT_MS = 15_000;
/** Messages that a thread that hangs has not answered, beyond which nothing is handed to it. */
const MAX_UNANSWERED = 20_000;
const MAX_UNANSWERED_BYTES = 192 * 1024 * 1024;
/** A message that ended the thread so often would end it again. */
const MAX_TRIES = 3;
/** So that a thread in need of more ends alone, and not the process with its verdicts. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 1024 };

const UNAVAILABLE: LogsResult = { refused: 'unavailable' };

/**
 * Starts the telemetry thread, and starts it again should it end. What it had not confirmed by then is handed to the next
 * one, but for log events: their sender still has them.
 *
 * @param env what the configuration was read from; the thread reads it again
 * @param on.restarted told each time the thread had to be started again
 * @param on.lost told of each blocked call whose record nobody could be given
 */
export function startTelemetry(
  env: WorkerStart['env'],
  log: Log,
  on: { restarted(): void; lost(): void },
): Telemetry {
  type Waiting = {
    message: ToWorker;
    bytes: number;
    sentAt: number;
    tries: number;
    resolve(result: unknown): void;
  };
  const unanswered = new Map<number, Waiting>();
  let waitingBytes = 0;
  let number = 0;
  let lines: string[] = [];
  let chars = 0;
  let isClosing = false;
  let health: TelemetryHealth = { storage: null, inDanger: false, held: [] };
  let heardAt = performance.now();
  let lastMetrics = '';
  let worker = start();

  function start(): Worker {
    const url = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
    const started = new Worker(url, {
      workerData: { env } satisfies WorkerStart,
      resourceLimits: RESOURCE_LIMITS,
    });
    started.on('message', receive);
    started.on('error', (error) => log.error({ error: error.name }, 'the telemetry thread failed'));
    started.on('exit', () => {
      if (!isClosing) void restart();
    });
    return started;
  }

  async function restart(): Promise<void> {
    on.restarted();
    health = { ...health, storage: 'restarting' };
    for (const [n, waiting] of unanswered) {
      const { message, resolve } = waiting;
      const isKept = message.kind === 'notes' || message.kind === 'blocked';
      if (isKept && waiting.tries++ < MAX_TRIES) continue;
      forget(n);
      if (message.kind === 'blocked') lost(message.note, 'not_taken');
      resolve(message.kind === 'logs' ? UNAVAILABLE : undefined);
    }
    await sleep(RESTART_MS);
    if (isClosing) return;
    worker = start();
    health = { ...health, storage: null };
    for (const { message } of unanswered.values()) worker.postMessage(message);
  }

  function receive(message: FromWorker): void {
    switch (message.kind) {
      case 'done':
        for (const [n, result] of message.replies) {
          const waiting = unanswered.get(n);
          forget(n);
          waiting?.resolve(result);
        }
        break;
      case 'log':
        log[message.level](message.fields, message.msg);
        break;
      case 'health':
        health = message.health;
        heardAt = performance.now();
    }
  }

  function forget(n: number): void {
    waitingBytes -= unanswered.get(n)?.bytes ?? 0;
    unanswered.delete(n);
  }

  function lost(note: string, reason: string): void {
    on.lost();
    const { litellm_call_id } = JSON.parse(note) as VerdictNote;
    const fields = { litellm_call_id: litellm_call_id.slice(0, 128), reason };
    log.error(fields, 'the record of a blocked call was lost');
  }

  const isFull = (bytes: number) =>
    unanswered.size >= MAX_UNANSWERED || waitingBytes + bytes > MAX_UNANSWERED_BYTES;

  /** Resolves with what the thread answers; undefined at once if it has been silent for too long. */
  function send(build: (n: number) => ToWorker, bytes = 0, transfer: ArrayBuffer[] = []): Promise<unknown> {
    return isFull(bytes) ? Promise.resolve(undefined) : hand(build, bytes, transfer);
  }

  function hand(build: (n: number) => ToWorker, bytes = 0, transfer: ArrayBuffer[] = []): Promise<unknown> {
    return new Promise((resolve) => {
      const n = ++number;
      const message = build(n);
      unanswered.set(n, { message, bytes, sentAt: performance.now(), tries: 1, resolve });
      waitingBytes += bytes;
      worker.postMessage(message, transfer);
    });
  }

  function flushNotes(): void {
    if (lines.length === 0) return;
    const joined = lines.join('\n');
    lines = [];
    chars = 0;
    void send((n) => ({ kind: 'notes', n, lines: joined }), joined.length);
  }

  /** A sender that waits holds its connection and, if it is LiteLLM, loses what it queues meanwhile. */
  function giveUpLate(): void {
    const before = performance.now() - LOGS_MS;
    for (const { message, sentAt, resolve } of unanswered.values()) {
      if (sentAt > before) break;
      if (message.kind === 'logs') resolve(UNAVAILABLE);
    }
  }

  const flushing = setInterval(() => {
    flushNotes();
    giveUpLate();
  }, NOTES_MS);
  flushing.unref();

  return {
    async logs(body, isGzip) {
      flushNotes();
      // A copy of its own, which the thread can be given: what was read is a piece of a larger buffer
      const own = new Uint8Array(body);
      const sent = send((n) => ({ kind: 'logs', n, body: own, isGzip }), own.length, [own.buffer]);
      return ((await sent) as LogsResult | undefined) ?? UNAVAILABLE;
    },
    note(line) {
      const text = JSON.stringify(line);
      lines.push(text);
      chars += text.length;
      if (chars > MAX_NOTES_CHARS) flushNotes();
    },
    blocked(note, block, body, request) {
      flushNotes();
      const bytes = body.length + (request?.length ?? 0);
      const texts = { note: JSON.stringify(note), block: JSON.stringify(block) };
      if (isFull(bytes)) return lost(texts.note, 'not_answering');
      const copies = { body: new Uint8Array(body), request: request && new Uint8Array(request) };
      void hand((n) => ({ kind: 'blocked', n, ...texts, ...copies }), bytes);
    },
    async metrics() {
      const asked = send((n) => ({ kind: 'metrics', n }));
      const text = await Promise.race([asked, sleep(METRICS_MS, undefined, { ref: false })]);
      if (typeof text === 'string') lastMetrics = text;
      else lastMetrics = lastMetrics.replace(/^(guardrail_bridge_telemetry_outbox_up) 1$/m, '$1 0');
      return lastMetrics;
    },
    health() {
      const isSilent = performance.now() - heardAt > SILENT_MS;
      return isSilent ? { ...health, storage: health.storage ?? 'not_answering' } : health;
    },
    async close(drainMs) {
      clearInterval(flushing);
      flushNotes();
      const done = hand((n) => ({ kind: 'close', n, drainMs }));
      isClosing = true;
      await Promise.race([done, sleep(drainMs + 2000, undefined, { ref: false })]);
      await worker.terminate();
    },
  };
}
