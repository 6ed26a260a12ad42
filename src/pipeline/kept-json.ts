import type { Passage } from '../guardrail/call.ts';
import { editedText, type TextEdit } from '../guardrail/edit.ts';
import { parseInner } from '../guardrail/json.ts';
import { jsonNumbers } from '../guardrail/json-numbers.ts';
import { editsBetween } from '../guardrail/text-diff.ts';
import { type BackendRedaction, editsIn } from './merge.ts';

/**
 * A redaction that leaves the arguments of tools JSON: vendors look at their text, and write a marker in the place of a number too, which
 * becomes a string. Null if they are no JSON any more.
 */
export function withKeptJson(redaction: BackendRedaction): BackendRedaction | null {
  const repaired = new Map<Passage, readonly TextEdit[]>();
  for (const [passage, text] of redaction.texts) {
    if (passage.path.key !== 'arguments' || isJson(text) || !isJson(passage.text)) continue;
    const own = editsIn(passage, redaction);
    const numbers = jsonNumbers(passage.text, own);
    const edits = own.map((edit) =>
      numbers.has(edit.start) ? { ...edit, text: JSON.stringify(edit.text) } : edit,
    );
    const byEdits = editedText(passage.text, edits);
    // Found by comparing, one edit can go across neighbours
    const kept = [byEdits, quoted(text)].find(isJson);
    if (kept === undefined) return null;
    repaired.set(passage, kept === byEdits ? edits : editsBetween(passage.text, kept));
  }
  if (repaired.size === 0) return redaction;
  const texts = new Map(redaction.texts);
  for (const [passage, edits] of repaired) texts.set(passage, editedText(passage.text, edits));
  return { texts, edits: new Map([...(redaction.edits ?? []), ...repaired]) };
}

/** A string, a sign between values, or a value without quotes. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},:\s]+|[^[\]{},:\s"](?:[^[\]{},:"]*[^[\]{},:\s"])?/g;
const SCALAR = /^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

/** JSON in which what stands in the place of numbers has become strings. */
function quoted(json: string): string {
  return json.replace(TOKEN, (token) =>
    /^["[\]{},:\s]/.test(token) || SCALAR.test(token) ? token : JSON.stringify(token),
  );
}

const isJson = (text: string) => parseInner(text) !== undefined;
