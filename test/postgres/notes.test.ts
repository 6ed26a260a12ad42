import { afterAll, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { DatabaseNotes } from '../../src/outbox/database-notes.ts';
import { type NoteLine, noteBytes, readNote } from '../../src/outbox/note-bytes.ts';
import { bytesOf, NoteWriter } from '../../src/records/note-writer.ts';
import { databaseConfig } from './server.ts';

const opened: Database[] = [];
afterAll(() => Promise.all(opened.map((database) => database.close())));

function replica(config: DatabaseConfig, number: number) {
  const database = new Database(config, 'records');
  opened.push(database);
  return { database, notes: new DatabaseNotes(database, number) };
}

const noteOn = (callId: string, more: object = {}): NoteLine => ({
  ...{ litellm_call_id: callId, litellm_trace_id: null, input_type: 'request' },
  ...{ action: 'NONE', by: null, at: 1000, ms: 1, checks: [] },
  ...more,
});

function chunkOf(...lines: NoteLine[]): Uint8Array {
  const writer = new NoteWriter();
  for (const line of lines) writer.write(line);
  return writer.take();
}

const read = (bodies: readonly Uint8Array[]) => bodies.map((body) => readNote(noteBytes(body), 0));
const later = (database: Database, seconds: number) =>
  database.query(`UPDATE note SET noted_at = noted_at - ${seconds} * interval '1 second'`);

test('notes of a replica are read by the others, in their order, and not by itself', async () => {
  const config = databaseConfig();
  const [a, b] = [replica(config, 1), replica(config, 2)];
  const response = noteOn('one', { input_type: 'response', at: 2000, action: 'BLOCKED', by: 'akto' });
  const check = { backend: 'capsule', mode: 'observe', result: 'block', ms: 3 } as const;
  const { litellm_call_id, litellm_trace_id, input_type } = noteOn('one');
  const trailing = { litellm_call_id, litellm_trace_id, input_type, check };
  await a.notes.append(chunkOf(noteOn('one'), noteOn('two')));
  await a.notes.append(chunkOf(response));
  await a.notes.append(chunkOf(trailing));
  expect(read(await b.notes.about(['one', 'three']))).toEqual([noteOn('one'), response, trailing]);
  expect(read(await b.notes.about(['two']))).toEqual([noteOn('two')]);
  expect(await b.notes.about([])).toEqual([]);
  expect(await a.notes.about(['one', 'two'])).toEqual([]);
  expect(read(await replica(config, 3).notes.about(['two']))).toEqual([noteOn('two')]);
});

test('notes that are handed over again stand there once, whoever does it', async () => {
  const config = databaseConfig();
  const [before, after, other] = [replica(config, 1), replica(config, 2), replica(config, 3)];
  const chunk = chunkOf(noteOn('one'), noteOn('one', { input_type: 'response', at: 2000 }));
  await before.notes.append(chunk);
  await before.notes.append(chunk);
  await after.notes.append(chunk);
  expect(await other.notes.about(['one'])).toHaveLength(2);
});

test('an id of any letters names its call', async () => {
  const config = databaseConfig();
  const [a, b] = [replica(config, 1), replica(config, 2)];
  const ids = [
    '\u0000',
    "'; DROP TABLE note --",
    'ü'.repeat(200),
    '9d2c7bb6-2a8e-4a25-8f35-5b6f3d1c0a11',
    '',
  ];
  for (const id of ids) await a.notes.append(bytesOf(noteOn(id)));
  for (const id of ids) expect(read(await b.notes.about([id]))).toEqual([noteOn(id)]);
});

test('notes of a finished call are forgotten, but for those of another one that has begun under its id', async () => {
  const config = databaseConfig();
  const [a, b] = [replica(config, 1), replica(config, 2)];
  await a.notes.append(chunkOf(noteOn('one'), noteOn('two')));
  await later(a.database, 60);
  await a.notes.append(bytesOf(noteOn('one', { at: 61_000 })));
  await b.notes.forget(['one']);
  expect(read(await b.notes.about(['one', 'two']))).toEqual([noteOn('two'), noteOn('one', { at: 61_000 })]);
});

test('a call without an event is told once, to one replica', async () => {
  const config = databaseConfig();
  const replicas = [1, 2, 3].map((number) => replica(config, number));
  const [a, b] = replicas as [(typeof replicas)[number], (typeof replicas)[number]];
  await a.notes.append(bytesOf(noteOn('one')));
  await b.notes.append(bytesOf(noteOn('one', { input_type: 'response', at: 2000 })));
  await b.notes.append(bytesOf(noteOn('two')));
  await later(a.database, 20);
  await a.notes.append(bytesOf(noteOn('young')));
  const told = async () => (await Promise.all(replicas.map(({ notes }) => notes.overdue(10_000)))).flat();
  expect(new Set(read(await told()))).toEqual(new Set([noteOn('one'), noteOn('two')]));
  expect(await told()).toEqual([]);
  await a.notes.append(bytesOf(noteOn('two', { input_type: 'response', at: 3000 })));
  await later(a.database, 20);
  expect(read(await told())).toEqual([noteOn('young')]);
});

test('notes that are too old go, and the oldest where there are too many, which is counted by calls', async () => {
  const config = databaseConfig();
  const { database, notes } = replica(config, 1);
  const other = replica(config, 2);
  await notes.append(bytesOf(noteOn('old')));
  await later(database, 7200);
  await notes.overdue(60_000);
  await notes.append(bytesOf(noteOn('known')));
  await later(database, 120);
  await notes.overdue(60_000);
  const many = Array.from({ length: 100 }, (_, i) => noteOn(`call-${i}`));
  await notes.append(chunkOf(...many));
  expect(await notes.expire(3_600_000)).toBe(0);
  expect(await other.notes.about(['old'])).toEqual([]);
  expect(await other.notes.about(['known'])).toHaveLength(1);
  // The server counts its rows with a delay
  await database.query('VACUUM ANALYZE note');
  expect(await notes.expire(3_600_000, 51)).toBe(49);
  expect(await other.notes.about(['known', ...many.map((_, i) => `call-${i}`)])).toHaveLength(51);
});

test('ten thousand notes are handed over at once', async () => {
  const config = databaseConfig();
  const [a, b] = [replica(config, 1), replica(config, 2)];
  const ids = Array.from({ length: 10_000 }, (_, i) => `call-${i}`);
  await a.notes.append(chunkOf(...ids.map((id) => noteOn(id))));
  expect(await b.notes.about(ids)).toHaveLength(10_000);
});

test('of an id that a client gave to very many calls the newest notes are read', async () => {
  const config = databaseConfig();
  const [a, b] = [replica(config, 1), replica(config, 2)];
  for (let at = 0; at < 3; at++) {
    const some = Array.from({ length: 100 }, (_, i) => noteOn('same', { at: 1000 * at + i }));
    await a.notes.append(chunkOf(...some));
  }
  await a.notes.append(bytesOf(noteOn('other')));
  const found = read(await b.notes.about(['same', 'other'])) as { at: number; litellm_call_id: string }[];
  expect(found.filter(({ litellm_call_id }) => litellm_call_id === 'other')).toHaveLength(1);
  const times = found.flatMap(({ litellm_call_id, at }) => (litellm_call_id === 'same' ? [at] : []));
  expect(times).toHaveLength(200);
  expect(Math.min(...times)).toBe(1000);
});
