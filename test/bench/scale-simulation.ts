/**
 * `npm run bench -- simulate`: what 1,000, 10,000 and 100,000 requests a second take, driven with the figures of `--save scale`.
 * `--save` writes its tables into the guide.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type ScaleCosts, scaleCosts } from './scale-costs.ts';
import { type Stored, store, storeCosts } from './scale-model.ts';

/** What a machine is given to do, at most: what is assumed. */
export const ASSUMED = {
  bridgeCores: 4,
  databaseCores: 16,
  /** In use at the usual load. */
  usedShare: 0.6,
  /** In use while a backlog is delivered. */
  catchingUpShare: 0.85,
  walMbPerSecond: 150,
  connections: 1_000,
  /** The load for a minute of each ten. */
  burst: 1.5,
  /** Records that vendors take, beside the usual load. */
  vendorShare: 2,
  /** Events in a POST of LiteLLM. */
  rows: 10,
} as const;

const GUIDE = new URL('../../examples/capacity/README.md', import.meta.url);
const RATES = [1_000, 10_000, 100_000];
const MB = 1e6;
const GB = 1e9;

/** What a rate needs, and what each part of it sets. */
export type Needed = {
  readonly rate: number;
  readonly bridges: number;
  readonly databases: number;
  readonly bridgeCores: number;
  readonly databaseCores: number;
  readonly walMbPerSecond: number;
  readonly networkMbPerSecond: number;
  readonly connectionsEach: number;
};

export function needed({ calls: { replicas: call } }: ScaleCosts, rate: number): Needed {
  const { bridgeCores, databaseCores, usedShare, walMbPerSecond } = ASSUMED;
  const bridgeBusy = (rate * call.bridgeUs) / 1e6;
  const recordsBusy = (rate * call.recordsUs) / 1e6;
  const databaseBusy = (rate * call.postgresUs) / 1e6;
  const wal = (rate * call.walBytes) / MB;
  // Two at least, so that one can be replaced
  const bridges = Math.max(
    2,
    Math.ceil(bridgeBusy / (bridgeCores * usedShare)),
    Math.ceil(recordsBusy / usedShare),
  );
  // A bridge takes any call, so it comes to each database
  const connectionsEach = Math.ceil(bridges * call.connections);
  const databases = Math.max(
    Math.ceil(databaseBusy / (databaseCores * usedShare)),
    Math.ceil(wal / walMbPerSecond),
  );
  return {
    ...{ rate, bridges, databases, bridgeCores: bridgeBusy, databaseCores: databaseBusy, connectionsEach },
    ...{ walMbPerSecond: wal, networkMbPerSecond: (rate * call.ioBytes) / MB },
  };
}

/** Calls a second at which each part is at its share, for one bridge and one database: the least of them limits growth first. */
export function limits({ calls: { replicas: call } }: ScaleCosts): readonly (readonly [string, number])[] {
  const { bridgeCores, databaseCores, usedShare, walMbPerSecond, connections } = ASSUMED;
  const recordsEach = (usedShare * 1e6) / call.recordsUs;
  const coresEach = (bridgeCores * usedShare * 1e6) / call.bridgeUs;
  const bridge = Math.min(recordsEach, coresEach);
  const parts: (readonly [string, number])[] = [
    ['the thread of a bridge that keeps records', recordsEach],
    [`the ${bridgeCores} cores of a bridge`, coresEach],
    [`the ${databaseCores} cores of a database`, (databaseCores * usedShare * 1e6) / call.postgresUs],
    [`${walMbPerSecond} MB/s of WAL of a database`, (walMbPerSecond * MB) / call.walBytes],
    [`${connections} connections of a database`, Math.floor(connections / call.connections) * bridge],
  ];
  return parts.toSorted(([, a], [, b]) => a - b);
}

export type Outage = {
  readonly mostRecords: number;
  readonly mostGb: number;
  /** From the end of the outage until nothing waits. */
  readonly hoursBehind: number;
  /** Share of the cores of the databases meanwhile, at most. */
  readonly databaseBusy: number;
};

