import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import type { DatabaseError } from '../../src/database/database-error.ts';
import { TABLE_STEPS } from '../../src/database/migrations/index.ts';
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
