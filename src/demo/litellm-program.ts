import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Env } from '../config/read.ts';
import { createVenv, installedAt, installRelease, lastLine, stamp } from './python-env.ts';

const run = promisify(execFile);

/** The release that is installed where there is none: the newest that the tests know. */
export const INSTALLED_RELEASE = '1.110.2';

/** A program `litellm` and where it comes from. */
export type LitellmProgram = {
  readonly file: string;
  readonly from: string;
  /** Undefined if it does not tell. */
  readonly version: string | undefined;
};

/**
 * Finds LiteLLM: the program or folder that `LITELLM_BIN` names, else the one on the PATH, else the one that was installed in the
 * cache folder. Undefined if there is none.
 *
 * @throws Error if `LITELLM_BIN` names none
 */
export async function findLitellm(env: Env): Promise<LitellmProgram | undefined> {
  const named = env.LITELLM_BIN;
  if (named !== undefined) {
    const file = (await programIn(named)) ?? (await programAt(named));
    if (file === undefined) {
      const advice = 'name the program litellm or the folder it is in, or unset the variable';
      throw new Error(`LITELLM_BIN: there is no program ${resolve(named)}; ${advice}`);
    }
    return { file, from: 'LITELLM_BIN', version: await versionOf(file) };
  }
  for (const folder of (env.PATH ?? '').split(delimiter).filter((one) => one !== '')) {
    const file = await programIn(folder);
    if (file !== undefined) return { file, from: 'the PATH', version: await versionOf(file) };
  }
  const folder = cacheFolder(env);
  if ((await installedAt(folder)) === null) return undefined;
  const file = await programIn(join(folder, 'bin'));
  return file === undefined ? undefined : { file, from: folder, version: await versionOf(file) };
}

/** Where LiteLLM is installed: never in the repository, and once for all of them. */
export function cacheFolder(env: Env): string {
  const { XDG_CACHE_HOME: named = '', HOME: home = homedir() } = env;
  // By its specification a relative path counts as not set
  const caches = isAbsolute(named) ? named : join(home, '.cache');
  return join(caches, 'litellm-guardrail-bridge', `litellm-${INSTALLED_RELEASE}`);
}

/**
 * Makes a Python environment with LiteLLM in the cache folder.
 *
 * @throws Error of one line: Python, its packages or the network are missing
 */
export async function installLitellm(
  env: Env,
  note: (line: string) => void,
  stop: AbortSignal,
): Promise<LitellmProgram> {
  const folder = cacheFolder(env);
  await createVenv(folder, stop);
  const bin = join(folder, 'bin');
  await installRelease(bin, INSTALLED_RELEASE, note, stop).catch((error: unknown) => {
    throw new Error(`pip could not install it: ${lastLine(error)}`);
  });
  await stamp(folder);
  return { file: join(bin, 'litellm'), from: folder, version: INSTALLED_RELEASE };
}

function programIn(folder: string): Promise<string | undefined> {
  return programAt(join(folder, 'litellm'));
}

/** Its whole path: it is started in another folder. */
async function programAt(path: string): Promise<string | undefined> {
  const file = resolve(path);
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

/** The Python of a script tells it in 0.1 s, the program itself, which loads everything first, in seconds. */
async function versionOf(file: string): Promise<string | undefined> {
  const script = 'import importlib.metadata as m; print(m.version("litellm"))';
  try {
    const python = await pythonOf(file);
    const [program, args] = python === undefined ? [file, ['--version']] : [python, ['-c', script]];
    const { stdout } = await run(program, args, { timeout: 60_000 });
    return /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  } catch {
    return undefined;
  }
}

/** The Python that a script names in its first lines: pip writes a long path, or one with blanks, behind `exec`. */
async function pythonOf(file: string): Promise<string | undefined> {
  const head = (await readFile(await realpath(file), 'latin1')).slice(0, 1024);
  const [, plain, quoted, bare] =
    /^#!(\S*python[\d.]*)\s*$|^'''exec' (?:"([^"]+)"|(\S+)) "\$0"/m.exec(head) ?? [];
  return plain ?? quoted ?? bare;
}
