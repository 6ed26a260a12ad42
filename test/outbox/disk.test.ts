import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { OutboxError } from '../../src/outbox/contract.ts';
import { mount } from '../support/mount.ts';
import { entry, MB, named, openStore, payloadOf, type TestStore, temporaryFolder } from '../support/store.ts';

const unavailable = { name: 'OutboxError', kind: 'unavailable' };
const large = (n: number | string) => entry(n, { payload: payloadOf(n, 20_000) });

async function cannotBeUsed(store: TestStore): Promise<void> {
  await expect(store.accept([entry('refused')])).rejects.toMatchObject(unavailable);
  await expect(store.all()).rejects.toMatchObject(unavailable);
  await expect(store.ack([])).rejects.toMatchObject(unavailable);
  await expect(store.stats()).rejects.toMatchObject(unavailable);
  await expect(store.maintain()).rejects.toMatchObject(unavailable);
  expect(store.unavailable).toEqual([expect.stringMatching(/^(?:E|SQLITE_)[A-Z_]+$/)]);
}

test('with a file as DATA_DIR nothing is stored until it is a folder', async () => {
  const dir = join(temporaryFolder(), 'data');
  fs.writeFileSync(dir, 'plum cake');
  const store = openStore({ dir });
  await cannotBeUsed(store);
  expect(fs.readFileSync(dir, 'utf8')).toBe('plum cake');
  fs.rmSync(dir);
  expect(await store.acceptOne(entry(1))).toBe('new');
  expect(store.unavailable.at(-1)).toBeUndefined();
});

test.each([
  ['below a file', () => join(import.meta.filename, 'data')],
  ['below /proc', () => '/proc/outbox/data'],
  ['with a name too long', () => join(temporaryFolder(), 'x'.repeat(300))],
  ['with a zero in its name', () => join(temporaryFolder(), 'a\0b')],
])('nothing is stored while DATA_DIR cannot be created: %s', async (_, dir) => {
  await cannotBeUsed(openStore({ dir: dir() }));
});

test('a folder that cannot be used is not tried again at once', async () => {
  const dir = join(temporaryFolder(), 'data');
  fs.writeFileSync(dir, '');
  const store = openStore({ dir, reopenMs: 3_600_000 });
  await cannotBeUsed(store);
  fs.rmSync(dir);
  await cannotBeUsed(store);
});

test('in a read-only folder nothing is stored until it can be written, and its records are kept', async (context) => {
  const dir = temporaryFolder();
  mount(context, dir, 'size=4m');
  const before = openStore({ dir });
  await before.accept([entry(1), entry(2)]);
  await before.close();
  const remount = (how: string) => expect(spawnSync('mount', ['-o', `remount,${how}`, dir]).status).toBe(0);
  remount('ro');
  const store = openStore({ dir });
  await cannotBeUsed(store);
  remount('rw');
  expect(await store.acceptOne(entry(3))).toBe('new');
  expect(named(await store.all())).toEqual(['1', '2', '3']);
  expect(store.damages).toEqual([]);
});

/** Accepts until nothing more can be stored; what was acknowledged, and the last refusal. */
async function fill(store: TestStore, prefix = 'n'): Promise<{ acknowledged: string[]; refusal: unknown }> {
  const acknowledged: string[] = [];
  let refusal: unknown;
  for (let n = 0, refused = 0; n < 5000 && refused < 3; n++) {
    try {
      await store.accept([large(`${prefix}${n}`)]);
      acknowledged.push(`${prefix}${n}`);
    } catch (error) {
      refusal = error;
      refused++;
    }
  }
  return { acknowledged, refusal };
}

test('on a full disk nothing acknowledged is lost, and storing goes on when there is space', async (context) => {
  const dir = temporaryFolder();
  mount(context, dir, 'size=6m');
  const ballast = join(dir, 'ballast');
  fs.writeFileSync(ballast, new Uint8Array(3 * MB));
  const store = openStore({ dir });
  const { acknowledged, refusal } = await fill(store);
  expect(acknowledged.length).toBeGreaterThan(20);
  expect(refusal).toMatchObject({ name: 'OutboxError', kind: 'full' });
  expect(store.unavailable).toEqual(['SQLITE_FULL']);
  expect(named(await store.all())).toEqual(acknowledged);

  fs.rmSync(ballast);
  const { acknowledged: more } = await fill(store, 'more');
  expect(store.unavailable.slice(0, 2)).toEqual(['SQLITE_FULL', undefined]);
  expect(more.length).toBeGreaterThan(20);
  expect(named(await store.all())).toEqual([...acknowledged, ...more]);
  await store.close();
  expect(store.damages).toEqual([]);
});

