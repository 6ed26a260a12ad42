// Both clients of `http` are loaded at the start: without a free file descriptor a load fails, and the first records would be to blame
import 'ky';
import { parentPort, workerData } from 'node:worker_threads';
import { createHttp } from '../backends/http.ts';
import { Courier } from '../delivery/courier.ts';
import { createGiveBack } from '../guardrail/give-back.ts';
import { within } from '../guardrail/within.ts';
import { type Entry, OutboxError } from '../outbox/contract.ts';
import { storable } from '../outbox/note-bytes.ts';
import { BlockedCalls } from './blocked-calls.ts';
import { CallEnds } from './call-ends.ts';
import { ComparedCalls } from './compared-calls.ts';
import { isInDanger } from './in-danger.ts';
import { InForce } from './in-force.ts';
import { Intake } from './intake.ts';
import { NOTES_MS, openJudgedCalls } from './judged-calls.ts';
import { bytesOf } from './note-writer.ts';
import { openOutbox } from './open-outbox.ts';
import { PostedBodies } from './posted-bodies.ts';
import type { BlockedCall, FromWorker, Requests, ToWorker, WorkerStart, WriteLog } from './protocol.ts';
import { RecordsObserver } from './records-observer.ts';
import { Redactor } from './redact/redact.ts';
import { REHEARSED } from './rehearsed-call.ts';
import { storedResult, unstoredResult } from './stored-results.ts';
import { sharedText } from './thread-bytes.ts';
import { RETRY_MS } from './waits.ts';

/*
 * The records thread: puts outbox, intake and delivery together, and replies to the messages of the main thread. A flush to
 * the disk, a large body or a slow vendor delays no verdict here.
 */

/** Events that arrive within this time are delivered together: a delivery costs several times what a record in it does. */
const GATHER_MS = 100;
/** A longer record leaves memory behind that is freed on purpose. */
const LARGE_BYTES = 1024 * 1024;
/** Longest that a blocked call waits for the notes of other replicas: its reply waits for its record. */
const JOIN_MS = 15;

const port = parentPort;
if (port === null) throw new Error('not started by RecordsThread');
const post = (message: FromWorker) => port.postMessage(message);

const {
  bodies,
  proxy,
  database: config,
  state: stateConfig,
  records,
  keepsRecords,
  ...setup
} = workerData as WorkerStart;
const inForce = new InForce(setup);
const log: WriteLog = (...line) => post({ kind: 'log', line });
const observer = new RecordsObserver(inForce.backends, log);
const { maxAgeMs, missingAfterMs, failureGraceMs, redaction } = records;
const { outbox, database } = await openOutbox(
  { records, database: config, keepsRecords },
  inForce,
  observer,
  log,
);
const redactor = new Redactor(redaction);
const judged = await openJudgedCalls({
  start: { records, database: config, state: stateConfig },
  ...{ outbox, inForce, observer, redactor },
});
const { pendingCalls, responseTexts, others, settling } = judged;
const ends = new CallEnds((ends) => post({ kind: 'ended', ends }));
const comparedCalls = new ComparedCalls({
  ...{ pendingCalls, others },
  responseCheckMs: () => inForce.responseCheckMs,
});
const intake = new Intake({
  ...judged,
  ...{ ends, comparedCalls },
  outbox,
  redactor,
  limits: bodies.limits,
  inForce,
  failureGraceMs,
  missingAfterMs,
  onUnnamedEvent: () => observer.unnamedEvent(),
  onBug: (error) => observer.bug(error, 'logs'),
  onFreed: freed,
  onReceipt: (receipt) => {
    observer.received(receipt);
    if (receipt.new + receipt.late > 0) wakeSoon();
  },
  now: Date.now,
});
const giveBack = createGiveBack();
const posted = new PostedBodies(bodies.maxLogBodyBytes);
const http = createHttp({ limits: bodies.limits, proxy });
http.open();
const courier = new Courier(inForce.sinks, {
  outbox,
  http,
  events: observer.delivery,
  onFreed: freed,
  maxAgeMs,
});
if (database !== undefined) database.onBack = () => courier.outboxIsBack();
const blockedCalls = new BlockedCalls({
  ...{ outbox, observer },
  entryOf(json, isAgain) {
    const call = JSON.parse(sharedText(json)) as BlockedCall;
    freed(json.length);
    const callId = call.note.litellm_call_id;
    if (others === undefined || callId === null) return blockedEntry(call, isAgain);
    return within(JOIN_MS, others.join([callId])).then(() => blockedEntry(call, isAgain));
  },
  onDone(entry, accepted) {
    intake.entries.accepted([entry], accepted);
    courier.wake();
  },
  now: () => performance.now(),
});
const timers = [
  setInterval(() => blockedCalls.retry().catch(failed), 1000),
  setInterval(() => look().catch(failed), 1000),
  setInterval(() => maintain().catch(failed), 10_000),
];
/** Resolved once the notes of the time before a restart are read; no message is handled earlier. */
const ready = pendingCalls.restore(outbox, Date.now() + RETRY_MS).catch(failed);
ready.then(rehearse).then(look).catch(failed);
/** Blocked calls whose record is not stored yet. */
const storing = new Set<Promise<void>>();
let isWakePlanned = false;
/** Replies that go out together: one message for all that one commit made durable. */
let replies: [n: number, result: unknown][] = [];

