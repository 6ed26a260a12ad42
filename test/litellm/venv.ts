import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Python environment the suite needs. `newest` ones are upgraded when their last look at PyPI is a day old. */
export interface VenvSpec {
  name: string;
  requirements: string[];
  newest: boolean;
}

export interface Venv {
  /** The folder with `python` and `litellm`. */
  bin: string;
  /** Installed versions by package name, null for what is not installed. */
  versions: Record<string, string | null>;
}

interface Stamp {
  requirements: string[];
  at: number;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Where the venvs live: `LITELLM_VENV_DIR`, else a cache folder in the home directory, never the repository. */
export function venvFolder(): string {
  return process.env.LITELLM_VENV_DIR ?? join(homedir(), '.cache', 'litellm-guardrail-bridge');
}

/**
 * Makes sure that the venv exists and lists its packages.
 * @throws Error with one clear line when there is no usable Python or pip fails on a new venv
 */
export async function ensureVenv(spec: VenvSpec, note: (line: string) => void): Promise<Venv> {
  const folder = join(venvFolder(), spec.name);
  const bin = join(folder, 'bin');
  const stampFile = join(folder, 'stamp.json');
  const stamp = await readStamp(stampFile);
  const same =
    stamp !== null &&
    JSON.stringify(stamp.requirements) === JSON.stringify(spec.requirements) &&
    (await works(bin)); // its Python may be gone after an upgrade of the system
  const fresh = same && (!spec.newest || Date.now() - stamp.at < dayMs);
  if (!fresh) {
    if (!same) {
      await rm(folder, { recursive: true, force: true });
      const python = await findPython();
      await mkdir(venvFolder(), { recursive: true });
      note(`creating ${spec.name} with ${spec.requirements.join(', ')} (some minutes)`);
      await run(python, ['-m', 'venv', folder]).catch((error: unknown) => {
        throw new Error(`\`${python} -m venv\` failed: ${lastLine(error)}`);
      });
    } else {
      note(`looking for newer releases for ${spec.name}`);
    }
    try {
      await install(bin, spec.requirements);
      const written: Stamp = { requirements: spec.requirements, at: Date.now() };
      await writeFile(stampFile, JSON.stringify(written));
    } catch (error) {
      if (!same) throw new Error(`pip could not install ${spec.requirements.join(', ')}: ${lastLine(error)}`);
      note(`WARNING: could not upgrade ${spec.name}, using what is installed: ${lastLine(error)}`);
    }
  }
  return { bin, versions: await versionsIn(bin) };
}

async function install(bin: string, requirements: string[]): Promise<void> {
  try {
    await pip(bin, requirements);
  } catch (error) {
    if (!requirements.some((one) => /^litellm\[proxy\]==/.test(one))) throw error;
    // 1.110.2 and others pin parts of themselves that PyPI lacks
    await pip(
      bin,
      requirements.map((one) => one.replace('[proxy]', '')),
    );
    await pip(bin, await proxyExtra(bin));
  }
}

async function pip(bin: string, requirements: string[]): Promise<void> {
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

async function readStamp(file: string): Promise<Stamp | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Stamp;
  } catch {
    return null;
  }
}

async function works(bin: string): Promise<boolean> {
  return versionsIn(bin).then(
    ({ litellm }) => litellm !== null,
    () => false,
  );
}

async function versionsIn(bin: string): Promise<Venv['versions']> {
  const script = [
    'import json, importlib.metadata as m',
    'def v(n):',
    '  try: return m.version(n)',
    '  except m.PackageNotFoundError: return None',
    "print(json.dumps({n: v(n) for n in ['litellm', 'capsule-litellm']}))",
  ].join('\n');
  const { stdout } = await run(join(bin, 'python'), ['-c', script]);
  return JSON.parse(stdout) as Venv['versions'];
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

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  const lines = (stderr || message || String(error)).trim().split('\n');
  return (lines.findLast((line) => line.startsWith('ERROR')) ?? lines.at(-1) ?? '').trim();
}
