import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import { VERSION } from '../../src/outbox/schema.ts';
import { runChild, startChild } from '../support/child.ts';
import { type CliOptions, runCli } from '../support/cli.ts';
import { entryOf, HOUR_MS, type StoredOutbox, settleAll, storedOutbox } from '../support/stored-outbox.ts';

let stored: StoredOutbox;
beforeEach(() => {
  stored = storedOutbox();
});
afterEach(() => stored.remove());

const T0 = 1_795_244_873_000;

/** Runs a command three hours after {@link T0}. */
function run(args: string, options: CliOptions = {}) {
  return runCli(['outbox', ...args.split(' ')], {
    env: { DATA_DIR: stored.dir, AKTO_API_KEY: 'hidden-and-alone', PORT: '9' },
    now: () => T0 + 3 * HOUR_MS,
    ...options,
  });
}

async function json(args: string) {
  const { err, out } = await run(`${args} --json`);
  expect(err).toBe('');
  return JSON.parse(out);
}

/** Changes the file by no means of ours. */
function change(sql: string): void {
  const db = new DatabaseSync(join(stored.dir, 'outbox.db'));
  db.exec(sql);
  db.close();
}

/** Two records for both backends, one of them dead for Akto; one held; and a row nobody can read. */
async function filled(): Promise<EmbeddedOutbox> {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('call-a')]);
  await settleAll(outbox, 'akto', 'dead', { reason: 'HTTP 400:\u001b[2J no\nplums' });
  await settleAll(outbox, 'capsule', 'retry', { dueAt: T0 + 3 * HOUR_MS + 12_000 });
  await outbox.accept(
    [entryOf('call-b'), entryOf('call-c', { outcome: 'failure', holdMs: 4 * HOUR_MS, backends: ['akto'] })],
    [{ reason: 'not JSON', payload: '{"plum' }],
  );
  return outbox;
}

test('status tells which backend refuses our token, as the bridge that runs says', async () => {
  await filled();
  const ready = { status: 'degraded', unhappy: ['outbox'], outbox: { held: ['akto'] } };
  const bridge = createServer((_, response) => void response.end(JSON.stringify(ready))).listen(
    0,
    '127.0.0.1',
  );
  await once(bridge, 'listening');
  const { port } = bridge.address() as AddressInfo;
  const env = { DATA_DIR: stored.dir, PORT: String(port) };
  expect((await run('status', { env })).out).toContain(
    '\nakto refuses our token: its records wait until it takes it; ',
  );
  expect(JSON.parse((await run('status --json', { env })).out)).toMatchObject({ held: ['akto'] });
  bridge.close();
  await once(bridge, 'close');
  // Nobody says it: nothing is said
  expect(JSON.parse((await run('status --json', { env })).out)).not.toHaveProperty('held');
});

test('status lists each backend, and says what to do about dead letters', async () => {
  const outbox = await filled();
  const { code, out } = await run('status');
  expect(code).toBe(0);
  const [first = '', ...lines] = out.split('\n');
  expect(first).toMatch(/^outbox in .*: \d+\.\d KB in use, a bridge is running on it$/);
  expect(lines).toEqual([
    '',
    'backend  due  waiting  oldest  dead  oldest dead',
    'akto       1        1      3h     1           3h',
    'capsule    1        1      3h     0            -',
    'intake     0        0       -     1           3h',
    '',
    'Dead letters are not tried again by themselves: see npm start --silent -- outbox list --dead',
    '',
  ]);
  await outbox.close();
  const stopped = await run('status');
  expect(stopped.out).toContain('no bridge is running on it');
  expect(stopped.out).toContain('goes out when the bridge starts');
});

test('status --json has stable keys', async () => {
  await filled();
  expect(await json('status')).toEqual({
    ...{ data_dir: stored.dir, bridge_running: true, used_bytes: expect.any(Number) },
    backends: [
      { backend: 'akto', due: 1, waiting: 1, dead: 1, oldest_seconds: 10_800, oldest_dead_seconds: 10_800 },
      { backend: 'capsule', due: 1, waiting: 1, dead: 0, oldest_seconds: 10_800, oldest_dead_seconds: null },
      { backend: 'intake', due: 0, waiting: 0, dead: 1, oldest_seconds: null, oldest_dead_seconds: 10_800 },
    ],
  });
});