test('a start on a full disk hands out its records, and storing goes on when there is space', async (context) => {
  const dir = temporaryFolder();
  mount(context, dir, 'size=6m');
  const before = openStore({ dir });
  await before.accept([large(1), large(2)]);
  await before.close();
  const ballast = join(dir, 'ballast');
  fs.writeFileSync(ballast, '');
  try {
    for (;;) fs.appendFileSync(ballast, new Uint8Array(4096));
  } catch {
    // now it is full
  }
  const store = openStore({ dir });
  await expect(store.accept([large(3)])).rejects.toBeInstanceOf(OutboxError);
  await store.all().catch((error) => expect(error).toBeInstanceOf(OutboxError));
  fs.rmSync(ballast);
  expect(await store.acceptOne(large(4))).toBe('new');
  expect(named(await store.all())).toEqual(['1', '2', '4']);
  expect(store.damages).toEqual([]);
});

test('a first start on a full disk leaves nothing behind that looks like damage', async (context) => {
  const dir = temporaryFolder();
  mount(context, dir, 'size=1m');
  const ballast = join(dir, 'ballast');
  try {
    fs.writeFileSync(ballast, new Uint8Array(2 * MB));
  } catch {
    // now it is full
  }
  const store = openStore({ dir });
  for (let n = 0; n < 3; n++) await expect(store.accept([large(n)])).rejects.toBeInstanceOf(OutboxError);
  fs.rmSync(ballast);
  expect(await store.acceptOne(large(4))).toBe('new');
  expect(store.damages).toEqual([]);
});

test('a damaged outbox on a full disk stays as it is until there is space to save it', async (context) => {
  const dir = temporaryFolder();
  mount(context, dir, 'size=6m');
  const before = openStore({ dir });
  const { length } = await before.accept(Array.from({ length: 100 }, (_, n) => large(n)));
  await before.close();
  const db = join(dir, 'outbox.db');
  fs.truncateSync(db, fs.statSync(db).size - 1);
  const ballast = join(dir, 'ballast');
  fs.writeFileSync(ballast, new Uint8Array(2.5 * MB));
  const store = openStore({ dir });
  for (let n = 0; n < 3; n++)
    await expect(store.accept([entry(`refused-${n}`)])).rejects.toMatchObject(unavailable);
  expect(store.unavailable).toEqual(['SQLITE_FULL']);
  fs.rmSync(ballast);
  expect(await store.acceptOne(entry('new'))).toBe('new');
  expect(store.damages).toMatchObject([{ reason: 'SQLITE_CORRUPT' }]);
  expect((await store.all()).length).toBeGreaterThanOrEqual(length);
});

test('in a file that may not grow (ulimit -f) nothing acknowledged is lost', async () => {
  const dir = temporaryFolder();
  const source = join(import.meta.dirname, '..', '..', 'src', 'outbox', 'embedded-outbox.ts');
  const script = `
    import { EmbeddedOutbox } from ${JSON.stringify(source)};
    const events = { damaged() {}, unreadable() {}, expired() {}, crowded() {}, unavailable() {} };
    const store = new EmbeddedOutbox({ dir: ${JSON.stringify(dir)}, backends: ['akto'], maxBytes: 1e8, maxAgeMs: 1e9, reopenMs: 0, events });
    const stored = [], refused = [];
    for (let n = 0; n < 100; n++) {
      const entry = ${JSON.stringify(large('N'))};
      await store.accept([{ ...entry, callKey: 'call-' + n, payload: JSON.stringify({ n: String(n), text: entry.payload }) }])
        .then(() => stored.push(String(n)), (error) => refused.push(error.name + ' ' + error.kind));
    }
    console.log(JSON.stringify({ stored, refused }));`;
  // In blocks of 512 bytes or 1 KB, by shell
  const child = spawn(
    'sh',
    ['-c', 'ulimit -f 1000; exec "$0" --input-type=module -e "$1"', process.execPath, script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  const { stored, refused } = JSON.parse(output) as { stored: string[]; refused: string[] };
  expect(stored.length).toBeGreaterThan(10);
  expect(refused.length).toBeGreaterThan(10);
  expect(new Set(refused)).toEqual(new Set(['OutboxError unavailable']));
  const store = openStore({ dir });
  expect(named(await store.all())).toEqual(stored);
  expect(await store.acceptOne(entry('new'))).toBe('new');
});
