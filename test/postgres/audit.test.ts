import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { auditDir, DAY_MS, KEY, rowOf } from '../support/audit.ts';
import { collect } from '../support/cli.ts';
import { cli, connect, dirOfNow, idOf, open, shipped, tableOf, textOf, written } from './audit-replica.ts';
import { databaseConfig, until } from './server.ts';

describe('the audit log of replicas', () => {
  test('has in the table the rows of each folder, byte for byte', async () => {
    const config = databaseConfig();
    const [a, b] = [dirOfNow(), dirOfNow()];
    const [first, second] = [open(config, a), open(config, b, { name: 'web-2', key: KEY })];
    for (let n = 0; n < 1200; n++) first.append(rowOf(n));
    for (let n = 0; n < 3; n++) second.append(rowOf(n, { user: 'ü\\"\n', model: "o'k" }));
    await until(() => first.gauge.rows === 0 && second.gauge.rows === 0, 'all rows in the table');
    const database = connect(config);
    expect(await tableOf(database, idOf(a))).toBe(textOf(a));
    expect(await tableOf(database, idOf(b))).toBe(textOf(b));
    const { code, out } = await cli(config, ['verify'], { env: { AUDIT_KEY: KEY } });
    // The one was never sealed
    expect(out).toMatch(/^web-1 \S{36}: 1 problem, 1201 rows in 1 segment, head 1201:/m);
    expect(out).toMatch(/^web-2 \S{36}: ok, 4 rows in 1 segment, head 4:/m);
    expect(code).toBe(1);
  });

  test('brings at the end what is left, and goes on with its chain after a restart and under another host name', async () => {
    const config = databaseConfig();
    const dir = dirOfNow();
    for (const name of ['web-1', 'web-1', 'web-7']) {
      const replica = open(config, dir, { name });
      for (let n = 0; n < 3; n++) replica.append(rowOf(n));
      await replica.close();
      expect({ failures: replica.failures, copies: replica.copies }).toEqual({ failures: [], copies: [] });
      dir.time += DAY_MS;
    }
    expect(await tableOf(connect(config), idOf(dir))).toBe(textOf(dir));
    const { out } = await cli(config, ['verify']);
    expect(out).toMatch(/^web-7 \S{36}: ok, 12 rows in 3 segments, head 12:\w+\nok, 12 rows in 1 chain\n$/);
  });

  test('says what it cannot read of its folder, and goes on when it can', async () => {
    const config = databaseConfig();
    const dir = dirOfNow();
    mkdirSync(join(dir.folder, 'replica.json'), { recursive: true });
    const replica = open(config, dir);
    await until(() => replica.failures.length > 0, 'a failure');
    expect(replica.failures[0]).toBe('folder EISDIR');
    rmSync(join(dir.folder, 'replica.json'), { recursive: true });
    await shipped(config, dir);
  });

  test('is that of the first of two processes with one folder, and then of the second', async () => {
    const config = databaseConfig();
    const dir = dirOfNow();
    const first = open(config, dir);
    const errors: string[] = [];
    const second = open(config, dir, { name: 'web-2', onError: (code) => errors.push(code) });
    for (const [n, one] of [first, second].entries()) one.append(rowOf(n));
    expect({ errors, lost: second.lost() }).toEqual({ errors: ['LOCKED'], lost: 1 });
    await first.close();
    dir.time += 2000;
    second.append(rowOf(2));
    await second.close();
    const table = await tableOf(connect(config), idOf(dir));
    expect(table).toBe(textOf(dir));
    expect(table).toContain('"event_type":"gap","lost":1,');
  });

  test('is left alone by a process that never had the folder', async () => {
    const config = databaseConfig();
    const dir = dirOfNow();
    const database = connect(config);
    const first = open(config, dir);
    await shipped(config, dir, database);
    const second = open(config, dir, { name: 'web-2' });
    for (let n = 0; n < 3; n++) first.append(rowOf(n));
    await second.close();
    expect(await database.query('SELECT name FROM audit_replica')).toEqual([{ name: 'web-1' }]);
    await shipped(config, dir, database);
    expect(first.failures).toEqual([]);
  });

  test('needs no more than to insert and to select, and says once that old rows stay', async () => {
    const config = databaseConfig();
    const owner = connect(config);
    const role = `role_${randomUUID().replaceAll('-', '')}`;
    await owner.query(`CREATE ROLE ${role} LOGIN`);
    await owner.query(`GRANT USAGE ON SCHEMA ${config.schema} TO ${role}`);
    await owner.query(`GRANT SELECT ON migration TO ${role}`);
    await owner.query(`GRANT SELECT, INSERT ON audit_row, audit_replica TO ${role}`);
    const dir = dirOfNow(9);
    const replica = open({ ...config, url: config.url.replace('postgres@', `${role}@`) }, dir);
    replica.setRetention(3);
    replica.append(rowOf(1));
    dir.time += 9 * DAY_MS;
    replica.append(rowOf(2));
    await until(() => replica.gauge.rows === 0 && replica.kept.length > 0, 'all rows in the table');
    expect(replica).toMatchObject({ kept: ['denied'], failures: [] });
    await owner.query(`GRANT DELETE ON audit_row TO ${role}`);
    replica.setRetention(3);
    await until(async () => (await tableOf(owner, idOf(dir))) === textOf(dir), 'old rows are gone');
    expect((await cli(config, ['verify'])).code).toBe(0);
  });
});

