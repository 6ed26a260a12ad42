import { expect, test } from 'vitest';
import { takeLines } from '../../src/records/note-lines.ts';
import { createNotes } from '../../src/records/notes.ts';

const note = {
  litellm_call_id: 'a',
  litellm_trace_id: null,
  input_type: 'request',
  action: 'NONE',
  by: null,
};
const line = JSON.stringify({ ...note, at: 1000, ms: 1, checks: [] });

test.each([
  ['null'],
  ['7'],
  ['"words"'],
  ['{}'],
  ['{"litellm_call_id":7}'],
  ['{"litellm_call_id":"a"'],
  [''],
])('a line that is no note, after damage to a disk, does not take the others with it: %j', (bad) => {
  const notes = createNotes();
  expect(takeLines(notes, `${bad}\n${line}\n${bad}`)).toEqual(['a']);
  expect(notes.of('a')).toHaveLength(1);
});
