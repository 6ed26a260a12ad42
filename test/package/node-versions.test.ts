import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { venvFolder } from '../litellm/venv.ts';
import { npm, plainEnv } from './install.ts';

const run = promisify(execFile);
const installed = inject('installed');
const BIN = join(installed, 'node_modules', '.bin');

/** A Node.js of a major version, from the package of npm that carries it for this platform; kept beside other tools. */
async function nodeOf(major: number): Promise<string> {
  const folder = join(venvFolder(), `node-${major}`);
  const name = `node-${process.platform}-${process.arch}`;
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(program)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    console.log(`package: fetching Node.js ${major}`);
    await npm(folder, 'install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${major}`);
  }
  return program;
}

type Result = { code: number; stdout: string; stderr: string };

/** Runs a program with a Node.js first in the path. */
const withNode = (node: string, file: string, args: readonly string[]): Promise<Result> =>
  run(file, args, {
    cwd: installed,
    env: { ...plainEnv(), PATH: `${join(node, '..')}:${process.env.PATH}`, PORT: '0' },
    timeout: 30_000,
  }).then(
    (result) => ({ code: 0, ...result }),
    (error: Result) => error,
  );

describe.each([18, 20, 22])('on Node.js %i', (major) => {
  test.each([
    { name: 'the command', args: [] },
    { name: 'serve', args: ['serve'] },
    { name: 'the demo', args: ['demo', '--replay'] },
    { name: 'a help', args: ['help'] },
  ])('$name says what it needs in one line, and nothing else', async ({ args }) => {
    const node = await nodeOf(major);
    const { code, stdout, stderr } = await withNode(node, join(BIN, 'guardrail-bridge'), args);
    const { stdout: version } = await run(node, ['--version']);
    expect(version).toMatch(new RegExp(`^v${major}\\.`));
    expect(stderr).toBe(
      `litellm-guardrail-bridge needs Node.js 24 or newer and was started on ${version.trim()}. Install a newer one, from https://nodejs.org or your package manager.\n`,
    );
    expect([code, stdout]).toEqual([1, '']);
  });
});

test('npx on Node.js 22 ends with that line', async () => {
  const { npm_execpath: program } = process.env;
  const node = await nodeOf(22);
  const [file, args] = program ? [node, [program, 'exec']] : ['npx', []];
  const { code, stderr, stdout } = await withNode(node, file, [
    ...args,
    '--no',
    '--',
    'litellm-guardrail-bridge',
    'demo',
  ]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr.split('\n').filter((line) => line !== '' && !line.startsWith('npm warn'))).toEqual([
    expect.stringMatching(/^litellm-guardrail-bridge needs Node\.js 24 or newer/),
  ]);
});

test('the package says which Node.js it needs, as the line does', () => {
  const { engines } = JSON.parse(
    readFileSync(join(installed, 'node_modules/litellm-guardrail-bridge/package.json'), 'utf8'),
  );
  expect(engines).toEqual({ node: '>=24' });
});
