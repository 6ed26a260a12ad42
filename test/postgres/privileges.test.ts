import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { runCli } from '../support/cli.ts';
import { databaseConfig } from './server.ts';

/** The environment of a command for a role of the shared server. */
function roleEnv(role?: string) {
  const { url, schema } = databaseConfig();
  const DATABASE_URL = role === undefined ? url : url.replace('postgres@', `${role}@`);
  return { DATABASE_URL, DATABASE_SCHEMA: schema };
}

async function newRole(): Promise<string> {
  const database = new Database(databaseConfig(), 'command');
  onTestFinished(() => database.close());
  const role = `role_${randomUUID().replaceAll('-', '')}`;
  await database.query(`CREATE ROLE ${role} LOGIN`);
  return role;
}

test('database migrate makes the tables, and says at which version they are', async () => {
  const env = roleEnv();
  const { code, out } = await runCli(['database', 'migrate'], { env });
  expect(out).toMatch(
    new RegExp(
      `^version {2}name.*applied at\n(?: +\\d+ .*Z\n)+the tables in ${env.DATABASE_SCHEMA} are at version \\d+\n$`,
    ),
  );
  expect(code).toBe(0);
  const { steps, version, schema } = JSON.parse(
    (await runCli(['database', 'migrate', '--json'], { env })).out,
  );
  expect(schema).toBe(env.DATABASE_SCHEMA);
  expect(steps.at(-1).version).toBe(version);
});

test('database migrate says what is missing', async () => {
  expect(await runCli(['database', 'migrate'])).toEqual({
    ...{ code: 1, out: '' },
    err: 'guardrail-bridge: DATABASE_URL: missing; set it to the database of the bridges\n',
  });
  const env = roleEnv(await newRole());
  const { code, err } = await runCli(['database', 'migrate'], { env });
  expect(err).toBe(
    `guardrail-bridge: the role of DATABASE_URL may not make tables in ${env.DATABASE_SCHEMA} (42501): run it as the owner of the schema\n`,
  );
  expect(code).toBe(1);
});
