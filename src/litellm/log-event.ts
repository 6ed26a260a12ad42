import { hash } from 'node:crypto';
import { type Fields, fieldsOf, textOf } from '../guardrail/call.ts';
import { fingerprintOf } from '../guardrail/fingerprint.ts';
import { MAX_ID_CHARS } from '../guardrail/record.ts';

/** What the bridge needs to know of a `StandardLoggingPayload`; the rest passes through. Times are Unix milliseconds. */
export type EventFacts = {
  /** Absent before LiteLLM 1.83.14, but for failures and embeddings, whose `id` it is. */
  readonly callId: string | undefined;
  readonly traceId: string | undefined;
  readonly outcome: 'success' | 'failure';
  /** Tells an event from others of its call. */
  readonly eventKey: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** The reference in the error of a call that a bridge blocked. */
  readonly ref: string | undefined;
  /**
   * Whether a success can be that of an answer which the bridge blocked. Releases that log a call id say so in
   * `guardrail_information`; before, nothing tells.
   */
  readonly mayBeBlocked: boolean;
  readonly fingerprint: () => string;
};

/**
 * @param event any field may be missing or something else than documented
 * @param receivedAt stands for times that are missing
 * @see litellm.md of the wire contract, sections 10 to 12; LiteLLM 1.106.2, `StandardLoggingPayload` in litellm/types/utils.py
 */
export function factsOf(event: Fields, receivedAt: number): EventFacts {
  const { id, litellm_call_id, call_id, call_type, trace_id, status, startTime, endTime } = event;
  const isFailure = status === 'failure' || (status === undefined && textOf(event.error_str) !== undefined);
  const startedAt = millisecondsOf(startTime) ?? millisecondsOf(endTime) ?? receivedAt;
  // `id` is that of the response, if it has one
  const hasNoResponseId = isFailure || call_type === 'aembedding' || call_type === 'embedding';
  const callId = textOf(litellm_call_id) ?? textOf(call_id) ?? (hasNoResponseId ? textOf(id) : undefined);
  const ownId = textOf(id) ?? (callId === undefined ? hash('sha1', JSON.stringify(event)) : '');
  return {
    callId: callId?.slice(0, MAX_ID_CHARS),
    traceId: textOf(trace_id)?.slice(0, MAX_ID_CHARS),
    outcome: isFailure ? 'failure' : 'success',
    eventKey: `${ownId.slice(0, MAX_ID_CHARS)}|${String(startTime)}`,
    startedAt,
    endedAt: Math.max(startedAt, millisecondsOf(endTime) ?? receivedAt),
    ref: isFailure ? refIn(event) : undefined,
    mayBeBlocked:
      (litellm_call_id === undefined && call_id === undefined) || isStopped(event.guardrail_information),
    fingerprint: () => fingerprintOf(keyOf(fieldsOf(event.metadata)), lastTextOf(event.messages)),
  };
}

/** Beyond this no clock tells the time, and numbers lose their last digits. */
const MAX_SECONDS = 1e11;

/** Seconds with a fraction; a logger that prints its values sends them as text. */
function millisecondsOf(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof seconds === 'number' && seconds > 0 && seconds < MAX_SECONDS
    ? Math.round(seconds * 1000)
    : undefined;
}

function isStopped(information: unknown): boolean {
  const entries: readonly unknown[] = Array.isArray(information) ? information : [information];
  return entries.some((entry) =>
    /^guardrail_(?:intervened|failed)/.test(String(fieldsOf(entry).guardrail_status)),
  );
}

function refIn(event: Fields): string | undefined {
  const message = fieldsOf(event.error_information).error_message ?? event.error_str;
  return typeof message === 'string' ? /(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])/.exec(message)?.[0] : undefined;
}

/** A guardrail call says nothing of the key where an event says that it is null. */
function keyOf({ user_api_key_hash }: Fields): Fields {
  return user_api_key_hash === null ? {} : { user_api_key_hash };
}

/** The last thing that was said, whatever its shape. */
function lastTextOf(messages: unknown): string {
  if (typeof messages === 'string') return messages;
  if (Array.isArray(messages)) {
    for (const message of messages.toReversed()) {
      const text = lastTextOf(message);
      if (text !== '') return text;
    }
    return '';
  }
  const { content, text, input, prompt } = fieldsOf(messages);
  const said = content ?? text ?? input ?? prompt;
  return said === undefined ? '' : lastTextOf(said);
}
