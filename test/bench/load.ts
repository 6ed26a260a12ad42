/** The load generator, a process of its own: takes one `Job` at a time over IPC and sends back a `Slice`. */
import { type Connection, openConnections, type Route } from './connection.ts';

/** Closed loop of `concurrency` callers, or with `perSecond` an open one that never waits for a reply. */
export type Job = {
  port: number;
  /** Default `verdict`. */
  route?: Route;
  bytes: number;
  concurrency: number;
  ms: number;
  perSecond?: number;
  /** Events of one POST to `logs`. Default 1. */
  rows?: number;
  /** Log events of 10 KB at a fixed rate at the same time; they are not measured. */
  logs?: { perSecond: number; rows: number };
};
export type Slice = { replies: number; seconds: number; p50: number; p99: number };
/** A slice and what the server, with its workers, and the load spent on it; NaN without /proc. */
export type Measured = Slice & { cpuMs: number; loadCpuMs: number };

const pools = new Map<string, Connection[]>();

async function connections({
  port,
  route = 'verdict',
  bytes,
  concurrency,
  rows = 1,
}: Job): Promise<Connection[]> {
  const key = `${port} ${route} ${bytes} ${rows}`;
  const pool = (pools.get(key) ?? []).filter(({ socket }) => !socket.destroyed);
  pool.push(...(await openConnections(port, route, bytes, concurrency - pool.length, rows)));
  pools.set(key, pool);
  return pool.slice(0, concurrency);
}

function closedLoop(idle: Connection[], ms: number, record: (since: number) => void): Promise<void> {
  const end = performance.now() + ms;
  const caller = (connection: Connection) =>
    new Promise<void>((resolve) => {
      const next = () => {
        const start = performance.now();
        if (start >= end) return resolve();
        connection.ask(() => {
          record(start);
          next();
        });
      };
      next();
    });
  return Promise.all(idle.map(caller)).then(() => undefined);
}

/** Requests fall due at even distances; the wait for a free connection belongs to a request's latency. */
function fixedRate(
  idle: Connection[],
  ms: number,
  perSecond: number,
  record: (since: number) => void,
): Promise<void> {
  const start = performance.now();
  const total = Math.max(1, Math.floor((ms / 1_000) * perSecond));
  const due: number[] = [];
  let issued = 0;
  let replies = 0;
  return new Promise((resolve) => {
    const send = () => {
      while (due.length > 0 && idle.length > 0) {
        const since = due.shift() as number;
        const connection = idle.pop() as Connection;
        connection.ask(() => {
          record(since);
          idle.push(connection);
          replies += 1;
          if (replies === total) resolve();
          else send();
        });
      }
    };
    const tick = () => {
      const now = performance.now();
      // The timer ticks once a millisecond: what fell due since the last tick counts from this one.
      for (; issued < total && start + (issued * 1_000) / perSecond <= now; issued += 1) due.push(now);
      send();
      if (issued < total) setTimeout(tick, 1);
    };
    tick();
  });
}

async function logsBeside({ port, ms, logs }: Job): Promise<void> {
  if (logs === undefined) return;
  const { perSecond, rows } = logs;
  const idle = await connections({ port, route: 'logs', bytes: 10_240, rows, concurrency: 8, ms });
  await fixedRate(idle, ms, perSecond / rows, () => {});
}

process.on('message', async (job: Job) => {
  const idle = await connections(job);
  const beside = logsBeside(job);
  const latencies: number[] = [];
  const start = performance.now();
  const record = (since: number) => latencies.push(performance.now() - since);
  if (job.perSecond === undefined) await closedLoop(idle, job.ms, record);
  else await fixedRate(idle, job.ms, job.perSecond, record);
  const seconds = (performance.now() - start) / 1_000;
  await beside;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  const slice: Slice = { replies: latencies.length, seconds, p50: at(0.5), p99: at(0.99) };
  process.send?.(slice);
});
