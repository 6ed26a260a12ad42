/** Counts with strace how often the bridge flushes its outbox: that events are durable is seen, not assumed. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERIAL } from './body.ts';
import { folderOnDisk } from './disk.ts';
import { logBody } from './log-event.ts';
import { startServer } from './processes.ts';
import { bridgeEnv, KB, load, target } from './stand.ts';

const ALONE = 100;

/** Prints flushes per event for one sender after another, each of which has to see one, and for fifty at once. */
export async function countFlushes(env: Record<string, string>): Promise<void> {
  if (spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0) {
    return console.log('flushes: not counted, as strace is not installed or may not trace here');
  }
  const trace = join(folderOnDisk(), 'trace');
  // -D: the bridge is our child, and strace ends with it
  const strace = ['strace', '-D', '-f', '-q', '-y', '-e', 'trace=fsync,fdatasync', '-o', trace];
  const server = await startServer(undefined, '../../src/main.ts', [], bridgeEnv(env), strace);
  const flushes = () =>
    readFileSync(trace, 'latin1').match(/ f(?:data)?sync\(\d+<[^>]*outbox\.db(?:-wal)?>/g)?.length ?? 0;

  const headers = { 'content-type': 'application/json', 'x-api-key': 'bench-key' };
  const body = logBody(10 * KB);
  const before = flushes();
  let unflushed = 0;
  for (let i = 1, seen = before; i <= ALONE; i += 1) {
    const own = body.replaceAll(SERIAL, `9${String(i).padStart(SERIAL.length - 1, '0')}`);
    const reply = await fetch(`http://127.0.0.1:${server.port}/v1/litellm/logs`, {
      method: 'POST',
      headers,
      body: own,
    });
    const receipt = (await reply.json()) as { new?: number };
    if (receipt.new !== 1) throw new Error(`a log event got ${reply.status} ${JSON.stringify(receipt)}`);
    const now = flushes();
    if (now === seen) unflushed += 1;
    seen = now;
  }
  const alone = (flushes() - before) / ALONE;
  const middle = flushes();
  const { replies } = await load(server, { route: 'logs', bytes: 10 * KB, concurrency: 50, ms: 1_000 });
  const together = (flushes() - middle) / replies;
  await server.stop();
  console.log(
    `flushes of the outbox per event: ${alone.toFixed(2)} with one sender (${ALONE} POSTs, ${unflushed} replied to ` +
      `without one), ${together.toFixed(2)} with 50 (${replies} POSTs)`,
  );
  // No figure but a broken promise
  if (unflushed > 0) process.exitCode = 1;
  target('POSTs of one sender that got a reply before a flush: none', unflushed, (posts) => posts === 0);
  target('flushes per event under 1 at 50 senders', together, (share) => share > 0 && share < 1);
}
