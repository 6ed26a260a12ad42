import type { EventFacts } from '../litellm/log-event.ts';
import type { TurnedEvent } from '../litellm/turned-event.ts';
import { type Entry, namelessKey } from '../outbox/contract.ts';
import { turnedKey } from '../outbox/turned-record.ts';
import type { EntryMakerOptions } from './entry-maker.ts';
import type { PendingCall } from './pending-call.ts';

/**
 * All of an entry but its record, for a call by another vendor's integration. Its times are those of the bridge: such an event tells when
 * it was sent, and by another clock.
 */
export function turnedCall(
  { event, door, stage, tellsApart }: TurnedEvent,
  { callId, outcome, ref, isBlock, fingerprint }: EventFacts,
  pending: PendingCall | undefined,
  options: Pick<EntryMakerOptions, 'failureGraceMs' | 'missingAfterMs' | 'now'> & {
    /** Time that a response may still be judged. */
    readonly responseCheckMs: number;
  },
): Omit<Entry, 'outcome' | 'backends' | 'payload'> {
  const words = fingerprint();
  const eventKey = turnedKey({ stage, door, words, tellsApart });
  const at = options.now();
  return {
    eventKey,
    callKey: callId ?? namelessKey(`${eventKey}|${event.startTime}`),
    startedAt: pending?.startedAt ?? at,
    endedAt: at,
    ...(pending !== undefined && { trace: pending.trace }),
    holdMs: holdMs(),
    ...((outcome === 'success' || (isBlock && ref === undefined)) && { words }),
    ...(ref !== undefined && { ref }),
  };

  function holdMs(): number {
    const { failureGraceMs, missingAfterMs, responseCheckMs } = options;
    if (outcome === 'failure') return failureGraceMs;
    // Nothing can be joined with a call that has no id
    if (stage === 'whole' || callId === undefined) return 0;
    return stage === 'part' ? Math.min(responseCheckMs, missingAfterMs) : missingAfterMs;
  }
}
