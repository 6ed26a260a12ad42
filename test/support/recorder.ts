import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { NamedSink } from '../../src/delivery/courier.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { DEFAULT_LIMITS } from '../../src/guardrail/json-nodes.ts';
import type { CallRecord } from '../../src/guardrail/record.ts';
import { ALLOW } from '../../src/guardrail/verdict.ts';
import { parseGuardrailCall } from '../../src/litellm/request.ts';
import type { Disposition } from '../../src/outbox/contract.ts';
import { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import type { VerdictLine } from '../../src/outbox/note-bytes.ts';
import { storable } from '../../src/outbox/note-bytes.ts';
import { DEAD } from '../../src/outbox/schema.ts';
import type { RecordRule } from '../../src/policies/receivers.ts';
import { BlockedResults } from '../../src/records/blocked-results.ts';
import { Intake, type IntakeOptions } from '../../src/records/intake.ts';
import { bytesOf } from '../../src/records/note-writer.ts';
import { PendingCalls } from '../../src/records/pending-calls.ts';
import type { BlockedCall, TextLine } from '../../src/records/protocol.ts';
import { blockedCall, noteOf } from '../../src/records/record-decision.ts';
import { RecordRules } from '../../src/records/record-rules.ts';
import { Redactor } from '../../src/records/redact/redact.ts';
import { ResponseTexts } from '../../src/records/response-texts.ts';
import { RETRY_MS } from '../../src/records/waits.ts';
import { aktoAt, capsuleAt } from './bridge.ts';
import { undecided } from './decision.ts';
import { BLOCK, backend } from './judging.ts';
import { sinkOf } from './record.ts';
import { BEFORE_ALL, type RecordedCall, type Step } from './recordings.ts';

const AKTO = backend('akto', async () => ALLOW);
const SINKS = [
  { name: 'akto', sink: sinkOf(aktoAt('http://akto.invalid')) },
  { name: 'capsule', sink: sinkOf(capsuleAt('http://capsule.invalid')) },
];
const HOLD_MS = 600_000;
const ALL = { records: 10_000, bytes: 1e9, except: new Set<number>() };

/** A record as it was due, and the key of its call where the bridge knows it. */
export type Replayed = Omit<CallRecord, 'record_id'> & { readonly recordId: string };

export type RecorderOptions = Partial<IntakeOptions> & {
  readonly sinks?: readonly NamedSink[];
  readonly rules?: readonly RecordRule[];
};

/** Intake and outbox as the worker puts them together, with a clock that a test sets. */
export function createRecorder({ sinks = SINKS, rules = [], ...options }: RecorderOptions = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'bridge-replay-'));
  const requests = new Map<string, GuardrailCall>();
  const trouble: string[] = [];
  let time = BEFORE_ALL;
  let outbox: EmbeddedOutbox;
  let pendingCalls: PendingCalls;
  let responseTexts: ResponseTexts;
  let unnamed = 0;
  let intake: Intake;

  function open(): void {
    const events = Object.fromEntries(
      ['damaged', 'unreadable', 'expired', 'unavailable'].map((name) => [
        name,
        (...told: unknown[]) => {
          if (told.some((one) => one !== undefined)) trouble.push(`${name} ${JSON.stringify(told)}`);
        },
      ]),
    ) as unknown as ConstructorParameters<typeof EmbeddedOutbox>[0]['events'];
    outbox = new EmbeddedOutbox({
      dir,
      backends: ['akto', 'capsule'],
      maxBytes: 1e9,
      maxAgeMs: 72 * 3_600_000,
      now: () => time,
      events,
    });
    pendingCalls = new PendingCalls();
    responseTexts = new ResponseTexts(pendingCalls);
    intake = new Intake({
      outbox,
      pendingCalls,
      responseTexts,
      blockedResults: new BlockedResults(),
      redactor: new Redactor({
        content: 'full',
        remove: [],
        noContentTeams: new Set(),
        noContentKeys: new Set(),
      }),
      inForce: { sinks, rules: new RecordRules(rules), responseCheckMs: 7000 },
      limits: DEFAULT_LIMITS,
      ends: { logged() {} },
      comparedCalls: { logged() {} },
      failureGraceMs: 30_000,
      missingAfterMs: 900_000,
      onUnnamedEvent: () => unnamed++,
      onBug: (error) => trouble.push(`bug ${error}`),
      onFreed() {},
      onReceipt() {},
      now: () => time,
      ...options,
    });
  }
  open();

  /** As the worker does it when it starts. */
  async function restart(): Promise<void> {
    await outbox.close();
    open();
    await pendingCalls.restore(outbox, time + RETRY_MS);
  }

  /** As it comes from the main thread. */
  async function blocked(call: BlockedCall): Promise<Disposition | undefined> {
    const sent = JSON.parse(JSON.stringify(call)) as BlockedCall;
    const entry = intake.entries.blockedEntry(sent);
    if (entry === undefined) return undefined;
    const [disposition] = await outbox.accept([entry]);
    intake.entries.accepted([entry]);
    return disposition as Disposition;
  }

  /** As the main thread does it. */
  async function ask({ at, replied_at = at, body, reply }: RecordedCall): Promise<void> {
    const parsed = parseGuardrailCall(JSON.stringify(body));
    if ('bad' in parsed) throw new Error(parsed.bad.message);
    const { call } = parsed;
    const callId = call.litellm_call_id;
    if (callId === null) throw new Error('a recorded call has an id');
    if (call.input_type === 'request') requests.set(callId, call);
    const { action } = reply;
    const verdict = action === 'BLOCKED' ? BLOCK : ALLOW;
    const ms = replied_at - at;
    const checks = [{ ...AKTO, backend: 'akto', seconds: ms / 1000, verdict }];
    const outcomes = {
      NONE: { kind: 'allow' },
      BLOCKED: { kind: 'block', cause: 'verdict', by: 'akto', reason: 'no' },
      GUARDRAIL_INTERVENED: { kind: 'modify', by: ['akto'], texts: new Map(), form: 'texts' },
    } as const;
    const decision = { ...undecided(call), outcome: outcomes[action as keyof typeof outcomes], checks, ms };
    const note = { ...(noteOf(decision) as VerdictLine), at: time };
    if (action === 'BLOCKED') {
      const request = call.input_type === 'response' ? requests.get(callId) : undefined;
      const { input_type } = call;
      const { by, cause, reason } = outcomes.BLOCKED;
      const block = { by, cause, reason, ref: '0123456789abcdef', input_type };
      await blocked(blockedCall(call, request, note, block));
    } else {
      pendingCalls.add(note);
      await outbox.appendNotes(storable(bytesOf(note)));
    }
  }

  return {
    ask,
    restart,
    logs: (body: string) => intake.logs(Buffer.from(body)),
    blocked,
    note: (note: VerdictLine) => pendingCalls.add(note),
    /** Forgets what is not needed any more, as the worker does each second. */
    finish: () => pendingCalls.finish(time),
    /** Calls that were judged before a time, and of which no event came. */
    missing: (before: number) => pendingCalls.missing(before),
    isNoted: (callId: string) =>
      pendingCalls.find(callId, { key: undefined, trace: undefined, words: () => 0, startedAt: time }) !==
      undefined,
    texts: (...lines: readonly TextLine[]) =>
      responseTexts.addLines(lines.map((line) => JSON.stringify(line)).join('\n')),
    /** Events that did not name their call. */
    unnamed: () => unnamed,
    /** Takes steps; the parts of one step arrive at once. */
    async take(steps: readonly Step[]): Promise<void> {
      for (const step of steps) {
        time = step.at;
        if (step.restarts) await restart();
        if (step.call !== undefined) await ask(step.call);
        else await Promise.all((step.posts ?? []).map((body) => intake.logs(Buffer.from(body))));
      }
    },
    pass(ms: number) {
      time += ms;
    },
    get now() {
      return time;
    },
    get outbox() {
      return outbox;
    },
    trouble,
    async due(backend: string): Promise<Replayed[]> {
      const found = await outbox.due(backend, ALL);
      return found.map(({ recordId, payload }) => ({
        ...(JSON.parse(payload) as Omit<CallRecord, 'record_id'>),
        recordId,
      }));
    },
    /** Everything for a backend once nothing waits any longer. */
    async all(backend: string): Promise<Replayed[]> {
      time += HOLD_MS;
      const records = await this.due(backend);
      time -= HOLD_MS;
      return records;
    },
    /** Dead letters, as they stand in the file. */
    dead(backend: string): { reason: string; payload: unknown }[] {
      const db = new DatabaseSync(join(dir, 'outbox.db'), { readOnly: true });
      const sql =
        'SELECT reason, body FROM delivery JOIN payload ON id = record WHERE backend = ? AND state = ?';
      const rows = db.prepare(sql).all(backend, DEAD);
      db.close();
      return rows.map(({ reason, body }) => ({ reason: String(reason), payload: JSON.parse(String(body)) }));
    },
    /** All that is on disk. */
    bytes: () =>
      readdirSync(dir)
        .map((file) => readFileSync(join(dir, file), 'latin1'))
        .join(),
    /** Delivers everything to Akto after more time than anything waits, and tells how many records that was. */
    async deliver(): Promise<number> {
      time += HOLD_MS;
      const ids = (await outbox.due('akto', ALL)).map(({ id }) => id);
      await outbox.ack([{ kind: 'delivered', backend: 'akto', ids }]);
      return ids.length;
    },
    async close(): Promise<void> {
      await outbox.close();
      rmSync(dir, { recursive: true });
    },
  };
}

export type Recorder = ReturnType<typeof createRecorder>;