describe('a folder that is not what the table has', () => {
  test('is a replica of its own, once, if it was copied while both run', async () => {
    const config = databaseConfig();
    const [a, copy] = [dirOfNow(), dirOfNow()];
    const first = open(config, a);
    first.append(rowOf(1));
    await until(() => first.gauge.rows === 0, 'the first rows in the table');
    cpSync(a.folder, copy.folder, { recursive: true, filter: (name) => !name.includes('audit.lock') });
    const second = open(config, copy, { name: 'web-2' });
    for (let n = 0; n < 2; n++) {
      first.append(rowOf(`a-${n}`));
      second.append(rowOf(`b-${n}`));
      await shipped(config, a);
      await shipped(config, copy);
    }
    expect(first.copies.length + second.copies.length).toBe(1);
    const database = connect(config);
    expect(await tableOf(database, idOf(a))).toBe(textOf(a));
    expect(await tableOf(database, idOf(copy))).toBe(textOf(copy));
    const { code, err } = await cli(config, ['verify']);
    expect(err).toContain('goes on from the chain of ');
    expect(code).toBe(0);
  });

  test('begins a chain if it was restored from a backup, and no row is lost', async () => {
    const { config, a } = await written();
    const [before, id] = [textOf(a), idOf(a)];
    const backup = mkdtempSync(join(tmpdir(), 'backup-'));
    onTestFinished(() => rmSync(backup, { recursive: true }));
    cpSync(a.folder, backup, { recursive: true });
    const later = open(config, a);
    later.append(rowOf('lost with the volume'));
    await later.close();
    rmSync(a.folder, { recursive: true });
    cpSync(backup, a.folder, { recursive: true });
    const unnoticed = await cli(config, ['verify'], { env: { DATA_DIR: a.dir } });
    expect(unnoticed.err).toContain('note: web-1: DATA_DIR holds another chain than the database');
    const restored = open(config, a);
    restored.append(rowOf('after'));
    await restored.close();
    expect(restored.copies).toMatchObject([{ copyOf: id }]);
    const database = connect(config);
    const old = await tableOf(database, id);
    expect(old.startsWith(before) && old.includes('lost with the volume')).toBe(true);
    expect(await tableOf(database, idOf(a))).toBe(textOf(a));
    expect((await cli(config, ['verify'])).code).toBe(0);
  });

  test('brings again what was cut off at the end of the table', async () => {
    const { config, a } = await written();
    await connect(config).query('DELETE FROM audit_row WHERE replica = $1 AND pos > 3', [idOf(a)]);
    open(config, a);
    await shipped(config, a);
  });

  test.each([
    { what: 'the end', gone: 'pos > 3' },
    { what: 'all', gone: 'true' },
  ])('brings $what again that a failover lost while it runs', async ({ gone }) => {
    const config = databaseConfig();
    const dir = dirOfNow();
    const replica = open(config, dir);
    for (let n = 0; n < 5; n++) replica.append(rowOf(n));
    await until(() => replica.gauge.rows === 0, 'all rows in the table');
    const database = connect(config);
    await database.query(`DELETE FROM audit_row WHERE ${gone}`);
    replica.append(rowOf('after'));
    await shipped(config, dir, database);
    expect(replica).toMatchObject({ failures: [], copies: [] });
    expect((await cli(config, ['verify'])).code).toBe(0);
  });

  test('is noted if its rows are there twice, as its id was lost', async () => {
    const { config, a } = await written();
    expect((await cli(config, ['verify'])).err).toBe('');
    const id = idOf(a);
    writeFileSync(join(a.folder, 'replica.json'), 'plum');
    await open(config, a, { name: 'web-3' }).close();
    const { code, err } = await cli(config, ['verify']);
    expect(err).toBe(`note: web-3: begins as web-1 ${id} does: rows of one folder that are there twice\n`);
    expect(code).toBe(0);
  });

  test('goes on in a chain of its own if the last row of the table was replaced', async () => {
    const { config, a } = await written();
    await connect(config).query(`UPDATE audit_row SET line = 'plum' WHERE replica = $1 AND pos = 6`, [
      idOf(a),
    ]);
    const replica = open(config, a);
    await shipped(config, a);
    expect(replica.copies).toHaveLength(1);
    const { code, out } = await cli(config, ['verify']);
    expect(out).toContain('web-1:6: not a row of the log');
    expect(code).toBe(1);
  });

  test('is told apart from one in which another process writes the same rows', async () => {
    const config = databaseConfig();
    const dir = dirOfNow();
    const replica = open(config, dir);
    replica.append(rowOf(1));
    await until(() => replica.gauge.rows === 0, 'the first rows in the table');
    const database = connect(config);
    await database.query(
      `INSERT INTO audit_row SELECT replica, pos + 1, seq, type, at, line FROM audit_row WHERE pos = 2`,
    );
    replica.append(rowOf(2));
    await until(() => replica.failures.length > 0, 'a failure');
    await until(async () => (await tableOf(database, idOf(dir))).includes('call-2'), 'the row in the table');
    expect(replica.failures).toEqual(['conflict 23505']);
    expect((await cli(config, ['verify'])).out).toContain('web-1:3: row 2 stands after row 2');
  });
});

