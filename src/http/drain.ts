import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../observability/log.ts';
import type { OpenConnections } from './open-connections.ts';

/** Share of the remaining time in which records may still be delivered. */
const DELIVERY_SHARE = 0.8;

/** Time in which files are closed when calls were cut off. */
const LAST_WORK_MS = 500;

/** Time for the reader of the log to take its last lines. */
const LAST_LINES_MS = 1000;

/**
 * Listens for connections.
 *
 * @returns the port
 * @throws the error of the system, such as EADDRINUSE
 */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** A sentence for the operator about an address that cannot be listened on. @param settings names those of it */
export function listenMistake(
  host: string,
  port: number,
  code: string | undefined,
  settings = 'HOST or PORT',
): string {
  const taken = code === 'EADDRINUSE' ? ': something listens there already, perhaps another bridge' : '';
  return `cannot listen on ${host}:${port} (${code})${taken}; set ${settings}`;
}

export type DrainOptions = {
  readonly log: Log;
  /** Time for which new connections are still taken. */
  readonly delayMs: number;
  /** Time for calls in flight, and for all else after them. */
  readonly timeoutMs: number;
  /** Resolves for somebody who cannot wait any more. */
  readonly impatient: Promise<unknown>;
  /** Ends all else; records may be delivered for the given time. */
  readonly close: (deliverMs: number) => Promise<void>;
};

/**
 * Ends without failing a call: connections are closed after their next reply, while new ones are accepted for a time, until the
 * sender of traffic has noticed. Then connections without a call are closed, and calls in flight get their replies. After
 * `timeoutMs`, or for who cannot wait, they are cut off.
 *
 * @returns false if work was cut off
 */
export async function drain(connections: OpenConnections, options: DrainOptions): Promise<boolean> {
  const { log, delayMs, timeoutMs, impatient, close } = options;
  if (delayMs > 0) await Promise.race([wait(delayMs, undefined, { ref: false }), impatient]);

  let endsAt = performance.now() + timeoutMs;
  const ended = connections
    .close()
    .then(() => close(Math.max(0, DELIVERY_SHARE * (endsAt - performance.now()))));
  const finished = await Promise.race([
    ended.then(() => true),
    impatient.then(() => false),
    wait(timeoutMs, false, { ref: false }),
  ]);
  if (!finished) {
    const calls = connections.busy();
    if (calls > 0) log.warn({ calls }, 'calls that have no reply yet are cut off');
    endsAt = performance.now();
    connections.destroy();
    await Promise.race([ended, wait(LAST_WORK_MS, undefined, { ref: false })]);
  }
  return finished;
}

/** Ends the process by itself, unless nobody reads the log: an exit would wait for that reader too. */
export function endProcess(finished: boolean): void {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LAST_LINES_MS).unref();
  if (!finished) process.exit(0);
}

/** Resolves with the next signal to end. */
export function nextSignal(): Promise<string> {
  return Promise.race(['SIGTERM', 'SIGINT'].map((name) => once(process, name).then(() => name)));
}
