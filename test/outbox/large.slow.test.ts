import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS, READY, VERSION } from '../../src/outbox/schema.ts';
import { MB, NOON, temporaryFolder } from '../support/store.ts';

const RECORDS = 1_000_000;

/** Writes the files that a million accepted records leave behind, by the fastest way. */
function build(dir: string): void {
  const db = new DatabaseSync(join(dir, 'outbox.db'));
  db.function('crc32', { deterministic: true }, (body) => crc32(String(body)));
  const isIndex = (statement: string) => statement.includes('CREATE INDEX');
  const statements = `${MIGRATIONS.join('')} PRAGMA user_version = ${VERSION};`.split(/(?<=;)/);
  const insert = (table: string, columns: string) =>
    `WITH RECURSIVE row (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM row WHERE i < ${RECORDS})
     INSERT INTO ${table} SELECT ${columns} FROM row;`;
  const accepted = `${NOON} + i / 10`;
  db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -100000; BEGIN');
  db.exec(statements.filter((statement) => !isIndex(statement)).join(''));
  db.exec(
    insert(
      'record',
      `i, printf('%032x', i), 'call-' || i, 'success', 'event', ${accepted}, ${accepted}, NULL, ${accepted}, 0, 0, 1, NULL`,
    ),
  );
  db.exec(insert('payload', `i, 0, '{"outcome":"success","n":' || i || printf(',"text":"%0150d"}', i)`));
  db.exec('UPDATE payload SET checksum = crc32(body) WHERE id <= 1000');
  db.exec(insert('delivery', `'akto', ${READY}, i, 0, 0, NULL`));
  db.exec(`${statements.filter(isIndex).join('')} COMMIT`);
  db.close();
}

/** Opens it in a process of its own, as after a restart. */
async function startOn(
  dir: string,
): Promise<Record<'ms' | 'rss' | 'used', number> & Record<string, unknown>> {
  const source = join(import.meta.dirname, '..', '..', 'src', 'outbox', 'embedded-outbox.ts');
  const script = `
    import { existsSync, readFileSync } from 'node:fs';
    import { EmbeddedOutbox } from ${JSON.stringify(source)};
    const STATUS = '/proc/self/status';
    const damages = [];
    const events = { damaged: (damage) => damages.push(damage), unreadable() {}, expired() {}, crowded() {}, unavailable() {} };
    const startedAt = performance.now();
    const store = new EmbeddedOutbox({
      dir: ${JSON.stringify(dir)}, backends: ['akto'], maxBytes: 2 ** 30, maxAgeMs: 7 * 86_400_000, now: () => ${NOON + 60_000}, events,
    });
    const due = await store.due('akto', { records: 100, bytes: 1e6, except: new Set() });
    const { backends } = await store.stats();
    const ms = performance.now() - startedAt;
    await store.ack([{ kind: 'delivered', backend: 'akto', ids: due.map(({ id }) => id) }]);
    await store.maintain();
    await store.close();
    // resourceUsage() would tell that of whoever started this process, if it was more
    const peak = /VmHWM:\\s+(\\d+)/.exec(existsSync(STATUS) ? readFileSync(STATUS, 'utf8') : '')?.[1];
    const rss = peak === undefined ? process.memoryUsage().rss : Number(peak) * 1024;
    const first = due.map(({ id }) => id);
    console.log(JSON.stringify({ ms, rss, used: process.memoryUsage().heapUsed, first, backends, damages }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  return JSON.parse(output);
}

test('a backlog of a million records is handed out and counted within 5 s of a start, in bounded memory', async () => {
  const dir = temporaryFolder();
  build(dir);
  expect(statSync(join(dir, 'outbox.db')).size).toBeGreaterThan(250 * MB);
  const { ms, rss, used, first, backends, damages } = await startOn(dir);
  console.log(`a million records: ${Math.round(ms)} ms, ${Math.round(rss / MB)} MB at most`);
  expect(first).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  expect(backends).toEqual({ akto: { records: RECORDS, dead: 0, oldestAt: NOON } });
  expect(damages).toEqual([]);
  expect(ms).toBeLessThan(5000);
  expect(rss).toBeLessThan(300 * MB);
  expect(used).toBeLessThan(50 * MB);
}, 60_000);
