import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as v from 'valibot';
import { onTestFinished } from 'vitest';
import type { Batch, Sink } from '../../src/backends/backend.ts';
import { createHttp } from '../../src/backends/http.ts';
import type { Clock } from '../../src/delivery/clock.ts';
import { Courier, type CourierOptions } from '../../src/delivery/courier.ts';
import type { DeliveryEvents } from '../../src/delivery/deliver.ts';
import { EmbeddedOutbox } from '../../src/outbox/embedded-outbox.ts';
import { type Reply as FakeReply, startFakeBackend } from './fake-backend.ts';
import { NO_EVENTS } from './store.ts';

export const T0 = 1_795_244_873_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** Waits for what has to come true; the test's own limit is the only one. */
export async function until(isTrue: () => unknown): Promise<void> {
  while (!(await isTrue())) await wait(2);
}

/** A clock that passes time only when told to, and then as fast as all loops that sleep by it let it. */
export function createTestClock(loops: number) {
  type Sleeper = { until: number; wake(): void };
  const sleepers = new Set<Sleeper>();
  let now = T0;
  let end = T0;
  let reached = () => {};
  let isBusy = () => false;

  function advance(): void {
    if (sleepers.size < loops || now >= end) return;
    if (isBusy()) {
      setTimeout(advance, 1);
      return;
    }
    const first = [...sleepers].reduce((a, b) => (b.until < a.until ? b : a));
    now = Math.min(end, Math.max(now, first.until));
    if (now >= first.until) first.wake();
    if (now >= end) reached();
  }

  /** Resolves when so much time has passed. */
  function pass(ms: number): Promise<void> {
    end = now + ms;
    return new Promise((resolve) => {
      reached = resolve;
      setImmediate(advance);
    });
  }

  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (ms <= 0) return resolve();
        const sleeper = {
          until: now + ms,
          wake() {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal.addEventListener('abort', sleeper.wake, { once: true });
        setImmediate(advance);
      }),
    pass,
    /** Lets no time pass while this is so. */
    standStill(isTrue: () => boolean): void {
      isBusy = isTrue;
    },
    /** Passes as much time as it takes. */
    async passUntil(isTrue: () => boolean): Promise<void> {
      while (!isTrue()) await pass(1000);
    },
  } satisfies Clock & Record<string, unknown>;
}

/** Reply of a vendor to the records it is handed; `ids` are in their order. */
export type VendorReply = (ids: readonly string[], response: ServerResponse) => unknown;

export const takes: VendorReply = (_, response) => send(response, 202, { ok: true });
export const says =
  (status: number, body: unknown = {}, headers: Record<string, string> = {}): VendorReply =>
  (_, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    send(response, status, body);
  };
export const hangs: VendorReply = () => {};
/** Replies so where one of these records is among them, and takes everything else. */
export const except =
  (bad: readonly string[], reply: VendorReply): VendorReply =>
  (ids, response) =>
    (ids.some((id) => bad.includes(id)) ? reply : takes)(ids, response);

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** A vendor's server, the deliveries made to it, and those that it took. */
export async function startVendor(
  name: string,
  reply: VendorReply = takes,
  { concurrency = 32, ...batch }: Partial<Batch> & { concurrency?: number } = {},
) {
  const deliveries: string[][] = [];
  const taken: string[][] = [];
  let underWay = 0;
  const handle: FakeReply = async ({ body }, response) => {
    const { ids } = body as { ids: string[] };
    deliveries.push(ids);
    await vendor.reply(ids, response);
    if (response.writableEnded && response.statusCode === 202) taken.push(ids);
  };
  const server = await startFakeBackend(handle);
  onTestFinished(() => server.close());
  const sink: Sink = {
    batch: { records: 100, bytes: 1_000_000, ...batch },
    concurrency,
    wants: () => true,
    async ingest(records, { http, deadline }) {
      const ids = records.map(({ event }) => event.id);
      const headers = { 'x-records': String(records.length) };
      underWay++;
      try {
        await http.deliver(server.url, { ids }, { headers, schema: v.object({ ok: v.boolean() }), deadline });
      } finally {
        underWay--;
      }
      return [];
    },
  };
  const vendor = { name, sink, server, deliveries, taken, reply, isBusy: () => underWay > 0 };
  return vendor;
}

