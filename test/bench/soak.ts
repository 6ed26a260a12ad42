/**
 * Measures memory over time, at the load of a busy proxy: 125 calls a second, each with a guardrail call about its request, one about its
 * response, and then its log event, with one vendor that judges and takes records. It takes a tenth of a core.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startCalls } from './calls.ts';
import { median, spread } from './compare.ts';
import { folderOnDisk } from './disk.ts';
import type { ThreadMemory } from './memory-probe.ts';
import { residentMb, startServer } from './processes.ts';
import { bridgeEnv, minutes, target } from './stand.ts';

const CALLS_A_SECOND = 125;
const SAMPLE_MS = 30_000;
/** Until then code is compiled, heaps and caches find their size. */
const SETTLE_MINUTES = 5;

const AIM_MB = 300;
const PROBE = new URL('./memory-probe.ts', import.meta.url).href;

type Sample = { readonly minute: number; readonly mb: number; readonly threads: readonly ThreadMemory[] };

function threadsOf(folder: string): ThreadMemory[] {
  const files = readdirSync(folder).filter((name) => /^memory\.\d+$/.test(name));
  return files.toSorted().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ThreadMemory);
}

/** Slope of a line through the samples, MB a minute, and twice its standard error. */
function slopeOf(samples: readonly Sample[]): { readonly slope: number; readonly noise: number } {
  const mean = (pick: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const [minute, mb] = [mean((sample) => sample.minute), mean((sample) => sample.mb)];
  const sum = (pick: (sample: Sample) => number) =>
    samples.reduce((total, sample) => total + pick(sample), 0);
  const spreadOfTime = sum((sample) => (sample.minute - minute) ** 2);
  const slope = sum((sample) => (sample.minute - minute) * (sample.mb - mb)) / spreadOfTime;
  const rest = sum((sample) => (sample.mb - mb - slope * (sample.minute - minute)) ** 2);
  return { slope, noise: 2 * Math.sqrt(rest / Math.max(1, samples.length - 2) / spreadOfTime) };
}

const whole = (mb: number) => mb.toFixed(0).padStart(4);

export async function soak(): Promise<void> {
  const stub = await startServer(undefined, './reference.ts', ['stub']);
  const probes = folderOnDisk();
  const server = await startServer(
    undefined,
    '../../src/main.ts',
    [],
    bridgeEnv({
      ...{ AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${stub.port}`, AKTO_API_KEY: 'bench-token' },
      ...{
        DATA_DIR: folderOnDisk(),
        MEMORY_PROBE: join(probes, 'memory'),
        NODE_OPTIONS: `--import=${PROBE}`,
      },
    }),
  );
  console.log(
    `\nsoak: ${2 * CALLS_A_SECOND} guardrail calls and ${CALLS_A_SECOND} events of 10 KB a second for ${minutes} minutes`,
  );
  console.log('minute  RSS   of each thread: heap used/reserved (young) + outside of the heap, MB');
  const { counts, stop } = startCalls([server], { perSecond: CALLS_A_SECOND });
  const start = performance.now();
  const samples: Sample[] = [];
  for (let n = 1; n <= (minutes * 60_000) / SAMPLE_MS; n += 1) {
    await wait(start + n * SAMPLE_MS - performance.now());
    const sample = {
      minute: (n * SAMPLE_MS) / 60_000,
      mb: residentMb(server.pid),
      threads: threadsOf(probes),
    };
    samples.push(sample);
    const threads = sample.threads.map(
      ({ used, reserved, young, external }) =>
        `${whole(used)}/${whole(reserved)} (${whole(young)}) +${whole(external)}`,
    );
    console.log(`${sample.minute.toFixed(1).padStart(6)} ${whole(sample.mb)}   ${threads.join('  |  ')}`);
  }
  await stop();
  const settled = samples.filter(({ minute }) => minute > Math.min(SETTLE_MINUTES, minutes / 2));
  const { slope, noise } = slopeOf(settled);
  const mb = spread(settled.map((sample) => sample.mb));
  const most = Math.max(...samples.map((sample) => sample.mb));
  console.log(
    `${counts.calls} calls, ${counts.verdicts} verdicts, ${counts.events} events, ${counts.stored} stored; ` +
      `memory ${median(settled.map((sample) => sample.mb)).toFixed(0)} MB [${mb.low.toFixed(0)}..${mb.high.toFixed(0)}], at most ${most.toFixed(0)}; ` +
      `slope ${slope.toFixed(2)} +- ${noise.toFixed(2)} MB a minute`,
  );
  await server.stop();
  await stub.stop();
  target(`soak of ${minutes} minutes in <= ${AIM_MB} MB`, most, (value) => value <= AIM_MB);
  target('  slope in MB a minute no larger than its noise', slope, (value) => value <= Math.max(noise, 0.05));
  target(
    '  all calls judged, all events stored',
    Math.min(counts.verdicts / 2, counts.stored) / counts.calls,
    (share) => share > 0.99,
  );
}
