import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { entry, MB, NOON, named, openStore, payloadOf, temporaryFolder } from '../support/store.ts';
import { conforms } from './conformance.ts';

const unavailable = { name: 'OutboxError', kind: 'unavailable' };
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

conforms('the embedded outbox', {
  isShared: false,
  place() {
    const dir = temporaryFolder();
    return {
      open: (options) => openStore({ ...options, dir }),
      spoil(recordId) {
        const db = new DatabaseSync(join(dir, 'outbox.db'));
        db.prepare(
          'UPDATE payload SET checksum = checksum + 1 FROM record WHERE record.id = payload.id AND record_id = ?',
        ).run(recordId);
        db.close();
      },
    };
  },
});

test('acknowledged records survive the death of the process', async () => {
  const dir = temporaryFolder();
  const store = openStore({ dir });
  await store.accept(numbers(20).map((n) => entry(n)));
  // As the disk is at this moment
  const copy = temporaryFolder();
  const { cpSync } = await import('node:fs');
  for (const name of ['outbox.db', 'outbox.db-wal']) cpSync(join(dir, name), join(copy, name));
  expect(await openStore({ dir: copy }).all()).toHaveLength(20);
});

test('the memory of delivered calls gives way to records', async () => {
  const store = openStore({ maxBytes: MB });
  for (let round = 0; round < 30; round++) {
    await store.accept(numbers(300).map((n) => entry(`${round}-${n}`)));
    const ids = (await store.all()).map(({ id }) => id);
    expect(ids).toHaveLength(300);
    await store.ack([{ kind: 'delivered', backend: 'akto', ids }]);
    await store.maintain();
  }
  expect(await store.acceptOne(entry('29-299'))).toBe('duplicate');
  expect((await store.stats()).usedBytes).toBeLessThanOrEqual(MB);
});

test('all jobs of one turn are one commit, and each gets its own result', async () => {
  const store = openStore();
  await store.acceptOne(entry('first'));
  const wal = join(store.dir, 'outbox.db-wal');
  const before = statSync(wal).size;
  await store.acceptOne(entry('alone'));
  const alone = statSync(wal).size - before;
  const dispositions = await Promise.all(numbers(50).map((n) => store.accept([entry(n % 25)])));
  expect(dispositions.flat()).toEqual([...Array(25).fill('new'), ...Array(25).fill('duplicate')]);
  expect(statSync(wal).size - before - alone).toBeLessThan(alone * 5);
});