/** Four minutes of warming up aside, hours second by second: vendors, or Postgres, are away for a while, and all that waited is delivered after. */
export function outage(
  costs: ScaleCosts,
  need: Needed,
  away: 'vendors' | 'postgres',
  seconds: number,
): Outage {
  const { databaseCores, catchingUpShare, burst, vendorShare } = ASSUMED;
  const { calls, drained, intake } = costs;
  const call = calls.replicas;
  const [embedded, postgres] = [intake.embedded, intake.postgres];
  if (embedded === undefined || postgres === undefined) throw new Error('both outboxes are needed');
  const atOnce = postgres.at[50];
  if (atOnce === undefined) throw new Error('intake was not measured with 50 callers');
  const databaseUs = need.databases * databaseCores * 1e6;
  const bridgeUs = need.bridges * ASSUMED.bridgeCores * 1e6;
  // An event that is delivered late costs this again: by the queue of Postgres, or by being handed over to it
  const late = away === 'vendors' ? drained : { bridgeUs: atOnce.cpuUs, postgresUs: atOnce.postgresUs };
  const bytes = away === 'vendors' ? postgres.bytesPerEvent : embedded.bytesPerEvent;
  let [waiting, most, busy, hoursBehind] = [0, 0, 0, Number.POSITIVE_INFINITY];
  for (let second = 0; second < 24 * 3600; second += 1) {
    const arriving = need.rate * (second % 600 < 60 ? burst : 1);
    const isAway = second < seconds;
    if (isAway) {
      waiting += arriving;
      most = Math.max(most, waiting);
      continue;
    }
    const ofDatabase = catchingUpShare * databaseUs - arriving * call.postgresUs;
    const ofBridges = catchingUpShare * bridgeUs - arriving * call.bridgeUs;
    const ofVendors = away === 'vendors' ? need.rate * vendorShare - arriving : Number.POSITIVE_INFINITY;
    const delivered = Math.max(
      0,
      Math.min(waiting, ofDatabase / late.postgresUs, ofBridges / late.bridgeUs, ofVendors),
    );
    busy = Math.max(busy, (arriving * call.postgresUs + delivered * late.postgresUs) / databaseUs);
    waiting -= delivered;
    if (waiting < 1) {
      hoursBehind = (second + 1 - seconds) / 3600;
      break;
    }
  }
  return { mostRecords: most, mostGb: (most * bytes) / GB, hoursBehind, databaseBusy: busy };
}

/** A database of a rate, event by event. */
export function storedAt(costs: ScaleCosts, need: Needed): Stored {
  const perSecond = (need.rate / need.databases) * ASSUMED.burst;
  return store(storeCosts(costs.intake.postgres as never), {
    ...{ replicas: need.bridges, postgresCores: ASSUMED.databaseCores },
    ...{ seconds: Math.min(20, 100_000 / perSecond), load: { perSecond, rows: ASSUMED.rows } },
  });
}

const number = (value: number, digits = 0) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** The table that the guide shows. */
export function table(costs: ScaleCosts): string {
  const columns = RATES.map((rate) => {
    const need = needed(costs, rate);
    const [stored, vendors, postgres] = [
      storedAt(costs, need),
      outage(costs, need, 'vendors', 3600),
      outage(costs, need, 'postgres', 600),
    ];
    return { need, stored, vendors, postgres };
  });
  type Column = (typeof columns)[number];
  const rows: readonly (readonly [string, (column: Column) => string])[] = [
    ['bridges of 4 cores', ({ need }) => number(need.bridges)],
    ['cores that they use', ({ need }) => number(need.bridgeCores, 1)],
    ['databases of 16 cores', ({ need }) => number(need.databases)],
    ['cores that they use', ({ need }) => number(need.databaseCores, 1)],
    ['WAL of all, MB/s', ({ need }) => number(need.walMbPerSecond, 1)],
    ['WAL of all, TB a day', ({ need }) => number((need.walMbPerSecond * 86_400) / 1e6, 1)],
    ['connections to each database', ({ need }) => number(need.connectionsEach)],
    ['network of the bridges, MB/s', ({ need }) => number(need.networkMbPerSecond)],
    [
      'at 1.5 times the load, in each database: commits of events a second',
      ({ stored }) => number(stored.commitsPerSecond),
    ],
    ['events in each', ({ stored }) => number(stored.eventsPerCommit, 1)],
    [
      'time until an event is durable, p50 and p99, ms',
      ({ stored }) => `${number(stored.p50Ms, 1)}, ${number(stored.p99Ms, 1)}`,
    ],
    ['vendors away for an hour: GB that wait, of all', ({ vendors }) => number(vendors.mostGb)],
    [
      'hours until they are delivered, if vendors take twice the load',
      ({ vendors }) => number(vendors.hoursBehind, 1),
    ],
    [
      'cores of Postgres in use meanwhile, at most',
      ({ vendors }) => `${number(vendors.databaseBusy * 100)} %`,
    ],
    [
      'Postgres away for ten minutes: GB on the disk of each bridge',
      ({ need, postgres }) => number(postgres.mostGb / need.bridges, 1),
    ],
    ['minutes until they are handed over', ({ postgres }) => number(postgres.hoursBehind * 60, 1)],
  ];
  return [
    `| requests a second | ${RATES.map((rate) => number(rate)).join(' | ')} |`,
    `|---|${RATES.map(() => '---').join('|')}|`,
    ...rows.map(([name, of]) => `| ${name} | ${columns.map(of).join(' | ')} |`),
  ].join('\n');
}

