import { backends } from '../backends/index.ts';
import { parseConfig, readDatabase, readSettings } from '../config/config.ts';
import type { Env } from '../config/read.ts';
import { DatabaseError } from '../database/database-error.ts';
import { databaseProblem } from '../database/database-problem.ts';
import type { DecisionRow } from '../decisions/row.ts';
import { type NamedCall, type OutboxAdmin, type RecordOfCall, reasonWords } from '../outbox/admin.ts';
import { DEFERRED } from '../outbox/deferred.ts';
import { NoOutboxError } from '../outbox/embedded-admin.ts';
import { deliveryStateJson } from './outbox-json.ts';
import { withOutbox } from './outbox-place.ts';
import { readPolicy } from './policy-engine.ts';

/** One record of a call, and what became of it. Times are Unix milliseconds. */
export type CallRecordState = {
  /** The number by which `outbox` commands name it. */
  readonly id: number;
  /** True for one on this machine, where there is a database too. */
  readonly isLocal: boolean;
  /** True for one that waits there for the database. */
  readonly isDeferred: boolean;
  readonly outcome: string;
  readonly acceptedAt: number;
  readonly deliveries: readonly {
    readonly backend: string;
    readonly state: 'delivered' | 'due' | 'waiting' | 'dead';
    readonly dueAt: number | null;
    readonly attempts: number;
    /** HTTP status or our word; never the vendor's text, which can quote the record. */
    readonly reason: string | null;
  }[];
};

/** The records of a call. */
export type RecordsOfCall = {
  readonly records: readonly CallRecordState[];
  /** Backends that take records by these settings; undefined if the settings cannot be used. */
  readonly receivers: readonly string[] | undefined;
  /** Why an outbox could not be read. */
  readonly problems: readonly string[];
};

/** A client can give several calls one id: their records end at other times. */
const NEAR_MS = 15 * 60_000;

/** Looks a call up in the outbox, and with a database in that of this machine too. Only reads. */
export async function recordsOfCall(row: DecisionRow, env: Env, now: number): Promise<RecordsOfCall> {
  const receivers = receiversIn(env);
  const records: CallRecordState[] = [];
  const problems: string[] = [];
  const call = { callId: row.litellm_call_id, ref: row.ref };
  const look = (local: boolean) =>
    withOutbox(env, { access: 'read', local }, async ({ admin }) => {
      for (const record of await near(admin, call, row))
        records.push({ isLocal: local, ...(await stateOfRecord(admin, record, receivers, now)) });
    });
  const database = readDatabase(env);
  for (const local of database === undefined ? [false] : [false, true]) {
    try {
      await look(local);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (error.cause instanceof NoOutboxError) continue;
      const code = error.cause instanceof DatabaseError ? error.cause.code : undefined;
      problems.push(code !== undefined && database ? databaseProblem(code, database) : error.message);
    }
  }
  return { records, receivers, problems };
}

async function near(
  admin: OutboxAdmin,
  call: NamedCall,
  { at, litellm_trace_id }: DecisionRow,
): Promise<RecordOfCall[]> {
  return (await admin.ofCall(call)).filter(
    ({ startedAt, endedAt, trace }) =>
      startedAt - NEAR_MS <= at &&
      at <= endedAt + NEAR_MS &&
      (trace === null || litellm_trace_id === null || trace === litellm_trace_id),
  );
}

async function stateOfRecord(
  admin: OutboxAdmin,
  { id, outcome, acceptedAt }: RecordOfCall,
  receivers: readonly string[] | undefined,
  now: number,
): Promise<Omit<CallRecordState, 'isLocal'>> {
  const waiting = await admin.deliveriesOf(id);
  const isDeferred = waiting.some(({ backend }) => backend === DEFERRED);
  const open = waiting.map((delivery) => {
    const { backend, state, due_at, attempts, reason } = deliveryStateJson(delivery, now);
    return { backend, state, dueAt: due_at?.getTime() ?? null, attempts, reason: reasonWords(reason) };
  });
  const names = new Set(open.map(({ backend }) => backend));
  const others = isDeferred ? [] : (receivers ?? []).filter((name) => !names.has(name));
  const delivered = others.map((backend) => ({
    backend,
    state: 'delivered' as const,
    dueAt: null,
    attempts: 0,
    reason: null,
  }));
  return { id, isDeferred, outcome, acceptedAt, deliveries: [...delivered, ...open] };
}

function receiversIn(env: Env): readonly string[] | undefined {
  try {
    const own = parseConfig(env, backends).backends;
    return [
      ...own.flatMap(({ name, takesRecords }) => (takesRecords ? [name] : [])),
      ...namesInPolicyFile(env),
    ];
  } catch {
    return undefined;
  }
}

/** A policy file that cannot be used names nobody: the command works without it. */
export function namesInPolicyFile(env: Env): string[] {
  try {
    const { POLICY_FILE: path } = readSettings(env, 'POLICY_FILE');
    const own = path === undefined ? [] : readPolicy(path, env).backends;
    return own.flatMap(({ name, takesRecords }) => (takesRecords ? [name] : []));
  } catch {
    return [];
  }
}
