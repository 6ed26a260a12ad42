/**
 * Measures other clients while hostile ones do their worst: the waits of `/healthz` and of a small guardrail call, and the memory of the
 * bridge. Each is held beside the same without an attack, and beside a bare server that only reads what it is sent.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GUARDRAIL_KINDS, LOG_KINDS, MB } from './attack-bodies.ts';
import type { Probed, Waits } from './attack-probes.ts';
import type { Answers, Attack } from './attacker.ts';
import { folderOnDisk } from './disk.ts';
import { resetPeak, residentMb, type Server, startPeer, startServer } from './processes.ts';
import { bridgeEnv, only, quick, target } from './stand.ts';

const WAIT_AIM_MS = 50;
const MEMORY_AIM_MB = 600;
const AFTER_AIM = 1.2;

const BYTES = 32 * MB - 4_096;
const ATTACK_MS = quick ? 500 : 2_500;
/** So long bodies that never end are sent: longer than BODY_TIMEOUT. */
const HOLD_MS = quick ? 4_000 : 14_000;
/** Memory is given this long to be given back. */
const SETTLE_MS = 8_000;

type Kind = Omit<Attack, 'port'> & { readonly name: string };
type Row = { readonly p99: number; readonly peak: number; readonly after: number };

const AT_ONCE = { bytes: BYTES, connections: 8, ms: ATTACK_MS };
const whole = (of: 'guardrail' | 'logs', kind: string): Kind => ({
  ...AT_ONCE,
  name: of === 'logs' ? `log: ${kind}` : kind,
  bodies: { of, kind },
  way: 'bodies',
});
const text = (name: string, way: Kind['way'], more: Partial<Kind> = {}): Kind => ({
  ...{ ...AT_ONCE, name, way, bodies: { of: 'guardrail', kind: 'plain text' } },
  ...more,
});

const DOOR: readonly Kind[] = [
  text('the same call again', 'again'),
  text('a request, its response', 'pairs'),
  text('half-sent', 'half', { ms: HOLD_MS / 2 }),
  text('256 that drip', 'drip', { connections: 256, ms: HOLD_MS }),
  text('a byte a piece', 'pieces'),
  text('no key, pipelined', 'pipelined'),
  text('no key, no end', 'endless', { ms: HOLD_MS / 2 }),
];
const BOMB: Kind = { ...AT_ONCE, name: 'log: 2 GB of blanks', bodies: { of: 'bomb' }, way: 'bodies' };
const REPLIES = ['long reason', 'objects', 'deep', 'no JSON', 'no end'];

/** Those in which a server's reading alone may differ. */
const READING = [whole('guardrail', 'plain text'), ...DOOR];
const calls = GUARDRAIL_KINDS.map((kind) => whole('guardrail', kind));
const POLICIES = [...calls, ...DOOR, whole('logs', 'plain text')];
const VENDOR = [
  ...POLICIES.slice(0, -1),
  ...LOG_KINDS.map((kind) => whole('logs', kind)),
  BOMB,
  ...REPLIES.map(
    (kind): Kind => ({
      ...AT_ONCE,
      name: `vendor replies: ${kind}`,
      bodies: { of: 'vendor', kind },
      way: 'bodies',
    }),
  ),
];

const attacker = startPeer<Attack | 'go', 'ready' | Answers>('./attacker.ts');
const probes = startPeer<{ port: number; large: boolean } | 'stop', 'started' | Probed>('./attack-probes.ts');

const ms = ({ p50, p99, max }: Waits) =>
  [p50, p99, max].map((value) => value.toFixed(1).padStart(8)).join('');
const mb = (value: number) => value.toFixed(0).padStart(6);
const words = (counts: Record<string, number>) =>
  Object.entries(counts)
    .map(([word, number]) => `${word} ${number}`)
    .join(', ') || '-';

function printRow(
  name: string,
  probed: Probed,
  bare: string,
  memory: readonly number[],
  answers = '-',
): void {
  const { asked } = probed.large;
  const large = asked > 0 ? `; 8 MB calls of others: ${asked}` : '';
  const failures = probed.failed + probed.large.failed;
  const failed = failures > 0 ? `; ${failures} PROBES FAILED` : '';
  const waits = ms(probed.call) + ms(probed.healthz) + bare.padStart(8);
  console.log(`${name.padEnd(28)}${waits} ${memory.map(mb).join('')}  ${answers}${large}${failed}`);
}

const p99Of = ({ call, healthz }: Probed) => Math.max(call.p99, healthz.p99);
/** The p99 beside the bare server, by kind; other bodies are to it as plain text. */
const bare = new Map<string, number>();
const bareP99 = (name: string) => (bare.get(name) ?? bare.get('plain text') ?? Number.NaN).toFixed(1);