/** The model beside what was measured: so many callers of one bridge, with Postgres on a core of its own. */
export function validation(costs: ScaleCosts): string {
  const intake = costs.intake.postgres as never as Parameters<typeof storeCosts>[0];
  const rows = Object.entries(intake.at).map(([callers, measured]) => {
    const load = { callers: Number(callers) };
    const { perSecond, p50Ms } = store(storeCosts(intake), {
      replicas: 1,
      postgresCores: 1,
      seconds: 10,
      load,
    });
    const error = (model: number, real: number) =>
      `${model >= real ? '+' : '-'}${number((Math.abs(model - real) / real) * 100)} %`;
    return `| ${callers} | ${number(measured.perSecond)} | ${number(perSecond)} | ${error(perSecond, measured.perSecond)} | ${number(measured.p50, 1)} | ${number(p50Ms, 1)} | ${error(p50Ms, measured.p50)} |`;
  });
  return [
    '| callers | events/s, measured | by the model | error | p50 ms, measured | by the model | error |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

export function limitsTable(costs: ScaleCosts): string {
  return [
    '| | requests a second |',
    '|---|---|',
    ...limits(costs).map(([name, perSecond]) => `| ${name} | ${number(perSecond)} |`),
  ].join('\n');
}

/** What was measured of whole calls. */
export function costsTable({ calls: { alone, replicas }, drained }: ScaleCosts): string {
  const rows: readonly (readonly [string, string, string])[] = [
    ['CPU of the bridge, us', number(alone.bridgeUs), number(replicas.bridgeUs)],
    ['of these, of its thread that keeps records', number(alone.recordsUs), number(replicas.recordsUs)],
    ['CPU of Postgres, us', '', number(replicas.postgresUs)],
    ['WAL, bytes', '', number(replicas.walBytes)],
    ['commits', '', number(replicas.commits, 2)],
    ['connections of a bridge', '', number(replicas.connections)],
    ['network and disk of the bridge, bytes', number(alone.ioBytes), number(replicas.ioBytes)],
  ];
  return [
    `With 64 callers, ${number(alone.perSecond)} calls a second through the bridge alone and ${number(replicas.perSecond)} through the two, which shared the cores with the load:`,
    '',
    '| a call costs | a bridge alone | two bridges on Postgres |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    `To deliver a record that waited took ${number(drained.bridgeUs)} us of a bridge and ${number(drained.postgresUs)} us of Postgres; one bridge delivered ${number(drained.perSecond)} a second.`,
  ].join('\n');
}

/** What was measured of the stores of events. */
export function eventsTable({ intake }: ScaleCosts): string {
  const rows = Object.entries(intake).flatMap(([kind, { at, bytesPerEvent }]) =>
    Object.entries(at).map(([callers, one]) => {
      const database = kind.includes('postgres')
        ? [number(one.postgresUs), number(one.walBytes), number(one.commits, 2)]
        : ['', '', ''];
      const cells = [number(one.perSecond), number(one.p50, 1), number(one.cpuUs), ...database];
      return `| ${NAMES[kind]}, ${callers} | ${cells.join(' | ')} | ${number(bytesPerEvent)} |`;
    }),
  );
  return [
    '| | events/s | p50 ms | CPU us | Postgres us | WAL bytes | commits | bytes on disk |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

const NAMES: Readonly<Record<string, string>> = {
  embedded: 'embedded outbox',
  'bare-sqlite': 'bare SQLite insert',
  postgres: 'outbox on Postgres',
  'bare-postgres': 'bare Postgres insert',
};

/** What stands in the guide, by its place there. */
export function sections(costs: ScaleCosts): Readonly<Record<string, string>> {
  return {
    costs: costsTable(costs),
    events: eventsTable(costs),
    limits: limitsTable(costs),
    table: table(costs),
    validation: validation(costs),
  };
}

/** The places of the guide. */
export const placeOf = (name: string) => new RegExp(`(<!-- ${name} -->\\n)([^]*?)(<!-- /${name} -->)`);

export async function simulate(): Promise<void> {
  const costs = scaleCosts();
  console.log(`driven with what was measured on ${costs.day}, ${costs.machine}`);
  let text = readFileSync(GUIDE, 'utf8');
  for (const [name, section] of Object.entries(sections(costs))) {
    console.log(`\n${section}`);
    text = text.replace(placeOf(name), (_, begin, __, end) => `${begin}\n${section}\n\n${end}`);
  }
  if (process.argv.includes('--save')) writeFileSync(GUIDE, text);
}
