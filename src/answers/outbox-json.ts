import type { Delivery, OutboxAdmin } from '../outbox/admin.ts';
import { callIdOfKey } from '../outbox/contract.ts';
import type { Backlog } from '../outbox/queries.ts';
import { DEAD, WAITING } from '../outbox/schema.ts';

/** `due`: as soon as the backend takes it. `waiting`: for its next try, or for the end of its call. */
export function stateOf({ state, dueAt }: Delivery, now: number): 'due' | 'waiting' | 'dead' {
  if (state === DEAD) return 'dead';
  return state === WAITING && dueAt > now ? 'waiting' : 'due';
}

/**
 * A backlog for programs: `backend`, `due`, `waiting`, `dead`, `oldest_seconds` (of those due or waiting) and
 * `oldest_dead_seconds`, null where there is nothing.
 */
export function backlogJson({ backend, due, waiting, dead, oldestAt, oldestDeadAt }: Backlog, now: number) {
  const seconds = (since: number | undefined) =>
    since === undefined ? null : Math.max(0, Math.floor((now - since) / 1000));
  const ages = { oldest_seconds: seconds(oldestAt), oldest_dead_seconds: seconds(oldestDeadAt) };
  return { backend, due, waiting, dead, ...ages };
}

/** A backlog for programs. */
export type BacklogJson = ReturnType<typeof backlogJson>;

/**
 * A delivery for programs: `id` and `record_id` of its record, `backend` (`intake` for a row that could not be read),
 * `outcome`, `litellm_call_id`, `accepted_at`, `state` (`due`, `waiting` or `dead`), `due_at` (null unless it waits),
 * `attempts` and `reason` (null unless dead). Times are ISO 8601 as JSON; what is unknown, or out of range,
 * is null.
 */
export function deliveryJson(delivery: Delivery, now: number) {
  const { record, recordId, outcome, callKey, acceptedAt } = delivery;
  const { backend, ...rest } = deliveryStateJson(delivery, now);
  return {
    ...{ id: record, record_id: recordId || null, backend, outcome, litellm_call_id: callIdOfKey(callKey) },
    ...{ accepted_at: new Date(acceptedAt), ...rest },
  };
}

export function deliveryStateJson(delivery: Delivery, now: number) {
  const { backend, dueAt, attempts, reason } = delivery;
  const state = stateOf(delivery, now);
  return { backend, state, due_at: state === 'waiting' ? new Date(dueAt) : null, attempts, reason };
}

/**
 * A record for programs: `id`, `record_id`, `outcome`, `litellm_call_id`, `started_at`, `ended_at`, `accepted_at`,
 * `deliveries` (`backend`, `state`, `due_at`, `attempts`, `reason` for each backend that has not got it), `record` (the
 * `CallRecord` without its `record_id`; of a row that could not be read its text; null once no backend needs it) and
 * `damaged` (whether `record` is not what was stored). Undefined if it is gone.
 */
export async function recordJson(admin: OutboxAdmin, id: number, now: number) {
  const found = await admin.load(id);
  if (found === undefined) return undefined;
  const { recordId, outcome, callKey, startedAt, endedAt, acceptedAt, body, intact } = found;
  return {
    ...{ id, record_id: recordId || null, outcome, litellm_call_id: callIdOfKey(callKey) },
    ...{ started_at: new Date(startedAt), ended_at: new Date(endedAt), accepted_at: new Date(acceptedAt) },
    deliveries: (await admin.deliveriesOf(id)).map((delivery) => deliveryStateJson(delivery, now)),
    record: body === undefined ? null : parsed(body),
    damaged: body !== undefined && !intact,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
