import { fieldsOf, type GuardrailCall, type Passage } from '../guardrail/call.ts';
import type { MessagePlace, PlacePart } from '../guardrail/message-place.ts';
import { copyOf } from './markers.ts';
import type { TurnsVerdict } from './older-turns.ts';
import type { TextPolicy } from './policy.ts';
import { rootOf, turnPlaces } from './turns.ts';
import { causesOf } from './utterances.ts';

/** Most places that are told of one policy. */
const MAX_PLACES = 5;

/** A message can name any role. */
const MAX_ROLE_CHARS = 20;

/** Tells for what findings of a call a policy objects: the first few places, those in older turns of a conversation last. */
export function foundPlaces(
  call: GuardrailCall,
  texts: TextPolicy,
  { verdict, causes }: TurnsVerdict,
): readonly MessagePlace[] {
  const placeOf = turnPlaces(call);
  const newer: MessagePlace[] = [];
  const older: MessagePlace[] = [];
  let last: Passage | undefined;
  for (const { passage } of causesOf(texts, causes, verdict === 'redact' ? 'redact' : 'block')) {
    if (passage === last) continue;
    last = passage;
    const row = rowOf(passage, call);
    const place = {
      message: row < 0 ? null : row + 1,
      role: roleOf(passage, row, call),
      part: partOf(passage, call),
    };
    const told = placeOf(passage) === 'older' ? older : newer;
    if (told.length < MAX_PLACES && !told.some((known) => isSame(known, place))) told.push(place);
  }
  return [...newer, ...older].slice(0, MAX_PLACES);
}

const isSame = (a: MessagePlace, b: MessagePlace) =>
  a.message === b.message && a.part === b.part && a.role === b.role;

/** The index of the message to which a passage belongs; -1 for none. */
function rowOf({ messagePath, path }: Passage, call: GuardrailCall): number {
  const [field, index] = rootOf(messagePath ?? path);
  if (field === 'structured_messages') return index;
  return field === 'tool_calls' && call.input_type === 'request' ? rowOfToolCall(index, call) : -1;
}

/** The calls of tools in the history stand in their messages too. */
function rowOfToolCall(index: number, { structured_messages: rows, tool_calls }: GuardrailCall): number {
  const { id } = fieldsOf(tool_calls[index]);
  if (typeof id !== 'string') return -1;
  return rows.findIndex((row) => {
    const { tool_calls: own } = fieldsOf(row);
    return Array.isArray(own) && own.some((one) => fieldsOf(one).id === id);
  });
}

function roleOf({ role }: Passage, row: number, { structured_messages: rows }: GuardrailCall): string | null {
  const own = role ?? fieldsOf(rows[row]).role;
  if (typeof own !== 'string') return null;
  return own.length <= MAX_ROLE_CHARS ? own : copyOf(own.slice(0, MAX_ROLE_CHARS));
}

function partOf(
  { place, within, role, author, messagePath }: Passage,
  { input_type, shape }: GuardrailCall,
): PlacePart {
  const outer = within?.place ?? place;
  switch (outer) {
    case 'structure':
      return 'id';
    case 'message_tool_call':
    case 'tool_call':
      return 'arguments';
    case 'tool':
      return 'tools';
    case 'text':
    case 'message':
    case 'nested':
      if (shape === 'mcp_result') return 'result';
      if (input_type === 'response') return 'response';
      if (shape === 'mcp_tool') return author === 'tool' ? 'tools' : 'arguments';
      if (outer === 'text' && messagePath === undefined) return 'text';
      return role === 'tool' || role === 'function' ? 'result' : 'content';
  }
}
