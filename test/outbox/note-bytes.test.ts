import { expect, test } from 'vitest';
import type { NoteLine } from '../../src/outbox/note-bytes.ts';
import { noteBytes, noteLength, readNote } from '../../src/outbox/note-bytes.ts';
import { bytesOf, NoteWriter } from '../../src/records/note-writer.ts';
import { noteOf } from '../support/record.ts';

const UUID = '6f0e3f0a-4b0d-4f3e-9c55-2f1d00ab12ff';
const check = { backend: 'akto', mode: 'enforce', result: 'allow', ms: 12.3 } as const;

const LINES: Readonly<Record<string, NoteLine>> = {
  'an allowed call': noteOf({ litellm_call_id: UUID, litellm_trace_id: UUID, checks: [check, check] }),
  'a call without checks or trace': noteOf({ litellm_trace_id: null, checks: [] }),
  'a response with a key': noteOf({ input_type: 'response', key: '0123456789abcdef' }),
  'a call with words': { ...noteOf({}), words: 4_294_967_295 },
  'a blocked call': noteOf({ action: 'BLOCKED', by: 'secrets' }),
  'a failure': noteOf({ action: 'DEFERRED', by: 'akto', checks: [{ ...check, result: 'timeout' }] }),
  'a backend that observes': noteOf({ checks: [{ ...check, mode: 'observe' }] }),
  'a backend of a long name': noteOf({ checks: [{ ...check, backend: 'ä'.repeat(300) }] }),
  'a call whose history was redacted': noteOf({ by: 'akto,pii', removed: ['akto'] }),
  'an early log': noteOf({ logsStreamsEarly: true }),
  'ids of other letters': noteOf({ litellm_call_id: 'Grüße 👋', litellm_trace_id: '\n"\\' }),
  'ids as long as they may be': noteOf({ litellm_call_id: '語'.repeat(256), litellm_trace_id: '' }),
  'a UUID of large letters': noteOf({ litellm_call_id: UUID.toUpperCase() }),
  'nearly a UUID': noteOf({ litellm_call_id: UUID.replaceAll('-', '_'), litellm_trace_id: UUID.slice(1) }),
  'a check': { litellm_call_id: 'a', litellm_trace_id: null, input_type: 'request', check },
};

test.each(Object.entries(LINES))('%s is read as it was written', (_, line) => {
  const bytes = bytesOf(line);
  expect(noteLength(noteBytes(bytes), 0)).toBe(bytes.length);
  expect(readNote(noteBytes(bytes), 0)).toEqual(line);
});

test('notes stand one behind the other, and are taken once', () => {
  const writer = new NoteWriter();
  const lines = Array.from({ length: 300 }, () => Object.values(LINES)).flat();
  for (const line of lines) writer.write(line);
  const notes = noteBytes(writer.take());
  const read: unknown[] = [];
  for (let at = 0, length = noteLength(notes, 0); length !== undefined; length = noteLength(notes, at)) {
    read.push(readNote(notes, at));
    at += length;
  }
  expect(read).toEqual(lines);
  expect(writer.size).toBe(0);
});

test('a usual note takes less than 100 bytes', () => {
  const line = noteOf({
    litellm_call_id: UUID,
    litellm_trace_id: UUID,
    key: '0123456789abcdef',
    checks: [check],
  });
  expect(bytesOf(line).length).toBeLessThan(100);
});
