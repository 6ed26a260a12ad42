/** `npm run bench [-- --quick]`: the bridge beside bare node:http servers in one run. Only the ratios mean something. */
import { chatBody } from './body.ts';
import { compare, type Lengths, printHead, type Result } from './compare.ts';
import type { Job } from './load.ts';
import { pinned, type Server, startLoad, startServer, stopAll } from './processes.ts';

const quick = process.argv.includes('--quick');
const lengths: Lengths = quick
  ? { sliceMs: 300, warmUpMs: 150, pairs: 2 }
  : { sliceMs: 800, warmUpMs: 400, pairs: 4 };
/** On one core it takes the JIT this long to compile a hot path; measured sooner the bridge looks half as fast. */
const firstWarmUpMs = quick ? { reference: 700, bridge: 2_000 } : { reference: 2_000, bridge: 6_000 };
const load = startLoad();
const KB = 1_024;

async function warmUp(server: Server, ms: number): Promise<Server> {
  await load(server, { bytes: 4 * KB, concurrency: 32, ms });
  return server;
}

async function reference(...args: string[]): Promise<Server> {
  return warmUp(await startServer(0, './reference.ts', args), firstWarmUpMs.reference);
}

async function bridge(env: Record<string, string>): Promise<Server> {
  const own = { PORT: '0', HOST: '127.0.0.1', BRIDGE_API_KEYS: 'bench-key' };
  return warmUp(await startServer(0, '../../src/main.ts', [], { ...own, ...env }), firstWarmUpMs.bridge);
}

const beside = (label: string, reference: Server, candidate: Server, job: Omit<Job, 'port' | 'ms'>) =>
  compare(load, lengths, label, reference, candidate, job);

/** A bridge that judges nothing would be fast: it must refuse what its policy refuses. */
async function expectBlocked(server: Server): Promise<void> {
  const body = chatBody(4 * KB, `my key is ${'AKIA'}QW3RTY7UIOP4SDFG`);
  const headers = { 'content-type': 'application/json', 'x-api-key': 'bench-key' };
  const reply = await fetch(`http://127.0.0.1:${server.port}/`, { method: 'POST', headers, body });
  const verdict = (await reply.json()) as { action?: string };
  if (verdict.action !== 'BLOCKED')
    throw new Error(`a credential got ${reply.status} ${JSON.stringify(verdict)}`);
}

/** Nor may it answer without asking its backend. */
async function expectAsked(server: Server, stub: Server): Promise<void> {
  const asked = async () => Number(await (await fetch(`http://127.0.0.1:${stub.port}/`)).text());
  const before = await asked();
  const { answers } = await load(server, { bytes: 4 * KB, concurrency: 1, ms: 200 });
  const calls = (await asked()) - before;
  if (calls !== answers) throw new Error(`${answers} answers, but the backend was asked ${calls} times`);
}

async function localVerdict(): Promise<Result> {
  const bare = await reference('bare');
  const twin = await reference('bare');
  const local = await bridge({ BUILTIN_POLICY: 'on' });
  await expectBlocked(local);
  await beside('control: bare against bare, 4 KB', bare, twin, { bytes: 4 * KB, concurrency: 32 });
  await beside('local, 4 KB, 1 caller', bare, local, { bytes: 4 * KB, concurrency: 1 });
  const result = await beside('local, 4 KB, 32 callers', bare, local, { bytes: 4 * KB, concurrency: 32 });
  await beside('local, 4 KB, 128 callers', bare, local, { bytes: 4 * KB, concurrency: 128 });
  await beside('local, 64 KB, 32 callers', bare, local, { bytes: 64 * KB, concurrency: 32 });
  await beside('local, 1 MB, 32 callers', bare, local, { bytes: 1_024 * KB, concurrency: 32 });
  return result;
}

async function oneBackend(): Promise<{ at32: Result; at128: Result }> {
  const stub = await startServer(1, './reference.ts', ['stub']);
  const hop = await reference('hop', String(stub.port));
  const remote = await bridge({
    AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${stub.port}`,
    AKTO_API_KEY: 'bench-token',
  });
  const bytes = 4 * KB;
  await expectAsked(remote, stub);
  await beside('backend, 4 KB, 1 caller', hop, remote, { bytes, concurrency: 1 });
  const at32 = await beside('backend, 4 KB, 32 callers', hop, remote, { bytes, concurrency: 32 });
  const at128 = await beside('backend, 4 KB, 128 callers', hop, remote, { bytes, concurrency: 128 });
  const perSecond = Math.round(at32.perSecond * 0.3);
  await beside(`backend, 4 KB, ${perSecond}/s`, hop, remote, { bytes, concurrency: 128, perSecond });
  return { at32, at128 };
}

function target(name: string, value: number, reached: boolean): void {
  console.log(`target: ${name}: ${value.toFixed(2)} ${reached ? 'ok' : 'MISSED'}`);
}

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
  const local = await localVerdict();
  const { at32, at128 } = await oneBackend();
  console.log();
  target('local verdict 4 KB >= 0.5 of bare', local.speed.median, local.speed.median >= 0.5);
  target('one remote backend >= 0.5 of the bare hop at 32', at32.speed.median, at32.speed.median >= 0.5);
  target("p99 at 128 under 2x the hop's", at128.p99.median, at128.p99.median < 2);
} finally {
  stopAll();
}
