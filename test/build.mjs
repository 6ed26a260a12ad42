// Builds the package into dist: what tsc makes of the sources, all files that stand beside them, and the types of the public entry.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const [SRC, DIST] = [join(ROOT, 'src'), join(ROOT, 'dist')];

rmSync(DIST, { recursive: true, force: true });
const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
execFileSync(process.execPath, [compiler, '-p', join(ROOT, 'test', 'tsconfig.build.json')], {
  stdio: 'inherit',
});
chmodSync(join(DIST, 'main.js'), 0o755);

// Presets of vendors and the files of the page are read where the program stands
cpSync(SRC, DIST, { recursive: true, filter: (path) => !['.ts', '.cjs', '.md'].includes(extname(path)) });

// Declarations of all else are for nobody, and would ask for the types of our dependencies
const wanted = new Set();
const want = (file) => {
  if (wanted.has(file) || !existsSync(file)) return;
  wanted.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(
    /(?:from|import\()\s*['"](\.[^'"]+)\.[tj]s['"]/g,
  ))
    want(resolve(dirname(file), `${path}.d.ts`));
};
want(join(DIST, 'index.d.ts'));
for (const file of globSync('**/*.d.{ts,cts,mts}', { cwd: DIST }))
  if (!wanted.has(join(DIST, file))) rmSync(join(DIST, file));
