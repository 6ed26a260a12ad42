import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

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

/** Packages whose newest versions a release cannot use, though its requirements allow them. */
const tooNew: Readonly<Record<string, readonly string[]>> = {
  '1.95.0': ['fastapi<0.137'], // takes `get_flat_dependant` from it
};

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
  const stampFile = join(folder, 'stamp.json'); // when it was installed whole
  const installedAt = await readStamp(stampFile);
  const isUsable = installedAt !== null && (await installed(bin)) !== null;
  if (!isUsable) {
    note(`creating an environment for litellm ${release} (some minutes)`);
    await createVenv(folder);
  }
  if (!isUsable || (release === 'newest' && Date.now() - installedAt > dayMs)) {
    try {
      await (release === 'newest' ? installNewest(bin, note) : installRelease(bin, release, note));
      await writeFile(stampFile, JSON.stringify({ at: Date.now() }));
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

async function installRelease(bin: string, release: string, note: Note): Promise<void> {
  const older = tooNew[release] ?? [];
  try {
    await pip(bin, [`litellm[proxy]==${release}`, ...older]);
  } catch (error) {
    note(`litellm ${release}: its own packages come unpinned, since its pins failed: ${lastLine(error)}`);
    await pip(bin, [`litellm==${release}`]);
    await pip(bin, [`litellm==${release}`, ...older, ...(await proxyExtra(bin))]);
  }
}

/** Installs packages into an environment. */
export async function pip(bin: string, requirements: string[]): Promise<void> {
  const options = ['--quiet', '--upgrade', '--disable-pip-version-check'];
  await run(join(bin, 'python'), ['-m', 'pip', 'install', ...options, ...requirements], {
    maxBuffer: 64 * 1024 * 1024,
  });
}

/** Requirements of the extra `proxy` of the installed litellm; of LiteLLM's own packages those on PyPI, in any version. */
async function proxyExtra(bin: string): Promise<string[]> {
  const script = [
    'import json, re, importlib.metadata as m',
    `extra = re.compile(r"extra == ['\\"]proxy['\\"]")`,
    "wanted = [extra.sub('python_version > \"3\"', r) for r in m.requires('litellm') if extra.search(r)]",
    "unpinned = [re.sub(r'^(litellm[\\w-]+)==[^ ;]+', r'\\1', r) for r in wanted]",
    "print(json.dumps([r for r in unpinned if re.match(r'[\\w-]+', r)[0] != 'litellm-proxy']))",
  ].join('\n');
  const { stdout } = await run(join(bin, 'python'), ['-c', script]);
  return JSON.parse(stdout) as string[];
}

async function readStamp(file: string): Promise<number | null> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { at: number }).at;
  } catch {
    return null;
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

/** Makes an empty environment in a folder, and throws away what is there. */
export async function createVenv(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const python = await findPython();
  await mkdir(venvFolder(), { recursive: true });
  await run(python, ['-m', 'venv', folder]).catch((error: unknown) => {
    throw new Error(`\`${python} -m venv\` failed: ${lastLine(error)}`);
  });
}

async function findPython(): Promise<string> {
  for (const python of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10']) {
    try {
      await run(python, ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']);
      return python;
    } catch {
      // missing or too old: the next one
    }
  }
  throw new Error('test:litellm needs python3 3.10 or newer with venv and pip on the PATH, and found none');
}

/** The line of an error that says most. */
export function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  const lines = (stderr || message || String(error)).trim().split('\n');
  return (lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? '').trim();
}
