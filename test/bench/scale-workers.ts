/** Measures verdicts of one process and of two workers, on all cores, with the share of the load generator taken out. */
import { availableParallelism } from 'node:os';
import { median } from './compare.ts';
import type { Measured } from './load.ts';
import { type Server, startLoad, startServer } from './processes.ts';
import { bridgeEnv, KB, quick, target } from './stand.ts';

const JOB = { bytes: 4 * KB, concurrency: 64 };
const [SLICE_MS, PAIRS] = quick ? [500, 3] : [2000, 6];
/** Verdicts after which a process is as fast as it gets, however busy the machine is; each worker needs them for itself. */
const WARM_UP = quick ? 10_000 : 50_000;
const MAX_WARM_UP_MS = 60_000;

async function bridgeWith(workers: number): Promise<Server> {
  const env = bridgeEnv({ BUILTIN_POLICY: 'on', BODY_TIMEOUT: '600', WORKERS: String(workers) });
  return startServer(undefined, '../../src/main.ts', [], env);
}

const perSecond = ({ replies, seconds }: Measured) => replies / seconds;
const cpuUs = ({ cpuMs, replies }: Measured) => (cpuMs / replies) * 1000;
const loadUs = ({ loadCpuMs, replies }: Measured) => (loadCpuMs / replies) * 1000;

/**
 * Verdicts per second if the load came from another machine: two workers have what it leaves of the cores, and would have all of them. One
 * process has a core for itself anyway.
 */
function withoutLoad(slice: Measured): number {
  const cores = availableParallelism();
  return perSecond(slice) * (cores / (cores - slice.loadCpuMs / 1000 / slice.seconds));
}

/** Two workers beside one process, in turns. */
export async function scaleWorkers(): Promise<void> {
  const load = startLoad(undefined);
  const [alone, shared] = [await bridgeWith(1), await bridgeWith(2)];
  const warmUp = async (server: Server, verdicts: number) => {
    const endsAt = performance.now() + MAX_WARM_UP_MS;
    for (let done = 0; done < verdicts && performance.now() < endsAt; )
      done += (await load(server, { ...JOB, ms: SLICE_MS })).replies;
  };
  await warmUp(alone, WARM_UP);
  await warmUp(shared, 2 * WARM_UP);
  const slices: { alone: Measured; shared: Measured }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    slices.push({
      alone: await load(alone, { ...JOB, ms: SLICE_MS }),
      shared: await load(shared, { ...JOB, ms: SLICE_MS }),
    });
  }
  for (const server of [alone, shared]) await server.stop();
  const middle = (which: 'alone' | 'shared', measure: (slice: Measured) => number) =>
    median(slices.map((pair) => measure(pair[which])));
  for (const which of ['alone', 'shared'] as const) {
    console.log(
      `${which === 'alone' ? 'one process' : 'two workers'}, 4 KB, ${JOB.concurrency} callers: ${Math.round(middle(which, perSecond))}/s, ` +
        `CPU ${Math.round(middle(which, cpuUs))} us a verdict, the load ${Math.round(middle(which, loadUs))} us; p99 ${middle(which, ({ p99 }) => p99).toFixed(1)} ms`,
    );
  }
  const seen = median(slices.map((pair) => perSecond(pair.shared) / perSecond(pair.alone)));
  const apart = median(slices.map((pair) => withoutLoad(pair.shared) / perSecond(pair.alone)));
  const byCost = 2 * median(slices.map((pair) => cpuUs(pair.alone) / cpuUs(pair.shared)));
  console.log(
    `two workers give ${seen.toFixed(2)} times as many beside the load, ${apart.toFixed(2)} times without it; by the CPU of a verdict ${byCost.toFixed(2)}`,
  );
  target('verdicts of two workers >= 1.8 of one process, without the load', apart, (ratio) => ratio >= 1.8);
}
