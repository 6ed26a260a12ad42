/** Measures delivery: records that wait in the outbox, to vendors of several habits, beside a bare undici client. */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { backends } from '../../src/backends/index.ts';
import { sinkOf } from '../../src/backends/sinks.ts';
import { parseConfig } from '../../src/config/config.ts';
import { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import { SERIAL } from './body.ts';
import { folderOnDisk } from './disk.ts';
import { logBody } from './log-event.ts';
import { cpuMs, type Server, startServer } from './processes.ts';
import type { Counted, Habits } from './record-vendor.ts';
import { bridgeEnv, KB, load, quick, target } from './stand.ts';

/** Until delivery is compiled and has found how many at once; records are taken meanwhile. */
const WARM_UP_MS = quick ? 3_000 : 5_000;
const WINDOW_MS = quick ? 2_000 : 5_000;
/** Enough that the fastest vendor does not empty the outbox. */
const RECORDS = quick ? 25_000 : 50_000;

type Receiver = {
  readonly name: string;
  /** Deliveries at once of the bare client: what the bridge has under way at most. */
  readonly concurrency: number;
  /** Records of one delivery. */
  readonly records: number;
  env(url: string): Record<string, string>;
};

const akto = (url: string) => ({ AKTO_GUARDRAIL_API_BASE: url, AKTO_API_KEY: 'bench-token' });
const CAPSULE: Receiver = {
  ...{ name: 'capsule, one by one', concurrency: 32, records: 1 },
  env: (url) => ({ CAPSULE_LITELLM_ENDPOINT: url, CAPSULE_LITELLM_TOKEN: 'bench-token' }),
};
const AKTO: Receiver = {
  ...{ name: 'akto, one by one', concurrency: 32, records: 1 },
  env: (url) => ({ ...akto(url), AKTO_MODE: 'observe' }),
};
const BATCHES: Receiver = { ...{ name: 'akto, batches of 100', concurrency: 5, records: 100 }, env: akto };

const EVENT = logBody(10 * KB).slice(1, -1);
const payload = (i: number) =>
  `{"outcome":"success","event":${EVENT.replaceAll(SERIAL, String(i).padStart(SERIAL.length, '0'))},"verdicts":[],"erased":[],"masked":[]}`;

/** A folder with an outbox of records of 10 KB, due for both vendors. */
async function filledOutbox(): Promise<string> {
  const dir = folderOnDisk();
  const nothing = () => {};
  const outbox = new EmbeddedOutbox({
    ...{ dir, backends: ['akto', 'capsule'], maxBytes: 16 * 1024 ** 3, maxAgeMs: 1e12 },
    events: {
      ...{ damaged: nothing, unreadable: nothing, expired: nothing, crowded: nothing, unavailable: nothing },
    },
  });
  const now = Date.now();
  for (let first = 0; first < RECORDS; first += 1_000) {
    const entries = Array.from({ length: 1_000 }, (_, i) => ({
      ...{ callKey: `call-${first + i}`, eventKey: 'event', outcome: 'success' as const },
      ...{ startedAt: now, endedAt: now, holdMs: 0, backends: ['akto', 'capsule'] },
      payload: payload(first + i),
    }));
    await outbox.accept(entries);
  }
  await outbox.close();
  return dir;
}

/** The POST with which a vendor is handed its records. */
async function postOf({ env, records }: Receiver, url: string): Promise<{ url: string; body: string }> {
  const posts: { url: string; body: string }[] = [];
  const [config] = parseConfig(env(url), backends).backends;
  const batch = Array.from({ length: records }, () => ({ ...JSON.parse(payload(0)), record_id: 'bench' }));
  const deliver = (to: string, body: unknown) => {
    posts.push({ url: to, body: JSON.stringify(body) });
    return Promise.resolve({ success: true });
  };
  await (config && sinkOf(config))?.ingest(batch, {
    http: { deliver } as never,
    deadline: undefined as never,
  });
  if (posts[0] === undefined) throw new Error('nothing was handed over');
  return posts[0];
}

const vendorWith = (habits: Habits) => startServer(1, './record-vendor.ts', [JSON.stringify(habits)]);

async function counted({ port }: Server): Promise<Counted> {
  return (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as Counted;
}

/** Deliveries that a vendor takes and refuses in a second, the most at once, and the CPU of `sender` for one. */
async function measured(vendor: Server, sender: Server, warmUpMs: number) {
  await wait(warmUpMs);
  const before = { ...(await counted(vendor)), cpuMs: cpuMs(sender.pid), at: performance.now() };
  await wait(WINDOW_MS);
  const after = { ...(await counted(vendor)), cpuMs: cpuMs(sender.pid), at: performance.now() };
  const seconds = (after.at - before.at) / 1_000;
  const taken = after.taken - before.taken;
  return {
    taken: taken / seconds,
    refused: (after.refused - before.refused) / seconds,
    cpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / taken,
    most: after.most,
  };
}

async function byBareClient(receiver: Receiver, habits: Habits) {
  const vendor = await vendorWith(habits);
  const { url, body } = await postOf(receiver, `http://127.0.0.1:${vendor.port}`);
  // An argument holds 128 KB at most
  const file = join(folderOnDisk(), 'body');
  writeFileSync(file, body);
  const client = await startServer(0, './record-client.ts', [url, file, String(receiver.concurrency)]);
  const result = await measured(vendor, client, 1_500);
  await client.stop();
  await vendor.stop();
  return result;
}

/** A bridge with a copy of an outbox, and the vendor it delivers to. */
async function draining(receiver: Receiver, habits: Habits, outbox: string | undefined) {
  const vendor = await vendorWith(habits);
  const dir = folderOnDisk();
  if (outbox !== undefined) cpSync(outbox, dir, { recursive: true });
  // Or the first flushes of the bridge wait for all of it
  spawnSync('sync', ['-f', dir]);
  const env = receiver.env(`http://127.0.0.1:${vendor.port}`);
  const settings = bridgeEnv({ ...env, DATA_DIR: dir, OUTBOX_MAX_MB: '16000' });
  const bridge = await startServer(0, '../../src/main.ts', [], settings);
  const stop = async () => {
    await bridge.stop();
    await vendor.stop();
    rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
  };
  return { bridge, vendor, stop };
}

async function byBridge(receiver: Receiver, habits: Habits, outbox: string) {
  const { bridge, vendor, stop } = await draining(receiver, habits, outbox);
  const result = await measured(vendor, bridge, WARM_UP_MS);
  await stop();
  return result;
}

type Rates = Awaited<ReturnType<typeof measured>>;
const columns = ['records/s', 'bare', 'ratio', 'CPU us', 'bare', 'refused/s', 'at once'];

function row(label: string, records: number, rates: Rates, bare: Rates): void {
  const values = [
    ...[rates.taken * records, bare.taken * records, rates.taken / bare.taken],
    ...[rates.cpuUs / records, bare.cpuUs / records, rates.refused, rates.most],
  ];
  const cell = (value: number) => value.toFixed(value < 10 ? 2 : 0).padStart(9);
  console.log(label.padEnd(48) + values.map(cell).join(' '));
}

/** Vendors that reply after this time, without errors and with one in twenty. */
async function errors(receiver: Receiver, delayMs: number, atLeast: number, outbox: string): Promise<void> {
  const name = `${receiver.name}, ${delayMs} ms`;
  const bare = await byBareClient(receiver, { delayMs });
  const sound = await byBridge(receiver, { delayMs }, outbox);
  row(name, receiver.records, sound, bare);
  target(`${name}: >= ${atLeast} records/s`, sound.taken * receiver.records, (rate) => rate >= atLeast);
  for (const status of [500, 429]) {
    const rates = await byBridge(receiver, { delayMs, errors: 0.05, status }, outbox);
    row(`  5 % of ${status}s`, receiver.records, rates, bare);
    const share = rates.taken / sound.taken;
    target(`${name}, 5 % of ${status}s: >= 0.6 of that`, share, (ratio) => ratio >= 0.6);
  }
}

/** Vendors that allow less than the bridge could send. */
async function limits(outbox: string): Promise<void> {
  const busy = { delayMs: 100, capacity: 10 };
  const bare = await byBareClient(CAPSULE, busy);
  const rates = await byBridge(CAPSULE, busy, outbox);
  row('one by one, 100 ms, works on 10 at once', 1, rates, bare);
  target('a vendor that works on 10 at once is sent <= 20', rates.most, (most) => most <= 20);
  target('  and does >= 0.9 of what it can', rates.taken / bare.taken, (ratio) => ratio >= 0.9);

  const strict = { delayMs: 2, perSecond: 100 };
  const throttled = await byBridge(CAPSULE, strict, outbox);
  row('one by one, 2 ms, 429 above 100 a second', 1, throttled, await byBareClient(CAPSULE, strict));
  target('a vendor that takes 100 a second takes >= 80', throttled.taken, (rate) => rate >= 80);
  target('  and refuses <= 10', throttled.refused, (rate) => rate <= 10);
}

/** Verdicts at a fixed rate on the core on which records are delivered as fast as it goes. */
async function verdictsBeside(outbox: string): Promise<void> {
  const p99: number[] = [];
  for (const records of [undefined, outbox]) {
    const { bridge, vendor, stop } = await draining(CAPSULE, { delayMs: 2 }, records);
    const checks = { bytes: 4 * KB, concurrency: 32, perSecond: 1_000 };
    await load(bridge, { ...checks, ms: WARM_UP_MS });
    const before = await counted(vendor);
    const slice = await load(bridge, { ...checks, ms: WINDOW_MS });
    // It was asked about each of the calls too
    const delivered = (await counted(vendor)).taken - before.taken - slice.replies;
    await stop();
    p99.push(slice.p99);
    console.log(
      `1,000 verdicts a second and ${(delivered / slice.seconds).toFixed(0)} records: ${slice.p50.toFixed(2)} ms (p99 ${slice.p99.toFixed(2)})`,
    );
  }
  target('p99 of verdicts beside a full drain, ms more', (p99[1] ?? 0) - (p99[0] ?? 0), (ms) => ms <= 20);
}

export async function courier(): Promise<void> {
  console.log(`\n${''.padEnd(48)}${columns.map((title) => title.padStart(9)).join(' ')}`);
  const outbox = await filledOutbox();
  await errors(CAPSULE, 2, 2_000, outbox);
  await errors(CAPSULE, 100, 250, outbox);
  await errors(AKTO, 2, 2_000, outbox);
  await errors(AKTO, 100, 250, outbox);
  await errors(BATCHES, 2, 2_000, outbox);
  await errors(BATCHES, 100, 2_000, outbox);
  await limits(outbox);
  await verdictsBeside(outbox);
}
