import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { DecisionTable } from '../../src/decisions/decision-table.ts';
import { type DecisionReader, openDecisions } from '../../src/decisions/reader.ts';
import type { StoredDecision } from '../../src/decisions/row.ts';
import { blocked, MB, row, testKeeper } from '../support/decisions.ts';
import { temporaryFolder } from '../support/store.ts';
import { databaseConfig } from './server.ts';

const REF = '0123456789abcdef';
const sides = { request: true, response: true };

async function read(...[place]: Parameters<typeof openDecisions>): Promise<DecisionReader> {
  const reader = await openDecisions(place);
  onTestFinished(() => reader.close());
  return reader;
}

function tableOf(database: ReturnType<typeof databaseConfig>) {
  const queries = new Database(database, 'command');
  onTestFinished(() => queries.close());
  return { queries, table: new DecisionTable(queries, async () => {}) };
}

async function withTables() {
  const database = databaseConfig();
  await tableOf(database).queries.migrated();
  return database;
}

test('decisions of all replicas are found on any of them, with the end of their calls', async () => {
  const database = await withTables();
  const [web1, web2] = [testKeeper({ database }), testKeeper({ database })];
  const request = row();
  const response = blocked(REF, { input_type: 'response', shape: 'response', at: request.at + 5 });
  web1.keeper.append(request);
  web2.keeper.append(response);
  const reader = await read({ dir: temporaryFolder(), database });
  await vi.waitFor(async () => expect(await reader.find(REF)).toEqual([request, response]), 10_000);
  web1.keeper.ended([{ callId: 'call-1', traceId: 'trace-1', outcome: 'failure', at: 9, sides }]);
  web1.keeper.append(row({ litellm_call_id: 'call-2', at: request.at + 9, team: 'sales' }));
  const ended = { outcome: 'failure', at: 9 };
  await vi.waitFor(
    async () => expect(await reader.find('call-1')).toEqual([{ ...request, ended }, response]),
    10_000,
  );
  await vi.waitFor(async () => expect(await reader.list({ limit: 9 })).toHaveLength(3), 10_000);
  expect(await reader.list({ limit: 9, verdict: 'block', since: request.at })).toEqual([response]);
  expect(await reader.oldest()).toBe(request.at);
  expect((await reader.top({ by: 'team' })).entries).toEqual([
    { name: 'payments', decisions: 2, blocked: 1, redacted: 0, observed: 0, unjudged: 0 },
    { name: 'sales', decisions: 1, blocked: 0, redacted: 0, observed: 0, unjudged: 0 },
  ]);
});

test('a result that comes after its row was brought is brought too', async () => {
  const database = await withTables();
  const { keeper } = testKeeper({ database });
  const made = row();
  keeper.append(made);
  const reader = await read({ dir: temporaryFolder(), database });
  await vi.waitFor(async () => expect(await reader.find('call-1')).toEqual([made]), 10_000);
  const finding = { backend: 'akto', mode: 'observe', result: 'block', ms: 9, late: true } as const;
  keeper.late({ of: made, finding });
  const observed = { verdict: 'observed', limit: 9 } as const;
  await vi.waitFor(
    async () => expect(await reader.list(observed)).toEqual([{ ...made, backends: [finding] }]),
    10_000,
  );
});

test('while the database is down rows wait in the folder, are seen there, and come once it is back', async () => {
  const database = await withTables();
  const gone = { ...database, url: 'postgres://postgres@127.0.0.1:1/postgres', connectTimeoutMs: 500 };
  const first = testKeeper({ database: gone });
  first.keeper.append(row());
  await vi.waitFor(() => expect(first.lines).toHaveLength(1), 10_000);
  expect(first.lines).toEqual([
    expect.objectContaining({
      level: 'warn',
      code: 'ECONNREFUSED',
      msg: 'decisions do not reach the database; they stay in DATA_DIR',
    }),
  ]);
  expect(first.keeper.health()).toEqual({ isUp: true, isShipping: false });
  const alone = await read({ dir: first.dir, database: gone });
  expect(alone.databaseCode).toBe('ECONNREFUSED');
  expect(await alone.find('call-1')).toHaveLength(1);
  await first.keeper.close();
  const waiting = await read({ dir: first.dir, database });
  expect(await waiting.find('call-1')).toHaveLength(1);
  const elsewhere = await read({ dir: temporaryFolder(), database });
  expect(await elsewhere.find('call-1')).toEqual([]);
  const again = testKeeper({ dir: first.dir, database });
  again.keeper.append(row({ litellm_call_id: 'call-2' }));
  await vi.waitFor(async () => expect(await elsewhere.find('call-1')).toHaveLength(1), 10_000);
  await again.keeper.close();
  expect(await (await read({ dir: first.dir, database })).list({ limit: 9 })).toHaveLength(2);
});

test('rows of a time without a database are brought too', async () => {
  const alone = testKeeper();
  alone.keeper.append(row());
  await alone.keeper.close();
  const database = databaseConfig();
  const shared = testKeeper({ dir: alone.dir, database });
  shared.keeper.append(row({ litellm_call_id: 'call-2' }));
  await shared.keeper.close();
  const reader = await read({ dir: temporaryFolder(), database });
  expect(await reader.list({ limit: 9 })).toHaveLength(2);
});

test('a row that is brought again takes its own place', async () => {
  const { table } = tableOf(databaseConfig());
  const stored: StoredDecision = {
    ...{ origin: randomUUID(), id: 1, at: 5, verdict: 'allow', call: null, ref: null, rounds: null },
    ...{ ended: null, row: '["request","\\u0000"]' },
  };
  await table.put([stored]);
  await table.put([{ ...stored, at: 6 }]);
  const place = { at: 9, origin: randomUUID(), id: 0 };
  expect(await table.page(place, { since: 0, verdict: null }, 9)).toEqual([{ ...stored, at: 6 }]);
});

test('in the table what is too old goes, then allowed calls, then the oldest', async () => {
  const { table, queries } = tableOf(databaseConfig());
  const now = Date.now();
  const stored = (id: number, verdict: StoredDecision['verdict'], ageMs: number) => ({
    ...{ origin: randomUUID(), id, at: now - ageMs, verdict, call: id, ref: null, rounds: null, ended: null },
    row: 'x'.repeat(1000),
  });
  const rows = Array.from({ length: 4000 }, (_, i) => stored(i, i % 2 === 0 ? 'allow' : 'block', i));
  await table.put([...rows, stored(4000, 'block', 8 * 86_400_000)]);
  const left = async () =>
    (
      await queries.query<{ verdict: string; rows: number }>(
        'SELECT verdict, count(*) AS rows FROM decision GROUP BY verdict ORDER BY verdict',
      )
    ).map(({ verdict, rows }) => `${rows} ${verdict}`);
  await table.sweep(7, 100 * MB);
  expect(await left()).toEqual(['2000 allow', '2000 block']);
  await table.sweep(7, 4.5 * MB);
  expect(await left()).toEqual(['1000 allow', '2000 block']);
  await table.sweep(7, 1.5 * MB);
  expect(await left()).toEqual(['1000 block']);
});
