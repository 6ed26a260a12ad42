import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * The path of Chromium: `CHROMIUM_BIN`, or the first of its usual names on the PATH.
 *
 * @throws Error that says how to install it
 */
export function chromiumPath(): string {
  const given = process.env.CHROMIUM_BIN;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const places = given ? [given] : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = places.find(isProgram);
  if (found !== undefined) return found;
  const what = given
    ? `CHROMIUM_BIN is ${JSON.stringify(given)}, which cannot be run`
    : 'there is no Chromium';
  throw new Error(
    `${what}: install it (on Debian: apt-get install chromium), or set CHROMIUM_BIN to its path`,
  );
}

/** Starts a browser that can reach nothing beyond this machine. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [
      ...['--no-sandbox', '--disable-dev-shm-usage', '--enable-precise-memory-info'],
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
    ],
  });
}

/** Of vitest: fails the suite at once, with one message, where there is no browser. */
export default function setup(): void {
  chromiumPath();
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
