import type { GuardrailCall } from '../guardrail/call.ts';
import type { Decision } from '../guardrail/decision.ts';
import { blockedEvent, blockedWords } from './blocked-event.ts';
import { noteOf } from './note.ts';
import type { RecordsThread } from './records-thread.ts';

/**
 * Keeps a decision for the record of its call; a block becomes a record at once.
 *
 * @param request of a response: reads the request it belongs to
 */
export function recordDecision(
  records: Pick<RecordsThread, 'note' | 'blocked'>,
  decision: Decision,
  request: () => GuardrailCall | undefined,
): void {
  const { call, outcome, ref = '' } = decision;
  if (call.litellm_call_id === null && outcome.kind !== 'block') return;
  const note = noteOf(decision);
  if (note === undefined) return;
  if (outcome.kind !== 'block') {
    records.note(note);
    return;
  }
  const { cause, by, reason } = outcome;
  const block = { cause, by, reason, ref, input_type: call.input_type };
  const asked = request();
  records.blocked({ note, block, event: blockedEvent(call, asked, note), words: blockedWords(call, asked) });
}
