/** Measures the reading of texts of 100 KB, beside a plain loop of the same expressions over the same texts. */

import { judgeWith } from '../support/policies.ts';
import { median, range, spread } from './compare.ts';
import { type Chain, callOf, engineOf, fresh, plainLoop, readChains, TIMEOUT_MS } from './policy-chains.ts';
import { CLEAN, HOSTILE, type MakeText } from './policy-texts.ts';
import { KB, quick, target } from './stand.ts';

const LENGTH = 100 * KB;
const TEXTS = 8;
/** Texts that the default chain reads eight times as fast as a plain loop. */
const EIGHTFOLD: readonly string[] = ['English prose', 'source code'];

type Work = (text: string) => unknown;
type Slices = { readonly pairs: number; readonly ms: number; readonly warmUpMs: number };

const clean: Slices = quick ? { pairs: 2, ms: 40, warmUpMs: 150 } : { pairs: 6, ms: 150, warmUpMs: 800 };
const hostile: Slices = quick ? { pairs: 1, ms: 1, warmUpMs: 1 } : { pairs: 3, ms: 60, warmUpMs: 60 };

/** Million characters a second, over as many texts as fit in a slice. */
async function slice(work: Work, texts: readonly string[], ms: number): Promise<number> {
  let spent = 0;
  let chars = 0;
  for (let i = 0; spent < ms; i += 1) {
    const text = fresh() + texts[i % texts.length];
    const start = performance.now();
    await work(text);
    spent += performance.now() - start;
    chars += text.length;
  }
  return chars / spent / 1_000;
}

/** Prints both speeds and how many times faster the engine is. */
async function beside(label: string, make: MakeText, chain: Chain, judge: Work, slices: Slices) {
  const texts = Array.from({ length: TEXTS }, (_, seed) => make(LENGTH, seed));
  const plain: Work = (text) => plainLoop(chain.expressions, text);
  await slice(judge, texts, slices.warmUpMs);
  await slice(plain, texts, slices.warmUpMs / 2);
  const references = [await slice(plain, texts, slices.ms)];
  const candidates: number[] = [];
  for (let pair = 0; pair < slices.pairs; pair += 1) {
    candidates.push(await slice(judge, texts, slices.ms));
    references.push(await slice(plain, texts, slices.ms));
  }
  const times = spread(
    candidates.map((speed, i) => (2 * speed) / ((references[i] as number) + (references[i + 1] as number))),
  );
  const cells = [median(references), median(candidates)].map((speed) => speed.toFixed(1).padStart(9));
  console.log(`${`${chain.name}, ${label}`.padEnd(44)}${cells.join(' ')}  ${range(times)}`);
  return times.median;
}

/** Nothing may be found in what counts as clean, or the figure is one of something else. */
async function expectClean(name: string, make: MakeText, chain: Chain): Promise<void> {
  const { notes } = await judgeWith(engineOf(chain), callOf(make(LENGTH, 0)));
  const rules = notes.flatMap((note) => note.rules);
  if (rules.length > 0) throw new Error(`${name} is not clean: ${rules.join(', ')}`);
}

/** A text that was judged before costs its hash. */
async function again(chain: Chain): Promise<void> {
  const engine = engineOf(chain);
  const text = (CLEAN['English prose'] as MakeText)(LENGTH, 0);
  const judge = () => judgeWith(engine, callOf(text), { timeoutMs: TIMEOUT_MS });
  await judge();
  const speeds: number[] = [];
  for (let i = 0; i < 30; i += 1) {
    const start = performance.now();
    for (let n = 0; n < 10; n += 1) await judge();
    speeds.push((10 * LENGTH) / (performance.now() - start) / 1_000);
  }
  console.log(`${`${chain.name}, prose that was judged before`.padEnd(54)}${range(spread(speeds))}`);
}

export async function speed(): Promise<void> {
  console.log('\ntexts of 100 KB, million characters a second: plain loop, engine, ratio [quartiles]');
  for (const chain of await readChains()) {
    const engine = engineOf(chain);
    const judge: Work = (text) => judgeWith(engine, callOf(text));
    const ratios: number[] = [];
    for (const [name, make] of Object.entries(CLEAN)) {
      await expectClean(name, make, chain);
      const ratio = await beside(name, make, chain, judge, clean);
      ratios.push(ratio);
      const least = chain.name === 'default' && EIGHTFOLD.includes(name) ? 8 : 3;
      target(`${chain.name} chain >= ${least}x the plain loop on ${name}`, ratio, (times) => times >= least);
    }
    await again(chain);
    const slowest: [string, number][] = [];
    for (const [name, make] of Object.entries(HOSTILE)) {
      slowest.push([name, await beside(`hostile: ${name}`, make, chain, judge, hostile)]);
    }
    const [name, ratio] = slowest.reduce((least, entry) => (entry[1] < least[1] ? entry : least));
    console.log(`${chain.name}: the least gain on hostile text is ${ratio.toFixed(2)} (${name})`);
  }
}
