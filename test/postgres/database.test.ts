import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import type { DatabaseError } from '../../src/database/database-error.ts';
import { TABLE_STEPS } from '../../src/database/migrations/index.ts';
import { selfSigned } from '../support/certificate.ts';
import { databaseConfig, type Postgres, startPostgres } from './server.ts';

const opened: Database[] = [];
afterAll(() => Promise.all(opened.map((database) => database.close())));

function open(config: DatabaseConfig): Database {
  const database = new Database(config, 'records');
  opened.push(database);
  return database;
}

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as DatabaseError,
  );

describe('a database', () => {
  test('has its tables in a schema of their own, made once however many replicas start together', async () => {
    const config = databaseConfig();
    const replicas = Array.from({ length: 8 }, () => open(config));
    await Promise.all(replicas.map((one) => one.migrated()));
    const [row] = await open(config).query<{ steps: number }>('SELECT count(*) AS steps FROM migration');
    expect(row).toEqual({ steps: TABLE_STEPS.length });
  });

  test('gives numbers for integers of 64 bits, and buffers for bytes', async () => {
    const [row] = await open(databaseConfig()).query(
      `SELECT 9007199254740991::bigint AS n, '\\x00ff'::bytea AS bytes`,
    );
    expect(row).toEqual({ n: 9007199254740991, bytes: Buffer.from([0, 255]) });
  });

  test('says nothing while connecting that a pooler in session mode refuses, and has its settings all the same', async () => {
    const said: string[] = [];
    const pooler = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        // Its length and the version of the protocol go ahead
        said.push(...bytes.subarray(8).toString().split('\0'));
        socket.destroy();
      });
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void pooler.close());
    await once(pooler, 'listening');
    const { port } = pooler.address() as AddressInfo;
    await errorOf(
      open(databaseConfig({ url: `postgres://me@127.0.0.1:${port}/db?sslmode=disable` })).migrated(),
    );
    const names = said.filter((word, i) => word !== '' && i % 2 === 0);
    const passedOn = ['user', 'database', 'client_encoding', 'application_name'];
    expect(names.filter((name) => !passedOn.includes(name))).toEqual([]);
    expect(names).toContain('user');

    const config = databaseConfig({ statementTimeoutMs: 4321 });
    const [row] = await open(config).query(
      `SELECT current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout,
        current_setting('idle_in_transaction_session_timeout') AS idle`,
    );
    expect(row).toEqual({ path: config.schema, timeout: '4321ms', idle: '5321ms' });
  });

  test('commits all of a transaction, or nothing', async () => {
    const database = open(databaseConfig());
    await database.query('CREATE TABLE kept (n int)');
    const failing = database.transaction(async (tx) => {
      await tx.query('INSERT INTO kept VALUES (1)');
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await database.transaction((tx) => tx.query('INSERT INTO kept VALUES (2)'));
    expect(await database.query('SELECT n FROM kept')).toEqual([{ n: 2 }]);
  });

  test('goes on after a statement that is wrong, and quotes no value of it', async () => {
    const database = open(databaseConfig());
    const error = await errorOf(database.query('SELECT $1::int', ['sk-secret-value']));
    expect(error).toMatchObject({ name: 'DatabaseError', code: '22P02', isUnavailable: false });
    expect(`${error?.message} ${error?.stack} ${String(error?.cause)}`).not.toContain('sk-secret');
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('refuses tables that a newer release has changed, and works beside those that it has only added to', async () => {
    const config = databaseConfig();
    await open(config).query(
      `INSERT INTO migration (version, name) VALUES (900, 'added by a newer release')`,
    );
    await open(config).migrated();
    await open(config).query(
      `INSERT INTO migration (version, name, needs) VALUES (901, 'changed by a newer release', 901)`,
    );
    expect(await errorOf(open(config).migrated())).toMatchObject({
      code: 'newer_version',
      isUnavailable: true,
    });
  });

  test.each([
    ['read', 0],
    ['change', 1],
  ] as const)(
    'whose tables are of an older release has %s access leave or change them',
    async (access, steps) => {
      const config = databaseConfig();
      const database = open(config);
      await database.query('DROP TABLE audit_row, audit_replica');
      await database.query('DELETE FROM migration WHERE version = 4');
      const using = new Database(config, 'command', access);
      opened.push(using);
      await using.migrated();
      const rows = await database.query('SELECT FROM migration WHERE version = 4');
      expect(rows).toHaveLength(steps);
    },
  );

  test('ends a statement that takes longer than it may', async () => {
    const database = open(databaseConfig({ statementTimeoutMs: 200 }));
    expect(await errorOf(database.query('SELECT pg_sleep(30)'))).toMatchObject({
      code: 'timeout',
      isUnavailable: true,
    });
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('runs as a role that may only read and write, once its owner has made the tables', async () => {
    const config = databaseConfig();
    const owner = open(config);
    const role = `role_${randomUUID().replaceAll('-', '')}`;
    await owner.query(`CREATE ROLE ${role} LOGIN`);
    await owner.query(`GRANT USAGE ON SCHEMA ${config.schema} TO ${role}`);
    await owner.query(`GRANT SELECT ON migration TO ${role}`);
    const url = config.url.replace('postgres@', `${role}@`);
    await open({ ...config, url }).migrated();
    const refused = await errorOf(open({ ...config, url, schema: `${config.schema}_other` }).migrated());
    expect(refused).toMatchObject({ code: '42501', isUnavailable: true });
  });
});

describe('a database whose server fails', () => {
  const own = async (): Promise<Postgres> => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.remove());
    return postgres;
  };
  const short = { connectTimeoutMs: 500, statementTimeoutMs: 500 };

  test.each(['fast', 'immediate'] as const)('is there again after a %s stop and a start', async (mode) => {
    const postgres = await own();
    const database = open(databaseConfig({ url: postgres.url, ...short }));
    await database.query('SELECT 1');
    const running = errorOf(database.query('SELECT pg_sleep(0.4)'));
    await postgres.stop(mode);
    expect((await running)?.isUnavailable).toBe(true);
    expect((await errorOf(database.query('SELECT 1')))?.isUnavailable).toBe(true);
    await postgres.start();
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('does not wait for one that hangs', async () => {
    const postgres = await own();
    const database = open(databaseConfig({ url: postgres.url, ...short }));
    await database.query('SELECT 1');
    postgres.pause();
    expect(await errorOf(database.query('SELECT 1'))).toMatchObject({ code: 'timeout', isUnavailable: true });
    postgres.resume();
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('says that it does not know how a transaction ended whose connection was lost while it committed', async () => {
    const postgres = await own();
    const database = open(databaseConfig({ url: postgres.url, ...short }));
    await database.query('CREATE TABLE kept (n int)');
    // Commits only after a while
    await database.query(
      `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$`,
    );
    await database.query(
      `CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON kept DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`,
    );
    const error = await errorOf(database.transaction((tx) => tx.query('INSERT INTO kept VALUES (1)')));
    expect(error).toMatchObject({ isUnavailable: true, isOutcomeUnknown: true });
  });

  test('reads the file of its password for each connection, and shows it nowhere', async () => {
    const postgres = await startPostgres({ hba: ['host all keeper 127.0.0.1/32 scram-sha-256'] });
    onTestFinished(() => postgres.remove());
    const admin = open(databaseConfig({ url: postgres.url }));
    await admin.query(`CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'first-password'`);
    const passwordFile = join(postgres.dir, 'token');
    writeFileSync(passwordFile, 'wrong-password\n');
    const config = databaseConfig({ url: postgres.url.replace('postgres@', 'keeper@'), passwordFile });
    const database = open(config);
    const refused = await errorOf(database.query('SELECT 1'));
    expect(refused).toMatchObject({ code: '28P01', isUnavailable: true });
    expect(String(refused?.stack)).not.toContain('wrong-password');
    writeFileSync(passwordFile, 'first-password\n');
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a database over TLS', () => {
  const [server, stranger, client] = [selfSigned(), selfSigned(), selfSigned()];
  let postgres: Postgres;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'certificates-'));
    const files = { server, stranger, client };
    for (const [name, { key, cert }] of Object.entries(files)) {
      writeFileSync(join(folder, `${name}.crt`), cert);
      writeFileSync(join(folder, `${name}.key`), key);
    }
    postgres = await startPostgres({
      files: { 'server.crt': server.cert, 'server.key': server.key, 'clients.crt': client.cert },
      settings: [`ssl = on`, `ssl_ca_file = 'clients.crt'`],
      // The certificate names the role
      hba: ['hostssl all localhost 127.0.0.1/32 cert'],
    });
  });

  afterAll(async () => {
    await postgres.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (host: string, query: string, role = 'postgres') => {
    const files = query.replaceAll('~', `${folder}/`);
    return open(databaseConfig({ url: `postgres://${role}@${host}:${postgres.port}/postgres?${files}` }));
  };
  const isEncrypted = async (database: Database) =>
    (await database.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'))[0];

  test.each([
    ['localhost', 'sslmode=verify-full&sslrootcert=~server.crt', true],
    ['127.0.0.1', 'sslmode=verify-ca&sslrootcert=~server.crt', true],
    ['127.0.0.1', 'sslmode=require', true],
    ['127.0.0.1', 'sslmode=disable', false],
  ])('at %s with %s connects', async (host, query, ssl) => {
    expect(await isEncrypted(at(host, query))).toEqual({ ssl });
  });

  test.each([
    ['127.0.0.1', 'sslmode=verify-full&sslrootcert=~server.crt'],
    ['localhost', 'sslmode=verify-full&sslrootcert=~stranger.crt'],
    ['localhost', 'sslmode=verify-full'],
    ['127.0.0.1', 'sslmode=verify-ca&sslrootcert=~stranger.crt'],
  ])('at %s with %s does not connect', async (host, query) => {
    const error = await errorOf(at(host, query).query('SELECT 1'));
    expect(error).toMatchObject({ name: 'DatabaseError', isUnavailable: true });
  });

  test('shows a certificate of its own where the server asks for one', async () => {
    await at('127.0.0.1', 'sslmode=require').query('CREATE ROLE localhost LOGIN SUPERUSER');
    const own = 'sslmode=verify-full&sslrootcert=~server.crt&sslcert=~client.crt&sslkey=~client.key';
    expect(await isEncrypted(at('localhost', own, 'localhost'))).toEqual({ ssl: true });
    const other = own.replaceAll('client', 'stranger');
    expect(await errorOf(at('localhost', other, 'localhost').query('SELECT 1'))).toMatchObject({
      isUnavailable: true,
    });
    const missing = own.replaceAll('client.crt', 'missing.crt');
    expect(await errorOf(at('localhost', missing, 'localhost').query('SELECT 1'))).toMatchObject({
      code: 'ENOENT',
      isUnavailable: true,
    });
  });
});
