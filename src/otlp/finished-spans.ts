import {
  type Attributes,
  type HrTime,
  type Link,
  ROOT_CONTEXT,
  SamplingDecision,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  TraceFlags,
  type TraceState,
} from '@opentelemetry/api';
import { RandomIdGenerator, type ReadableSpan, type Sampler } from '@opentelemetry/sdk-trace';
import { contextOf, type SpanPlace } from './span-parents.ts';

type SpanSource = Pick<ReadableSpan, 'resource' | 'instrumentationScope'>;

/** All that is known of a span, once it is over. */
export type FinishedSpan = Pick<ReadableSpan, 'name' | 'kind' | 'startTime' | 'endTime'> & {
  /** Strings, booleans, numbers and lists of strings. */
  readonly attributes: Attributes;
  /** Why it is an error; undefined for none. */
  readonly error: string | undefined;
};

/**
 * Makes the spans that exporters take of calls that are over. The SDK's tracer makes the same, for three times the work: it expects a
 * span to change until it ends, checks each attribute twice, and asks the sampler for each span, where a trace is wanted whole or not at all.
 */
export class FinishedSpans {
  readonly #source: SpanSource;
  readonly #sampler: Sampler;
  readonly #add: (span: ReadableSpan) => void;
  readonly #ids = new RandomIdGenerator();

  constructor(source: SpanSource, sampler: Sampler, add: (span: ReadableSpan) => void) {
    this.#source = source;
    this.#sampler = sampler;
    this.#add = add;
  }

  /** Asks the sampler for a span in a place; the flags of its context tell whether the span is to be made. */
  sample({ parent, traceId: wanted }: SpanPlace, name: string, kind: SpanKind): SpanContext {
    const traceId = parent?.traceId ?? wanted ?? this.#ids.generateTraceId();
    const context = parent === undefined ? ROOT_CONTEXT : contextOf(parent);
    const sampled = this.#sampler.shouldSample(context, traceId, name, kind, {}, []);
    return {
      ...{ traceId, spanId: this.#ids.generateSpanId() },
      traceFlags:
        sampled.decision === SamplingDecision.RECORD_AND_SAMPLED ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...stateOf(sampled.traceState ?? parent?.traceState),
    };
  }

  /** Hands over a span whose context {@link sample} gave. */
  add(context: SpanContext, parent: SpanContext | undefined, span: FinishedSpan): void {
    this.#add(new ExportedSpan(this.#source, context, parent, span));
  }

  /** Hands over a span below one that was sampled. */
  addBelow(parent: SpanContext, span: FinishedSpan): void {
    const { traceId, traceFlags, traceState } = parent;
    const spanId = this.#ids.generateSpanId();
    this.add({ traceId, spanId, traceFlags, ...stateOf(traceState) }, parent, span);
  }
}

const stateOf = (traceState: TraceState | undefined) => traceState && { traceState };

const OK: SpanStatus = { code: SpanStatusCode.UNSET };
const NO_LINKS: Link[] = [];
const NO_EVENTS: ReadableSpan['events'] = [];

class ExportedSpan implements ReadableSpan {
  readonly resource: ReadableSpan['resource'];
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly attributes: Attributes;
  readonly status: SpanStatus;
  readonly parentSpanContext?: SpanContext;
  readonly links = NO_LINKS;
  readonly events = NO_EVENTS;
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  readonly #context: SpanContext;

  constructor(
    { resource, instrumentationScope }: SpanSource,
    context: SpanContext,
    parent: SpanContext | undefined,
    { name, kind, startTime, endTime, attributes, error }: FinishedSpan,
  ) {
    this.resource = resource;
    this.instrumentationScope = instrumentationScope;
    this.name = name;
    this.kind = kind;
    this.startTime = startTime;
    this.endTime = endTime;
    this.attributes = attributes;
    this.status = error === undefined ? OK : { code: SpanStatusCode.ERROR, message: error };
    if (parent !== undefined) this.parentSpanContext = parent;
    this.#context = context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  get duration(): HrTime {
    const nanos = this.endTime[1] - this.startTime[1];
    const seconds = this.endTime[0] - this.startTime[0];
    return nanos < 0 ? [seconds - 1, nanos + 1_000_000_000] : [seconds, nanos];
  }
}
