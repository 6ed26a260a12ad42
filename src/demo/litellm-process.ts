import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Env } from '../config/read.ts';

/** Tells how LiteLLM ended, or that it did not start in time, and its last lines. */
export class LitellmStartError extends Error {
  override readonly name = 'LitellmStartError';
  readonly lastLines: readonly string[];

  constructor(message: string, output: string) {
    super(message);
    this.lastLines = output.trimEnd().split('\n').slice(-LAST_LINES);
  }
}

const LAST_LINES = 12;
/** Of its output, as much is kept as its last lines may take. */
const KEPT_CHARS = 20_000;
/** Time to end by itself. */
const END_MS = 2000;

export type RunningLitellm = {
  readonly url: string;
  stop(): Promise<void>;
};

export type LitellmOptions = {
  readonly program: string;
  readonly config: string;
  /** Its working directory, where its configuration is written. */
  readonly folder: string;
  readonly port: number;
  /** Its own variables; of the environment of this process it gets none that sets anything. */
  readonly settings: Readonly<Record<string, string>>;
  readonly env: Env;
  readonly limitMs: number;
  readonly stop: AbortSignal;
};

/**
 * Python runs it at its start. Loading LiteLLM makes 800,000 objects that stay, and looking for garbage among them again and again
 * takes a fifth of the time.
 */
const SITE_CUSTOMIZE = 'import gc\ngc.set_threshold(200_000, 50, 100)\n';

/** Variables that say where things are, and no more. */
const PLACES = /^(?:PATH|HOME|USER|TMPDIR|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|PYENV_\w+|PYTHONUSERBASE)$/;

/**
 * Starts LiteLLM in a process group of its own, and waits until it answers.
 *
 * @throws LitellmStartError after it was ended
 */
export async function startLitellm(options: LitellmOptions): Promise<RunningLitellm> {
  const { program, config, folder, port, env, limitMs, stop } = options;
  const file = join(folder, 'litellm.json');
  await writeFile(file, config, { mode: 0o600 });
  const python = join(folder, 'python');
  await mkdir(python);
  await writeFile(join(python, 'sitecustomize.py'), SITE_CUSTOMIZE);
  const places = Object.entries(env).filter(([name]) => PLACES.test(name));
  const startedAt = performance.now();
  const child = spawn(program, ['--config', file, '--host', '127.0.0.1', '--port', String(port)], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...Object.fromEntries(places),
      PATH: `${dirname(program)}:${env.PATH ?? ''}`,
      LITELLM_MODE: 'PRODUCTION', // or it would read a .env above its own files
      LITELLM_LOCAL_MODEL_COST_MAP: 'True', // no downloads
      LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS: 'True',
      LITELLM_LOCAL_BLOG_POSTS: 'True',
      LITELLM_TELEMETRY: 'False',
      NO_DOCS: 'True',
      NO_PROXY: '*',
      PYTHONUNBUFFERED: '1',
      PYTHONPATH: python,
      ...options.settings,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_CHARS);
    });
  }
  const killAtExit = () => killGroup(child, 'SIGKILL');
  process.on('exit', killAtExit);
  let problem: string | undefined;
  const ended = once(child, 'exit').then(
    ([code, signal]) => {
      problem = `it ended by itself (${signal ?? `exit code ${code}`})`;
    },
    (error: Error) => {
      problem = error.message;
    },
  );
  const running: RunningLitellm = {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      killGroup(child, 'SIGTERM');
      await Promise.race([ended, wait(END_MS, undefined, { ref: false })]);
      killGroup(child, 'SIGKILL');
      await ended;
      process.off('exit', killAtExit);
    },
  };
  while (!(await isUp(running.url, stop))) {
    if (performance.now() - startedAt > limitMs) problem ??= `it did not start within ${limitMs / 1000} s`;
    if (problem !== undefined || stop.aborted) {
      const told = problem ?? 'it was stopped';
      await running.stop();
      throw new LitellmStartError(told, output);
    }
    await Promise.race([ended, wait(50)]);
  }
  return running;
}

/** True if LiteLLM answers. */
export async function isUp(url: string, stop: AbortSignal): Promise<boolean> {
  try {
    return (
      await fetch(`${url}/health/liveliness`, { signal: AbortSignal.any([stop, AbortSignal.timeout(2000)]) })
    ).ok;
  } catch {
    return false;
  }
}

/** Ends a process and all that it started, also if it has ended itself. */
function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // nothing of it is left
  }
}

/**
 * A port that nothing listens on, below those that the system gives to connections: one could take it before its server.
 *
 * @param wanted takes this one
 * @throws Error if the wanted one is taken
 */
export async function freePort(wanted?: number): Promise<number> {
  const port = wanted ?? randomInt(20_000, 30_000);
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (isFree) {
    server.close();
    await once(server, 'close');
    return port;
  }
  if (wanted !== undefined) throw new Error(`--port: something listens on ${wanted} already`);
  return freePort();
}
