import { fieldsOf, textOf } from '../guardrail/call.ts';
import { parseInner } from '../guardrail/json.ts';
import { type Outbox, OutboxError } from '../outbox/outbox.ts';
import type { Notes } from './notes.ts';
import type { NoteLine } from './protocol.ts';

/** Takes lines of JSON into the notes; what is none, after damage to a disk, is left out. */
export function takeLines(notes: Notes, lines: string): readonly string[] {
  const callIds: string[] = [];
  for (const text of lines.split('\n')) {
    const line = parseInner(text) as NoteLine;
    if (textOf(fieldsOf(line).litellm_call_id) === undefined) continue;
    callIds.push(line.litellm_call_id);
    if ('check' in line) notes.addCheck(line.litellm_call_id, line.input_type, line.check);
    else notes.add(line);
  }
  return callIds;
}

/** What was said before a restart; an outbox that cannot be read has nothing to tell. */
export async function restoreNotes(outbox: Outbox, notes: Notes): Promise<void> {
  try {
    const callIds = (await outbox.notes()).flatMap((chunk) => takeLines(notes, chunk));
    for (const callId of await outbox.known([...new Set(callIds)])) notes.seen(callId);
  } catch (error) {
    if (!(error instanceof OutboxError)) throw error;
  }
}
