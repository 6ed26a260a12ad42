import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { entry, MB, NOON, named, openStore, payloadOf, temporaryFolder } from '../support/store.ts';

const except = new Set<number>();
const full = { name: 'OutboxError', kind: 'full' };
const unavailable = { name: 'OutboxError', kind: 'unavailable' };
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

test('a record is due as it was stored, until it is delivered', async () => {
  const store = openStore();
  const payload = '{"outcome":"success","n":"ünï 🍰 \\u0000 \\ud800"}';
  expect(await store.accept([entry(1, { payload }), entry(2)])).toEqual(['new', 'new']);
  const [first, second] = await store.all();
  expect(first).toEqual({
    ...{ id: 1, recordId: expect.stringMatching(/^[0-9a-f]{32}$/), acceptedAt: NOON, attempts: 0, payload },
  });
  await store.ack([{ kind: 'delivered', backend: 'akto', ids: [1] }]);
  expect(await store.all()).toEqual([second]);
  await store.ack([{ kind: 'delivered', backend: 'akto', ids: [2, 2, 1, 77] }]);
  expect(await store.all()).toEqual([]);
});

test('a record has the same id for the same event in every store, and another one for another event', async () => {
  const [a, b] = [openStore(), openStore()];
  await a.accept([
    entry(1),
    entry(2),
    entry(1, { outcome: 'failure', startedAt: NOON - 900_000, endedAt: NOON - 800_000 }),
  ]);
  b.time = 5000;
  await b.accept([entry(2, { payload: '{"n":"redacted"}' }), entry(1)]);
  const ids = async (store: typeof a) => (await store.all()).map(({ recordId }) => recordId);
  const [one, two, failed] = await ids(a);
  expect(await ids(b)).toEqual([two, one]);
  expect(new Set([one, two, failed]).size).toBe(3);
});

test('due records come oldest first, bounded by number and bytes, but at least one', async () => {
  const store = openStore();
  await store.accept(numbers(10).map((n) => entry(n, { payload: payloadOf(n, 1000) })));
  const due = async (records: number, bytes: number, without: readonly number[] = []) =>
    named(await store.due('akto', { records, bytes, except: new Set(without) }));
  expect(await due(3, MB)).toEqual(['0', '1', '2']);
  expect(await due(10, 3999)).toEqual(['0', '1', '2']);
  expect(await due(10, 4000)).toEqual(['0', '1', '2', '3']);
  expect(await due(10, 1)).toEqual(['0']);
  expect(await due(3, MB, [1, 2, 4])).toEqual(['2', '4', '5']);
});

test('backends are independent of each other', async () => {
  const store = openStore();
  await store.accept([
    entry(1, { backends: ['akto', 'capsule'] }),
    entry(2, { backends: ['capsule'] }),
    entry(3),
  ]);
  expect(named(await store.all('akto'))).toEqual(['1', '3']);
  expect(named(await store.all('capsule'))).toEqual(['1', '2']);
  await store.ack([
    { kind: 'delivered', backend: 'akto', ids: [1] },
    { kind: 'dead', backend: 'capsule', ids: [2], reason: 'http_400' },
  ]);
  expect(named(await store.all('akto'))).toEqual(['3']);
  expect(named(await store.all('capsule'))).toEqual(['1']);
  expect(await store.all('unheard of')).toEqual([]);
});

test('an event that no backend wants is remembered and not kept', async () => {
  const store = openStore();
  expect(await store.acceptOne(entry(1, { backends: [] }))).toBe('new');
  expect(await store.acceptOne(entry(1, { backends: [] }))).toBe('duplicate');
  expect((await store.stats()).backends.akto).toEqual({ records: 0, dead: 0, oldestAt: undefined });
});

test('a retry waits for its time and counts its attempts', async () => {
  const store = openStore();
  await store.accept([entry(1), entry(2)]);
  for (const attempts of [1, 2, 3]) {
    const dueAt = NOON + store.time + 1000;
    await store.ack([{ kind: 'retry', backend: 'akto', ids: [1], dueAt }]);
    expect(named(await store.all())).toEqual(['2']);
    store.time += 999;
    expect(named(await store.all())).toEqual(['2']);
    store.time += 1;
    expect(await store.all()).toMatchObject([
      { id: 1, attempts },
      { id: 2, attempts: 0 },
    ]);
  }
});

test('a failure is due after its grace, and gives way to a success within it', async () => {
  const store = openStore();
  const failed = (n: number) => entry(n, { outcome: 'failure', eventKey: 'failed', holdMs: 30_000 });
  await store.accept([failed(1), failed(2)]);
  store.time = 29_999;
  expect(await store.all()).toEqual([]);
  expect(await store.acceptOne(entry(1))).toBe('new');
  expect(named(await store.all())).toEqual(['1']);
  store.time = 30_000;
  expect(await store.all()).toMatchObject([{ id: 2 }, { id: 3 }]);
  expect(await store.acceptOne(entry(2))).toBe('late');
  expect(await store.acceptOne(failed(1))).toBe('attempt');
  expect((await store.all()).map(({ id }) => id)).toEqual([2, 3, 4]);
});

