import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Child, runChild, startChild } from '../support/child.ts';

/** The whole machine that a demo sees: a home, a folder for temporary files and a PATH with nothing on it. */
let machine: string;
let env: Record<string, string>;
const inMachine = (...names: string[]) => join(machine, ...names);

beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), 'demo-test-'));
  for (const name of ['home', 'tmp', 'bin', 'cwd']) mkdirSync(inMachine(name));
  env = { HOME: inMachine('home'), TMPDIR: inMachine('tmp'), PATH: inMachine('bin') };
});

afterEach(() => {
  // Nothing of a demo outlives it
  expect(readdirSync(inMachine('tmp'))).toEqual([]);
  rmSync(machine, { recursive: true });
});

const runDemo = (args: readonly string[] = [], more: Record<string, string> = {}) =>
  runChild({ args: ['demo', ...args], env: { ...env, ...more }, cwd: inMachine('cwd') });

/** Puts a shell script on the machine. */
function program(name: string, script: string): string {
  const file = inMachine('bin', name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** The three calls as their client reads them. */
const SHOWN = [
  /^client reads At nine o'clock, every day but Sunday\.$/m,
  /^client reads HTTP 400: Blocked by security policy\. .*Reference: [0-9a-f]{16}$/m,
  /^ {2}why [0-9a-f]{16} says:\n {2}Blocked by the policy prompt-injection /m,
  /^ {4}who +.*end user visitor-7$/m,
  /^client reads Order 1042 is \|on its way to \|.*wrote to \|\[EMAIL_ADDRESS\], and took 49 euros from \|\[IBAN_CODE\]\. It comes on Friday\.$/m,
  /^All three ended as they should, after \d+\.\d s\.$/m,
];
/** The last line of a demo that ends by itself. */
const END = /^To see them on a page, and to try your own: npm start --silent -- demo --stay\n$/m;

describe('a demo without a LiteLLM', () => {
  test('says that there is no Python, and shows recorded calls', async () => {
    const { code, stdout, stderr } = await runDemo();
    expect(stdout).toMatch(/^It cannot be installed: found no python3 on the PATH that is 3\.10 or newer$/m);
    expect(stdout).toMatch(
      /^These calls were recorded with LiteLLM \d+\.\d+\.\d+; the bridge judges them now\.$/m,
    );
    for (const line of [...SHOWN, END]) expect(stdout).toMatch(line);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
    expect(readdirSync(inMachine('home'))).toEqual([]);
  });

  test.each([
    [
      'python that cannot make environments',
      'case "$*" in *venv*) echo "ensurepip is not available"; exit 1;; esac',
      /^It cannot be installed: `python3 -m venv` failed: the packages venv and ensurepip are missing \(on Debian: python3-venv\)$/m,
    ],
    [
      'no connection',
      'case "$*" in *venv*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python";; *pip*) echo "NewConnectionError: no route" >&2; exit 1;; esac',
      /^It cannot be installed: pip could not install it: no connection to the package index$/m,
    ],
  ])('says so in a line: %s', async (_, script, line) => {
    program('python3', script);
    for (const name of ['mkdir', 'cp']) program(name, `exec /bin/${name} "$@"`);
    const { code, stdout } = await runDemo([], { XDG_CACHE_HOME: inMachine('caches') });
    expect(stdout).toMatch(line);
    expect(stdout).toContain(`into ${inMachine('caches', 'litellm-guardrail-bridge', 'litellm-')}`);
    for (const one of SHOWN) expect(stdout).toMatch(one);
    expect(code).toBe(0);
  });

  test('takes neither a .env nor settings of the environment', async () => {
    writeFileSync(inMachine('cwd', '.env'), 'POLICY_FILE=/nowhere.yaml\nDATABASE_URL=nonsense\n');
    const settings = { UNREACHABLE_FALLBACK: 'nonsense', PORT: 'nonsense', BACKEND: 'nonsense' };
    const { code, stdout, stderr } = await runDemo(['--replay'], settings);
    for (const line of SHOWN) expect(stdout).toMatch(line);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(existsSync(inMachine('cwd', 'data'))).toBe(false);
  });

  test.each(['SIGTERM', 'SIGHUP'] as const)(
    'stays until %s, and `why` works as it is shown',
    async (signal) => {
      const child = startChild({ args: ['demo', '--replay', '--stay'], env, cwd: inMachine('cwd') });
      const url = await printed(child, /^curl -s (http:\S+)\/readyz$/m);
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      // Its last line, without a key
      expect(child.stdout().trimEnd().split('\n').at(-1)).toBe(
        `See these calls, and those to come, on the page: ${url}/ui`,
      );
      await expect.poll(async () => (await fetch(`${url}/ui`)).text()).toContain('prompt-injection');
      const [, folder = '', reference = ''] =
        /^ {2}\$ DATA_DIR=(\S+) npm start --silent -- why (\w+)$/m.exec(child.stdout()) ?? [];
      const asked = await runChild({ args: ['why', reference], env: { ...env, DATA_DIR: folder } });
      expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining('Blocked by the policy') });
      child.send(signal);
      expect(await child.exit).toEqual({ code: 0, signal: null });
      await expect(fetch(url)).rejects.toThrow();
    },
  );
});

