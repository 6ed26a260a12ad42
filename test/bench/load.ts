/** The load generator, a process of its own: takes one `Job` at a time over IPC and answers with a `Slice`. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { chatBody, SERIAL } from './body.ts';

/** Closed loop of `concurrency` callers, or with `perSecond` an open one that never waits for an answer. */
export type Job = { port: number; bytes: number; concurrency: number; ms: number; perSecond?: number };
export type Slice = { answers: number; seconds: number; p50: number; p99: number };
/** A slice and what the server spent on it; NaN without /proc. */
export type Measured = Slice & { cpuMs: number };

type Connection = { socket: Socket; ask: (answered: () => void) => void };

const EXPECTED = '{"action":"NONE"}';
const pools = new Map<string, Connection[]>();
let serial = 0;

function requestBytes(bytes: number): Buffer {
  const body = chatBody(bytes);
  const head = [
    'POST /beta/litellm_basic_guardrail_api HTTP/1.1',
    'host: 127.0.0.1',
    'accept: */*',
    'accept-encoding: gzip, deflate',
    'connection: keep-alive',
    'user-agent: litellm/1.103.2',
    'content-type: application/json',
    'x-api-key: bench-key',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** The body of a complete answer, undefined while it is still arriving; anything but a 200 with a length throws. */
function answerBody(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end))?.[1];
  if (!text.startsWith('HTTP/1.1 200 ') || length === undefined)
    throw new Error(`unexpected answer: ${text}`);
  return text.length < end + 4 + Number(length) ? undefined : text.slice(end + 4);
}

async function open(port: number, request: Buffer): Promise<Connection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const bytes = Buffer.from(request);
  const serials: number[] = [];
  for (let at = bytes.indexOf(SERIAL); at >= 0; at = bytes.indexOf(SERIAL, at + 1)) serials.push(at);
  let received = '';
  let answered: (() => void) | undefined;
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    const body = answerBody(received);
    if (body === undefined) return;
    if (body !== EXPECTED) throw new Error(`wrong verdict: ${body}`);
    const done = answered;
    received = '';
    answered = undefined;
    done?.();
  });
  socket.on('close', () => {
    if (answered) throw new Error(`the server on port ${port} closed a connection with a request on it`);
  });
  const ask = (onAnswer: () => void) => {
    answered = onAnswer;
    serial += 1;
    const digits = String(serial).padStart(SERIAL.length, '0');
    for (const at of serials) bytes.write(digits, at, 'latin1');
    socket.write(bytes);
  };
  return { socket, ask };
}

async function connections({ port, bytes, concurrency }: Job): Promise<Connection[]> {
  const key = `${port} ${bytes}`;
  const pool = (pools.get(key) ?? []).filter(({ socket }) => !socket.destroyed);
  const request = requestBytes(bytes);
  while (pool.length < concurrency) pool.push(await open(port, request));
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
  const total = Math.floor((ms / 1_000) * perSecond);
  const due: number[] = [];
  let issued = 0;
  let answers = 0;
  return new Promise((resolve) => {
    const send = () => {
      while (due.length > 0 && idle.length > 0) {
        const since = due.shift() as number;
        const connection = idle.pop() as Connection;
        connection.ask(() => {
          record(since);
          idle.push(connection);
          answers += 1;
          if (answers === total) resolve();
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

process.on('message', async (job: Job) => {
  const idle = await connections(job);
  const latencies: number[] = [];
  const start = performance.now();
  const record = (since: number) => latencies.push(performance.now() - since);
  if (job.perSecond === undefined) await closedLoop(idle, job.ms, record);
  else await fixedRate(idle, job.ms, job.perSecond, record);
  const seconds = (performance.now() - start) / 1_000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  const slice: Slice = { answers: latencies.length, seconds, p50: at(0.5), p99: at(0.99) };
  process.send?.(slice);
});
