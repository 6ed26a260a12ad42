import { parentPort, workerData } from 'node:worker_threads';
import { Auditor } from '../audit/auditor.ts';
import { type AuditRow, boundedRow } from '../audit/row.ts';
import { DecisionRows } from '../decisions/decision-rows.ts';
import { createGiveBack } from '../guardrail/give-back.ts';
import { loggable } from '../observability/log.ts';
import { CallLines } from '../otlp/call-lines.ts';
import type { PolicySource } from '../policies/store.ts';
import { sharedBytes, sharedJson } from '../records/thread-bytes.ts';
import { RemoteStore } from '../state/remote-store.ts';
import type { KeptRequests } from './call-handler.ts';
import { createGround, createJudging } from './judging.ts';
import type { CallRecords } from './listeners.ts';
import { ParsedRequests } from './parsed-requests.ts';
import type { FromLargeCalls, LargeCallsStart, ToLargeCalls } from './protocol.ts';
import type { CallResponse } from './refusal.ts';
import { type RequestState, tellState } from './request-state.ts';
import { StateKeys } from './state-keys.ts';
import { ThreadConnection } from './thread-connection.ts';

/*
 * The thread of large calls: judges them with policies, backends and stores of its own, and tells the main thread what is to be
 * counted, logged and recorded of them. A call never leaves it parsed.
 */

/** Time between two reports of counts beside replies. */
const COUNTS_MS = 500;

const giveBack = createGiveBack();

const port = parentPort;
if (port === null) throw new Error('not started by LargeCalls');
const post = (message: FromLargeCalls, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const start = workerData as LargeCallsStart;
const { config } = start;
let policySource: PolicySource = start.policies ?? { text: '', files: new Map(), backends: [] };
const store = start.isShared ? new RemoteStore((request) => post({ kind: 'store', request })) : undefined;
const ground = createGround(config, {
  destination: { write: (line: string) => post({ kind: 'log', line }) },
  givenPolicies: () => policySource,
  showsMetrics: false,
  settled: (backend, failure) => post({ kind: 'settled', backend, failure }),
  blocked: start.blocked,
  store,
});
const { policies, metrics, log, blockedTexts, backends } = ground;
blockedTexts.onChange((change) => post({ kind: 'blockedText', change }));

/** Callers of the calls that are here, by number. */
const connections = new Map<number, ThreadConnection>();
/** Those who wait for a record. */
const recorded = new Map<number, () => void>();
let lastRecord = 0;

/** True while calls are to be noted, as the main thread says with each of them. */
let isNoting = false;

const records: CallRecords = {
  get isOn() {
    return backends.configs.some(({ takesRecords }) => takesRecords);
  },
  get takesNotes() {
    return isNoting;
  },
  recordCall: (body) =>
    new Promise((resolve) => {
      const n = ++lastRecord;
      recorded.set(n, resolve);
      post({ kind: 'recording', n, body: sharedBytes(body) });
      giveBack(body.length);
    }),
  note: (line) => post({ kind: 'note', line }),
  text: (line) => post({ kind: 'text', line }),
  blocked(call) {
    if (!this.isOn) {
      this.note(call.note);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const n = ++lastRecord;
      recorded.set(n, resolve);
      const json = sharedJson(call);
      post({ kind: 'blocked', n, callId: call.note.litellm_call_id, json });
      // While the record is stored
      giveBack(json.length);
    });
  },
};

/** State keys of which the main thread has told what it knows, and those for which it is asked. */
const keys = new StateKeys();
const asked = new Map<string, PromiseWithResolvers<void>>();
const parsed = new ParsedRequests();
const requests: KeptRequests = {
  remember(key, decision, body) {
    parsed.remember(key, decision, body);
    const { passages: _, ...fields } = decision.forwarded;
    // The main thread is told how such a call ended, and nothing of its request
    if (decision.call.door === 'capsule' && decision.outcome.kind !== 'block')
      post({ kind: 'asked', key, json: sharedJson(fields) });
  },
  recall: (key) => parsed.recall(key),
  keep: (key, body) => parsed.keep(key, body),
};

