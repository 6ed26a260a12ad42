import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import build from '../tsconfig.build.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..', '..');

test('a package has the built program, the examples and no sources', () => {
  // npm itself, where it runs the tests: `npm` in the PATH may be another
  const [npm, ...first] = process.env.npm_execpath
    ? [process.execPath, process.env.npm_execpath]
    : (['npm'] as const);
  const args = [...first, 'pack', '--dry-run', '--json', '--ignore-scripts'];
  const report = JSON.parse(execFileSync(npm, args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }));
  const [{ files }] = Array.isArray(report) ? report : Object.values(report);
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  expect(paths).toContain('examples/policies/default.yaml');
  for (const file of ['litellm.yaml', 'policies.yaml', 'recording.json'])
    expect(paths).toContain(`examples/demo/${file}`);
  expect(paths.filter((path) => !/^(?:dist|examples)\//.test(path)).sort()).toEqual([
    ...['LICENSE', 'README.md', 'package.json'],
  ]);
  expect(packageJson.files).toContain('dist');
});

test('the image is built of the same', () => {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  expect(dockerfile).toMatch(
    /^RUN npx --no-install tsc -p test\/tsconfig\.build\.json && cp -R src\/backends\/presets dist\/backends\/presets$/m,
  );
  expect(dockerfile).toMatch(/^COPY examples\/demo examples\/demo$/m);
  expect(readFileSync(join(ROOT, '.dockerignore'), 'utf8')).toMatch(/^!examples\/demo$/m);
});

test('packing builds the program anew, where its command is looked for', () => {
  expect(packageJson.scripts.prepack).toMatch(/rmSync\('dist'.* && npm run build$/);
  expect(packageJson.scripts.build).toContain('tsconfig.build.json');
  // The presets of vendors are read where the program stands
  expect(packageJson.scripts.build).toContain("cpSync('src/backends/presets', 'dist/backends/presets'");
  expect(build.compilerOptions).toMatchObject({ rootDir: '../src', outDir: '../dist', noEmit: false });
  expect(packageJson.bin['guardrail-bridge']).toBe('dist/main.js');
  expect(existsSync(join(ROOT, 'src', 'main.ts'))).toBe(true);
});
