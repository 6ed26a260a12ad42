import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts');

/** Output of V8 about its decisions while a program runs with little room for young objects. */
function pretenuringOf(...args: readonly string[]) {
  const flags = ['--trace-pretenuring-statistics', '--max-semi-space-size=1'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args], {
    cwd: import.meta.dirname,
    env: { TELEMETRY: 'off' },
    encoding: 'utf8',
    timeout: 15_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.match(/pretenuring:/g)?.length ?? 0;
}

test('the bridge runs without the pretenuring of V8, which keeps dead calls alive', () => {
  const busy = 'const kept = []; for (let i = 0; i < 300_000; i++) kept.push({ i, list: [i] });';
  expect(pretenuringOf('-e', busy), 'V8 still decides so, and tells of it').toBeGreaterThan(0);
  expect(pretenuringOf(MAIN, 'check-config')).toBe(0);
});

test.each([
  ['under --permission', ['--permission', '--allow-fs-read=*'], ''],
  ['where Node.js is gone', [], `Object.defineProperty(process, 'execPath', { value: '/gone/node' });`],
])('%s the command goes on without bounds of its heap', (_, flags, before) => {
  const bounds = JSON.stringify(join(import.meta.dirname, '..', 'src', 'config', 'heap-bounds.ts'));
  const script = `${before} import(${bounds}).then(({ boundHeap }) => { boundHeap(); console.log('goes on'); });`;
  const { stdout } = spawnSync(process.execPath, [...flags, '-e', script], { env: {}, encoding: 'utf8' });
  expect(stdout).toBe('goes on\n');
});

test('a signal to npm start ends the bridge: no shell stands between, which would tell nobody', async () => {
  const npm = spawn('npm', ['start', '--silent'], {
    cwd: join(import.meta.dirname, '..'),
    env: {
      ...process.env,
      ...{ PORT: '0', SHUTDOWN_DELAY: '0', LOG_LEVEL: 'info' },
      DATA_DIR: mkdtempSync(join(tmpdir(), 'npm-start-')),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  npm.stdout.once('data', () => {
    const kill = setInterval(() => npm.kill('SIGTERM'), 1000);
    npm.once('exit', () => clearInterval(kill));
  });
  // Its end comes when nobody writes any more
  expect(await text(npm.stdout)).toContain('"msg":"stopped"');
});
