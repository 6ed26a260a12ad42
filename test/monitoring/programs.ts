import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The path of `prometheus` or `promtool`, from the folder that PROMETHEUS_BIN names, else from PATH.
 *
 * @throws Error that says how to install it
 */
export async function prometheusProgram(name: 'prometheus' | 'promtool'): Promise<string> {
  const { PROMETHEUS_BIN, PATH = '' } = process.env;
  const folders = PROMETHEUS_BIN === undefined ? PATH.split(delimiter) : [PROMETHEUS_BIN];
  for (const folder of folders) {
    const file = join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  const where = PROMETHEUS_BIN === undefined ? 'the PATH' : `PROMETHEUS_BIN (${PROMETHEUS_BIN})`;
  throw new Error(
    `there is no ${name} in ${where}: apt install prometheus, or unpack a release and name its folder by PROMETHEUS_BIN`,
  );
}

/** Runs promtool. Rejects, with all that it says, where it finds a mistake. */
export async function promtool(...args: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await run(await prometheusProgram('promtool'), [...args]);
    return stdout + stderr;
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error(`${message}\n${stdout}${stderr}`.replaceAll(/\n{3,}/g, '\n'));
  }
}