export type Vendor = Awaited<ReturnType<typeof startVendor>>;
type Event = {
  [Name in keyof DeliveryEvents]: [Name, ...Parameters<DeliveryEvents[Name]>];
}[keyof DeliveryEvents];

/** An outbox in SQLite, and a courier that is started when told to. */
export function delivering(
  vendors: readonly Vendor[],
  {
    clock,
    ...more
  }: Partial<Omit<CourierOptions, 'clock'>> & {
    clock?: ReturnType<typeof createTestClock>;
    wrap?: (outbox: EmbeddedOutbox) => Partial<CourierOptions['outbox']>;
  } = {},
) {
  const dir = mkdtempSync(join(tmpdir(), 'guardrail-bridge-'));
  const outbox = new EmbeddedOutbox({
    dir,
    backends: vendors.map(({ name }) => name),
    ...{ maxBytes: 1024 ** 3, maxAgeMs: 1e12, now: clock?.now ?? Date.now },
    events: NO_EVENTS,
  });
  clock?.standStill(() => vendors.some(({ isBusy }) => isBusy()));
  const http = createHttp();
  const events: Event[] = [];
  const note =
    <Name extends keyof DeliveryEvents>(name: Name) =>
    (...args: Parameters<DeliveryEvents[Name]>) =>
      void events.push([name, ...args] as unknown as Event);
  const { wrap, ...options } = more;
  const start = () => {
    const courier = new Courier(vendors, {
      outbox: {
        due: (...args) => outbox.due(...args),
        ack: (acks) => outbox.ack(acks),
        ...wrap?.(outbox),
      },
      http,
      ...(clock && { clock }),
      random: () => 1,
      events: {
        delivered: note('delivered'),
        retried: note('retried'),
        dead: note('dead'),
        held: note('held'),
        stopped: note('stopped'),
        resumed: note('resumed'),
        storage: note('storage'),
        bug: note('bug'),
      },
      ...options,
    });
    onTestFinished(() => courier.close(0));
    return courier;
  };
  onTestFinished(async () => {
    await outbox.close();
    await http.close();
    rmSync(dir, { recursive: true });
  });
  let number = 0;
  return {
    dir,
    outbox,
    events,
    start,
    /** Stores records with these ids, or as many numbered ones, for all vendors; `payload` makes the content of one. */
    async store(
      ids: readonly string[] | number,
      payload = (id: string) => recordJson(id),
    ): Promise<string[]> {
      const all = typeof ids === 'number' ? Array.from({ length: ids }, () => String(++number)) : [...ids];
      const entries = all.map((id) => ({
        ...{ callKey: id, outcome: 'success' as const, eventKey: id, startedAt: 1, endedAt: 2, holdMs: 0 },
        ...{ backends: vendors.map(({ name }) => name), payload: payload(id) },
      }));
      await outbox.accept(entries);
      return all;
    },
    /** The ids that are due for a backend. */
    async left(name: string) {
      const due = await outbox.due(name, { records: 10_000, bytes: 1e9, except: new Set() });
      return due.map(({ payload }) => String(JSON.parse(payload).event.id));
    },
    kinds: () => events.map(([kind]) => kind),
    /** True once the courier told of such an event, of a backend. */
    told: (kind: Event[0], backend = 'akto') => events.some((one) => one[0] === kind && one[1] === backend),
  };
}

export function recordJson(id: string, padding = ''): string {
  return JSON.stringify({ outcome: 'success', event: { id, padding }, verdicts: [], erased: [], masked: [] });
}
