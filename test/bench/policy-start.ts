/** Measures reading a policy file and building its engine, at the start and when it has changed. */
import { PolicyStore } from '../../src/policies/store.ts';
import { range, spread } from './compare.ts';
import { readChains } from './policy-chains.ts';
import { quick } from './stand.ts';

const RELOADS = quick ? 5 : 20;

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

export async function starts(): Promise<void> {
  console.log();
  for (const { name, file } of await readChains()) {
    let text = file;
    const options = { backends: [], restores: () => true };
    let store: PolicyStore | undefined;
    const first = timed(() => {
      store = new PolicyStore(() => text, options);
    });
    const reloads = Array.from({ length: RELOADS }, (_, i) => {
      text = `${file}${' '.repeat(i + 1)}`;
      return timed(() => store?.reload());
    });
    console.log(
      `${name} chain: read and built in ${first.toFixed(0)} ms, again in ${range(spread(reloads))} ms (${file.length} characters)`,
    );
  }
}