/** Each is given the number of its message behind its arguments. */
type Handlers = {
  [Kind in keyof Requests]: (
    ...args: [...Parameters<Requests[Kind]>, n: number]
  ) => ReturnType<Requests[Kind]>;
};

const handlers: Handlers = {
  async logs(body, isGzip) {
    const packed = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    try {
      const receipt = await posted.read(packed, isGzip, (bytes) => intake.logs(bytes));
      if (typeof receipt === 'string') return { refused: receipt };
      return storedResult(receipt);
    } catch (error) {
      return unstoredResult(error);
    }
  },

  async turned(body, source) {
    try {
      return storedResult(
        await intake.turned(Buffer.from(body.buffer, body.byteOffset, body.byteLength), source),
      );
    } catch (error) {
      return unstoredResult(error);
    } finally {
      freed(body.length);
    }
  },

  async notes(bytes) {
    pendingCalls.addNotes(bytes);
    await outbox.appendNotes(storable(bytes)).catch(failed);
    return 'done';
  },

  async texts(lines) {
    responseTexts.addLines(lines);
  },

  async blocked(json, n) {
    const stored = blockedCalls.store(json, (reason) => post({ kind: 'unstored', n, reason }));
    freed(json.length);
    storing.add(stored);
    await stored.finally(() => storing.delete(stored));
    if (json.length > LARGE_BYTES) setTimeout(giveBack, GATHER_MS, json.length).unref();
    return 'done';
  },

  async metrics() {
    const stats = await outbox.stats().catch(() => undefined);
    observer.metrics.notes_bytes.set({}, pendingCalls.bytes);
    observer.metrics.max_age_seconds.set({}, maxAgeMs / 1000);
    const text = await observer.metrics.text(stats, storageTrouble() === null, courier.widths());
    return database === undefined ? text : text + (await database.text(stats?.fallback));
  },

  async configure(changed) {
    inForce.update(changed);
    observer.configured(inForce.backends);
    courier.update(inForce.sinks);
  },

  async close(drainMs) {
    for (const timer of timers) clearInterval(timer);
    await blockedCalls.close();
    await Promise.allSettled(storing);
    await settling?.close().catch(failed);
    await courier.close(drainMs);
    observer.tellRetries();
    ends.flush();
    await outbox.close();
    await judged.state?.close();
    await http.close();
  },
};

port.on('message', async ({ n, kind, args }: ToWorker) => {
  try {
    await ready;
    reply(n, await Reflect.apply(handlers[kind], handlers, [...args, n]));
  } catch (error) {
    observer.bug(error, kind);
    reply(n, undefined);
  }
});

function blockedEntry(call: BlockedCall, isAgain: boolean): Entry | undefined {
  const { note } = call;
  const entry = intake.entries.blockedEntry(call);
  // Nothing more can be noted on a call without an id
  const isNoted = entry !== undefined && !isAgain && note.litellm_call_id !== null;
  if (isNoted) outbox.appendNotes(storable(bytesOf(note))).catch(failed);
  return entry;
}

async function maintain(): Promise<void> {
  await outbox.maintain();
  await others?.maintain();
}

/** For work that nobody waits for. Where the outbox cannot be used it has told the observer. */
function failed(error: unknown): void {
  if (!(error instanceof OutboxError)) observer.bug(error, 'maintenance');
}

/** Stores nothing, and does all else: what is done for the first time takes longer than a blocked call waits for its record. */
async function rehearse(): Promise<void> {
  intake.entries.blockedEntry(REHEARSED);
  await outbox.maintain().catch(failed);
}

/** Counts calls without a log event, notices changes by the outbox command, and reports health. */
async function look(): Promise<void> {
  let inDanger = false;
  observer.tellRetries();
  try {
    const now = Date.now();
    const calls = await comparedCalls.take(now);
    if (calls.length > 0) post({ kind: 'compared', calls });
    if (others !== undefined) await others.look(now);
    else {
      observer.eventsMissing(pendingCalls.missing(now - missingAfterMs));
      pendingCalls.finish(now);
    }
    pendingCalls.forget(now - Math.max(NOTES_MS, missingAfterMs));
    responseTexts.forget();
    if (await outbox.changedElsewhere()) courier.retryNow();
    inDanger = isInDanger(await outbox.stats(), maxAgeMs);
  } catch (error) {
    failed(error);
  }
  const ofDatabase = database && { database: database.trouble };
  post({
    kind: 'health',
    health: { ...observer.trouble, storage: storageTrouble(), ...ofDatabase, inDanger },
  });
}

/** Why nothing can be stored: with a database, only if that cannot be used either. */
function storageTrouble(): string | null {
  return database?.trouble === null ? null : observer.trouble.storage;
}

/** Gives back what was made of something large. */
function freed(bytes: number): void {
  if (bytes > LARGE_BYTES) giveBack(bytes);
}

function wakeSoon(): void {
  if (isWakePlanned) return;
  isWakePlanned = true;
  setTimeout(() => {
    isWakePlanned = false;
    courier.wake();
  }, GATHER_MS).unref();
}

function reply(n: number, result: unknown): void {
  replies.push([n, result]);
  if (replies.length > 1) return;
  // After all that the commit resolved, and before the next bodies are read
  process.nextTick(() => {
    post({ kind: 'replies', replies });
    replies = [];
  });
}
