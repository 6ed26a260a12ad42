/** Measures the wait of other calls while the engine reads megabytes that are written to take long. */
import { setTimeout as wait } from 'node:timers/promises';
import { OutOfTime } from '../../src/policies/budget.ts';
import type { Engine } from '../../src/policies/engine.ts';
import { judgeWith } from '../support/policies.ts';
import { callOf, engineOf, fresh, readChains, TIMEOUT_MS } from './policy-chains.ts';
import { CLEAN, HOSTILE } from './policy-texts.ts';
import { KB, quick, target } from './stand.ts';

const AIM_MS = 50;
const LIMIT_MS = 250;
const SIZES = quick ? [1] : [1, 8];

type Stall = { readonly longest: number; readonly total: number; readonly gaveUp: boolean };

/** Another process on the core looks like a stall, and so does the first look of the JIT at new code. */
async function leastStall(engine: Engine, make: () => string): Promise<Stall> {
  let least = await stallOf(engine, make());
  for (let again = 0; again < 2 && least.longest > AIM_MS; again += 1) {
    const stall = await stallOf(engine, make());
    if (stall.longest < least.longest) least = stall;
  }
  return least;
}

/** A timer that ticks every millisecond sees how long nothing else could run. */
async function stallOf(engine: Engine, text: string): Promise<Stall> {
  let longest = 0;
  let tickedAt = performance.now();
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - tickedAt - 1);
    tickedAt = now;
  };
  const timer = setInterval(tick, 1);
  await wait(5);
  longest = 0;
  const start = performance.now();
  let gaveUp = false;
  try {
    await judgeWith(engine, callOf(text), { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    gaveUp = true;
  }
  const total = performance.now() - start;
  await wait(5);
  clearInterval(timer);
  return { longest, total, gaveUp };
}

const ms = (value: number) => value.toFixed(0).padStart(6);

export async function stalls(): Promise<void> {
  console.log(
    '\nmilliseconds that the event loop stands still at most (the least of three, if above 50), and for the whole text; it gives up after 5 s or 100,000 findings',
  );
  for (const chain of await readChains()) {
    const engine = engineOf(chain);
    let worst = { longest: 0, name: '' };
    for (const [name, make] of Object.entries({ ...CLEAN, ...HOSTILE })) {
      const cells: string[] = [];
      for (const megabytes of SIZES) {
        const text = make(megabytes * KB * KB, 0);
        const { longest, total, gaveUp } = await leastStall(engine, () => fresh() + text);
        cells.push(`${megabytes} MB:${ms(longest)} of${ms(total)}${gaveUp ? ' gave up' : '        '}`);
        if (longest > worst.longest) worst = { longest, name: `${name}, ${megabytes} MB` };
      }
      console.log(`${`${chain.name}, ${name}`.padEnd(44)}${cells.join('   ')}`);
    }
    console.log(`${chain.name}: the longest stall is ${worst.longest.toFixed(0)} ms (${worst.name})`);
    target(
      `${chain.name} chain stalls the event loop <= 50 ms`,
      worst.longest,
      (longest) => longest <= AIM_MS,
    );
    target(`${chain.name} chain never stalls it > 250 ms`, worst.longest, (longest) => longest <= LIMIT_MS);
  }
}
