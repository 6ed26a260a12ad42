import type { Sink } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import { toFailure } from '../backends/to-failure.ts';
import { startDeadline } from '../guardrail/deadline.ts';
import { BackendError, type Failure, type Refusal } from '../guardrail/failure.ts';
import type { CallRecord } from '../guardrail/record.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import type { Due, RecordOutbox } from '../outbox/contract.ts';
import type { Clock } from './clock.ts';

/** Events of deliveries. None holds content of a record or of a vendor's reply. */
export type DeliveryEvents = {
  /** `verdicts` are of a backend that judged the records now. */
  delivered(backend: string, records: number, verdicts: readonly Verdict[]): void;
  retried(backend: string, records: number, failure: Failure, delayMs: number): void;
  /** `kind` is that of the failure. */
  dead(backend: string, records: number, kind: Failure['kind']): void;
  /** The backend begins to refuse our token, or takes records again. Told once each time. */
  held(backend: string, isHeld: boolean, failure?: Failure): void;
  /** Nothing is handed to the backend for a while, by its last failure if it failed here. Told once, until it takes records again. */
  stopped(backend: string, failure: Failure | undefined): void;
  resumed(backend: string): void;
  /** The outbox failed. */
  storage(error: unknown): void;
  /** A mistake of ours beside a delivery: its records stay in the outbox, and go out after the next start. */
  bug(error: unknown): void;
};

export type DeliveryOptions = {
  readonly outbox: Pick<RecordOutbox, 'due' | 'ack' | 'stops'>;
  readonly http: Http;
  /** Limit of one delivery. */
  readonly timeoutMs: number;
  /** Age at which the outbox gives a record up. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: DeliveryEvents;
  /** Called when so many characters of records are not needed any more. */
  readonly onFreed: (chars: number) => void;
};

/** Result of one delivery: taken, failed, or given up by us. */
export type Delivered =
  | { readonly kind: 'taken'; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly refusal: Refusal }
  | { readonly kind: 'aborted' };

/** Hands records to a backend, once. Never throws. */
export async function deliver(
  batch: readonly Due[],
  sink: Sink,
  { http, timeoutMs }: Pick<DeliveryOptions, 'http' | 'timeoutMs'>,
  closing: AbortSignal,
): Promise<Delivered> {
  const failed = (failure: Failure, refusal = {}) => ({ kind: 'failed', failure, refusal }) as const;
  let records: CallRecord[];
  try {
    records = batch.map(({ payload, recordId }) => ({ ...JSON.parse(payload), record_id: recordId }));
  } catch (error) {
    // Ours, and not a reply that is no JSON
    return failed({ kind: 'bug', error });
  }
  const deadline = startDeadline(timeoutMs, closing);
  try {
    const ingested = sink.ingest(records, { http, deadline });
    return { kind: 'taken', verdicts: await deadline.limit(ingested) };
  } catch (error) {
    if (deadline.isOver()) return failed({ kind: 'timeout', afterMs: timeoutMs });
    if (closing.aborted) return { kind: 'aborted' };
    return failed(toFailure(error), error instanceof BackendError ? error.refusal : {});
  } finally {
    deadline.clear();
  }
}
