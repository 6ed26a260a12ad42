import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { killAtExit } from './children.ts';

export interface Bridge {
  url: string;
  /** Every JSON line it logged. */
  lines: Record<string, unknown>[];
  metrics(): Promise<string>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const ROOT = resolve(import.meta.dirname, '..', '..');

/**
 * Starts the bridge as users do, as a process of its own, with nothing but `env` in its environment.
 *
 * @param root the folder of another release
 */
export async function startBridge(env: Record<string, string>, root = ROOT): Promise<Bridge> {
  const child = spawn(
    process.execPath,
    ['-r', resolve(root, 'src', 'node-version.cjs'), resolve(root, 'src', 'main.ts')],
    {
      cwd: tmpdir(), // away from a developer's .env
      env: {
        PATH: process.env.PATH ?? '',
        PORT: '0',
        SHUTDOWN_DELAY: '0',
        // where nobody looks at records there is no place for them either
        ...(env.DATA_DIR === undefined && { TELEMETRY: 'off' }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const killNow = () => child.kill('SIGKILL');
  const forget = killAtExit(killNow);
  let wanted = true;
  const exited = new Promise<'exited'>((done) =>
    child.once('exit', (code, signal) => {
      if (wanted) console.error(`the bridge ended (${code ?? signal}):\n${errors}`);
      done('exited');
    }),
  );
  let errors = '';
  child.stderr.on('data', (data: Buffer) => (errors += data.toString('utf8')));
  const lines: Bridge['lines'] = [];
  const listening = new Promise<Record<string, unknown>>((done) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      let line: Record<string, unknown>;
      try {
        line = JSON.parse(text) as Record<string, unknown>;
      } catch {
        errors += `${text}\n`;
        return;
      }
      lines.push(line);
      if (line.msg === 'listening') done(line);
    });
  });
  const first = await Promise.race([listening, exited, sleep(20_000, 'late' as const, { ref: false })]);
  if (typeof first === 'string') {
    killNow();
    throw new Error(`the bridge did not start (${first}):\n${JSON.stringify(lines)}\n${errors}`);
  }
  const url = `http://127.0.0.1:${String(first.port)}`;
  return {
    url,
    lines,
    async metrics() {
      return (await fetch(`${url}/metrics`)).text();
    },
    async kill() {
      wanted = false;
      killNow();
      await exited;
      forget();
    },
    async stop() {
      wanted = false;
      child.kill('SIGTERM');
      if ((await Promise.race([exited, sleep(5_000, 'late', { ref: false })])) === 'late') killNow();
      await exited;
      forget();
    },
  };
}
