import { expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { runCli } from '../support/cli.ts';
import { databaseConfig } from './server.ts';

const check = (env: Record<string, string>) =>
  runCli(['check-config', '--connect'], { env: { TELEMETRY: 'off', ...env } });

test('check-config --connect tries the database, says what becomes of its tables, and makes none', async () => {
  const config = databaseConfig();
  const env = { DATABASE_URL: config.url, DATABASE_SCHEMA: config.schema };
  const { host, pathname } = new URL(config.url);
  const before = await check(env);
  expect(before.out).toContain(
    `replicas share records and state in schema ${config.schema} of ${host}${pathname}`,
  );
  expect(before.out).toMatch(
    /\nthe database 127\.0\.0\.1:\d+\/postgres answers \(Postgres \d+\.\d+.*\); the bridge makes or changes the tables .+ \(\d+ ms\)\n/,
  );
  expect(before.code).toBe(0);
  const database = new Database(config, 'command');
  await database.migrated();
  await database.close();
  expect((await check(env)).out).toContain(`the tables in ${config.schema} are those of this release`);
});

test.each([
  ['a database that is not there', (url: string) => ({ DATABASE_URL: `${url}_missing` })],
  ['a port where nobody listens', () => ({ DATABASE_URL: 'postgres://bridge@127.0.0.1:1/bridge' })],
  ['TLS where there is none', (url: string) => ({ DATABASE_URL: `${url}?sslmode=require` })],
  [
    'a missing certificate',
    (url: string) => ({ DATABASE_URL: `${url}?sslmode=verify-full&sslrootcert=/missing.pem` }),
  ],
])('check-config --connect ends with 1 for %s', async (_, env) => {
  const { out, code } = await check(env(databaseConfig().url));
  expect(out).toMatch(/\nthe database \S+ cannot be used: .+ \(\w+\) \(\d+ ms\)\n/);
  expect(code).toBe(1);
});
