/**
 * Measures what several replicas cost on Postgres: the intake of events by both outboxes beside bare inserts of the same bytes, and whole
 * calls through two bridges. `--save` keeps the figures for `simulate`; `--only events`,
 * `--only calls` and `--only workers`, verdicts of one process and of two workers, measure one of the three.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startCalls } from './calls.ts';
import { median } from './compare.ts';
import { type DatabaseFigures, type MeasuredDatabase, startDatabase } from './database.ts';
import { folderOnDisk } from './disk.ts';
import { cpuMs, type Server, startPeer, startServer } from './processes.ts';
import type { Counted } from './record-vendor.ts';
import {
  type CallCosts,
  COSTS_FILE,
  type Intake,
  type Measured,
  type ScaleCosts,
  scaleCosts,
} from './scale-costs.ts';
import { scaleWorkers } from './scale-workers.ts';
import type { WriterJob, Written } from './scale-writer.ts';
import { bridgeEnv, only, quick, save, target } from './stand.ts';

const SLICE_MS = quick ? 800 : 2_000;
const WARM_UP_MS = quick ? 800 : 3_000;
const ROUNDS = quick ? 2 : 3;
const CALLERS = [1, 8, 50] as const;
const WRITERS = ['embedded', 'bare-sqlite', 'postgres', 'bare-postgres'] as const;
type WriterKind = (typeof WRITERS)[number];

const cells = (values: readonly number[]) =>
  values.map((value) => value.toFixed(value < 10 ? 2 : 0).padStart(9)).join(' ');
const head = (label: string, titles: readonly string[]) =>
  console.log(`\n${label.padEnd(36)}${titles.map((title) => title.padStart(9)).join(' ')}`);

/** All four stores in turns, so that a busy moment of the machine is nobody's. */
async function intake(database: MeasuredDatabase): Promise<Record<WriterKind, Intake>> {
  const writers = WRITERS.map((kind) => {
    const folder = folderOnDisk();
    const place = kind.includes('postgres') ? database.url : folder;
    const peer = startPeer<WriterJob, Written>('./scale-writer.ts', [kind, place]);
    return { kind, folder, peer, events: 0, at: {} as Record<number, Measured> };
  });
  for (const writer of writers)
    writer.events += (await writer.peer.ask({ callers: 8, ms: WARM_UP_MS })).events;
  head('events of 10 KB, each durable', [
    'per s',
    'p50 ms',
    'p99 ms',
    'CPU us',
    'pg us',
    'WAL bytes',
    'commits',
  ]);
  for (const callers of CALLERS) {
    const slices = writers.map((): Measured[] => []);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [n, writer] of writers.entries()) {
        const from = await database.figures();
        const written = await writer.peer.ask({ callers, ms: SLICE_MS });
        slices[n]?.push(measured(written, from, await database.figures()));
        writer.events += written.events;
      }
    }
    for (const [n, { kind, at }] of writers.entries()) {
      const one = medians(slices[n] ?? []);
      at[callers] = one;
      const { perSecond, p50, p99, cpuUs, postgresUs, walBytes, commits } = one;
      const onPostgres = kind.includes('postgres') ? [postgresUs, walBytes, commits] : [];
      console.log(
        `${kind}, ${callers} at once`.padEnd(36) + cells([perSecond, p50, p99, cpuUs, ...onPostgres]),
      );
    }
  }
  const results = {} as Record<WriterKind, Intake>;
  for (const { kind, folder, peer, events, at } of writers) {
    await peer.stop();
    const table = kind === 'postgres' ? 'guardrail_bridge' : 'public';
    const bytes = kind.includes('postgres') ? await database.bytes(table) : sizeOf(folder);
    results[kind] = { bytesPerEvent: bytes / events, at };
  }
  // With one caller it is the two milliseconds in which an event waits for others that are measured
  const ratio = (kind: WriterKind, bare: WriterKind) =>
    (results[kind].at[50]?.perSecond ?? 0) / (results[bare].at[50]?.perSecond ?? 1);
  target(
    'intake, 50 at once: embedded >= 0.4 of bare SQLite',
    ratio('embedded', 'bare-sqlite'),
    (value) => value >= 0.4,
  );
  target(
    'intake, 50 at once: Postgres >= 0.4 of bare Postgres',
    ratio('postgres', 'bare-postgres'),
    (value) => value >= 0.4,
  );
  return results;
}

