import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { testBridge } from '../support/bridge.ts';
import { answer, chat, MAIL, plain, redacting } from '../support/state-calls.ts';
import { databaseConfig, until } from './server.ts';
import { bridgesWith, policyFile, STATE_KEY } from './shared-bridges.ts';

/** A bridge that runs, whose tables are dropped. */
async function bridgeWithoutTables() {
  const { url, schema } = databaseConfig();
  const env = {
    ...{ DATABASE_URL: url, DATABASE_SCHEMA: schema, STATE_KEY, STATE_TIMEOUT: '5' },
    POLICY_FILE: policyFile(redacting),
  };
  const { bridges, query } = await bridgesWith(env, {});
  const [bridge] = bridges;
  if (bridge === undefined) throw new Error('no bridge');
  await roundTrip(bridge, bridge);
  await query(`DROP SCHEMA "${schema}" CASCADE`);
  return { bridge, env, query, config: databaseConfig({ url, schema }) };
}

type Bridge = Awaited<ReturnType<typeof bridgesWith>>['bridges'][number];

/** The text of a response with a marker, which one bridge has made and another one is to undo. */
async function roundTrip(asked: Bridge, answering: Bridge): Promise<unknown> {
  const ids = { litellm_call_id: randomUUID(), litellm_trace_id: randomUUID(), litellm_version: '1.110.2' };
  const { reply } = await asked.ask({ ...ids, ...chat('house', MAIL, plain) });
  const [marker] = reply.texts as string[];
  const answered = await answering.ask({ ...ids, ...answer('house', marker ?? '', plain) });
  return (answered.reply.texts as string[] | undefined)?.[0];
}

test('a bridge that runs makes its tables again, and shares state with one that starts later', async () => {
  const { bridge, env, query } = await bridgeWithoutTables();
  const found = async () =>
    (await query<{ found: boolean }>(`SELECT to_regclass('state') IS NOT NULL AS found`))[0]?.found === true;
  await roundTrip(bridge, bridge);
  await until(found, 'the tables are there again');
  const later = testBridge(env);
  onTestFinished(() => later.close());
  await later.ready();
  await until(async () => (await roundTrip(bridge, later)) === MAIL, 'what one shares the other reads');
  expect(await roundTrip(later, bridge)).toBe(MAIL);
});

test('a bridge shares state with those that started after its tables were made again by somebody else', async () => {
  const { bridge, env, config } = await bridgeWithoutTables();
  const owner = new Database(config, 'command');
  onTestFinished(() => owner.close());
  await owner.migrated();
  const later = testBridge(env);
  onTestFinished(() => later.close());
  await later.ready();
  await until(async () => (await roundTrip(bridge, later)) === MAIL, 'what one shares the other reads');
  expect(await roundTrip(later, bridge)).toBe(MAIL);
});
