/** The common ground of every part of the benchmark: the load, the servers, the length of a measurement. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { compare, type Lengths, type Result } from './compare.ts';
import { folderOnDisk } from './disk.ts';
import type { Job } from './load.ts';
import { type Core, type Server, startLoad, startServer } from './processes.ts';

const { values, positionals } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    beside: { type: 'string' },
    only: { type: 'string', default: '' },
    minutes: { type: 'string', default: '5' },
    show: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

export const { quick } = values;
/** True if what is measured is to be kept for the simulation. */
export const { save } = values;
/** The parts of the benchmark that are wanted; none means all that are short. */
export const wanted: readonly string[] = positionals;
/** How long memory is looked at. */
export const minutes = Number(values.minutes);
/** The rows that are wanted, of a part that has many. */
export const only = new RegExp(values.only);
/** True if what is wrong in the half of the corpora that rules are tuned on is to be printed. */
export const show = values.show === 'tuned';
if (values.show !== undefined && !show) throw new Error('--show takes `tuned`: the other half is held out');
/** The main file of another checkout of the bridge, as of the commit before. */
export const other =
  values.beside === undefined ? undefined : pathToFileURL(resolve(values.beside, 'src', 'main.ts')).href;
export const KB = 1_024;

const lengths: Lengths = quick
  ? { sliceMs: 300, warmUpMs: 150, pairs: 2 }
  : { sliceMs: 800, warmUpMs: 400, pairs: 4 };
/** On one core it takes the JIT this long to compile a hot path; measured sooner the bridge looks half as fast. */
const firstWarmUpMs = quick ? { reference: 700, bridge: 2_000 } : { reference: 2_000, bridge: 8_000 };

export type Work = Omit<Job, 'port' | 'ms'>;
type Setting = {
  core?: Core;
  warmUp?: Work;
  /** A file of `src` that the other checkout has to have. */
  needs?: string;
};

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

/** A bridge, and with `--beside` the other one in the same environment. */
export type Bridge = Server & { readonly before?: Server };

export async function bridge(
  env: Record<string, string>,
  { core = 0, warmUp = CHECKS, needs = 'main.ts' }: Setting = {},
): Promise<Bridge> {
  const started = async (main: string, env: Record<string, string>) =>
    // Connections of the load are open for longer before their first call
    warmedUp(
      await startServer(core, main, [], bridgeEnv({ BODY_TIMEOUT: '600', ...env })),
      warmUp,
      firstWarmUpMs.bridge,
    );
  const server = await started('../../src/main.ts', env);
  if (other === undefined || !existsSync(new URL(needs, other))) return server;
  const before = await started(
    other,
    env.DATA_DIR === undefined ? env : { ...env, DATA_DIR: folderOnDisk() },
  );
  const stop = async () => {
    await server.stop();
    await before.stop();
  };
  return { ...server, before, stop };
}

/** The lowest that a bridge may reach of the commit before: as much as two runs of one program differ. */
const SAME = 0.97;

/** Compares a bridge with its reference, and with the other one where there is one. */
export async function beside(
  label: string,
  reference: Server,
  candidate: Bridge,
  work: Work,
): Promise<Result> {
  const result = await compare(load, lengths, label, reference, candidate, work);
  if (candidate.before !== undefined) {
    const { speed } = await compare(load, lengths, '  than before', candidate.before, candidate, work);
    target(`${label.trim()}: >= ${SAME} of the commit before`, speed.median, (ratio) => ratio >= SAME);
  }
  return result;
}

const targets: string[] = [];

/** Notes whether a figure is what it has to be, to be printed at the end. */
export function target(name: string, value: number, isReached: (value: number) => boolean): void {
  targets.push(`target: ${name}: ${value.toFixed(2)} ${isReached(value) ? 'ok' : 'MISSED'}`);
}

export function printTargets(): void {
  for (const line of targets) console.log(line);
}
