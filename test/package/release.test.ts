import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { plainEnv } from './install.ts';

const run = promisify(execFile);
const source = inject('source');
const read = (file: string) => readFileSync(join(source, file), 'utf8');
const VERSION: string = JSON.parse(read('package.json')).version;

type Step = { readonly name?: string; readonly run?: string };
const { jobs } = parseYaml(read('.github/workflows/release.yml')) as {
  jobs: Record<string, { steps?: Step[] }>;
};

/** A folder with what the steps of the workflow read. */
function checkout(): string {
  const folder = mkdtempSync(join(source, '..', 'checkout-'));
  for (const file of ['package.json', 'package-lock.json', '.npmrc', 'CHANGELOG.md'])
    cpSync(join(source, file), join(folder, file));
  const chart = 'examples/kubernetes/chart';
  mkdirSync(join(folder, chart), { recursive: true });
  cpSync(join(source, chart, 'Chart.yaml'), join(folder, chart, 'Chart.yaml'));
  return folder;
}

type Result = { code: number; stdout: string; stderr: string };

/** Runs a step as GitHub does. */
function step(name: string, cwd: string, env: Record<string, string> = {}): Promise<Result> {
  const script = Object.values(jobs)
    .flatMap(({ steps = [] }) => steps)
    .find((one) => one.name === name)?.run;
  const surroundings = {
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_REPOSITORY: 'somebody/a-fork',
    GITHUB_REF: 'refs/heads/main',
    VERSION,
  };
  const options = { cwd, env: { ...plainEnv(), ...surroundings, ...env } };
  return run('bash', ['-e', '-c', script ?? 'exit 99'], options).then(
    (result) => ({ code: 0, ...result }),
    (error: Result) => error,
  );
}

/** The changelog of a release: what is new has the heading of its version. */
const CHANGES = `# Changelog\n\n## ${VERSION}\n\n- FEATURE now\n`;

test('the version that stands in all places can be released', async () => {
  const folder = checkout();
  writeFileSync(join(folder, 'CHANGELOG.md'), CHANGES);
  expect(await step('Check the version', folder)).toMatchObject({ code: 0 });
});

test.each([
  ['refs/heads/main', 0],
  ['refs/heads/mine', 1],
  ['refs/tags/main', 1],
])('of %s it is released or not', async (ref, code) => {
  const env = { GITHUB_REF: ref, DEFAULT_BRANCH: 'main' };
  expect(await step('Check the branch', checkout(), env)).toMatchObject({ code });
});

test.each([
  { name: 'a version that is none', env: { VERSION: '0.2' }, message: 'is to be like 0.2.0' },
  { name: 'a command', env: { VERSION: '0.2.0$(touch x)' }, message: 'is to be like 0.2.0' },
  {
    name: 'a version that is not that of the package',
    env: { VERSION: '9.9.9' },
    message: 'package.json has another version',
  },
  { name: 'one that the changelog lacks', file: 'CHANGELOG.md', message: `is not: ## ${VERSION}` },
  { name: 'one below what is unreleased', changes: '## Unreleased\n\n', message: `is not: ## ${VERSION}` },
  {
    name: 'one that the chart lacks',
    file: 'examples/kubernetes/chart/Chart.yaml',
    message: 'another appVersion',
  },
])('$name is refused', async ({ env, file, changes = '', message }) => {
  const folder = checkout();
  writeFileSync(join(folder, 'CHANGELOG.md'), changes + CHANGES);
  if (file !== undefined)
    writeFileSync(join(folder, file), readFileSync(join(folder, file), 'utf8').replaceAll(VERSION, '0.0.9'));
  const { code, stdout } = await step('Check the version', folder, env);
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^::error::.*\n$/)]);
  expect(stdout).toContain(message);
});

test('a package is of the repository that publishes it', async () => {
  const folder = checkout();
  expect(await step('Name the repository', folder)).toMatchObject({ code: 0 });
  const { repository, bugs, homepage } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  expect(repository).toEqual({ type: 'git', url: 'git+https://github.com/somebody/a-fork.git' });
  expect(bugs).toEqual({ url: 'https://github.com/somebody/a-fork/issues' });
  expect(homepage).toBe('https://github.com/somebody/a-fork#readme');
});

