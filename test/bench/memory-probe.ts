/** Loaded into a bridge by `--import`, into each of its threads: writes the memory of the thread to a file of its own. */
import { renameSync, writeFileSync } from 'node:fs';
import { getHeapSpaceStatistics } from 'node:v8';
import { threadId } from 'node:worker_threads';

/** Megabytes of one thread. `young` is reserved for the young generation, `external` held outside of the heap. */
export type ThreadMemory = {
  readonly used: number;
  readonly reserved: number;
  readonly young: number;
  readonly external: number;
};

export const PROBE_EVERY_MS = 5_000;
const MB = 1_048_576;

const { MEMORY_PROBE: file } = process.env;

function write(): void {
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')?.space_size ?? 0;
  const memory: ThreadMemory = {
    used: heapUsed / MB,
    reserved: heapTotal / MB,
    young: young / MB,
    external: external / MB,
  };
  const name = `${file}.${threadId}`;
  writeFileSync(`${name}.new`, JSON.stringify(memory));
  renameSync(`${name}.new`, name);
}

if (file !== undefined) setInterval(write, PROBE_EVERY_MS).unref();
