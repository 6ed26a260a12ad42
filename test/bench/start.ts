/** Measures the time from nothing to `listening`, and the memory that is kept while nobody asks. */
import { setTimeout as wait } from 'node:timers/promises';
import { range, spread } from './compare.ts';
import { folderOnDisk } from './disk.ts';
import { residentMb, startServer } from './processes.ts';
import { bridgeEnv, other, quick, target } from './stand.ts';

const STARTS = quick ? 3 : 9;
/** By then the garbage of the start is collected. */
const IDLE_MS = quick ? 1_000 : 3_000;

const NOWHERE = { AKTO_GUARDRAIL_API_BASE: 'http://127.0.0.1:1', AKTO_API_KEY: 'bench-token' };
const SETTINGS: Record<string, () => Record<string, string>> = {
  'policies alone': () => ({ BUILTIN_POLICY: 'on' }),
  'one vendor': () => NOWHERE,
  'one vendor and telemetry': () => ({ ...NOWHERE, DATA_DIR: folderOnDisk() }),
};

async function started(main: string, env: Record<string, string>) {
  const times: number[] = [];
  let mb = Number.NaN;
  while (times.length < STARTS) {
    const start = performance.now();
    const server = await startServer(0, main, [], bridgeEnv(env));
    times.push(performance.now() - start);
    if (times.length === STARTS) {
      await wait(IDLE_MS);
      mb = residentMb(server.pid);
    }
    await server.stop();
  }
  return { ms: spread(times), mb };
}

export async function start(): Promise<void> {
  console.log();
  for (const [name, env] of Object.entries(SETTINGS)) {
    const { ms, mb } = await started('../../src/main.ts', env());
    const before = other === undefined ? undefined : await started(other, env());
    console.log(
      `${name}: listens after ${range(ms)} ms, idle ${mb.toFixed(0)} MB` +
        (before === undefined ? '' : `; before: ${range(before.ms)} ms, ${before.mb.toFixed(0)} MB`),
    );
    if (name !== 'policies alone') continue;
    target('start to ready in <= 400 ms from source', ms.median, (value) => value <= 400);
    target('idle in <= 120 MB', mb, (value) => value <= 120);
  }
}