test('a failure that a backend may have is never taken away, though the clock is set back', async () => {
  const store = openStore();
  await store.acceptOne(entry(1, { outcome: 'failure', holdMs: 30_000 }));
  store.time = 30_000;
  expect(await store.all()).toHaveLength(1);
  store.time = 0;
  await store.acceptOne(entry(1));
  await store.all();
  expect(store.unreadable).toEqual([]);
});

test('a block takes the place of a success that waits, and absorbs its repetitions', async () => {
  const store = openStore();
  const success = entry(1, { holdMs: 7000 });
  const block = entry(1, {
    outcome: 'blocked',
    eventKey: 'response|words',
    endedAt: NOON + 3000,
    ref: 'a1',
    payload: '{"n":"block"}',
  });
  expect(await store.acceptOne(success)).toBe('new');
  expect(await store.accept([block, block, success, success])).toEqual([
    'new',
    'duplicate',
    'blocked',
    'duplicate',
  ]);
  store.time = 8000;
  expect(named(await store.all())).toEqual(['block']);
});

test('the entries of one accept know of each other', async () => {
  const store = openStore();
  const failed = entry(1, { outcome: 'failure', eventKey: 'failed', holdMs: 30_000 });
  expect(await store.accept([entry(1), entry(1), failed, entry(2)])).toEqual([
    'new',
    'duplicate',
    'attempt',
    'new',
  ]);
});

