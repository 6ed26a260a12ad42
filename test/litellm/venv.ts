import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createVenv, installedAt, installRelease, lastLine, pip, stamp } from '../../src/demo/python-env.ts';

const run = promisify(execFile);

export interface Venv {
  /** The folder with `python` and `litellm`. */
  bin: string;
  /** The installed release of LiteLLM. */
  litellm: string;
  /** The installed version of `capsule-litellm`, null where it is not installed. */
  capsule: string | null;
}

type Note = (line: string) => void;

const dayMs = 24 * 60 * 60 * 1000;

/** Where the venvs live: `LITELLM_VENV_DIR`, else a cache folder in the home directory, never the repository. */
export function venvFolder(): string {
  return process.env.LITELLM_VENV_DIR ?? join(homedir(), '.cache', 'litellm-guardrail-bridge');
}

/**
 * Makes sure that there is a Python environment with a release of LiteLLM.
 *
 * @param release `newest` is looked for again when the last look at PyPI is a day old
 * @param withCapsule installs Capsule's own plugin beside it
 * @throws Error with one clear line when there is no usable Python or pip fails on a new venv
 */
export async function ensureVenv(release: string, withCapsule: boolean, note: Note): Promise<Venv> {
  const folder = join(venvFolder(), `litellm-${release}`);
  const bin = join(folder, 'bin');
  const wasInstalledAt = await installedAt(folder);
  const isUsable = wasInstalledAt !== null && (await installed(bin)) !== null;
  if (!isUsable) {
    note(`creating an environment for litellm ${release} (some minutes)`);
    await createVenv(folder);
  }
  if (!isUsable || (release === 'newest' && Date.now() - wasInstalledAt > dayMs)) {
    try {
      await (release === 'newest' ? installNewest(bin, note) : installRelease(bin, release, note));
      await stamp(folder);
    } catch (error) {
      if (!isUsable) throw new Error(`pip could not install litellm ${release}: ${lastLine(error)}`);
      note(`WARNING: could not look for a newer litellm, using what is installed: ${lastLine(error)}`);
    }
  }
  if (withCapsule && !(await installed(bin))?.capsule) {
    // by itself: it asks for the extra `proxy`, whose pins could take another release of LiteLLM
    await pip(bin, ['--no-deps', 'capsule-litellm']).catch((error: unknown) =>
      note(`WARNING: could not install capsule-litellm: ${lastLine(error)}`),
    );
  }
  const found = await installed(bin);
  if (found === null) throw new Error(`there is no litellm in ${folder}`);
  return { bin, ...found };
}

/**
 * Installs the newest release of LiteLLM. Asked for `litellm[proxy]`, pip would take the newest one whose pins are all
 * on PyPI, which can be an old one.
 */
async function installNewest(bin: string, note: Note): Promise<void> {
  const before = await installed(bin);
  await pip(bin, ['litellm']);
  const newest = (await installed(bin))?.litellm;
  if (newest === undefined) throw new Error('pip installed no litellm');
  if (newest === before?.litellm) return;
  try {
    await installRelease(bin, newest, note);
  } catch (error) {
    note(`WARNING: litellm ${newest} cannot be installed whole, taking an older one: ${lastLine(error)}`);
    await pip(bin, ['litellm[proxy]']);
  }
}

/** Null without LiteLLM, and where the Python of the venv is gone after an upgrade of the system. */
async function installed(bin: string): Promise<Omit<Venv, 'bin'> | null> {
  const script = [
    'import json, importlib.metadata as m',
    'def v(n):',
    '  try: return m.version(n)',
    '  except m.PackageNotFoundError: return None',
    "print(json.dumps({'litellm': v('litellm'), 'capsule': v('capsule-litellm')}))",
  ].join('\n');
  try {
    const { stdout } = await run(join(bin, 'python'), ['-c', script]);
    const { litellm, capsule } = JSON.parse(stdout) as { litellm: string | null; capsule: string | null };
    return litellm === null ? null : { litellm, capsule };
  } catch {
    return null;
  }
}