test('status and list say that nothing waits in an empty outbox, and export writes nothing', async () => {
  await stored.open(T0).accept([]);
  expect((await run('status')).out).toContain('nothing waits, and there are no dead letters');
  expect((await run('list')).out).toBe('nothing waits, and there are no dead letters\n');
  expect((await run('list --dead')).out).toBe('no dead letters\n');
  expect(await run('export')).toMatchObject({ code: 0, out: '' });
});

test('list is a table, oldest first, and escapes control characters in reasons and call ids', async () => {
  await filled();
  const { out } = await run('list');
  expect(out.replace(/[0-9a-f]{12}/g, 'abcdefabcdef').split('\n')).toEqual([
    'id  record_id     backend  outcome  litellm_call_id  age  attempts  state      reason',
    ' 1  abcdefabcdef  akto     success  call-a            3h         0  dead       HTTP 400: [2J no plums',
    ' 1  abcdefabcdef  capsule  success  call-a            3h         1  waits 12s',
    ' 2  abcdefabcdef  akto     success  call-b            3h         0  due',
    ' 2  abcdefabcdef  capsule  success  call-b            3h         0  due',
    ' 3  abcdefabcdef  akto     failure  call-c            3h         0  waits 1h',
    ' 4  -             intake   intake   -                 3h         0  dead       not JSON',
    '',
  ]);
});

test.each([
  { args: '--dead', ids: [1, 4], total: 2 },
  { args: '--backend akto', ids: [1, 2, 3], total: 3 },
  { args: '--backend akto --dead', ids: [1], total: 1 },
  { args: '--limit 3', ids: [1, 1, 2], total: 6 },
  { args: '--limit=1', ids: [1], total: 6 },
])('list $args --json', async ({ args, ids, total }) => {
  await filled();
  const listed = await json(`list ${args}`);
  expect(listed.total).toBe(total);
  expect(listed.deliveries.map(({ id }: { id: number }) => id)).toEqual(ids);
  if (ids.length < total) expect((await run(`list ${args}`)).out).toContain(`\n${ids.length} of ${total}; `);
});

test('a delivery in JSON has every fact about it', async () => {
  await filled();
  const { deliveries } = await json('list');
  const accepted_at = new Date(T0).toISOString();
  const record_id = expect.stringMatching(/^[0-9a-f]{32}$/);
  const about = { id: 1, record_id, outcome: 'success', litellm_call_id: 'call-a', accepted_at };
  expect(deliveries[0]).toEqual({
    ...about,
    ...{ backend: 'akto', state: 'dead', due_at: null, attempts: 0, reason: 'HTTP 400:\u001b[2J no\nplums' },
  });
  const due_at = new Date(T0 + 3 * HOUR_MS + 12_000).toISOString();
  expect(deliveries[1]).toEqual({
    ...about,
    ...{ backend: 'capsule', state: 'waiting', due_at, attempts: 1, reason: null },
  });
  expect(deliveries[5]).toMatchObject({ backend: 'intake', record_id: null, litellm_call_id: null });
});

test('show prints a record with its deliveries, by id or by the first digits of its record_id', async () => {
  await filled();
  const { code, out } = await run('show 1');
  expect(code).toBe(0);
  expect(out).toMatch(/^\{\n {2}"id": 1,\n/);
  const shown = JSON.parse(out);
  expect(shown).toMatchObject({
    ...{ outcome: 'success', litellm_call_id: 'call-a', damaged: false },
    record: { event: { id: 'call-a', messages: 'plum cake' } },
    deliveries: [
      { backend: 'akto', state: 'dead' },
      { backend: 'capsule', state: 'waiting' },
    ],
  });
  const digits = `a${shown.record_id}`.slice(1, 13).toUpperCase();
  expect((await run(`show ${digits} --json`)).out).toBe(
    `${JSON.stringify(shown)}\n`.replaceAll('\u001b', '\\u001b'),
  );
});

test('show tells the text of a row that could not be read', async () => {
  await filled();
  expect(await json('show 4')).toMatchObject({ record: '{"plum', deliveries: [{ reason: 'not JSON' }] });
});

test('show says if a record is delivered, and if it is damaged', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('a', { backends: ['akto'] }), entryOf('b', { backends: ['akto'] })]);
  await settleAll(outbox, 'akto', 'delivered', { records: 1 });
  expect(await json('show 1')).toMatchObject({ record: null, deliveries: [], damaged: false });
  expect(await json('show 2')).toMatchObject({ record: { event: { id: 'b' } }, damaged: false });
  change("UPDATE payload SET body = replace(body, 'plum', 'pear')");
  expect(await json('show 2')).toMatchObject({ record: { event: { messages: 'pear cake' } }, damaged: true });
});

