import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import packageLock from '../../package-lock.json' with { type: 'json' };
import build from '../tsconfig.build.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** The files of a package, as npm would pack them; `dist` is not built. */
function packed(): string[] {
  // npm itself, where it runs the tests: `npm` in the PATH may be another
  const [npm, ...first] = process.env.npm_execpath
    ? [process.execPath, process.env.npm_execpath]
    : (['npm'] as const);
  const args = [...first, 'pack', '--dry-run', '--json', '--ignore-scripts'];
  const report = JSON.parse(execFileSync(npm, args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }));
  const [{ files }] = Array.isArray(report) ? report : Object.values(report);
  return files.map(({ path }: { path: string }) => path);
}

test('a package has the built program, the examples, the guides and no sources', () => {
  const paths = packed();
  expect(paths).toContain('examples/policies/default.yaml');
  for (const file of ['litellm.yaml', 'policies.yaml', 'recording.json'])
    expect(paths).toContain(`examples/demo/${file}`);
  const others = paths.filter((path) => !/^(?:dist|examples)\/|README\.md$|^docker-compose/.test(path));
  expect(others.toSorted()).toEqual(['CHANGELOG.md', 'LICENSE', 'package.json']);
  const has = (path: string) => paths.some((one) => one === path || one.startsWith(`${path}/`));
  // All that the README names, and the pages and pictures that guides do
  for (const guide of paths.filter((path) => path.endsWith('README.md'))) {
    const links = [...read(guide).matchAll(/\]\((?!\w+:)([^)#\s]+)[^)]*\)/g)]
      .map(([, path]) => join(dirname(guide), path as string))
      .filter((path) => guide === 'README.md' || /\.(?:md|png|svg|jpg)$/.test(path));
    expect(links.filter((path) => !has(path))).toEqual([]);
  }
});

test('the image is built of the same', () => {
  const dockerfile = read('Dockerfile');
  expect(packageJson.scripts.build).toBe('node test/build.mjs');
  expect(packageJson.scripts.prepack).toBe('npm run build');
  expect(dockerfile).toMatch(/^RUN node test\/build\.mjs$/m);
  expect(build.compilerOptions).toMatchObject({ rootDir: '../src', outDir: '../dist', noEmit: false });
});

test('packages that are installed in production are the same on every platform and run nothing at their installation', () => {
  const installed = Object.entries(packageLock.packages)
    .map(([path, entry]) => ({ path, ...(entry as Record<string, unknown>) }) as Record<string, unknown>)
    .filter(({ path, dev, optional, devOptional }) => path !== '' && !dev && !optional && !devOptional);
  expect(installed.length).toBeGreaterThan(30);
  const particular = installed.filter(
    ({ os, cpu, libc, hasInstallScript }) => os || cpu || libc || hasInstallScript,
  );
  expect(particular.map(({ path }) => path)).toEqual([]);
});

test('the lockfile has what `npm ci` needs on every platform of the image', () => {
  type Entry = { optionalDependencies?: Record<string, string>; version?: string; integrity?: string };
  const packages: Record<string, Entry | undefined> = packageLock.packages;
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry?.optionalDependencies ?? {}).filter(
      (name) =>
        packages[`${path}/node_modules/${name}`] === undefined &&
        packages[`node_modules/${name}`] === undefined,
    ),
  );
  expect(missing).toEqual([]);
  const unsealed = Object.entries(packages).filter(
    ([path, entry]) => path !== '' && entry?.integrity === undefined,
  );
  expect(unsealed.map(([path]) => path)).toEqual([]);
});
