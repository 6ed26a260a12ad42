import { hash } from 'node:crypto';
import { type Fields, fieldsOf, scalarText, textOf } from '../guardrail/call.ts';
import { quickHash } from '../guardrail/quick-hash.ts';
import { MAX_ID_CHARS } from '../guardrail/record.ts';

/** The fields of a `StandardLoggingPayload` that the bridge reads; the rest passes through. Times are Unix milliseconds. */
export type EventFacts = {
  /** Undefined for most events of releases older than `OLDEST_SUPPORTED`. */
  readonly callId: string | undefined;
  readonly outcome: 'success' | 'failure';
  /** Tells an event from others of its call. */
  readonly eventKey: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Trace of the event; that of the guardrail calls only on some endpoints, and without a session. */
  readonly trace: string | undefined;
  /** Hash of the virtual key. */
  readonly key: string | undefined;
  /** The block reference in the error of a call that a bridge blocked. */
  readonly ref: string | undefined;
  /** True for a failure that a guardrail made. */
  readonly isBlock: boolean;
  /** True if LiteLLM says in `guardrail_information` that a guardrail stopped the call. */
  readonly mayBeBlocked: boolean;
  /** Hash of the key and of the last text of the request. @see requestFingerprint */
  fingerprint(): string;
  /** @see wordsOf */
  words(): number;
};

/**
 * @param event any field may be missing or something else than documented
 * @param receivedAt stands for times that are missing
 * @see litellm.md of the wire contract, sections 10 to 12; LiteLLM 1.106.2, `StandardLoggingPayload` in litellm/types/utils.py
 */
export function factsOf(event: Fields, receivedAt: number): EventFacts {
  const { id, startTime, endTime } = event;
  const isFailure = isFailureEvent(event);
  const startedAt = millisecondsOf(startTime) ?? millisecondsOf(endTime) ?? receivedAt;
  const callId = eventCallId(event);
  const metadata = fieldsOf(event.metadata);
  const mayBeBlocked = isStopped(event.guardrail_information);
  const errorClass = textOf(fieldsOf(event.error_information).error_class);
  const isBlock = isFailure && (mayBeBlocked || errorClass?.includes('Guardrail') === true);
  const ownId = textOf(id) ?? (callId === undefined ? hash('sha1', JSON.stringify(event)) : '');
  return {
    callId,
    outcome: isFailure ? 'failure' : 'success',
    eventKey: `${ownId.slice(0, MAX_ID_CHARS)}|${scalarText(startTime)}`,
    startedAt,
    endedAt: Math.max(startedAt, millisecondsOf(endTime) ?? receivedAt),
    trace: textOf(event.trace_id)?.slice(0, MAX_ID_CHARS),
    key: textOf(metadata.user_api_key_hash),
    // A provider's error can repeat what a client wrote, and so a reference that it was shown before
    ref: isBlock || (isFailure && errorClass === undefined) ? refIn(event) : undefined,
    isBlock,
    mayBeBlocked,
    fingerprint: () => requestFingerprint(metadata, lastTextOf(event.messages)),
    words: () => wordsOf(lastTextOf(event.messages)),
  };
}

/** The call that an event is about; undefined for most events of releases older than `OLDEST_SUPPORTED`. */
export function eventCallId(event: Fields): string | undefined {
  const { id, litellm_call_id, call_id, call_type } = event;
  // Where no field names the call: `id` is the response's, or the call's where there is no response id
  const hasNoResponseId = call_type === 'aembedding' || call_type === 'embedding' || isFailureEvent(event);
  const callId = textOf(litellm_call_id) ?? textOf(call_id) ?? (hasNoResponseId ? textOf(id) : undefined);
  return callId?.slice(0, MAX_ID_CHARS);
}

function isFailureEvent({ status, error_str }: Fields): boolean {
  return status === 'failure' || (status === undefined && textOf(error_str) !== undefined);
}

/**
 * Tells whether two things are about the same request, where a client chose their call id: the key it came with, and its
 * last text.
 *
 * @param identity fields `user_api_key_*`
 */
export function requestFingerprint(identity: Fields, lastText: string): string {
  // A guardrail call omits the key where an event says null
  return hash('sha1', `${scalarText(identity.user_api_key_hash)}\n${lastText.trim()}`);
}

/** Characters of each end of a text that count. */
const END_CHARS = 64;

/**
 * A number made of the length and both ends of a text, to tell requests under one call id apart: for each call that is judged
 * it is made at the price of a few letters. A short text can be guessed by it, so it is never stored.
 */
export function wordsOf(text: string): number {
  const words = text.trim();
  const ends = words.length > 2 * END_CHARS ? words.slice(0, END_CHARS) + words.slice(-END_CHARS) : words;
  return quickHash(ends, 0x811c9dc5 ^ words.length) >>> 0;
}

/** No clock tells a later time; larger numbers lose their last digits. */
const MAX_SECONDS = 1e11;

/** Seconds with a fraction; a logger that formats its values sends them as text. */
function millisecondsOf(value: unknown): number | undefined {
  const seconds = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof seconds === 'number' && seconds > 0 && seconds < MAX_SECONDS
    ? Math.round(seconds * 1000)
    : undefined;
}

function isStopped(information: unknown): boolean {
  const entries: readonly unknown[] = Array.isArray(information) ? information : [information];
  return entries.some((entry) =>
    /^guardrail_(?:intervened|failed)/.test(textOf(fieldsOf(entry).guardrail_status) ?? ''),
  );
}

function refIn(event: Fields): string | undefined {
  const message = fieldsOf(event.error_information).error_message ?? event.error_str;
  return typeof message === 'string' ? /(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])/.exec(message)?.[0] : undefined;
}

/** The last text of a request, in any shape that LiteLLM logs, or of a list of texts. */
export function lastTextOf(messages: unknown): string {
  if (typeof messages === 'string') return messages;
  if (Array.isArray(messages)) {
    for (let i = messages.length - 1; i >= 0; i--) {
      const text = lastTextOf(messages[i]);
      if (text !== '') return text;
    }
    return '';
  }
  const { content, text, input, prompt } = fieldsOf(messages);
  const inner = content ?? text ?? input ?? prompt;
  return inner === undefined ? '' : lastTextOf(inner);
}
