import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { remoteParent, traceIdOf } from './trace-parent.ts';

/** The context of a span. */
export const contextOf = (spanContext: SpanContext): Context =>
  trace.setSpanContext(ROOT_CONTEXT, spanContext);

/** The place of a call among the spans of others: under a span, or in a trace that it begins; of any id, if none is wanted. */
export type SpanPlace = { readonly parent: SpanContext | undefined; readonly traceId: string | undefined };

/**
 * @param client `traceparent` of the client, and its `tracestate`
 * @param sent `traceparent` of the HTTP request: nearer, but it can be that of a proxy, which knows nothing of the client's trace
 */
export function spanPlaceOf(
  callId: string | null,
  litellmTraceId: string | null,
  [client, state, sent]: readonly string[],
): SpanPlace {
  const ofClient = remoteParent(client);
  const ofRequest = remoteParent(sent);
  const isNearer = ofRequest !== undefined && (ofClient?.traceId ?? ofRequest.traceId) === ofRequest.traceId;
  const parent = isNearer ? ofRequest : ofClient;
  if (parent === undefined) return { parent, traceId: traceIdOf(callId, litellmTraceId) };
  const { traceId, spanId, isSampled } = parent;
  const remote = {
    ...{ traceId, spanId, isRemote: true },
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(state && { traceState: createTraceState(state) }),
  };
  return { parent: remote, traceId };
}
