import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type SpanContext,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { RandomIdGenerator } from '@opentelemetry/sdk-trace';
import { remoteParent, traceIdOf } from './trace-parent.ts';

/** Makes the ids of spans; a trace that begins here can have one that is wanted. */
export class WantedTraceIds extends RandomIdGenerator {
  /** Of the next trace; undefined for any. */
  wanted: string | undefined;

  constructor() {
    super();
    // A field of the class before it
    const random = this.generateTraceId;
    this.generateTraceId = () => this.wanted ?? random.call(this);
  }
}

/** The context of a span. */
export const contextOf = (spanContext: SpanContext): Context =>
  trace.setSpanContext(ROOT_CONTEXT, spanContext);

/** The place of a call among the spans of others: under a span, or in a trace that it begins. */
export type SpanPlace = { readonly context: Context; readonly traceId: string | undefined };

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
  if (parent === undefined) return { context: ROOT_CONTEXT, traceId: traceIdOf(callId, litellmTraceId) };
  const { traceId, spanId, isSampled } = parent;
  const context = contextOf({
    ...{ traceId, spanId, isRemote: true },
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(state && { traceState: createTraceState(state) }),
  });
  return { context, traceId };
}
