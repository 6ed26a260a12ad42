import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const IN_MEMORY = [0x01021994, 0x858458f6];

const folders: string[] = [];
process.on('exit', () => {
  // Servers that were killed a moment ago may still write
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
});

/** A new folder on a disk: a flush to a file system in memory costs nothing. It is removed when the process ends. */
export function folderOnDisk(): string {
  const place = [tmpdir(), '/var/tmp', process.cwd()].find(
    (path) => !IN_MEMORY.includes(statfsSync(path).type),
  );
  if (place === undefined) throw new Error('found no folder on a disk');
  const folder = mkdtempSync(join(place, 'guardrail-bridge-bench-'));
  folders.push(folder);
  return folder;
}