test('retry puts dead letters and waiting records back, and leaves those that may still change', async () => {
  const outbox = await filled();
  const { code, out } = await run('retry --all');
  expect(code).toBe(0);
  expect(out.split('\n')).toEqual([
    '2 deliveries put back: the running bridge takes up what is due',
    '2 due already',
    '1 not touched: the call may still go on, and another event take the place',
    '1 of intake cannot be retried: the rows could not be read (see outbox show)',
    '',
  ]);
  const { deliveries } = await json('list');
  expect(deliveries.map(({ state }: { state: string }) => state)).toEqual([
    ...['due', 'due', 'due', 'due', 'waiting', 'dead'],
  ]);
  // Still one record of that call: its success takes the place
  expect(await outbox.accept([entryOf('call-c', { eventKey: 'success' })])).toEqual(['new']);
  expect((await json('list --backend akto')).total).toBe(3);
});

test('retry of ids puts these back alone', async () => {
  const outbox = await filled();
  await outbox.close();
  expect((await run('retry 1 --backend akto')).out).toBe(
    '1 delivery put back: what is due goes out when the bridge starts\n',
  );
  expect(await json('retry 1 1')).toEqual({
    ...{ retried: 1, already_due: 1, held: 0, intake: 0, bridge_running: false },
  });
});

test('retry of an unreadable row does nothing, and says so', async () => {
  await filled();
  const { code, out } = await run('retry 4');
  expect(code).toBe(1);
  expect(out).toMatch(/^nothing was put back\n1 of intake cannot be retried/);
});

test.each([
  { name: 'a terminal', isTTY: true, progress: /^\r\d+ put back(?:\r\d+ put back)+\r +\r$/ },
  { name: 'a log', isTTY: false, progress: /^\d+ put back\n$/ },
])('retry works through several pages, and shows its progress to $name', async ({ isTTY, progress }) => {
  const outbox = stored.open(T0);
  await outbox.accept(Array.from({ length: 1201 }, (_, i) => entryOf(`call-${i}`)));
  await settleAll(outbox, 'akto', 'dead', { records: 2000 });
  const { out, err } = await run('retry --all --json', { isTTY });
  expect(JSON.parse(out)).toMatchObject({ retried: 1201, already_due: 1201 });
  expect(err).toMatch(progress);
  expect((await json('list --dead')).total).toBe(0);
});

test('drop asks for --yes before it drops many', async () => {
  await filled();
  expect(await run('drop --dead')).toMatchObject({
    code: 2,
    err: 'guardrail-bridge: this would drop 2 dead letters for good; add --yes; see guardrail-bridge outbox drop --help\n',
  });
  expect(await run('drop --all --backend akto')).toMatchObject({
    code: 2,
    err: 'guardrail-bridge: this would drop 3 deliveries for good; add --yes; see guardrail-bridge outbox drop --help\n',
  });
  expect((await json('list')).total).toBe(6);
  expect(await run('drop --dead --yes')).toMatchObject({ code: 0, out: '2 deliveries dropped\n' });
  expect(await json('drop --all --backend capsule --yes')).toEqual({ dropped: 2 });
  expect(await json('drop 2')).toEqual({ dropped: 1 });
  expect((await run('drop 3 --dead')).out).toBe('0 deliveries dropped\n');
  expect((await json('list')).deliveries).toMatchObject([{ id: 3 }]);
});

test('a call whose waiting record was dropped is on record when it succeeds', async () => {
  const outbox = await filled();
  await run('drop 3');
  expect(await outbox.accept([entryOf('call-c', { eventKey: 'success' })])).toEqual(['late']);
});

test('export writes a line for each record, with all its deliveries', async () => {
  await filled();
  const { code, out } = await run('export');
  expect(code).toBe(0);
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ id, deliveries }) => [id, deliveries.length])).toEqual([
    [1, 2],
    [2, 2],
    [3, 1],
    [4, 1],
  ]);
  expect(lines[1].record.event.messages).toBe('plum cake');
  const ids = async (args: string) =>
    (await run(args)).out.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line).id));
  expect(await ids('export --dead')).toEqual([1, 4]);
  expect(await ids('export --dead --backend akto')).toEqual([1]);
});

