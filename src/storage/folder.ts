import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from './storage-code.ts';

/**
 * Creates a folder, and those above it, for this user alone; an existing one stays as it is. Not by `recursive`, with which
 * Node 24 never returns where the system says ENOENT for a new folder, as in /proc.
 *
 * @param dir an absolute path
 */
export function makeFolder(dir: string, isAgain = false): void {
  try {
    fs.mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    const code = storageCode(error);
    if (code === 'EEXIST' && fs.statSync(dir).isDirectory()) return;
    if (code !== 'ENOENT' || isAgain || path.dirname(dir) === dir) throw error;
    makeFolder(path.dirname(dir));
    makeFolder(dir, true);
  }
}
