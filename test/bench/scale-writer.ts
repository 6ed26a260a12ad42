/** A process that stores events in one of four ways: `node scale-writer.ts embedded | postgres | bare-sqlite | bare-postgres PLACE`. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { Database } from '../../src/database/database.ts';
import { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import { pack } from '../../src/outbox/packing.ts';
import { PostgresOutbox } from '../../src/outbox/postgres-outbox.ts';
import { SERIAL } from './body.ts';
import { logBody } from './log-event.ts';

/** So many callers, each of which waits for its event to be durable before it hands in the next one. */
export type WriterJob = { readonly callers: number; readonly ms: number };
export type Written = {
  readonly events: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMs: number;
};

const [kind, place = ''] = process.argv.slice(2);

const EVENT = logBody(10_240).slice(1, -1);
const payloadOf = (serial: string) =>
  `{"outcome":"success","event":${EVENT.replaceAll(SERIAL, serial)},"verdicts":[],"erased":[],"masked":[]}`;

const nothing = () => {};
const outboxOptions = {
  ...{ backends: ['akto'], maxBytes: 64 * 1024 ** 3, maxAgeMs: 1e12 },
  events: {
    ...{ damaged: nothing, unreadable: nothing, expired: nothing, crowded: nothing, unavailable: nothing },
  },
};

/** Stores one event durably. */
type Write = (serial: string) => Promise<unknown>;

function toOutbox(outbox: Pick<EmbeddedOutbox | PostgresOutbox, 'accept'>): Write {
  return (serial) => {
    const now = Date.now();
    return outbox.accept([
      {
        ...{ callKey: `call-${process.pid}-${serial}`, eventKey: 'event', outcome: 'success' as const },
        ...{ startedAt: now, endedAt: now, holdMs: 0, backends: ['akto'], payload: payloadOf(serial) },
      },
    ]);
  };
}

/** What waits while one group is stored is the next group. */
function grouped(store: (payloads: readonly string[]) => Promise<unknown>): Write {
  let waiting: { payload: string; resolve(): void; reject(error: unknown): void }[] = [];
  let isRunning = false;
  const run = async () => {
    isRunning = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await store(group.map(({ payload }) => payload)).then(
        () => {
          for (const { resolve } of group) resolve();
        },
        (error: unknown) => {
          for (const { reject } of group) reject(error);
        },
      );
    }
    isRunning = false;
  };
  return (serial) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({ payload: payloadOf(serial), resolve, reject });
      if (!isRunning) setImmediate(() => isRunning || void run());
    });
}

function bareSqlite(): Write {
  const db = new DatabaseSync(join(place, 'bare.db'));
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE event (id INTEGER PRIMARY KEY, body TEXT)',
  );
  const insert = db.prepare('INSERT INTO event (body) VALUES (?)');
  return grouped(async (payloads) => {
    db.exec('BEGIN IMMEDIATE');
    for (const payload of payloads) insert.run(payload);
    db.exec('COMMIT');
  });
}

async function barePostgres(): Promise<Write> {
  const pool = new pg.Pool({ connectionString: place, max: 1 });
  await pool.query(
    `CREATE TABLE IF NOT EXISTS bare_event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL);
     ALTER TABLE bare_event ALTER COLUMN body SET STORAGE EXTERNAL`,
  );
  return grouped((payloads) =>
    pool.query({
      name: 'insert',
      text: 'INSERT INTO bare_event (body) SELECT * FROM unnest($1::bytea[])',
      values: [payloads.map((payload) => pack(payload).body)],
    }),
  );
}

function toPostgres(): Write {
  const database = new Database(
    {
      ...{ url: place, password: undefined, passwordFile: undefined, schema: 'guardrail_bridge' },
      ...{ poolSize: 10, connectTimeoutMs: 5_000, statementTimeoutMs: 30_000 },
    },
    'records',
  );
  return toOutbox(new PostgresOutbox({ ...outboxOptions, database, replica: process.pid, name: 'bench' }));
}

async function writer(): Promise<Write> {
  switch (kind) {
    case 'embedded':
      return toOutbox(new EmbeddedOutbox({ ...outboxOptions, dir: place }));
    case 'postgres':
      return toPostgres();
    case 'bare-sqlite':
      return bareSqlite();
    default:
      return barePostgres();
  }
}

const write = await writer();
let serial = 0;

process.on('message', async ({ callers, ms }: WriterJob) => {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  const caller = async () => {
    for (let at = performance.now(); at < start + ms; at = performance.now()) {
      serial += 1;
      await write(String(serial).padStart(SERIAL.length, '0'));
      latencies.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  const written: Written = {
    ...{ events: latencies.length, seconds: (performance.now() - start) / 1000, p50: at(0.5), p99: at(0.99) },
    cpuMs: (user + system) / 1000,
  };
  process.send?.(written);
});
