import type { InputType } from '../guardrail/call.ts';
import type { VerdictNote } from '../guardrail/record.ts';
import type { VerdictLine } from '../outbox/note-bytes.ts';
import { hashOf, idAt, keyAt, readNote, textAt, timeAt, traceAt, wordsAt } from '../outbox/note-bytes.ts';
import type { Traits } from './finished-calls.ts';
import type { NotedCalls } from './noted-calls.ts';

/** A call that was judged, with one note for its request and one for its response. */
export type PendingCall = {
  readonly number: number;
  readonly startedAt: number;
  readonly trace: string | null;
} & Partial<Record<InputType, VerdictNote>>;

/** A call as it is noted. */
export function pendingCallOf(calls: NotedCalls, row: number): PendingCall {
  const [request, response] = [noteOf(calls, row, 'request'), noteOf(calls, row, 'response')];
  return {
    number: calls.number(row),
    startedAt: calls.startedAt(row),
    trace: lastAsked(calls, row).trace,
    ...(request !== undefined && { request }),
    ...(response !== undefined && { response }),
  };
}

function noteOf(calls: NotedCalls, row: number, side: InputType): VerdictNote | undefined {
  const found = calls.note(row, side);
  const line = found && (readNote(found.notes, found.at) as VerdictLine | undefined);
  if (line === undefined) return undefined;
  const { words: _, ...note } = line;
  return found !== undefined && found.count > 1 ? { ...note, calls: found.count } : note;
}

/** When the request of a call was judged last, and under which trace. */
export function lastAsked(
  calls: NotedCalls,
  row: number,
): { readonly startedAt: number; readonly trace: string | null } {
  const { notes, at } = calls.note(row, 'request') ?? calls.named(row);
  const trace = traceAt(notes, at);
  return { startedAt: timeAt(notes, at), trace: trace === undefined ? null : textAt(notes, trace) };
}

/** The id that a call was given. */
export function idOfCall(calls: NotedCalls, row: number): string {
  const { notes, at } = calls.named(row);
  return textAt(notes, idAt(notes, at));
}

/** The marks that tell a call from others under its id. */
export function traitsOf(calls: NotedCalls, row: number): Traits {
  const { notes, at } = calls.named(row);
  return {
    trace: hashOf(notes, traceAt(notes, at)),
    key: hashOf(notes, keyAt(notes, at)),
    words: wordsAt(notes, at),
    startedAt: calls.startedAt(row),
  };
}

/** The notes on a call: on its request and on its response; of a streamed response the last, with their number. */
export function notesOf({ request, response }: PendingCall): readonly VerdictNote[] {
  return [request, response].filter((note) => note !== undefined);
}