test('export --out writes a new file for this user alone', async () => {
  await filled();
  const file = join(stored.dir, 'records.ndjson');
  expect(await run(`export --out ${file}`)).toMatchObject({ code: 0, out: `4 records in ${file}\n` });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toBe((await run('export')).out);
  expect(await run(`export --out ${file}`)).toMatchObject({
    ...{ code: 1, err: `guardrail-bridge: --out: ${file} exists already\n` },
  });
  expect(await run(`export --out ${join(stored.dir, 'no', 'folder')}`)).toMatchObject({
    err: expect.stringContaining('there is no folder'),
  });
});

test('export goes on while records are delivered, and reads no faster than its reader', async () => {
  const outbox = stored.open(T0);
  const payload = JSON.stringify({ event: { id: 'x'.repeat(10_000) } });
  await outbox.accept(
    Array.from({ length: 2500 }, (_, i) => entryOf(`call-${i}`, { backends: ['akto'], payload })),
  );
  let taken = 0;
  let mostBuffered = 0;
  const slow: Writable = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      taken++;
      mostBuffered = Math.max(mostBuffered, slow.writableLength);
      if (taken === 1500) void settleAll(outbox, 'akto', 'delivered', { records: 2000 }).then(() => done());
      else setImmediate(done);
    },
  });
  await run('export', { out: slow });
  expect(mostBuffered).toBeLessThan(50_000);
  // One line may have been read before
  expect(taken).toBeGreaterThanOrEqual(2000);
  expect(taken).toBeLessThan(2010);
});

test.each([
  ['plum', "unknown command 'plum'", ''],
  ['constructor', "unknown command 'constructor'", ''],
  ['sttaus', "unknown command 'sttaus' (did you mean status?)", ''],
  ['status --dead', "unknown option '--dead'", 'status '],
  ['list --bakend akto', "unknown option '--bakend' (did you mean --backend?)", 'list '],
  ['status now', "too many arguments for 'status'. Expected 0 arguments but got 1: now", 'status '],
  ['list --limit', "option '--limit <n>' argument missing", 'list '],
  ['list --limit 0', "option '--limit <n>' argument '0' is invalid. Write a number, 1 to 10000", 'list '],
  ['list --limit 1e3', "option '--limit <n>' argument '1e3' is invalid. Write a number, 1 to 10000", 'list '],
  ['list --backend plum', '--backend: write one of akto, capsule, intake', 'list '],
  ['show', "missing required argument 'id'", 'show '],
  ['show 1 2', "too many arguments for 'show'. Expected 1 argument but got 2: 1, 2", 'show '],
  ['show abc', 'abc: write an id, or how a record_id begins, at least four digits of it', 'show '],
  ['retry', 'outbox retry needs IDs or --all', 'retry '],
  ['retry --backend akto', 'outbox retry needs IDs or --all', 'retry '],
  ['retry 1 --all', 'outbox retry takes IDs or --all, not both', 'retry '],
  ['retry --all --backend plum', '--backend: write one of akto, capsule, intake', 'retry '],
  ['drop --yes', 'outbox drop needs IDs, --dead or --all', 'drop '],
  ['drop --all 1', 'outbox drop takes IDs or --all, not both', 'drop '],
  ['export --backend plum', '--backend: write one of akto, capsule, intake', 'export '],
])('outbox %s is a wrong command line', async (args, problem, name) => {
  await filled();
  const err = `guardrail-bridge: ${problem}; see guardrail-bridge outbox ${name}--help\n`;
  expect(await run(args)).toEqual({ code: 2, out: '', err });
});

test('--backend takes the backends of the policy file, those that are gone from it, and no other', async () => {
  const outbox = stored.open(T0);
  await outbox.accept([entryOf('call-a', { backends: ['akto-gone'] })]);
  const POLICY_FILE = join(stored.dir, 'policy.yaml');
  const entry = (name: string, kind: string) => ({
    name,
    kind,
    url: 'https://vendor.example',
    secret: { env: 'NONE' },
  });
  writeFileSync(
    POLICY_FILE,
    JSON.stringify({
      backends: [entry('akto-payments', 'akto'), entry('own-guardrail', 'generic-guardrail')],
    }),
  );
  const listed = (name: string) =>
    run(`list --backend ${name}`, { env: { DATA_DIR: stored.dir, POLICY_FILE } });
  expect(await listed('akto-payments')).toMatchObject({
    code: 0,
    out: 'nothing waits, and there are no dead letters\n',
  });
  expect((await listed('akto-gone')).out).toContain('call-a');
  const err = '--backend: write one of akto, capsule, akto-gone, intake, akto-payments;';
  expect(await listed('own-guardrail')).toMatchObject({ code: 2, err: expect.stringContaining(err) });
  expect((await run('status')).out).toMatch(/^akto-gone +1 /m);
});