async function measured(server: Server, act: () => Promise<unknown>, large = false): Promise<Probed> {
  await probes.ask({ port: server.port, large });
  await act();
  return (await probes.ask('stop')) as Probed;
}

/** The same probes, and nobody else. */
async function calm(name: string, server: Server): Promise<void> {
  const probed = await measured(server, () => wait(quick ? 2_000 : 5_000));
  printRow(name, probed, '', [residentMb(server.pid)]);
}

async function attackOn(server: Server, { name, ...kind }: Kind, before: number): Promise<Row> {
  await attacker.ask({ ...kind, port: server.port });
  resetPeak(server.pid);
  let answers: Answers = {};
  const act = async () => {
    answers = (await attacker.ask('go')) as Answers;
  };
  const probed = await measured(server, act, kind.way === 'half' || kind.way === 'drip');
  const peak = residentMb(server.pid, 'VmHWM');
  const settled = before * AFTER_AIM;
  const until = performance.now() + SETTLE_MS;
  // A little traffic, as there always is: a process that does nothing collects no garbage
  const after = await measured(server, async () => {
    do await wait(200);
    while (residentMb(server.pid) > settled && performance.now() < until);
  }).then(() => residentMb(server.pid));
  printRow(name, probed, bareP99(name), [before, peak, after], words(answers));
  return { p99: p99Of(probed), peak, after };
}

/** Attacks a server in each way, and stops it. Returns what was measured, and the memory before all. */
async function attacks(setting: string, server: Server, kinds: readonly Kind[]) {
  console.log(`\n${setting}`);
  await calm('warm-up', server);
  await calm('no attack', server);
  const first = residentMb(server.pid);
  const rows = new Map<string, Row>();
  for (const kind of kinds) rows.set(kind.name, await attackOn(server, kind, residentMb(server.pid)));
  await server.stop();
  return { rows, first };
}

async function bridge(setting: string, env: Record<string, string>, kinds: readonly Kind[]): Promise<void> {
  const chosen = kinds.filter(({ name }) => only.test(`${setting}: ${name}`));
  if (chosen.length === 0) return;
  const server = await startServer(0, '../../src/main.ts', [], { ...bridgeEnv(env), ...AS_IN_THE_IMAGE });
  const { rows, first } = await attacks(setting, server, chosen);
  judge(`${setting}: p99 beside an attack <= ${WAIT_AIM_MS} ms`, rows, WAIT_AIM_MS, ({ p99 }) => p99);
  judge(`${setting}: memory <= ${MEMORY_AIM_MB} MB`, rows, MEMORY_AIM_MB, ({ peak }) => peak);
  judge(
    `${setting}: memory after it <= ${AFTER_AIM} of before`,
    rows,
    AFTER_AIM,
    ({ after }) => after / first,
  );
}

/** Notes the worst, and names those that miss. */
function judge(
  name: string,
  rows: ReadonlyMap<string, Row>,
  aim: number,
  figure: (row: Row) => number,
): void {
  const figures = [...rows].map(([kind, row]) => [kind, figure(row)] as const);
  const missed = figures.filter(([, value]) => !(value <= aim)).map(([kind]) => kind);
  const names = missed.length === 0 ? '' : ` (${missed.length} of ${rows.size}: ${missed.join('; ')})`;
  target(name + names, Math.max(...figures.map(([, value]) => value)), (value) => value <= aim);
}

/** The heaps of the image, and memory given back as its C library does, which is not the one of most other machines. */
const AS_IN_THE_IMAGE = {
  NODE_OPTIONS: '--max-semi-space-size=8 --max-old-space-size=1024',
  MALLOC_MMAP_THRESHOLD_: '65536',
};

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A policy file that redacts, blocks and keeps an audit log; nobody takes records. */
const policiesAlone = () => ({
  POLICY_FILE: file('examples/policies/default.yaml'),
  DATA_DIR: folderOnDisk(),
  AUDIT_KEY: 'bench-audit-key-of-some-length',
});

const vendorAt = (port: number) => ({
  AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${port}`,
  AKTO_API_KEY: 'bench-token',
  BUILTIN_POLICY: 'on',
  DATA_DIR: folderOnDisk(),
});

export async function attack(): Promise<void> {
  console.log(
    '\nmilliseconds that others wait while it lasts: a small call (p50, p99, max), /healthz (p50, p99, max), the worse p99 beside the bare server; MB before, at most, after; replies',
  );
  const reading = await startServer(0, './reference.ts', ['reads']);
  const { rows } = await attacks('bare server that reads', reading, READING);
  for (const [name, { p99 }] of rows) bare.set(name, p99);
  await bridge('policies', policiesAlone(), POLICIES);
  const stub = await startServer(1, './reference.ts', ['vendor']);
  await bridge('vendor', vendorAt(stub.port), VENDOR);
  await stub.stop();
}
