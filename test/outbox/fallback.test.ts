import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Entry } from '../../src/outbox/contract.ts';
import { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import { type DatabaseEvents, FallbackOutbox } from '../../src/outbox/fallback-outbox.ts';
import { Handover } from '../../src/outbox/handover.ts';
import {
  DAY_MS,
  entry,
  MB,
  NO_EVENTS,
  named,
  openStore,
  payloadOf,
  temporaryFolder,
} from '../support/store.ts';

/*
 * An outbox in another folder stands for the one in the database: it cannot be used while somebody else has that folder open.
 */

const limit = { records: 100, bytes: MB, except: new Set<number>() };
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
const failed = (n: number) => entry(n, { outcome: 'failure', eventKey: 'failed' });

function openFallback({
  dir = temporaryFolder(),
  there = temporaryFolder(),
  maxBytes = 100 * MB,
  retryMs = 20,
  acceptMs = 0,
} = {}) {
  const told = {
    lost: [] as string[],
    back: [] as number[],
    handedOver: [] as string[],
    bugs: [] as unknown[],
  };
  const set = { maxAgeMs: 7 * DAY_MS, backends: ['akto', 'capsule'], events: NO_EVENTS, reopenMs: 0 };
  const events: DatabaseEvents = {
    failed() {},
    lost: (trouble) => told.lost.push(trouble),
    back: ({ deferred }) => told.back.push(deferred),
    handedOver: (results) => told.handedOver.push(...results),
    handoverEnded: () => {},
    bug: (error) => told.bugs.push(error),
  };
  const shared = new EmbeddedOutbox({ ...set, dir: there, maxBytes: 100 * MB });
  const { accept } = shared;
  if (acceptMs > 0) shared.accept = (...values) => wait(acceptMs).then(() => accept.apply(shared, values));
  const outbox = new FallbackOutbox({
    settleMs: 0,
    shared,
    local: new EmbeddedOutbox({ ...set, dir, maxBytes }),
    ...{ events, retryMs },
  });
  onTestFinished(() => outbox.close());
  return { outbox, told, dir, there };
}

type Bridge = ReturnType<typeof openFallback>;

/** The database is out of reach until the returned one is closed. */
async function takenFrom({ there }: Pick<Bridge, 'there'>) {
  const other = openStore({ dir: there });
  await other.stats();
  return other;
}

const handedOver = ({ told }: Bridge, results: readonly string[]) =>
  expect.poll(() => told.handedOver).toEqual(results);

test('what comes while the database is down waits here, and is handed over in order when it is back', async () => {
  const bridge = openFallback();
  const { outbox, told } = bridge;
  const other = await takenFrom(bridge);
  const bad = [{ reason: 'not_json', payload: '"x' }];
  expect(await outbox.accept([entry(1), failed(2)], bad)).toEqual(['deferred', 'deferred']);
  expect(await outbox.accept([entry(1), entry(3)])).toEqual(['duplicate', 'deferred']);
  await expect(outbox.due('akto', limit)).rejects.toMatchObject({ kind: 'unavailable' });
  expect((await outbox.stats()).fallback).toMatchObject({ records: 4, dead: 0 });
  expect(told).toMatchObject({ lost: ['other'], back: [], handedOver: [] });

  await other.close();
  await handedOver(bridge, ['new', 'new', 'bad', 'new']);
  expect(await outbox.accept([entry(4), entry(1)])).toEqual(['new', 'duplicate']);
  expect(named(await outbox.due('akto', limit))).toEqual(['1', '2', '3', '4']);
  // It counts now and then
  await expect.poll(async () => (await outbox.stats()).fallback).toMatchObject({ records: 0, dead: 0 });
  expect(told).toMatchObject({ lost: ['other'], back: [4], bugs: [] });
});

test('what the database has already is not doubled: it came another way, or its handover was cut off', async () => {
  const bridge = openFallback();
  const other = await takenFrom(bridge);
  await other.accept([entry(1), entry(2, { outcome: 'blocked', eventKey: 'response|words' })]);
  const entries = [entry(1), entry(2), failed(1), entry(3)];
  await bridge.outbox.accept(entries);
  // As the disk is when the process ends between the commit there and the removal here
  const copy = temporaryFolder();
  for (const name of ['outbox.db', 'outbox.db-wal']) cpSync(join(bridge.dir, name), join(copy, name));
  await other.close();
  await handedOver(bridge, ['duplicate', 'blocked', 'attempt', 'new']);
  await bridge.outbox.close();

  const again = openFallback({ dir: copy, there: bridge.there });
  await handedOver(again, ['duplicate', 'duplicate', 'attempt', 'duplicate']);
  expect(named(await again.outbox.due('akto', limit))).toEqual(['1', '2', '3']);
});

test('what waits is handed over after the next start, with its age', async () => {
  const first = openFallback();
  const other = await takenFrom(first);
  const before = Date.now();
  await first.outbox.accept(numbers(500).map((n) => entry(n)));
  await first.outbox.close();
  const after = Date.now();
  await other.close();

  const next = openFallback(first);
  await handedOver(next, Array(500).fill('new'));
  const due = await next.outbox.due('akto', { ...limit, records: 500 });
  expect(named(due)).toEqual(numbers(500).map(String));
  expect(due[0]?.acceptedAt).toBeGreaterThanOrEqual(before);
  expect(due[0]?.acceptedAt).toBeLessThanOrEqual(after);
});

test('what waits for a moment only is handed over before the end, and not after the next start', async () => {
  const bridge = openFallback({ retryMs: 60_000 });
  const other = await takenFrom(bridge);
  await bridge.outbox.accept([entry(1)]);
  await other.close();
  await bridge.outbox.close();
  expect(bridge.told.handedOver).toEqual(['new']);
});

test('a blocked call that the database takes slowly waits here meanwhile, and is not handed over once it is there', async () => {
  const { outbox, told } = openFallback({ acceptMs: 100, retryMs: 500 });
  const blocked = entry(1, { outcome: 'blocked', eventKey: 'response|words' });
  expect(await outbox.accept([blocked])).toEqual(['deferred']);
  expect((await outbox.stats()).fallback).toMatchObject({ records: 1 });
  await expect.poll(async () => (await outbox.stats()).fallback).toMatchObject({ records: 0, dead: 0 });
  expect(await outbox.accept([blocked])).toEqual(['deferred']);
  await wait(700);
  expect(named(await outbox.due('akto', limit))).toEqual(['1']);
  expect(told).toMatchObject({ lost: [], handedOver: [], bugs: [] });
});

test('an entry that the database cannot take is a dead letter here, and holds up no other', async () => {
  const bridge = openFallback();
  const other = await takenFrom(bridge);
  await bridge.outbox.accept([entry(1), entry('bad', { backends: [null as never] }), entry(2)]);
  await other.close();
  await handedOver(bridge, ['new', 'refused', 'new']);
  expect(named(await bridge.outbox.due('akto', limit))).toEqual(['1', '2']);
  await expect
    .poll(async () => (await bridge.outbox.stats()).fallback)
    .toMatchObject({ records: 0, dead: 1 });
});

test('records of the time before the database are delivered from here, ahead of the rest', async () => {
  const dir = temporaryFolder();
  const before = openStore({ dir });
  await before.accept([entry(1), entry(2), entry(3, { backends: ['capsule'] })]);
  await before.close();
  const { outbox } = openFallback({ dir });
  await outbox.accept([entry(4)]);
  expect((await outbox.stats()).backends).toMatchObject({ akto: { records: 3 }, capsule: { records: 1 } });
  const [one, two] = await outbox.due('akto', limit);
  const [a = 0, b = 0] = [one?.id, two?.id];
  expect(named([one, two].filter((due) => due !== undefined))).toEqual(['1', '2']);
  const [four] = await outbox.due('akto', { ...limit, except: new Set([a, b]) });
  expect(four?.payload).toContain('"4"');
  await outbox.ack([
    { kind: 'delivered', backend: 'akto', ids: [a, four?.id ?? 0] },
    { kind: 'retry', backend: 'akto', ids: [b], dueAt: Date.now() + 60_000 },
  ]);
  expect(await outbox.due('akto', limit)).toEqual([]);
  expect([...(await outbox.known(['call-1', 'call-4', 'call-5'])).keys()].toSorted()).toEqual([
    'call-1',
    'call-4',
  ]);
});

test('the bound of this machine holds, and a part of it is kept for blocked calls', async () => {
  const bridge = openFallback({ maxBytes: 2 * MB });
  await takenFrom(bridge);
  const large = (n: number, fields: Partial<Entry> = {}) =>
    entry(n, { payload: payloadOf(n, 100_000), ...fields });
  const fill = async (make: (n: number) => Entry) => {
    for (let n = 0; ; n++) {
      const error = await bridge.outbox.accept([make(n)]).catch((reason: unknown) => reason);
      if (!Array.isArray(error)) return { n, error };
    }
  };
  const { n, error } = await fill((one) => large(one));
  expect(error).toMatchObject({ name: 'OutboxError', kind: 'full' });
  expect(n).toBeGreaterThan(10);
  const blocked = (one: number) => large(one, { outcome: 'blocked', eventKey: 'response|words' });
  expect((await fill(blocked)).n).toBeGreaterThan(0);
});

test('notes wait here too, and go ahead of the entries', async () => {
  const bridge = openFallback();
  const { outbox } = bridge;
  const other = await takenFrom(bridge);
  const text = (chunks: readonly Uint8Array[]) => chunks.map((chunk) => Buffer.from(chunk).toString());
  for (const n of numbers(3)) await outbox.appendNotes(Buffer.from(`note ${n}`));
  expect(text(await outbox.notes())).toEqual(['note 0', 'note 1', 'note 2']);
  await outbox.accept([entry(1)]);
  await other.close();
  await handedOver(bridge, ['new']);
  await outbox.appendNotes(Buffer.from('note 3'));
  await outbox.close();
  expect(text(await openStore({ dir: bridge.dir }).notes())).toEqual([]);
  expect(text(await openStore({ dir: bridge.there }).notes())).toEqual(['note 0note 1note 2', 'note 3']);
});

test('notes that go on coming keep nothing from being handed over', async () => {
  const { outbox: waiting, dir, there, told } = openFallback({ retryMs: 60_000 });
  await takenFrom({ there });
  for (const n of numbers(250)) await waiting.appendNotes(Buffer.from(`note ${n}`));
  await waiting.accept([entry(1)]);
  await waiting.close();
  expect(told.handedOver).toEqual([]);

  const local = openStore({ dir });
  const shared = openStore();
  // Each append takes so long that ten others come meanwhile
  const appended: string[] = [];
  const appendNotes = async (chunk: Uint8Array) => {
    appended.push(Buffer.from(chunk).toString());
    for (const n of numbers(10)) await local.appendNotes(Buffer.from(`another ${n}`));
  };
  const accept = shared.accept.bind(shared);
  const handover = new Handover({
    local,
    shared: { accept, appendNotes },
    onTaken: (all) => told.handedOver.push(...all),
  });
  await handover.run();
  expect(told.handedOver).toEqual(['new']);
  expect(appended.join('')).toContain('note 249');
  expect(appended.length).toBeLessThan(10);
});

test('what waits in a file that was damaged waits on, and goes to no vendor', async () => {
  const dir = temporaryFolder();
  const before = openStore({ dir });
  await before.accept([entry('before')]);
  await before.close();
  const bridge = openFallback({ dir });
  const other = await takenFrom(bridge);
  await bridge.outbox.accept([entry(1)]);
  await bridge.outbox.close();
  const db = new DatabaseSync(join(bridge.dir, 'outbox.db'));
  db.exec('DELETE FROM delivery; DROP INDEX record_call');
  db.close();
  await other.close();

  const next = openFallback(bridge);
  await handedOver(next, ['new']);
  expect(named(await next.outbox.due('akto', limit))).toEqual(['before']);
});

test('nothing is lost of a database and a machine that cannot be used either: the sender is told', async () => {
  const dir = temporaryFolder();
  await openStore({ dir }).stats();
  const bridge = openFallback({ dir });
  await takenFrom(bridge);
  await expect(bridge.outbox.accept([entry(1)])).rejects.toMatchObject({
    name: 'OutboxError',
    kind: 'unavailable',
  });
  await expect(bridge.outbox.stats()).rejects.toMatchObject({ kind: 'unavailable' });
});
