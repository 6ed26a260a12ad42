import { globSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';

const folder = join(inject('installed'), 'node_modules', 'litellm-guardrail-bridge');
const files = globSync('**', { cwd: folder, exclude: (name) => name === 'node_modules' })
  .filter((file) => statSync(join(folder, file)).isFile())
  .toSorted();
const read = (file: string) => readFileSync(join(folder, file), 'utf8');

test('the package is small', () => {
  const unpacked = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  const packed = statSync(inject('tarball')).size;
  console.log(
    `${files.length} files, ${(packed / 1e6).toFixed(2)} MB, ${(unpacked / 1e6).toFixed(2)} MB unpacked`,
  );
  expect(packed).toBeLessThan(2_500_000);
  expect(unpacked).toBeLessThan(6_500_000);
  expect(files.length).toBeLessThan(1100);
});

test('the package has no source, test, source map, key or leftover of a build', () => {
  const wrong =
    /\.(?:map|tsbuildinfo|pem|key|log|db|tgz)$|(?:^|\/)\.(?!helmignore$)|\.test\.[jt]s|(?<!\.d)\.ts$|__pycache__/;
  expect(files.filter((file) => wrong.test(file) || /^(?:test|src)\/.*(?<!README\.md)$/.test(file))).toEqual(
    [],
  );
});

test('no file names a place of this machine, or a map that is not there', () => {
  const places = [join(import.meta.dirname, '../..'), inject('source'), join(homedir(), '.')].filter(
    (place) => place.length > 3,
  );
  const wrong = files.filter((file) => {
    const text = read(file);
    return places.some((place) => text.includes(place)) || /^\/\/# sourceMappingURL=/m.test(text);
  });
  expect(wrong).toEqual([]);
});

test('all that stands beside the sources stands beside what is built of them', () => {
  const source = join(inject('source'), 'src');
  const beside = globSync('**/*.*', { cwd: source }).filter(
    (file) => !/\.(?:ts|md)$/.test(file) && statSync(join(source, file)).isFile(),
  );
  expect(beside).toContain('backends/presets/lakera.yaml');
  expect(files).toEqual(expect.arrayContaining(beside.map((file) => join('dist', file))));
  const changed = beside.filter(
    (file) => !/\.cjs$/.test(file) && read(join('dist', file)) !== readFileSync(join(source, file), 'utf8'),
  );
  expect(changed).toEqual([]);
});

test('types are those of the public entry, and ask for nobody else', () => {
  const types = files.filter((file) => file.endsWith('.d.ts'));
  expect(types).toContain('dist/index.d.ts');
  const asked = types.flatMap((file) => [
    ...read(file).matchAll(/^(?!\s*\*).*(?:from|import\()\s*['"]([^.'"][^'"]*)/gm),
  ]);
  expect([...new Set(asked.map(([, name]) => name))]).toEqual(['node:http']);
});
