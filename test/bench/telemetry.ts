/** Measures telemetry: durable POSTs of log events, and the verdict path beside it. */
import { join } from 'node:path';
import { folderOnDisk } from './disk.ts';
import { countFlushes } from './flushes.ts';
import { type Server, startServer } from './processes.ts';
import { beside, bridge, KB, load, reference, target, type Work } from './stand.ts';

const LOGS: Work = { route: 'logs', bytes: 10 * KB, concurrency: 50 };
/** Nobody listens there: what is taken stays in the outbox. */
const NOWHERE = 'http://127.0.0.1:1';

const aktoAt = (url: string) => ({ AKTO_GUARDRAIL_API_BASE: url, AKTO_API_KEY: 'bench-token' });
const storing = () => ({ DATA_DIR: folderOnDisk(), OUTBOX_MAX_MB: '16000' });

async function sum(server: Server, metric: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  const values = text.matchAll(new RegExp(`^guardrail_bridge_telemetry_${metric} (\\d+)$`, 'gm'));
  return [...values].reduce((total, [, value]) => total + Number(value), 0);
}
const stored = (server: Server) => sum(server, 'rows_total\\{result="new"\\}');
const delivered = (server: Server) => sum(server, 'delivered_total\\{backend="akto"\\}');

/** A bridge that takes events and stores none would be fast. */
async function expectStored(server: Server): Promise<void> {
  const before = await stored(server);
  const { replies } = await load(server, { ...LOGS, concurrency: 1, ms: 200 });
  const events = (await stored(server)) - before;
  if (events !== replies) throw new Error(`${replies} events were acknowledged, and ${events} stored`);
}

/**
 * Both servers on core 0, though both have threads beside the main one: all that is done for an event counts, and the load
 * has a core of its own. With both cores for both servers the ratio was the same within the noise.
 */
async function durablePosts(): Promise<void> {
  const bare = await reference(['durable', join(folderOnDisk(), 'appended')], { warmUp: LOGS });
  const intake = await bridge({ ...aktoAt(NOWHERE), ...storing() }, { warmUp: LOGS });
  await expectStored(intake);
  const at1 = await beside('logs, 10 KB, 1 sender', bare, intake, { ...LOGS, concurrency: 1 });
  const at50 = await beside('logs, 10 KB, 50 senders', bare, intake, LOGS);
  // Nothing that stores what the bridge stores does less
  const redacting = await reference(['redacting', join(folderOnDisk(), 'appended')], { warmUp: LOGS });
  const after1 = await beside('  than one that redacts, 1 sender', redacting, intake, {
    ...LOGS,
    concurrency: 1,
  });
  const after50 = await beside('  than one that redacts, 50', redacting, intake, LOGS);
  for (const server of [redacting, intake]) await server.stop();

  const stub = await startServer(1, './reference.ts', ['stub']);
  const both = await bridge({ ...aktoAt(`http://127.0.0.1:${stub.port}`), ...storing() }, { warmUp: LOGS });
  const before = { stored: await stored(both), delivered: await delivered(both) };
  await beside('  and delivered, 1 sender', bare, both, { ...LOGS, concurrency: 1 });
  await beside('  and delivered, 50 senders', bare, both, LOGS);
  const events = (await stored(both)) - before.stored;
  const taken = (await delivered(both)) - before.delivered;
  for (const server of [bare, both, stub]) await server.stop();

  console.log(
    `log POSTs get replies within ${at1.ms.p50.toFixed(2)} ms (p99 ${at1.ms.p99.toFixed(2)}) with one sender, ` +
      `${at50.ms.p50.toFixed(2)} ms (p99 ${at50.ms.p99.toFixed(2)}) with 50; ` +
      `${taken} records were delivered while ${events} came in`,
  );
  target(
    'durable log POSTs >= 0.6 of a server that redacts at 1',
    after1.speed.median,
    (ratio) => ratio >= 0.6,
  );
  target(
    'durable log POSTs >= 0.6 of a server that redacts at 50',
    after50.speed.median,
    (ratio) => ratio >= 0.6,
  );
  target('durable log POSTs >= 0.45 of bare at 1', at1.speed.median, (ratio) => ratio >= 0.45);
  target('durable log POSTs >= 0.45 of bare at 50', at50.speed.median, (ratio) => ratio >= 0.45);
}

async function verdictsBeside(): Promise<void> {
  const stub = await startServer(1, './reference.ts', ['stub']);
  const akto = aktoAt(`http://127.0.0.1:${stub.port}`);
  const off = await bridge(akto);
  const on = await bridge({ ...akto, ...storing() });
  await expectStored(on);
  const checks: Work = { bytes: 4 * KB, concurrency: 32 };
  const alone = await beside('telemetry off and on, 32 callers', off, on, checks);
  await beside('  and 200 events/s, 50 a POST', off, on, { ...checks, logs: { perSecond: 200, rows: 50 } });
  await beside('  and 200 events/s, one a POST', off, on, { ...checks, logs: { perSecond: 200, rows: 1 } });
  for (const server of [off, on, stub]) await server.stop();
  target('verdicts with telemetry >= 0.95 of without', alone.speed.median, (ratio) => ratio >= 0.95);
  target('p99 with telemetry <= 1.2x that without', alone.p99.median, (ratio) => ratio <= 1.2);
}

export async function telemetry(): Promise<void> {
  await durablePosts();
  await verdictsBeside();
  await countFlushes({ ...aktoAt(NOWHERE), ...storing() });
}