let lastVersion: string | null | undefined;
const {
  handler,
  judge,
  http,
  kept: keptCalls,
} = createJudging(config, ground, {
  records: config.records === undefined ? undefined : records,
  audit: new Auditor({
    openLog: () => ({
      append: (row) => post({ kind: 'audit', row: boundedRow(row) as AuditRow }),
      lost: () => 0,
      isUp: () => true,
      setRetention() {},
      close: async () => {},
    }),
    wanted: () => policies?.engine.audit,
    onLost() {},
  }),
  decisions: new DecisionRows([
    {
      decided: (row) => post({ kind: 'decision', row }),
      late: (late) => post({ kind: 'late', late }),
    },
  ]),
  traced:
    config.otlp?.addresses.traces === undefined
      ? undefined
      : new CallLines((line) => post({ kind: 'traced', line })),
  requests,
  release(version) {
    if (version !== lastVersion) post({ kind: 'release', version });
    lastVersion = version;
  },
  other: { fetch },
  replay: { keep: (packed, calls) => post({ kind: 'kept', packed, calls }, [packed.buffer]) },
});
const timer = setInterval(tellCounts, COUNTS_MS).unref();
post({ kind: 'ready' });

port.on('message', (message: ToLargeCalls) => {
  switch (message.kind) {
    case 'call':
      judged(message).catch(failed);
      break;
    case 'gone':
      connections.get(message.n)?.gone();
      break;
    case 'unwatch':
      connections.get(message.n)?.unwatch();
      break;
    case 'policies':
      reload(message.source);
      break;
    case 'blockedText':
      blockedTexts.apply(message.change);
      break;
    case 'state':
      tell(message.key, message.state);
      break;
    case 'stored':
      store?.receive(message.reply);
      break;
    case 'recorded':
      recorded.get(message.n)?.();
      recorded.delete(message.n);
      break;
    case 'close':
      close().catch(failed);
  }
});

/** Asks the main thread what it knows of the calls under a state key, once; undefined if it has told. */
function fetch(key: string): Promise<void> | undefined {
  const asking = asked.get(key);
  if (asking !== undefined || keys.has(key)) return asking?.promise;
  const asks = Promise.withResolvers<void>();
  asked.set(key, asks);
  post({ kind: 'recall', key });
  return asks.promise;
}

function tell(key: string, state: RequestState): void {
  tellState(ground, key, state);
  if (state.body !== undefined && parsed.recall(key) === undefined) parsed.keep(key, Buffer.from(state.body));
  const asks = asked.get(key);
  if (asks === undefined) return;
  asked.delete(key);
  keys.add(key);
  asks.resolve();
}

/** A mistake of ours ends the thread, and the main thread blocks its calls. */
function failed(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

async function judged({
  n,
  body,
  form,
  isNoted,
  traceparent,
}: ToLargeCalls & { kind: 'call' }): Promise<void> {
  isNoting = isNoted;
  const connection = new ThreadConnection(traceparent, () => post({ kind: 'waiting', n }));
  connections.set(n, connection);
  const response = bytesOf(await handler.handle(Buffer.from(body), connection, form));
  tellCounts();
  post({ kind: 'response', n, response }, response.body === null ? [] : [response.body.buffer]);
  await connection.observed();
  connections.delete(n);
  tellCounts();
  const { byteLength } = body;
  if (body.resizable) body.resize(0);
  giveBack(byteLength);
  post({ kind: 'done', n });
}

/** A response that is handed over without a copy. */
function bytesOf({ status, body }: CallResponse) {
  return { status, body: typeof body === 'string' ? new TextEncoder().encode(body) : body };
}

/** The main thread has read the same, and has logged what it says. */
function reload(source: PolicySource): void {
  const before = policySource;
  policySource = source;
  try {
    policies?.reload();
    backends.update([...config.backends, ...source.backends]);
  } catch (error) {
    policySource = before;
    log.error({ failure: loggable({ kind: 'bug', error }) }, 'large calls go on with the policies of before');
  }
}

function tellCounts(): void {
  const counts = metrics.take();
  if (counts !== undefined) post({ kind: 'counts', counts });
}

async function close(): Promise<void> {
  clearInterval(timer);
  await judge.settled();
  keptCalls?.flush();
  tellCounts();
  backends.close();
  await ground.shared?.close();
  await http.close();
  port?.close();
}
