/**
 * `npm run bench [-- --quick] [verdicts] [telemetry] [policies]`: the bridge beside bare node:http servers in one run. Only the ratios
 * mean something.
 */
import { printHead } from './compare.ts';
import { policies } from './policies.ts';
import { pinned, stopAll } from './processes.ts';
import { printTargets, quick } from './stand.ts';
import { telemetry } from './telemetry.ts';
import { verdicts } from './verdicts.ts';

const parts = { verdicts, telemetry, policies };
const wanted = process.argv.slice(2).filter((argument) => argument in parts);

try {
  console.log(
    `node ${process.version}; ${pinned ? 'servers on core 0, load and stub on core 1' : 'cores not split'}`,
  );
  console.log(
    'req/s, CPU per request, p50 and p99: first of the bare server, then of the bridge (p50: what it adds)',
  );
  if (quick) console.log('--quick is too short for the JIT: the bridge looks slower than it is');
  console.log();
  printHead();
  for (const [name, run] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) await run();
  }
  console.log();
  printTargets();
} finally {
  stopAll();
}
