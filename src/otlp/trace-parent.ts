import { hash } from 'node:crypto';

/** A span of another program that a call belongs under. */
export type RemoteParent = { readonly traceId: string; readonly spanId: string; readonly isSampled: boolean };

/** @see https://www.w3.org/TR/trace-context/#traceparent-header-field-values */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
/** Letters of one: nothing longer is even kept. */
export const TRACEPARENT_CHARS = 55;
/** The fields that the standard asks everybody to pass on. */
export const TRACESTATE_CHARS = 512;

/** Undefined for what is none by the letter of the standard. */
export function remoteParent(traceparent: string | undefined): RemoteParent | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** One that LiteLLM has of a client's `traceparent`, or of its own span: its other ids have dashes. */
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
/** But for the one of zeros, which is no trace id. */
const UUID = /^(?!0{8}-(?:0{4}-){3}0{12}$)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * The trace in which all that concerns a call stands: that of its client, as far as LiteLLM tells it, else one made of the call id. A
 * UUID is one without its dashes. Undefined for a call without ids.
 *
 * @see LiteLLM 1.110.2, `litellm_pre_call_utils.py`: `litellm_trace_id` is the trace id of `traceparent`
 */
export function traceIdOf(callId: string | null, litellmTraceId: string | null): string | undefined {
  if (litellmTraceId !== null && TRACE_ID.test(litellmTraceId)) return litellmTraceId;
  const id = callId ?? litellmTraceId;
  if (id === null) return undefined;
  return UUID.test(id) ? id.replaceAll('-', '').toLowerCase() : hash('sha256', id).slice(0, 32);
}