test('ends when npm is ended, whose shell tells nobody', async () => {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
  const command = ['-c', '"$@"; exit', 'sh', process.execPath, main, 'demo', '--replay', '--stay'];
  const shell = spawn('/bin/sh', command, { env: { ...env, npm_lifecycle_event: 'demo' } });
  let out = '';
  shell.stdout.on('data', (text) => {
    out += text;
  });
  while (!out.includes('/readyz')) await wait(10);
  shell.kill('SIGTERM');
  await once(shell, 'close');
  const [url = ''] = /http:\S+(?=\/readyz)/.exec(out) ?? [];
  await expect(fetch(url)).rejects.toThrow();
});

test('a port that is taken is told', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await runDemo(['--replay', '--port', String(port)]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `guardrail-bridge: --port: something listens on ${port} already\n`,
  });
  server.close();
});

describe('a demo with a LiteLLM that is of no use', () => {
  test('that ends at once: its last lines are shown, and recorded calls', async () => {
    program(
      'litellm',
      'case "$1" in --version) echo 1.110.2; exit;; esac; echo "no module named proxy" >&2; exit 7',
    );
    const { code, stdout } = await runDemo();
    expect(stdout).toContain(`LiteLLM 1.110.2, from the PATH.\n`);
    expect(stdout).toContain(
      'LiteLLM did not start: it ended by itself (exit code 7). Its last lines:\n  no module named proxy\n',
    );
    for (const line of SHOWN) expect(stdout).toMatch(line);
    expect(code).toBe(0);
    const named = await runDemo([], { PATH: '/nowhere', LITELLM_BIN: '../bin' });
    expect(named.stdout).toContain('LiteLLM 1.110.2, from LITELLM_BIN.\n');
    expect(named.stdout).toContain('it ended by itself (exit code 7)');
  });

  test('that never answers: it is ended with all that it started', async () => {
    program('sleep', 'exec /bin/sleep "$@"');
    program(
      'litellm',
      `case "$1" in --version) exit 1;; esac; trap "" TERM; sleep 60 & echo "$! $$" > ${inMachine('pids')}; echo loading; sleep 60`,
    );
    const { code, stdout } = await runDemo(['--start-limit', '1']);
    expect(stdout).toContain('LiteLLM of unknown version, from the PATH.\n');
    expect(stdout).toContain(
      'LiteLLM did not start: it did not start within 1 s. Its last lines:\n  loading\n',
    );
    for (const line of SHOWN) expect(stdout).toMatch(line);
    expect(code).toBe(0);
    for (const pid of readFileSync(inMachine('pids'), 'utf8').trim().split(' ')) {
      await gone(Number(pid));
    }
  });

  test('Ctrl-C while it starts ends it too', async () => {
    program('sleep', 'exec /bin/sleep "$@"');
    const pids = inMachine('pids');
    program('litellm', `case "$1" in --version) exit 1;; esac; echo "$$" > ${pids}; exec sleep 60`);
    const child = startChild({ args: ['demo'], env, cwd: inMachine('cwd') });
    while (!existsSync(pids) || readFileSync(pids, 'utf8') === '') await wait(5);
    child.send('SIGINT');
    expect(await child.exit).toEqual({ code: 130, signal: null });
    await gone(Number(readFileSync(pids, 'utf8')));
  });

  test.each([
    [[], { LITELLM_BIN: '/nowhere/bin' }, 1, /LITELLM_BIN: there is no program \/nowhere\/bin; name the /],
    [
      [],
      { LITELLM_BIN: 'nowhere/bin' },
      1,
      /there is no program \/.+\/nowhere\/bin; .* unset the variable\n/,
    ],
    [['--port', 'x'], {}, 2, /--port/],
    [['--start-limit', '0'], {}, 2, /--start-limit/],
  ])('%j with %j ends with %i', async (args, more, code, message) => {
    const ended = await runDemo(args as string[], more as Record<string, string>);
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(message);
  });
});

/** Waits until a process has ended and was taken leave of. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await wait(10);
  }
}

/** The output of a child, waited for. */
async function printed(child: Child, line: RegExp): Promise<string> {
  for (let i = 0; i < 2000; i++) {
    const found = line.exec(child.stdout())?.[1];
    if (found !== undefined) return found;
    await wait(10);
  }
  throw new Error(`it did not print ${line}: ${child.stdout()}${child.stderr()}`);
}
