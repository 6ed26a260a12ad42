/**
 * `npm run bench [-- [--quick] [--beside DIR] [local] [vendor] [vendors] [telemetry] [decisions] [otlp] [page] [policies] [start]]`: the bridge beside bare node:http servers in
 * one run, and with `--beside` beside another checkout of itself. Only the ratios mean something. `attack [--only REGEX]`,
 * `soak [--minutes N]`, `courier`, `state` and `scale [--save]` (these two need Postgres) take longer than all of these, and are run when they are named.
 * `scale [--save]` measures replicas on Postgres, and `simulate` prints what more of them would need.
 * `accuracy [--only REGEX] [--show tuned]` times nothing: it counts how often the policies are wrong.
 */
import { accuracy } from './accuracy/accuracy.ts';
import { attack } from './attack.ts';
import { printHead } from './compare.ts';
import { courier } from './courier.ts';
import { decisions } from './decisions.ts';
import { otlp } from './otlp.ts';
import { page } from './page.ts';
import { policies } from './policies.ts';
import { pinned, stopAll } from './processes.ts';
import { scale } from './scale.ts';
import { simulate } from './scale-simulation.ts';
import { soak } from './soak.ts';
import { other, printTargets, quick, wanted } from './stand.ts';
import { start } from './start.ts';
import { state } from './state.ts';
import { telemetry } from './telemetry.ts';
import { vendors } from './vendors.ts';
import { local, vendor } from './verdicts.ts';

const parts = {
  local,
  vendor,
  vendors,
  telemetry,
  decisions,
  otlp,
  page,
  policies,
  start,
  attack,
  soak,
  courier,
  state,
  scale,
  simulate,
  accuracy,
};
const long = new Set(['attack', 'soak', 'courier', 'state', 'scale', 'simulate', 'accuracy']);
const unknown = wanted.find((name) => !(name in parts));
if (unknown !== undefined) throw new Error(`no part of the benchmark: ${unknown}`);

try {
  if (wanted.length === 0 || wanted.some((name) => name !== 'accuracy' && name !== 'simulate'))
    printSetting();
  for (const [name, run] of Object.entries(parts)) {
    if (wanted.includes(name) || (wanted.length === 0 && !long.has(name))) await run();
  }
  console.log();
  printTargets();
} finally {
  stopAll();
}

function printSetting(): void {
  console.log(
    `node ${process.version}; ${pinned ? 'servers on core 0, load and stub on core 1' : 'cores not split'}`,
  );
  console.log(
    'req/s, CPU per request, p50 and p99: first of the bare server, then of the bridge (p50: what it adds)',
  );
  if (quick) console.log('--quick is too short for the JIT: the bridge looks slower than it is');
  if (other !== undefined) console.log('"than before": the other checkout in place of the bare server');
  console.log();
  printHead();
}