describe('a table in which rows were tampered with', () => {
  const A = `replica = (SELECT replica FROM audit_replica WHERE name = 'web-1')`;

  test.each([
    {
      what: 'a changed row',
      says: 'web-1:4: row 4 was altered',
      sql: `UPDATE audit_row SET line = replace(line, 'BLOCKED', 'NONE') WHERE ${A}`,
    },
    {
      what: 'a removed row',
      says: 'web-1:4: row 3 before it is missing',
      sql: `DELETE FROM audit_row WHERE ${A} AND pos = 3`,
    },
    {
      what: 'a beginning that was removed',
      says: 'web-1:3: rows 1 to 2 before it are missing',
      sql: `DELETE FROM audit_row WHERE ${A} AND pos < 3`,
    },
    {
      what: 'a row of another chain',
      says: 'web-1:7: row 4 stands after row 6',
      sql: `INSERT INTO audit_row SELECT (SELECT replica FROM audit_replica WHERE name = 'web-1'), 7, seq, type, at, line FROM audit_row WHERE NOT ${A} AND pos = 4`,
    },
    {
      what: 'rows in another order',
      says: 'web-1:3: row 3 before it is missing',
      sql: `UPDATE audit_row SET pos = CASE pos WHEN 3 THEN 40 WHEN 4 THEN 3 ELSE pos END WHERE ${A}`,
    },
    ...['seq = seq + 7', "type = 'segment'", "at = at - interval '100 days'"].map((change) => ({
      what: `a column that is not as its row (${change})`,
      says: 'web-1:4: row 4 says otherwise than its columns',
      sql: `UPDATE audit_row SET ${change} WHERE ${A} AND pos = 4`,
    })),
    {
      what: 'a line that is no row',
      says: 'web-1:2: not a row of the log',
      sql: `UPDATE audit_row SET line = 'plum' WHERE ${A} AND pos = 2`,
    },
  ])('shows $what', async ({ says, sql }) => {
    const { config } = await written(KEY);
    expect((await cli(config, ['verify'], { env: { AUDIT_KEY: KEY } })).code).toBe(0);
    await connect(config).query(sql);
    const { code, out } = await cli(config, ['verify'], { env: { AUDIT_KEY: KEY } });
    expect(out).toContain(says);
    expect(out).toMatch(/^web-2 \S+: ok, /m);
    expect(code).toBe(1);
    const { ok, chains } = JSON.parse(
      (await cli(config, ['verify', '--json'], { env: { AUDIT_KEY: KEY } })).out,
    );
    expect(ok).toBe(false);
    expect(chains.map((chain: { ok: boolean }) => chain.ok)).toEqual([false, true]);
  });

  test('shows an end that was cut off, and a chain that is gone, by the heads that were logged', async () => {
    const { config, a, b } = await written();
    const heads = [a, b].flatMap((dir) => {
      const { seq, hash } = dir.verify().head ?? {};
      return ['--head', `${seq}:${hash}`];
    });
    expect((await cli(config, ['verify', ...heads])).code).toBe(0);
    await connect(config).query(`DELETE FROM audit_row WHERE ${A} AND pos > 4`);
    expect((await cli(config, ['verify'])).code).toBe(0);
    const { code, out } = await cli(config, ['verify', ...heads]);
    expect(out).toContain('--head: row 6 with the hash of --head is in no chain');
    expect(code).toBe(1);
  });
});

