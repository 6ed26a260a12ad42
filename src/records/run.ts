import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { createHttp } from '../backends/http.ts';
import type { Config } from '../config/config.ts';
import type { TelemetryConfig } from '../config/telemetry.ts';
import { createCourier } from '../delivery/courier.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { BlockNote, VerdictNote } from '../guardrail/record.ts';
import { parseGuardrailCall } from '../litellm/guardrail.ts';
import { loggable } from '../observability/log.ts';
import { createTelemetryMetrics } from '../observability/telemetry-metrics.ts';
import { OutboxError } from '../outbox/outbox.ts';
import { openSqliteOutbox } from '../outbox/sqlite.ts';
import { createTelemetryEvents, type TelemetryLog } from './events.ts';
import { createIntake } from './intake.ts';
import { restoreNotes, takeLines } from './note-lines.ts';
import { createNotes } from './notes.ts';
import type { FromWorker, LogsResult, ToWorker } from './protocol.ts';
import { createRedactor } from './redact/redact.ts';
import { startUpkeep } from './upkeep.ts';

/** Telemetry of one bridge, inside its thread. */
export type TelemetryRun = { take(message: ToWorker): void };

/** Events that arrive within this time are delivered together. */
const GATHER_MS = 100;

/** Puts outbox, intake and courier together, and answers messages of the main thread. */
export function runTelemetry(
  config: Config,
  telemetry: TelemetryConfig,
  post: (message: FromWorker) => void,
): TelemetryRun {
  const sinks = config.backends.flatMap(({ name, sink }) => (sink === undefined ? [] : [{ name, sink }]));
  const names = sinks.map(({ name }) => name);
  const metrics = createTelemetryMetrics(names);
  const log: TelemetryLog = (level, fields, msg) => post({ kind: 'log', level, fields, msg });
  const events = createTelemetryEvents(metrics, log);
  const outbox = openSqliteOutbox({
    dir: telemetry.dir,
    backends: names,
    maxBytes: telemetry.maxBytes,
    maxAgeMs: telemetry.maxAgeMs,
    events: events.outbox,
  });
  const notes = createNotes(200_000, () => metrics.notesForgotten.inc());
  const redactor = createRedactor(telemetry.redaction);
  const { content, noContentTeams, noContentKeys } = telemetry.redaction;
  const intake = createIntake({
    outbox,
    notes,
    redactor,
    sinks,
    failureGraceMs: telemetry.failureGraceMs,
    judgingMs: Math.max(...config.backends.map(({ timeoutMs }) => timeoutMs)) + 2000,
    keepsContent: content === 'full' && noContentTeams.size === 0 && noContentKeys.size === 0,
    now: Date.now,
  });
  const http = createHttp({ proxy: config.proxy });
  const courier = createCourier({ outbox, sinks, http, events: events.courier });

  const ready = restoreNotes(outbox, notes);
  const upkeep = startUpkeep({ config: telemetry, outbox, notes, courier, metrics, log, events, post });

  let isWaking = false;
  /** A delivery costs several times what a record in it does. */
  function wakeSoon(): void {
    if (isWaking) return;
    isWaking = true;
    setTimeout(() => {
      isWaking = false;
      courier.wake();
    }, GATHER_MS).unref();
  }

  let replies: [number, unknown][] = [];
  /** One message for all that one commit made durable. */
  function reply(n: number, result?: unknown): void {
    replies.push([n, result]);
    if (replies.length > 1) return;
    // After all that the commit resolved, and before the next bodies are read
    process.nextTick(() => {
      post({ kind: 'done', replies });
      replies = [];
    });
  }

  async function takeLogs(body: Uint8Array, isGzip: boolean): Promise<LogsResult> {
    let bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    if (isGzip) {
      try {
        bytes = gunzipSync(bytes, { maxOutputLength: config.maxLogBodyBytes });
      } catch (error) {
        const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
        return { refused: isLarge ? 'too_large' : 'not_gzip' };
      }
    }
    try {
      const receipt = await intake.logs(bytes.toString());
      for (const [result, rows] of Object.entries(receipt)) metrics.rows.inc({ result }, rows);
      if (receipt.legacy > 0) {
        log(
          'warn',
          { rows: receipt.legacy },
          'log rows of generic_api_use_v1 cannot be read: switch it off in LiteLLM',
        );
      }
      if (receipt.bad > 0)
        log('warn', { rows: receipt.bad }, 'log rows cannot be read; see the outbox command');
      if (receipt.late > 0) {
        log(
          'warn',
          { rows: receipt.late },
          'calls have a second record: their first could wait no longer; raise FAILURE_GRACE_SECONDS',
        );
      }
      if (receipt.new + receipt.late > 0) wakeSoon();
      const { bad, ...others } = receipt;
      const isInvalid = bad > 0 && Object.values(others).every((rows) => rows === 0);
      return isInvalid ? { refused: 'invalid' } : JSON.stringify(receipt);
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
      return { refused: error.kind };
    }
  }

  const storing = new Set<Promise<void>>();
  let isClosing = false;

  async function takeBlocked(message: ToWorker & { kind: 'blocked' }): Promise<void> {
    const stored = storeBlocked(message);
    storing.add(stored);
    await stored.finally(() => storing.delete(stored));
  }

  async function storeBlocked(message: ToWorker & { kind: 'blocked' }): Promise<void> {
    const call = callIn(message.body);
    if (call === undefined) return;
    const request = message.request && callIn(message.request);
    const note = JSON.parse(message.note) as VerdictNote;
    const block = JSON.parse(message.block) as BlockNote;
    const store = intake.blocked({ call, request, note, block });
    void outbox.appendNotes(message.note).catch(() => {});
    // Nobody has it but us: there is no caller to be told that it could not be stored
    for (let attempt = 0; ; attempt++) {
      try {
        const disposition = await store();
        metrics.rows.inc({ result: `block_${disposition}` });
        courier.wake();
        return;
      } catch (error) {
        if (!(error instanceof OutboxError)) throw error;
        if (attempt === 60 || isClosing) {
          metrics.dropped.inc({ backend: 'all', reason: error.kind });
          log(
            'error',
            { litellm_call_id: note.litellm_call_id.slice(0, 128), reason: error.kind },
            'the record of a blocked call was lost',
          );
          return;
        }
        await sleep(1000, undefined, { ref: false });
      }
    }
  }

  async function takeNotes(lines: string): Promise<void> {
    takeLines(notes, lines);
    await outbox.appendNotes(lines).catch(() => {});
  }

  async function closed(drainMs: number): Promise<void> {
    upkeep.stop();
    isClosing = true;
    await Promise.allSettled(storing);
    await courier.close(drainMs);
    await outbox.close();
    await http.close();
  }

  async function answer(message: ToWorker): Promise<unknown> {
    await ready;
    switch (message.kind) {
      case 'logs':
        return takeLogs(message.body, message.isGzip);
      case 'notes':
        return takeNotes(message.lines);
      case 'blocked':
        return takeBlocked(message);
      case 'metrics':
        return metrics.text(await outbox.stats().catch(() => undefined));
      case 'close':
        return closed(message.drainMs);
    }
  }

  return {
    take(message) {
      answer(message).then(
        (result) => reply(message.n, result),
        (error: unknown) => {
          log(
            'error',
            { failure: loggable({ kind: 'bug', error }), message: message.kind },
            'telemetry failed',
          );
          reply(message.n);
        },
      );
    },
  };
}

function callIn(body: Uint8Array): GuardrailCall | undefined {
  const parsed = parseGuardrailCall(Buffer.from(body).toString());
  return 'call' in parsed ? parsed.call : undefined;
}
