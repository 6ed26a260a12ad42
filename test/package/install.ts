import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

declare module 'vitest' {
  export interface ProvidedContext {
    /** The sources of which it was packed, where `dist` is built. */
    readonly source: string;
    readonly tarball: string;
    /** An empty folder but for the package, installed as its users do. */
    readonly installed: string;
  }
}

/** Runs npm, that which runs the tests: `npm` in the PATH may be another. */
export async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const program = process.env.npm_execpath;
  const [file, first] = program ? [process.execPath, [program]] : ['npm', []];
  const { stdout } = await run(file, [...first, ...args], {
    cwd,
    env: plainEnv(),
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** The environment without what npm sets for the scripts that it runs, as tests are one. */
export function plainEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:lifecycle|package|command|config_(?!registry))/i.test(name) && name !== 'INIT_CWD',
  );
  return { ...Object.fromEntries(entries), NODE_OPTIONS: '', NO_COLOR: '1' };
}

/** Packs the sources as they are, also those that are not committed, and installs the package from its tarball. */
export default async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'package-'));
  const [source, installed] = [join(folder, 'source'), join(folder, 'installed')];
  const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', listed, { cwd: ROOT, encoding: 'utf8' }).split('\0');
  for (const file of files.filter(
    (name) => name !== '' && !/^test\/(?!build|tsconfig|bench\/README)/.test(name),
  )) {
    mkdirSync(dirname(join(source, file)), { recursive: true });
    cpSync(join(ROOT, file), join(source, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(source, 'node_modules'));
  const report = JSON.parse(await npm(source, 'pack', '--json', '--pack-destination', folder));
  const [{ filename }] = Array.isArray(report) ? report : (Object.values(report) as { filename: string }[]);
  const tarball = join(folder, filename);
  mkdirSync(installed);
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ name: 'of-a-user', type: 'module' }));
  await npm(installed, 'install', '--no-audit', '--no-fund', '--prefer-offline', tarball);
  project.provide('source', source);
  project.provide('tarball', tarball);
  project.provide('installed', installed);
  return () => rmSync(folder, { recursive: true, force: true });
}
