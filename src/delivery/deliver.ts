import type { Sink } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import { toFailure } from '../backends/to-failure.ts';
import { startDeadline } from '../guardrail/deadline.ts';
import { BackendError, type Failure, type Refusal } from '../guardrail/failure.ts';
import type { CallRecord } from '../guardrail/record.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import type { Due } from '../outbox/outbox.ts';

/** Result of one delivery: taken, failed, or given up by us. */
export type Delivered =
  | { readonly kind: 'taken'; readonly verdicts: readonly Verdict[] }
  | { readonly kind: 'failed'; readonly failure: Failure; readonly refusal: Refusal }
  | { readonly kind: 'aborted' };

export type Recipient = { readonly sink: Sink; readonly http: Http; readonly timeoutMs: number };

/** Hands records to a backend, once. Never throws. */
export async function deliver(
  batch: readonly Due[],
  { sink, http, timeoutMs }: Recipient,
  closing: AbortSignal,
): Promise<Delivered> {
  let records: CallRecord[];
  try {
    records = batch.map(({ payload, recordId }) => ({ ...JSON.parse(payload), record_id: recordId }));
  } catch (error) {
    // Ours, and not a reply that is no JSON
    return { kind: 'failed', failure: { kind: 'bug', error }, refusal: {} };
  }
  const deadline = startDeadline(timeoutMs, closing);
  try {
    const ingested = sink.ingest(records, { http, signal: deadline.signal });
    return { kind: 'taken', verdicts: await deadline.limit(ingested) };
  } catch (error) {
    if (deadline.isOver())
      return { kind: 'failed', failure: { kind: 'timeout', afterMs: timeoutMs }, refusal: {} };
    if (closing.aborted) return { kind: 'aborted' };
    const refusal = error instanceof BackendError ? error.refusal : {};
    return { kind: 'failed', failure: toFailure(error), refusal };
  } finally {
    deadline.clear();
  }
}
