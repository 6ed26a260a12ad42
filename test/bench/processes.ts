/** Starts the processes of a benchmark run on the two cores: the measured server on one, everything else on the other. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { childrenOf } from '../support/processes.ts';
import type { Job, Measured, Slice } from './load.ts';

export type Server = { port: number; pid: number; stop(): Promise<void> };
/** Undefined: whichever is free. */
export type Core = 0 | 1 | undefined;

export const pinned = spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;

const children = new Set<ChildProcess>();
const unwanted = new Set<ChildProcess>();
let stopping = false;
process.on('exit', stopAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** Those that `npm start` gives V8, for a main file of the bridge. */
function flagsOf(path: string): string[] {
  if (!path.endsWith('/src/main.ts')) return [];
  const file = path.replace('/src/main.ts', '/package.json');
  const { scripts } = JSON.parse(readFileSync(file, 'utf8')) as { scripts: { start: string } };
  return scripts.start.match(/--max-\S+/g) ?? [];
}

/** `file` is relative to this folder. The environment starts empty but for `env`: no setting of the caller's leaks in. */
function start(
  core: Core,
  file: string,
  args: string[],
  env: Record<string, string>,
  channel: 'stdout' | 'ipc',
  under: string[] = [],
) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const [command, ...rest] = [
    ...(pinned && core !== undefined ? ['taskset', '-c', String(core)] : []),
    ...under,
    process.execPath,
    ...flagsOf(path),
    path,
    ...args,
  ];
  const child = spawn(command as string, rest, {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: channel === 'ipc' ? ['ignore', 'inherit', 'inherit', 'ipc'] : ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  child.on('exit', (code, signal) => {
    children.delete(child);
    if (!stopping && !unwanted.has(child))
      throw new Error(`${file} ${args.join(' ')} ended early (${code ?? signal})`);
  });
  return child;
}

/**
 * Starts a server and waits for the line that tells its port; later output is dropped.
 *
 * @param under a command that runs another in its own process, such as `strace -D`
 */
export async function startServer(
  core: Core,
  file: string,
  args: string[] = [],
  env: Record<string, string> = {},
  under: string[] = [],
): Promise<Server> {
  const child = start(core, file, args, env, 'stdout', under);
  if (!child.stdout) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { msg?: string; port?: number };
    if (event.msg !== 'listening' || event.port === undefined) continue;
    child.stdout.resume();
    return { port: event.port, pid: child.pid as number, stop: () => stop(child) };
  }
  throw new Error(`${file} ${args.join(' ')} closed its output before it was listening`);
}

/** CPU time of a process so far, all threads, from /proc (in ticks of 10 ms). */
export function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

/** Resident memory of a process in MB, now or at most since {@link resetPeak}; NaN without /proc. */
export function residentMb(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the peak is that of its whole life
  }
}

/** Starts a process, unless told otherwise on the core of the load, that sends one message back for each it gets. */
export function startPeer<Question extends object | string, Answer>(
  file: string,
  args: string[] = [],
  core: Core = 1,
): { ask(question: Question): Promise<Answer>; stop(): Promise<void> } {
  let peer: ChildProcess | undefined;
  return {
    async ask(question) {
      peer ??= start(core, file, args, {}, 'ipc');
      peer.send(question);
      const [answer] = await once(peer, 'message');
      return answer as Answer;
    },
    async stop() {
      if (peer !== undefined) await stop(peer);
    },
  };
}

/** CPU time of a process and of those that it started. */
function cpuMsOfAll(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + cpuMs(one), 0);
}

/** Starts the load generator and returns the function that runs one slice of load on a server. */
export function startLoad(core: Core = 1): (server: Server, job: Omit<Job, 'port'>) => Promise<Measured> {
  const load = start(core, './load.ts', [], {}, 'ipc');
  return async (server, job) => {
    const [before, loadBefore] = [cpuMsOfAll(server.pid), cpuMs(load.pid as number)];
    load.send({ ...job, port: server.port });
    const [slice] = (await once(load, 'message')) as [Slice];
    const loadCpuMs = cpuMs(load.pid as number) - loadBefore;
    return { ...slice, loadCpuMs, cpuMs: cpuMsOfAll(server.pid) - before };
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (!children.has(child)) return;
  unwanted.add(child);
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

export function stopAll(): void {
  stopping = true;
  for (const child of children) child.kill('SIGKILL');
}