/** What is installed in production, and its bill of materials. */
let installed: Promise<string> | undefined;
function listed(): Promise<string> {
  installed ??= (async () => {
    const folder = checkout();
    mkdirSync(join(folder, 'out'));
    expect(await step('List what is in it', folder)).toMatchObject({ code: 0 });
    return folder;
  })();
  return installed;
}

test('the bill of materials has each package of production, and no other', async () => {
  const folder = await listed();
  const bill = JSON.parse(readFileSync(join(folder, 'out', 'sbom.cdx.json'), 'utf8'));
  expect(bill).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { type: 'application' } } });
  const locked = JSON.parse(read('package-lock.json')).packages as Record<string, Record<string, unknown>>;
  const wanted = Object.entries(locked)
    .filter(
      ([path, { dev, optional, devOptional, peer }]) =>
        path !== '' && !dev && !optional && !devOptional && !peer,
    )
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
  const named = bill.components.map((one: { name: string; version: string }) => `${one.name}@${one.version}`);
  expect([...new Set(named)].toSorted()).toEqual([...new Set(wanted)].toSorted());
  // Those of the image are the same commands
  const docker = read('Dockerfile').replaceAll(/\s*\\\n\s*&&\s*/g, '\n');
  for (const command of [
    'npm ci --omit=dev --omit=optional --ignore-scripts',
    'npm pkg delete devDependencies',
  ])
    expect(docker).toContain(command);
  expect(docker).toContain('npm sbom --sbom-type=application --sbom-format=cyclonedx > sbom.cdx.json');
});

test('the notes are those of the version, and say how to check what is signed', async () => {
  const folder = checkout();
  writeFileSync(
    join(folder, 'CHANGELOG.md'),
    `# Changelog\n\n## Unreleased\n\n- FEATURE later\n\n## ${VERSION}\n\n- FEATURE now\n\n### Part\n\n## 0.0.1\n\n- FEATURE before\n`,
  );
  const env = { IMAGE: 'ghcr.io/somebody/a-fork', DIGEST: 'sha256:1', BASE: 'node:24-alpine@sha256:2' };
  expect(await step('Write the notes', folder, env)).toMatchObject({ code: 0 });
  const notes = readFileSync(join(folder, 'notes.md'), 'utf8');
  expect(notes).toMatch(/^\n- FEATURE now\n\n### Part\n\n## Get it\n/);
  expect(notes).not.toMatch(/later|before/);
  expect(notes).toContain(`\`ghcr.io/somebody/a-fork:${VERSION}@sha256:1\`, of \`node:24-alpine@sha256:2\``);
  expect(notes).toMatch(
    /cosign verify ghcr\.io\/somebody\/a-fork@sha256:1 .*\\\n.*release\.yml@refs\/heads\/main$/m,
  );
});

test('what the image holds judges a call and replays the demo', async () => {
  const folder = join(await listed(), 'bill');
  const [, prune = 'exit 99'] = /&& (find node_modules.*\+) \\$/m.exec(read('Dockerfile')) ?? [];
  await run('sh', ['-e', '-c', prune], { cwd: folder });
  const stage =
    read('Dockerfile')
      .split(/^FROM /m)
      .at(-1) ?? '';
  const copied = [...stage.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files = '']) =>
    files.split(' '),
  );
  for (const part of ['dist', ...copied]) cpSync(join(source, part), join(folder, part), { recursive: true });
  const node = (...args: readonly string[]) =>
    run(process.execPath, args, { cwd: folder, env: { ...plainEnv(), DATA_DIR: join(folder, 'data') } });
  const text = 'call me at +49 30 901820, or pay with 4111 1111 1111 1111';
  const { stdout } = await node(
    'dist/main.js',
    'check',
    '--policy',
    'examples/demo/policies.yaml',
    text,
  ).catch((error: Result) => error);
  expect(stdout).toMatch(/PHONE|phone/);
  expect((await node('dist/main.js', 'policy', 'schema')).stdout).toContain('"$schema"');
  expect((await node('dist/main.js', 'demo', '--replay')).stdout).toContain('All three ended as they should');
});
