import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

export type LogLine = { readonly level: string; readonly msg: string } & Readonly<Record<string, unknown>>;
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A process of the bridge. It is killed after a minute in any case: sooner, a busy machine would take it for dead. */
export type Child = {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Standard output so far as log lines; throws if one is not JSON. */
  lines(): LogLine[];
  /** The first log line with this message, waited for; rejects if the process ends without it. */
  line(msg: string): Promise<LogLine>;
  send(signal: NodeJS.Signals): void;
  /** Closes our end of its standard output. */
  closeOutput(): void;
  /** Leaves its standard output unread. */
  stopReading(): void;
  readonly exit: Promise<Exit>;
  /** Most resident memory so far in MB; NaN without /proc. */
  peakMb(): number;
  /** Kills it, if it still runs. */
  stop(): Promise<void>;
};

export type ChildOptions = {
  readonly args?: readonly string[];
  /** Flags of Node.js. */
  readonly nodeArgs?: readonly string[];
  /** The whole environment; nothing of this process is handed down. */
  readonly env?: Readonly<Record<string, string>>;
  /** Without one, a folder that has no `.env`. */
  readonly cwd?: string;
  /** Milliseconds after which it is killed; a minute by default. */
  readonly limitMs?: number;
  /** Takes its standard output in our place: a file descriptor. */
  readonly output?: number;
  /** A limit of the shell to start it under, such as `-n 64`. */
  readonly ulimit?: string;
};

/** Starts `node src/main.ts`. */
export function startChild({
  args = [],
  nodeArgs = [],
  env = {},
  cwd = import.meta.dirname,
  limitMs = 60_000,
  output,
  ulimit,
}: ChildOptions): Child {
  const command = [process.execPath, ...nodeArgs, MAIN, ...args];
  const [file = '', ...rest] =
    ulimit === undefined ? command : ['sh', '-c', `ulimit ${ulimit}; exec "$@"`, 'sh', ...command];
  const child: ChildProcess = spawn(file, rest, {
    cwd,
    env: {
      // Halves the time that a start takes
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
      // Without a folder of its own it keeps nothing
      ...(env.DATA_DIR === undefined && { TELEMETRY: 'off', DECISIONS_DAYS: '0' }),
      ...env,
    },
    stdio: ['ignore', output ?? 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  let ended: Exit | undefined;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => child.stdout?.resume());
    child.once('close', (code, signal) => {
      ended = { code, signal };
      resolve(ended);
    });
  });
  const lines = () =>
    stdout
      .slice(0, stdout.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);

  return {
    pid: child.pid ?? 0,
    peakMb() {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'latin1');
        return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
      } catch {
        return Number.NaN;
      }
    },
    stdout: () => stdout,
    stderr: () => stderr,
    lines,
    async line(msg) {
      for (;;) {
        const last = ended;
        const found = lines().find((line) => line.msg === msg);
        if (found !== undefined) return found;
        if (last) {
          throw new Error(`it ended (${last.code}, ${last.signal}) without "${msg}": ${stdout}${stderr}`);
        }
        await wait(5);
      }
    },
    send(signal) {
      child.kill(signal);
    },
    closeOutput() {
      child.stdout?.destroy();
    },
    stopReading() {
      child.stdout?.pause();
    },
    exit,
    async stop() {
      if (ended === undefined) child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Runs a command that ends by itself. */
export async function runChild(options: ChildOptions): Promise<Exit & { stdout: string; stderr: string }> {
  const child = startChild(options);
  const exit = await child.exit;
  return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
}

export type ServingChild = Child & { readonly port: number; readonly url: string };

/** Starts `serve` on a free port and waits until it listens. */
export async function startServing(
  env: Readonly<Record<string, string>> = {},
  options: Omit<ChildOptions, 'env'> = {},
): Promise<ServingChild> {
  const child = startChild({ ...options, env: { PORT: '0', SHUTDOWN_DELAY: '0', ...env } });
  const { port } = await child.line('listening');
  return { ...child, port: Number(port), url: `http://127.0.0.1:${port}` };
}