function measured(written: Written, from: DatabaseFigures, to: DatabaseFigures): Measured {
  const { events, seconds, p50, p99, cpuMs } = written;
  return {
    ...{ perSecond: events / seconds, p50, p99, cpuUs: (cpuMs * 1000) / events },
    postgresUs: ((to.cpuMs - from.cpuMs) * 1000) / events,
    walBytes: (to.walBytes - from.walBytes) / events,
    commits: (to.commits - from.commits) / events,
  };
}

function medians(slices: readonly Measured[]): Measured {
  const names = Object.keys(slices[0] ?? {}) as (keyof Measured)[];
  return Object.fromEntries(
    names.map((name) => [name, median(slices.map((slice) => slice[name]))]),
  ) as Measured;
}

const sizeOf = (folder: string) =>
  readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

/** Each waits until its call is logged, so that a busy machine slows them down and loses none. */
const CALLS = { callers: 64 };
/** Until the bridges are compiled, however busy the machine is. */
const CALLS_WARM_UP = quick ? { calls: 200, ms: 5_000 } : { calls: 4_000, ms: 45_000 };
const CALLS_MS = quick ? 6_000 : 20_000;

/** Bridges with a vendor that judges and takes records; on Postgres if there is an address. */
async function startBridges(count: number, vendor: Server, url?: string): Promise<Server[]> {
  const bridges: Server[] = [];
  while (bridges.length < count) {
    const env = bridgeEnv({
      ...{ AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${vendor.port}`, AKTO_API_KEY: 'bench-token' },
      ...{ DATA_DIR: folderOnDisk(), OUTBOX_MAX_MB: '16000' },
      ...(url !== undefined && { DATABASE_URL: url, STATE_KEY: '0'.repeat(64) }),
    });
    bridges.push(await startServer(undefined, '../../src/main.ts', [], env));
  }
  return bridges;
}

/** CPU of a bridge's threads, the largest first, in ms. */
function threadsMs(pid: number): number[] {
  const ticks = readdirSync(`/proc/${pid}/task`).map((task) => {
    const fields =
      readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return { task, ms: (Number(fields[11]) + Number(fields[12])) * 10 };
  });
  return ticks.toSorted((a, b) => Number(a.task) - Number(b.task)).map(({ ms }) => ms);
}

const ioOf = (pid: number) => {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  return Number(/rchar: (\d+)/.exec(text)?.[1]) + Number(/wchar: (\d+)/.exec(text)?.[1]);
};

/** False once something did not keep up: what was measured is not kept then. */
let isSound = true;

/** What a call costs the bridges and Postgres. */
async function calls(bridges: readonly Server[], database: MeasuredDatabase): Promise<CallCosts> {
  const { counts, stop } = startCalls(bridges, CALLS);
  const endsAt = performance.now() + CALLS_WARM_UP.ms;
  while (counts.events < CALLS_WARM_UP.calls && performance.now() < endsAt) await wait(100);
  const look = async () => ({
    ...{ calls: counts.events, at: performance.now(), database: await database.figures() },
    bridgeMs: sum(bridges.map(({ pid }) => cpuMs(pid))),
    threads: bridges.map(({ pid }) => threadsMs(pid)),
    io: sum(bridges.map(({ pid }) => ioOf(pid))),
  });
  const from = await look();
  await wait(CALLS_MS);
  const to = await look();
  await stop();
  const made = to.calls - from.calls;
  // The main thread judges; the busiest of the others keeps records
  const records = to.threads.map((threads, n) =>
    Math.max(...threads.slice(1).map((ms, i) => ms - (from.threads[n]?.[i + 1] ?? 0))),
  );
  const share = Math.min(counts.verdicts / 2, counts.stored + counts.deferred) / counts.calls;
  target(`calls of ${bridges.length} bridges that were judged and stored`, share, (value) => value > 0.98);
  if (counts.deferred > 0) console.log(`${counts.deferred} events waited on this machine for Postgres`);
  isSound &&= share > 0.98;
  return {
    perSecond: made / ((to.at - from.at) / 1000),
    bridgeUs: ((to.bridgeMs - from.bridgeMs) * 1000) / made,
    recordsUs: (sum(records) * 1000) / made,
    postgresUs: ((to.database.cpuMs - from.database.cpuMs) * 1000) / made,
    walBytes: (to.database.walBytes - from.database.walBytes) / made,
    commits: (to.database.commits - from.database.commits) / made,
    connections: to.database.connections / bridges.length,
    ioBytes: (to.io - from.io) / made,
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const printCalls = (label: string, costs: CallCosts) =>
  console.log(
    label.padEnd(36) +
      cells([
        costs.bridgeUs,
        costs.recordsUs,
        costs.postgresUs,
        costs.walBytes,
        costs.commits,
        costs.connections,
        costs.ioBytes,
      ]),
  );

/** A bridge that delivers what the intake has left, as after an outage of its vendor. */
async function drain(database: MeasuredDatabase): Promise<ScaleCosts['drained']> {
  const vendor = await startServer(1, './record-vendor.ts', [JSON.stringify({ delayMs: 2 })]);
  const [bridge] = await startBridges(1, vendor, database.url);
  if (bridge === undefined) throw new Error('no bridge');
  const look = async () => {
    const { taken } = (await (await fetch(`http://127.0.0.1:${vendor.port}/`)).json()) as Counted;
    // Batches of a hundred
    return {
      records: taken * 100,
      bridgeMs: cpuMs(bridge.pid),
      at: performance.now(),
      database: await database.figures(),
    };
  };
  await wait(WARM_UP_MS);
  const from = await look();
  await wait(SLICE_MS * ROUNDS);
  const to = await look();
  await bridge.stop();
  await vendor.stop();
  const records = to.records - from.records;
  const drained = {
    perSecond: records / ((to.at - from.at) / 1000),
    bridgeUs: ((to.bridgeMs - from.bridgeMs) * 1000) / records,
    postgresUs: ((to.database.cpuMs - from.database.cpuMs) * 1000) / records,
    walBytes: (to.database.walBytes - from.database.walBytes) / records,
  };
  head('what waited, delivered by one bridge', ['per s', 'CPU us', 'pg us', 'WAL bytes']);
  console.log(''.padEnd(36) + cells(Object.values(drained)));
  return drained;
}

/** What a whole call costs a bridge alone, and two on Postgres. */
async function wholeCalls(): Promise<ScaleCosts['calls']> {
  const database = await startDatabase();
  try {
    const stub = await startServer(1, './reference.ts', ['stub']);
    const titles = ['CPU us', 'records', 'pg us', 'WAL bytes', 'commits', 'conns', 'IO bytes'];
    head('a call: two verdicts, an event, delivery', titles);
    const one = await startBridges(1, stub);
    const alone = await calls(one, database);
    printCalls('a bridge alone', alone);
    for (const bridge of one) await bridge.stop();
    const two = await startBridges(2, stub, database.url);
    const replicas = await calls(two, database);
    printCalls('two bridges on Postgres', replicas);
    for (const server of [...two, stub]) await server.stop();
    return { alone, replicas };
  } finally {
    await database.remove();
  }
}

/** What storing an event costs, and delivering what has waited. */
async function events(): Promise<Pick<ScaleCosts, 'intake' | 'drained'>> {
  const database = await startDatabase();
  try {
    return { intake: await intake(database), drained: await drain(database) };
  } finally {
    await database.remove();
  }
}

export async function scale(): Promise<void> {
  const measured = {
    ...(only.test('events') && (await events())),
    ...(only.test('calls') && { calls: await wholeCalls() }),
  };
  if (only.test('workers')) await scaleWorkers();
  if (!save) return;
  if (!isSound) return console.log('nothing is kept: the machine was too busy');
  const machine = `${cpus().length} cores of ${cpus()[0]?.model.trim()}`;
  const day = new Date().toISOString().slice(0, 10);
  // Parts that were measured before, if one is measured alone
  const before = existsSync(COSTS_FILE) ? scaleCosts() : {};
  const round = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(3)) : value;
  writeFileSync(COSTS_FILE, `${JSON.stringify({ ...before, ...measured, machine, day }, round, 2)}\n`);
}
