import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { inject } from 'vitest';
import type { DatabaseConfig } from '../../src/database/database-config.ts';
import { postgresPrograms } from './programs.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The address of the server that all files of a run share. */
    postgresUrl: string;
  }
}

/** A Postgres of its own for a test. */
export type Postgres = {
  /** Of a superuser, without a password. */
  readonly url: string;
  readonly port: number;
  /** Its folder, with `postgresql.conf`. */
  readonly dir: string;
  /** `fast` ends its connections; `immediate` is a crash. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** All of its processes stand still, and connections stay open. */
  pause(): void;
  resume(): void;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
};

export type PostgresOptions = {
  /** Lines of `postgresql.conf`. */
  readonly settings?: readonly string[];
  /** Lines of `pg_hba.conf`, before those that trust everybody on loopback. */
  readonly hba?: readonly string[];
  /** Files in its folder, such as a certificate. */
  readonly files?: Readonly<Record<string, string>>;
};

/** Postgres refuses to run as root. */
function owner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  const user = ['postgres', 'nobody']
    .map((name) => users.find((line) => line.startsWith(`${name}:`)))
    .find(Boolean);
  const [, , uid, gid] = (user ?? '').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** Makes a cluster in a new folder and starts it on a free port of loopback. */
export async function startPostgres({
  settings = [],
  hba = [],
  files = {},
}: PostgresOptions = {}): Promise<Postgres> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('Postgres is not installed');
  const dir = mkdtempSync(join(tmpdir(), 'postgres-'));
  const user = owner();
  if (user !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  const run = { cwd: dir, stdio: 'ignore', ...user } as const;
  execFileSync(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'],
    run,
  );
  const port = await freePort();
  const conf = [
    `port = ${port}`,
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = ''`,
    'max_connections = 200',
    'log_min_messages = fatal',
    ...settings,
  ];
  writeFileSync(join(data, 'postgresql.conf'), `${conf.join('\n')}\n`, { flag: 'a' });
  if (hba.length > 0) {
    writeFileSync(join(data, 'pg_hba.conf'), `${hba.join('\n')}\nhost all all 127.0.0.1/32 trust\n`);
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
    if (user !== undefined) chownSync(join(data, name), user.uid, user.gid);
  }
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const pids = () => {
    const main = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    const children = readFileSync(`/proc/${main}/task/${main}/children`, 'utf8').trim().split(' ');
    return [main, ...children.map(Number)].filter((pid) => pid > 0);
  };
  const signal = (name: NodeJS.Signals) => {
    for (const pid of pids()) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended since
      }
    }
  };
  const control = (...args: string[]) =>
    new Promise<void>((resolve, reject) => {
      const child = spawn(join(programs, 'pg_ctl'), ['-D', data, '-w', '-t', '60', ...args], run);
      child.once('error', reject);
      child.once('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`pg_ctl ${args.join(' ')} ended with ${code}`)),
      );
    });
  const postgres: Postgres = {
    ...{ url, port, dir: data },
    start: () => control('start', '-l', join(dir, 'log')),
    stop: (mode = 'fast') => control('stop', '-m', mode),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async remove() {
      process.off('exit', end);
      if (existsSync(join(data, 'postmaster.pid'))) {
        postgres.resume();
        await postgres.stop('immediate').catch(() => {});
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
  // It is no child of ours
  const end = () => {
    try {
      signal('SIGQUIT');
    } catch {
      // It has ended
    }
  };
  process.once('exit', end);
  try {
    await postgres.start();
  } catch (error) {
    const log = existsSync(join(dir, 'log')) ? readFileSync(join(dir, 'log'), 'utf8') : '';
    await postgres.remove();
    throw new Error(`${error}\n${log}`);
  }
  return postgres;
}

/** A port of loopback that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      server.close(() => resolve(port));
    });
  });
}

let schemas = 0;

/** A name for a schema that no other test has. */
export function newSchema(): string {
  schemas++;
  return `test_${process.pid}_${Date.now().toString(36)}_${schemas}`;
}

/** The configuration of a bridge with a schema of its own; by default on the server that all files share. */
export function databaseConfig(set: Partial<DatabaseConfig> = {}): DatabaseConfig {
  return {
    url: set.url ?? inject('postgresUrl'),
    password: undefined,
    passwordFile: undefined,
    schema: newSchema(),
    poolSize: 10,
    connectTimeoutMs: 3000,
    statementTimeoutMs: 5000,
    ...set,
  };
}

/** Waits until something holds; fails after some seconds. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  ms = 15_000,
): Promise<void> {
  for (const endsAt = Date.now() + ms; Date.now() < endsAt; await wait(20)) if (await holds()) return;
  throw new Error(`not in ${ms} ms: ${what}`);
}
