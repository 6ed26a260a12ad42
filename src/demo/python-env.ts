import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

type Note = (line: string) => void;
/** Ends what runs: pip takes minutes. */
type Stop = AbortSignal | undefined;

/** Packages whose newest versions a release cannot use, though its requirements allow them. */
const TOO_NEW: Readonly<Record<string, readonly string[]>> = {
  '1.95.0': ['fastapi<0.137'], // takes `get_flat_dependant` from it
};

/** Makes an empty environment in a folder, and throws away what is there. Throws an Error of one line. */
export async function createVenv(folder: string, stop?: Stop): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const python = await findPython();
  await mkdir(dirname(folder), { recursive: true });
  await run(python, ['-m', 'venv', folder], { signal: stop }).catch((error: unknown) => {
    const isMissing = /ensurepip is not available/.test((error as { stdout?: string }).stdout ?? '');
    const why = isMissing
      ? 'the packages venv and ensurepip are missing (on Debian: python3-venv)'
      : undefined;
    throw new Error(`\`${python} -m venv\` failed: ${why ?? lastLine(error)}`);
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
  throw new Error('found no python3 on the PATH that is 3.10 or newer');
}

/** Installs a release of LiteLLM with what its proxy needs. Throws what pip did. */
export async function installRelease(bin: string, release: string, note: Note, stop?: Stop): Promise<void> {
  const older = TOO_NEW[release] ?? [];
  try {
    await pip(bin, [`litellm[proxy]==${release}`, ...older], stop);
  } catch (error) {
    if (stop?.aborted || isOffline(error)) throw error;
    note(`litellm ${release}: its own packages come unpinned, since its pins failed: ${lastLine(error)}`);
    await pip(bin, [`litellm==${release}`], stop);
    await pip(bin, [`litellm==${release}`, ...older, ...(await proxyExtra(bin))], stop);
  }
}

/** Installs packages into an environment. */
export async function pip(bin: string, requirements: string[], stop?: Stop): Promise<void> {
  const options = ['--quiet', '--upgrade', '--disable-pip-version-check', '--retries', '2'];
  await run(join(bin, 'python'), ['-m', 'pip', 'install', ...options, ...requirements], {
    maxBuffer: 64 * 1024 * 1024,
    signal: stop,
  });
}

const isOffline = (error: unknown) =>
  /NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|Network is unreachable/.test(
    (error as { stderr?: string }).stderr ?? '',
  );

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

/** When an environment was installed whole, Unix milliseconds; null where it was not. */
export async function installedAt(folder: string): Promise<number | null> {
  try {
    return (JSON.parse(await readFile(join(folder, 'stamp.json'), 'utf8')) as { at: number }).at;
  } catch {
    return null;
  }
}

/** Says that an environment is whole. */
export function stamp(folder: string): Promise<void> {
  return writeFile(join(folder, 'stamp.json'), JSON.stringify({ at: Date.now() }));
}

/** The line of an error that says most. */
export function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  if (isOffline(error)) return 'no connection to the package index';
  const lines = (stderr || message || String(error)).trim().split('\n');
  return (lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? '').trim();
}
