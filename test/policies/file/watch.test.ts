import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchFiles } from '../../../src/policies/file/watch.ts';

const INTERVAL_MS = 20;

let folder: string;
let file: string;
let stop: () => void;
let changes: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-'));
  file = join(folder, 'policy.yaml');
  changes = 0;
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

/** Watches, and waits until the first look was had. */
async function watch(): Promise<void> {
  stop = watchFiles(
    () => [file],
    () => changes++,
    INTERVAL_MS,
  );
  await wait(5 * INTERVAL_MS);
}

async function changed(): Promise<void> {
  const before = changes;
  await expect.poll(() => changes, { timeout: 10_000, interval: INTERVAL_MS }).toBeGreaterThan(before);
}

test('a file that is written again is reported, each time', async () => {
  writeFileSync(file, 'a');
  await watch();
  for (const text of ['ab', 'abc']) {
    writeFileSync(file, text);
    await changed();
  }
});

test('a file that replaces another is reported, even an older one of the same size', async () => {
  writeFileSync(file, 'a');
  await watch();
  writeFileSync(`${file}.new`, 'b');
  utimesSync(`${file}.new`, 1000, 1000);
  renameSync(`${file}.new`, file);
  await changed();
});

test('a file is reported when the folder behind its symbolic link is exchanged, as Kubernetes does', async () => {
  for (const name of ['first', 'second']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'policy.yaml'), name);
  }
  symlinkSync('first', join(folder, '..data'));
  symlinkSync(join('..data', 'policy.yaml'), file);
  await watch();
  symlinkSync('second', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await changed();
});

test('a file that is gone for a while is reported when it is back, and not before', async () => {
  writeFileSync(file, 'a');
  await watch();
  rmSync(file);
  await wait(10 * INTERVAL_MS);
  expect(changes).toBe(0);
  writeFileSync(file, 'a');
  await changed();
});

test('nothing is reported while a file stays, nor after the end', async () => {
  writeFileSync(file, 'a');
  await watch();
  await wait(10 * INTERVAL_MS);
  stop();
  writeFileSync(file, 'abc');
  await wait(10 * INTERVAL_MS);
  expect(changes).toBe(0);
});