test('an id of no record, or of several, changes nothing', async () => {
  const outbox = stored.open(T0);
  await outbox.accept(['a', 'b', 'c'].map((key) => entryOf(key, { backends: ['akto'] })));
  await settleAll(outbox, 'akto', 'dead');
  change("UPDATE record SET record_id = 'abcd' || substr(record_id, 5) WHERE id > 1");
  expect(await run('retry 1 77777')).toMatchObject({
    ...{ code: 1, err: 'guardrail-bridge: there is no record 77777\n' },
  });
  expect(await run('retry 1 abcd')).toMatchObject({
    ...{ code: 1, err: 'guardrail-bridge: abcd can be 2 records, by id 2, 3\n' },
  });
  expect((await json('list --dead')).total).toBe(3);
});

test('every command says where it looked if there is no outbox', async () => {
  for (const args of ['status', 'list', 'show 1', 'retry --all', 'drop 1', 'export']) {
    const problem = `there is no outbox in DATA_DIR (${stored.dir}): no vendor has taken records here, or the bridge has another DATA_DIR`;
    expect(await run(args)).toEqual({ code: 1, out: '', err: `guardrail-bridge: ${problem}\n` });
  }
});

test('a damaged file is named, without its content', async () => {
  writeFileSync(join(stored.dir, 'outbox.db'), 'plum cake '.repeat(1000));
  const { err } = await run('status');
  expect(err).toContain('cannot be used (SQLITE_NOTADB): it is damaged');
  expect(err).not.toContain('plum');
});

test('a file of a newer release is left alone, and the command says what to do', async () => {
  await (await filled()).close();
  change('PRAGMA user_version = 9');
  const { code, err } = await run('status');
  expect(code).toBe(1);
  expect(err).toContain(
    `DATA_DIR (${stored.dir}): outbox.db has format version 9, and this release understands versions up to ${VERSION}: start the release that wrote it, or a newer one, or move outbox.db away`,
  );
});

test('outbox commands run though settings of a backend are wrong, and read DATA_DIR from .env', async () => {
  await filled();
  const cwd = join(stored.dir, 'elsewhere');
  mkdirSync(cwd);
  writeFileSync(join(cwd, '.env'), 'DATA_DIR=..\nAKTO_API_KEY=hidden\nPORT=hidden\n');
  const status = await runChild({ args: ['outbox', 'status'], cwd });
  expect(status).toMatchObject({ code: 0, stderr: '' });
  expect(status.stdout).toMatch(/^outbox in \.\.: .*, a bridge is running on it\n/);
  const env = { DATA_DIR: stored.dir };
  const [wrong, none] = await Promise.all([
    runChild({ args: ['outbox', 'list', '--colour'], env }),
    runChild({ args: ['outbox', 'list'], env: { DATA_DIR: join(stored.dir, 'none') } }),
  ]);
  expect(wrong).toEqual({
    ...{ code: 2, signal: null, stdout: '' },
    stderr: "guardrail-bridge: unknown option '--colour'; see guardrail-bridge outbox list --help\n",
  });
  expect(none).toMatchObject({ code: 1, stdout: '' });
  expect(none.stderr).toMatch(/^guardrail-bridge: there is no outbox in DATA_DIR \(.*none\): .*\n$/);
});

test('a reader that has enough ends an export without an error', async () => {
  const outbox = stored.open(T0);
  const payload = JSON.stringify({ event: { id: 'x'.repeat(100_000) } });
  await outbox.accept(Array.from({ length: 200 }, (_, i) => entryOf(`call-${i}`, { payload })));
  const child = startChild({ args: ['outbox', 'export'], env: { DATA_DIR: stored.dir } });
  child.stopReading();
  child.closeOutput();
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stderr()).toBe('');
});