test('an entry that is too large for the bound does not fail the others of its turn', async () => {
  const store = openStore({ maxBytes: 2 * MB });
  const results = await Promise.allSettled([
    store.accept([entry(1)]),
    store.accept([entry('bad', { payload: payloadOf('bad', 3 * MB) })]),
    store.accept([entry(2)]),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[1]).toMatchObject({ reason: { name: 'OutboxError', kind: 'full' } });
  expect(named(await store.all())).toEqual(['1', '2']);
  expect(store.unavailable).toEqual([]);
});

test('a dead letter keeps its content and why it is one, and so does a row that could not be read', async () => {
  const store = openStore();
  await store.accept([], [{ reason: 'not_json', payload: '{"chars":3}' }]);
  await store.acceptOne(entry(1));
  await store.ack([{ kind: 'dead', backend: 'akto', ids: [2], reason: 'http_400' }]);
  await store.close();
  const db = new DatabaseSync(join(store.dir, 'outbox.db'), { readOnly: true });
  const dead = db.prepare('SELECT backend, reason, body FROM delivery JOIN payload ON id = record').all();
  db.close();
  expect(dead.map((row) => ({ ...row }))).toEqual([
    { backend: 'akto', reason: 'http_400', body: entry(1).payload },
    { backend: 'intake', reason: 'not_json', body: '{"chars":3}' },
  ]);
});

test('notes come back oldest first, the last of them up to a bound', async () => {
  const store = openStore();
  for (const n of numbers(40)) await store.appendNotes(Buffer.alloc(MB, n));
  await store.maintain();
  const notes = (await store.notes()).map(([n]) => n);
  expect(notes).toEqual(numbers(40).slice(-notes.length));
  expect(notes.length).toBeGreaterThan(10);
  expect(notes.length).toBeLessThan(20);
});

test('nobody else can read the files', async () => {
  const dir = join(temporaryFolder(), 'a', 'data');
  const store = openStore({ dir });
  await store.acceptOne(entry(1));
  const mode = (name: string) => statSync(join(dir, name)).mode & 0o777;
  expect(mode('.')).toBe(0o700);
  for (const name of readdirSync(dir).filter((one) => !one.startsWith('outbox.lock')))
    expect([name, mode(name)]).toEqual([name, 0o600]);
});

test('a call id that a client gives to all its calls costs no more with each of them', async () => {
  const store = openStore();
  const accept = async (from: number) => {
    const before = process.threadCpuUsage();
    const entries = numbers(500).map((n) => {
      const at = NOON + (from + n) * 100;
      return entry(from + n, { callKey: 'mine', startedAt: at, endedAt: at + 50 });
    });
    expect(new Set(await store.accept(entries))).toEqual(new Set(['new']));
    const { user, system } = process.threadCpuUsage(before);
    return user + system;
  };
  const times: number[] = [];
  for (let from = 0; from < 6000; from += 500) times.push(await accept(from));
  expect(times.at(-1)).toBeLessThan(10 * (times[0] as number));
  expect(await store.acceptOne(entry(5999, { callKey: 'mine', startedAt: NOON + 599_900 }))).toBe(
    'duplicate',
  );
});

test('a second bridge on the same folder stores nothing until the first is closed', async () => {
  const first = openStore();
  await first.acceptOne(entry(1));
  const second = openStore({ dir: first.dir });
  await expect(second.accept([entry(2)])).rejects.toMatchObject(unavailable);
  await expect(second.all()).rejects.toMatchObject(unavailable);
  expect(second.unavailable).toEqual(['SQLITE_BUSY']);
  expect(await first.acceptOne(entry(3))).toBe('new');
  await first.close();
  expect(await second.acceptOne(entry(4))).toBe('new');
  expect(named(await second.all())).toEqual(['1', '3', '4']);
  expect(second.unavailable).toEqual(['SQLITE_BUSY', undefined]);
});

test('a bridge in another process keeps the folder until it dies', async () => {
  const dir = temporaryFolder();
  const source = join(import.meta.dirname, '..', '..', 'src', 'outbox', 'embedded-outbox.ts');
  const script = `
    import { EmbeddedOutbox } from ${JSON.stringify(source)};
    const events = { damaged() {}, unreadable() {}, expired() {}, crowded() {}, unavailable() {} };
    const store = new EmbeddedOutbox({ dir: ${JSON.stringify(dir)}, backends: ['akto'], maxBytes: 1e8, maxAgeMs: 1e9, events });
    await store.accept([${JSON.stringify(entry('child'))}]);
    console.log('stored');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const store = openStore({ dir });
  await expect(store.accept([entry(2)])).rejects.toMatchObject(unavailable);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await store.acceptOne(entry(2))).toBe('new');
  expect(named(await store.all())).toEqual(['child', '2']);
});

test('a command that writes at the same time makes a commit fail at most, and the outbox goes on', async () => {
  const store = openStore();
  await store.acceptOne(entry(1));
  const command = new DatabaseSync(join(store.dir, 'outbox.db'), { timeout: 100 });
  onTestFinished(() => command.close());
  command.exec(`BEGIN IMMEDIATE; UPDATE delivery SET state = 2, reason = 'dropped'; COMMIT`);
  expect(await store.acceptOne(entry(2))).toBe('new');
  expect(named(await store.all())).toEqual(['2']);
});

test('a file that is deleted while open is replaced by a new one at the next commit', async () => {
  const store = openStore();
  await store.acceptOne(entry(1));
  for (const name of readdirSync(store.dir).filter((one) => one.startsWith('outbox.db')))
    rmSync(join(store.dir, name));
  expect(await store.acceptOne(entry(2))).toBe('new');
  expect(existsSync(join(store.dir, 'outbox.db'))).toBe(true);
  rmSync(store.dir, { recursive: true });
  expect(await store.acceptOne(entry(3))).toBe('new');
  await store.close();
  expect(named(await openStore({ dir: store.dir }).all())).toEqual(['3']);
});

test('the newest ten thousand unreadable rows are kept, and all records that can be delivered', async () => {
  const store = openStore();
  await store.acceptOne(entry(1));
  await store.accept(
    [],
    numbers(10_500).map((n) => ({ reason: 'is not JSON', payload: `"${n}"` })),
  );
  await store.maintain();
  expect((await store.stats()).backends.intake?.dead).toBe(10_000);
  expect(store.expired).toEqual([['intake', 500]]);
  expect(named(await store.all())).toEqual(['1']);
});

test('where undelivered records need the room, what came long ago is forgotten, and not what came just now', async () => {
  const store = openStore({ maxBytes: MB });
  await store.acceptOne(entry('old', { backends: [] }));
  store.time = 16 * 60_000;
  await store.accept([
    entry('new', { backends: [] }),
    entry('large', { payload: payloadOf('large', 0.7 * MB) }),
  ]);
  await store.maintain();
  expect(await store.acceptOne(entry('new'))).toBe('duplicate');
  expect(await store.acceptOne(entry('old'))).toBe('new');
});
