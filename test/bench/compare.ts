/** Two servers under the same load, compared so that the noise of the machine falls out. */
import type { Job, Measured } from './load.ts';
import type { Server } from './processes.ts';

export type Lengths = { sliceMs: number; warmUpMs: number; pairs: number };
export type Load = (server: Server, job: Omit<Job, 'port'>) => Promise<Measured>;
type Spread = { median: number; low: number; high: number };
/** Ratios of candidate to reference, and the candidate's own requests per second and latency. */
export type Result = {
  speed: Spread;
  cpu: Spread;
  /** Microseconds of CPU that a request costs beyond one of the reference. */
  addedCpuUs: Spread;
  p99: Spread;
  perSecond: number;
  ms: { p50: number; p99: number };
};

const perSecond = (slice: Measured) => slice.replies / slice.seconds;
const cpuUs = (slice: Measured) => (slice.cpuMs / slice.replies) * 1_000;
const p50 = (slice: Measured) => slice.p50;
const p99 = (slice: Measured) => slice.p99;
const ratio = (a: number, b: number) => a / b;
const difference = (a: number, b: number) => a - b;

/** Median and quartiles. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const place = (sorted.length - 1) * share;
    const below = sorted[Math.floor(place)] ?? Number.NaN;
    return below + ((sorted[Math.ceil(place)] ?? below) - below) * (place % 1);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

export const median = (values: readonly number[]) => spread(values).median;
const number = (value: number) => value.toFixed(Math.abs(value) < 100 ? 2 : 0);
export const range = ({ median, low, high }: Spread) => `${number(median)} [${number(low)}..${number(high)}]`;

function row(label: string, cells: string[]): void {
  const widths = [8, 8, 19, 8, 8, 19, 8, 8, 8, 8, 6];
  console.log(label.padEnd(32) + cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join(' '));
}

export function printHead(): void {
  row('', [
    'req/s',
    'bridge',
    'ratio [quartiles]',
    'CPU us',
    'bridge',
    'ratio',
    'p50 ms',
    'added',
    'p99 ms',
    'bridge',
    'ratio',
  ]);
}

/** Alternates slices of both; each candidate slice is held against the mean of the reference slices around it. */
export async function compare(
  load: Load,
  lengths: Lengths,
  label: string,
  reference: Server,
  candidate: Server,
  job: Omit<Job, 'port' | 'ms'>,
): Promise<Result> {
  await load(candidate, { ...job, ms: lengths.warmUpMs });
  await load(reference, { ...job, ms: lengths.warmUpMs });
  const run = (server: Server) => load(server, { ...job, ms: lengths.sliceMs });
  const references = [await run(reference)];
  const candidates: Measured[] = [];
  for (let pair = 0; pair < lengths.pairs; pair += 1) {
    candidates.push(await run(candidate));
    references.push(await run(reference));
  }
  const beside = (
    measure: (slice: Measured) => number,
    hold: (candidate: number, reference: number) => number,
  ) =>
    spread(
      candidates.map((slice, index) => {
        const around = references.slice(index, index + 2).map(measure);
        return hold(measure(slice), around.reduce((sum, value) => sum + value, 0) / around.length);
      }),
    );
  const middle = (slices: Measured[], measure: (slice: Measured) => number) => median(slices.map(measure));
  const result = {
    speed: beside(perSecond, ratio),
    cpu: beside(cpuUs, ratio),
    addedCpuUs: beside(cpuUs, difference),
    p99: beside(p99, ratio),
    perSecond: middle(candidates, perSecond),
    ms: { p50: middle(candidates, p50), p99: middle(candidates, p99) },
  };
  row(label, [
    number(middle(references, perSecond)),
    number(result.perSecond),
    range(result.speed),
    number(middle(references, cpuUs)),
    number(middle(candidates, cpuUs)),
    range(result.cpu),
    number(middle(references, p50)),
    number(beside(p50, difference).median),
    number(middle(references, p99)),
    number(middle(candidates, p99)),
    number(result.p99.median),
  ]);
  return result;
}
