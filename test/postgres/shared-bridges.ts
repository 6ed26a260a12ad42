import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { testBridge } from '../support/bridge.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';
import { databaseConfig } from './server.ts';

export const STATE_KEY = randomBytes(32).toString('hex');

/** Bridges with one database, each with an environment of its own over a common one. */
export async function bridgesWith(env: Record<string, string>, ...own: Record<string, string>[]) {
  const { url, schema } = databaseConfig(env.DATABASE_URL === undefined ? {} : { url: env.DATABASE_URL });
  const common = { DATABASE_URL: url, DATABASE_SCHEMA: schema, STATE_KEY, ...env };
  const bridges = own.map((one) => testBridge({ ...common, ...one }));
  onTestFinished(async () => {
    await Promise.all(bridges.map((bridge) => bridge.close()));
  });
  await Promise.all(bridges.map((bridge) => bridge.ready()));
  const database = new Database(databaseConfig({ url, schema }), 'command');
  onTestFinished(() => database.close());
  return { bridges, query: <Row extends object>(text: string) => database.query<Row>(text) };
}

/** The path of a policy file. */
export function policyFile(policies: object): string {
  const file = join(temporaryFolder(), 'policies.json');
  writeFileSync(file, JSON.stringify(policies));
  return file;
}
