/** What every part of the benchmark stands on: the load, the servers, how long they are measured. */
import { compare, type Lengths } from './compare.ts';
import type { Job } from './load.ts';
import { type Core, type Server, startLoad, startServer } from './processes.ts';

export const quick = process.argv.includes('--quick');
export const KB = 1_024;

const lengths: Lengths = quick
  ? { sliceMs: 300, warmUpMs: 150, pairs: 2 }
  : { sliceMs: 800, warmUpMs: 400, pairs: 4 };
/** On one core it takes the JIT this long to compile a hot path; measured sooner the bridge looks half as fast. */
const firstWarmUpMs = quick ? { reference: 700, bridge: 2_000 } : { reference: 2_000, bridge: 8_000 };

export type Work = Omit<Job, 'port' | 'ms'>;
type Setting = { core?: Core; warmUp?: Work };

const CHECKS: Work = { bytes: 4 * KB, concurrency: 32 };

export const load = startLoad();

async function warmedUp(server: Server, work: Work, ms: number): Promise<Server> {
  await load(server, { ...work, ms });
  return server;
}

/** A role of reference.ts, with its argument. */
export async function reference(
  args: string[],
  { core = 0, warmUp = CHECKS }: Setting = {},
): Promise<Server> {
  return warmedUp(await startServer(core, './reference.ts', args), warmUp, firstWarmUpMs.reference);
}

/** The environment of a bridge that takes the load's key; without `DATA_DIR` it keeps no records. */
export function bridgeEnv(env: Record<string, string>): Record<string, string> {
  const telemetry = env.DATA_DIR === undefined ? 'off' : 'on';
  return { PORT: '0', HOST: '127.0.0.1', BRIDGE_API_KEYS: 'bench-key', TELEMETRY: telemetry, ...env };
}

export async function bridge(
  env: Record<string, string>,
  { core = 0, warmUp = CHECKS }: Setting = {},
): Promise<Server> {
  const server = await startServer(core, '../../src/main.ts', [], bridgeEnv(env));
  return warmedUp(server, warmUp, firstWarmUpMs.bridge);
}

export const beside = (label: string, reference: Server, candidate: Server, work: Work) =>
  compare(load, lengths, label, reference, candidate, work);

const targets: string[] = [];

/** Notes whether a figure is what it has to be, to be printed at the end. */
export function target(name: string, value: number, isReached: (value: number) => boolean): void {
  targets.push(`target: ${name}: ${value.toFixed(2)} ${isReached(value) ? 'ok' : 'MISSED'}`);
}

export function printTargets(): void {
  for (const line of targets) console.log(line);
}