describe('commands about all replicas', () => {
  test('see rows of the own folder that are not in the table yet', async () => {
    const { config, a } = await written();
    const alone = a.open();
    alone.append(rowOf('not shipped'));
    await alone.close();
    const env = { DATA_DIR: a.dir };
    const { code, out } = await cli(config, ['verify'], { env });
    expect(out).toMatch(
      /^web-1 \S+: ok, 7 rows in 1 segment, of them 1 row not in the database yet, head 7:/m,
    );
    expect(code).toBe(0);
    expect((await cli(config, ['tail', '-n', '1', '--json'], { env })).out).toContain('call-not shipped');
    expect((await cli(config, ['export'], { env })).out).toContain('call-not shipped');
    const { chains } = JSON.parse((await cli(config, ['verify', '--json'], { env })).out);
    expect(chains.map(({ unshipped }: { unshipped: number }) => unshipped)).toEqual([1, null]);
  });

  test('have a folder of which nothing is in the table yet', async () => {
    const { config } = await written();
    const dir = auditDir();
    dir.open().append(rowOf(1));
    const { out } = await cli(config, ['verify'], { env: { DATA_DIR: dir.dir } });
    expect(out).toContain(`${dir.dir}: ok, 2 rows in 1 segment, head 2:`);
    expect(out).toMatch(/ok, 12 rows in 3 chains\n$/);
  });

  test('say that there is nothing, and that the database cannot be reached', async () => {
    const config = databaseConfig();
    expect((await cli(config, ['verify'])).err).toContain(`there are no tables in schema ${config.schema}`);
    await connect(config).migrated();
    expect((await cli(config, ['verify'])).err).toContain(
      'there is no audit log in the database, and none in DATA_DIR',
    );
    const { code, err } = await cli({ ...config, url: 'postgres://u:secret@127.0.0.1:1/x' }, ['verify']);
    expect(err).toMatch(
      /^guardrail-bridge: .*ECONNREFUSED.*; name folders to read them without the database$/m,
    );
    expect(err).not.toContain('secret');
    expect(code).toBe(1);
  });

  test('tail sorts rows of all chains by time, and follows them', async () => {
    const { config, a } = await written();
    const { out } = await cli(config, ['tail', '-n', '4']);
    const rows = out.split('\n').map((line) => line.replace(/^(web-\d).*(call-.*)$/, '$1 $2'));
    expect(rows).toEqual([
      ...['web-1 call-web-1-2', 'web-2 call-web-2-2', 'web-1 call-web-1-3', 'web-1 call-web-1-4', ''],
    ]);
    const stream = collect();
    const [replica, later] = [open(config, a), dirOfNow()];
    let polls = 0;
    const sleep = async () => {
      if (polls++ === 0) {
        replica.append(rowOf('followed'));
        open(config, later, { name: 'web-3' }).append(rowOf('of a new replica'));
      }
      await wait(20);
      if (stream.text.split('call-').length > 2 || polls > 500) stream.end();
    };
    await cli(config, ['tail', '-n', '0', '--follow', '--json'], { terminal: { out: stream, sleep } });
    const followed = stream.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const told = followed.map(({ name, replica, row }) => [name, replica, row.litellm_call_id]);
    expect(told.sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0))).toEqual([
      ...[
        ['web-1', idOf(a), 'call-followed'],
        ['web-3', idOf(later), undefined],
      ],
      ['web-3', idOf(later), 'call-of a new replica'],
    ]);
  });

  test('export rows with their chain, and a folder that is checked without the bridge', async () => {
    const { config, a, b } = await written(KEY);
    const rows = (await cli(config, ['export'])).out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows).toHaveLength(10);
    expect(rows[0]).toMatchObject({ name: 'web-1', replica: idOf(a), row: { seq: 1 } });
    const csv = (await cli(config, ['export', '--format', 'csv', '--since', '2020-01-01'])).out;
    expect(csv).toMatch(/^name,replica,seq,at,/);
    expect((await cli(config, ['export', '--until', '2020-01-01'])).out).toBe('');
    const folder = join(a.dir, 'export');
    const env = { AUDIT_KEY: KEY };
    expect((await cli(config, ['export', '--folder', folder], { env })).out).toBe(
      `10 rows in 2 chains in ${folder}\n`,
    );
    expect(readFileSync(join(folder, `web-2.${idOf(b)}.jsonl`), 'utf8')).toBe(textOf(b));
    const guide = readFileSync(join(import.meta.dirname, '../../examples/operations/README.md'), 'utf8');
    const program = join(a.dir, 'check.py');
    writeFileSync(program, /```python\n(.*?)```/s.exec(guide)?.[1] ?? '');
    const { stdout } = await promisify(execFile)('python3', [program, folder], {
      env: { ...process.env, ...env },
    });
    expect(stdout).toBe('ok, 2 chains\n');
  });
});