test('a restart keeps due, waiting and dead records, and the memory of events', async () => {
  const dir = temporaryFolder();
  const before = openStore({ dir });
  await before.accept(
    [...numbers(5).map((n) => entry(n)), entry(9, { outcome: 'failure', holdMs: 30_000 })],
    [{ reason: 'not_json', payload: '{"chars":3}' }],
  );
  await before.ack([
    { kind: 'delivered', backend: 'akto', ids: [1] },
    { kind: 'retry', backend: 'akto', ids: [2], dueAt: NOON + 60_000 },
    { kind: 'dead', backend: 'akto', ids: [3], reason: 'http_422' },
  ]);
  await before.appendNotes(Buffer.from('a note'));
  const due = await before.all();
  await before.close();

  const after = openStore({ dir });
  expect(await after.all()).toEqual(due);
  expect(named(due)).toEqual(['3', '4']);
  expect((await after.stats()).backends).toEqual({
    akto: { records: 4, dead: 1, oldestAt: NOON },
    capsule: { records: 0, dead: 0, oldestAt: undefined },
    intake: { records: 0, dead: 1, oldestAt: undefined },
  });
  expect(await after.accept(numbers(5).map((n) => entry(n)))).toEqual(Array(5).fill('duplicate'));
  expect([...(await after.known(['call-0', 'call-9', 'call-77'])).keys()]).toEqual(['call-0', 'call-9']);
  expect((await after.notes()).map((chunk) => Buffer.from(chunk).toString())).toEqual(['a note']);
  after.time = 60_000;
  expect(await after.all()).toMatchObject([{ id: 2, attempts: 1 }, { id: 4 }, { id: 5 }, { id: 6 }]);
  expect(after.damages).toEqual([]);
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

test('old records are given up and counted for each backend, dead letters and bad rows too', async () => {
  const store = openStore({ maxAgeMs: 1000, historyMs: 5000 });
  await store.accept(
    [entry(1, { backends: ['akto', 'capsule'] }), entry(2), entry(3, { outcome: 'failure', holdMs: 90_000 })],
    [{ reason: 'not_json', payload: '{}' }],
  );
  await store.ack([{ kind: 'dead', backend: 'akto', ids: [2], reason: 'http_400' }]);
  store.time = 1000;
  await store.maintain();
  expect(store.expired).toEqual([]);
  await store.acceptOne(entry(4));
  store.time = 1001;
  await store.maintain();
  expect(store.expired.toSorted()).toEqual([
    ['akto', 3],
    ['capsule', 1],
    ['intake', 1],
  ]);
  expect(named(await store.all())).toEqual(['4']);
  expect(await store.acceptOne(entry(1))).toBe('duplicate');
  store.time = 5001;
  await store.maintain();
  expect([...(await store.known(['call-1', 'call-2', 'call-4'])).keys()]).toEqual(['call-4']);
});

test('a full outbox refuses all but blocked calls, and takes records again when some were delivered', async () => {
  const store = openStore({ maxBytes: 2 * MB });
  const large = (n: number | string) => entry(n, { payload: payloadOf(n, 50_000) });
  let stored = 0;
  for (; stored < 100; stored++) {
    const error = await store.accept([large(stored)]).catch((reason: unknown) => reason);
    if (error instanceof Error) {
      expect(error).toMatchObject(full);
      break;
    }
  }
  expect(stored).toBeGreaterThan(30);
  expect(stored).toBeLessThan(42);
  await expect(
    store.accept([entry('refused')], [{ reason: 'x', payload: payloadOf(1, 80_000) }]),
  ).rejects.toMatchObject(full);
  expect([...(await store.known(['call-refused'])).keys()]).toEqual([]);

  const block = (n: number | string) => entry(n, { ...large(n), outcome: 'blocked', eventKey: `turn-${n}` });
  expect(await store.accept([block('b1')])).toEqual(['new']);
  const blocks = await Promise.allSettled(numbers(10).map((n) => store.accept([block(`more-${n}`)])));
  const kept = blocks.filter(({ status }) => status === 'fulfilled').length;
  expect(kept).toBeLessThan(5);
  const { usedBytes, maxBytes } = await store.stats();
  expect(usedBytes).toBeLessThanOrEqual(maxBytes * 1.01);

  const due = await store.due('akto', { records: 20, bytes: 10 * MB, except });
  await store.ack([{ kind: 'delivered', backend: 'akto', ids: due.map(({ id }) => id) }]);
  expect(await store.accept(numbers(15).map((n) => large(`again-${n}`)))).toEqual(Array(15).fill('new'));
  expect(await store.all()).toHaveLength(stored + 1 + kept - 20 + 15);
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

test('one accept is stored as a whole or not at all', async () => {
  const store = openStore();
  await expect(store.accept([entry(1), entry(2, { startedAt: 0.5 }), entry(3)])).rejects.toThrow();
  expect(await store.all()).toEqual([]);
  expect(await store.accept([entry(1), entry(3)])).toEqual(['new', 'new']);
});

test.each([
  ['too large for its bound', () => entry('bad', { payload: payloadOf('bad', 3 * MB) }), full],
  ['without a time', () => entry('bad', { startedAt: Number.NaN }), {}],
  ['at a time beyond all numbers', () => entry('bad', { startedAt: 1e303, endedAt: 1e303 }), {}],
  ['of an unheard-of outcome', () => entry('bad', { outcome: null as never }), {}],
])('one bad job does not fail the others of its turn: an entry %s', async (_, bad, error) => {
  const store = openStore({ maxBytes: 2 * MB });
  const results = await Promise.allSettled([
    store.accept([entry(1)]),
    store.accept([bad()]),
    store.accept([entry(2)]),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(results[1]).toMatchObject({ reason: error });
  expect(named(await store.all())).toEqual(['1', '2']);
  expect(store.unavailable).toEqual([]);
});

test('a dead letter is delivered no more, and a bad row is one of the intake', async () => {
  const store = openStore();
  expect(await store.accept([], [{ reason: 'not_json', payload: '{"chars":3}' }])).toEqual([]);
  await store.acceptOne(entry(1));
  await store.ack([{ kind: 'dead', backend: 'akto', ids: [2], reason: 'http_400' }]);
  expect(await store.all()).toEqual([]);
  expect(await store.all('intake')).toEqual([]);
  const { backends } = await store.stats();
  expect(backends).toMatchObject({ akto: { records: 0, dead: 1 }, intake: { records: 0, dead: 1 } });
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

test('the stats tell number, size and age of the records', async () => {
  const store = openStore({ maxBytes: 10 * MB });
  await store.acceptOne(entry(1, { outcome: 'failure', holdMs: 30_000 }));
  store.time = 5000;
  await store.acceptOne(entry(2, { backends: ['akto', 'capsule'] }));
  const { usedBytes, maxBytes, backends } = await store.stats();
  expect(backends).toEqual({
    akto: { records: 2, dead: 0, oldestAt: NOON },
    capsule: { records: 1, dead: 0, oldestAt: NOON + 5000 },
  });
  expect(maxBytes).toBe(10 * MB);
  expect(usedBytes).toBeGreaterThan(0);
  await store.ack([{ kind: 'delivered', backend: 'capsule', ids: [2] }]);
  await expect
    .poll(async () => (await store.stats()).backends.capsule)
    .toEqual({ records: 0, dead: 0, oldestAt: undefined });
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

test('closing stores the jobs that have begun, and then frees the folder for good', async () => {
  const store = openStore();
  await store.acceptOne(entry(0));
  const begun = store.accept([entry(1)]);
  await store.close();
  expect(await begun).toEqual(['new']);
  await expect(store.accept([entry(2)])).rejects.toMatchObject(unavailable);
  await expect(store.all()).rejects.toMatchObject(unavailable);
  await store.close();
  const next = openStore({ dir: store.dir });
  expect(named(await next.all())).toEqual(['0', '1']);
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