describe('old rows', () => {
  test('of a replica go from the table once the row that says so is there', async () => {
    const config = databaseConfig();
    const dir = dirOfNow(4);
    const replica = open(config, dir);
    for (let day = 0; day < 5; day++) {
      replica.append(rowOf(day));
      if (day < 4) dir.time += DAY_MS;
    }
    await until(() => replica.gauge.rows === 0, 'all rows in the table');
    replica.setRetention(2);
    await until(() => dir.names().length === 4, 'old files are gone');
    const database = connect(config);
    await until(async () => (await tableOf(database, idOf(dir))) === textOf(dir), 'old rows are gone');
    expect(textOf(dir)).not.toContain('call-1"');
    expect((await cli(config, ['verify'])).code).toBe(0);
  });

  test('that could not be removed are told of, and removed later', async () => {
    const config = databaseConfig();
    const dir = dirOfNow(9);
    const replica = open(config, dir);
    replica.append(rowOf(1));
    dir.time += 9 * DAY_MS;
    replica.append(rowOf(2));
    await until(() => replica.gauge.rows === 0, 'all rows in the table');
    const database = connect(config);
    await database.query(
      `CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'stuck'; END $$`,
    );
    await database.query('CREATE TRIGGER stuck BEFORE DELETE ON audit_row EXECUTE FUNCTION stuck()');
    replica.setRetention(3);
    await until(() => replica.kept.includes('P0001'), 'a removal failed');
    expect(replica.failures).toEqual([]);
    await database.query('DROP TRIGGER stuck ON audit_row');
    replica.setRetention(3);
    await shipped(config, dir, database);
    expect((await cli(config, ['verify'])).code).toBe(0);
  });

  test.each([
    { what: 'of a replica that is there stay as long as it says', daysAgo: 60, sql: undefined },
    {
      what: 'are those that are old by what is sealed',
      daysAgo: 4,
      sql: "UPDATE audit_row SET at = at - interval '100 days'",
    },
  ])('$what', async ({ daysAgo, sql }) => {
    const config = databaseConfig();
    const [there, gone] = [dirOfNow(daysAgo), dirOfNow(60)];
    const replica = open(config, there);
    replica.append(rowOf(1));
    if (sql === undefined) there.time = Date.now();
    replica.append(rowOf(2));
    await until(() => replica.gauge.rows === 0, 'all rows in the table');
    const database = connect(config);
    if (sql !== undefined) await database.query(sql);
    const old = open(config, gone, { name: 'zone' });
    old.append(rowOf(1));
    await old.close();
    const before = await tableOf(database, idOf(there));
    open(config, dirOfNow(), { name: 'web-2' }).setRetention(30);
    await until(async () => (await tableOf(database, idOf(gone))) === '', 'old rows of the other are gone');
    expect(await tableOf(database, idOf(there))).toBe(before);
  });

  test('of a replica that is gone go by another one, as far as whole segments are too old', async () => {
    const config = databaseConfig();
    const [gone, partly] = [dirOfNow(30), dirOfNow(30)];
    for (const dir of [gone, partly]) {
      const replica = open(config, dir, { name: 'gone' });
      replica.append(rowOf(1));
      dir.time += DAY_MS;
      replica.append(rowOf(2));
      if (dir === partly) dir.time += 26 * DAY_MS;
      replica.append(rowOf(3));
      await replica.close();
    }
    const here = dirOfNow();
    const replica = open(config, here);
    replica.setRetention(7);
    const database = connect(config);
    await until(async () => (await tableOf(database, idOf(gone))) === '', 'the rows of the one are gone');
    await until(
      async () => (await tableOf(database, idOf(partly))).split('\n').length === 3,
      'old rows of the other are gone',
    );
    expect((await tableOf(database, idOf(partly))).split('\n')[0]).toContain('"event_type":"segment"');
    const { code, out } = await cli(config, ['verify']);
    expect(out).toMatch(/^ok, /m);
    expect(code).toBe(0);
    // One that comes back goes on where it was
    gone.time += 29 * DAY_MS;
    const back = open(config, gone, { name: 'back' });
    back.append(rowOf('back'));
    await back.close();
    expect(back.copies).toEqual([]);
    expect(await tableOf(database, idOf(gone))).toContain('call-back');
    expect(await tableOf(database, idOf(gone))).not.toContain('call-3');
    expect((await cli(config, ['verify'])).code).toBe(0);
  });
});
