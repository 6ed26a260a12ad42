import fs from 'node:fs';

/** A line of a file without its end, and where it is. */
export type Line = {
  readonly bytes: Buffer;
  /** From 1. */
  readonly number: number;
  /** Where the next line begins. */
  readonly end: number;
  readonly isComplete: boolean;
};

const CHUNK_BYTES = 256 * 1024;
/** No row is longer; of a line that is, this much is handed on. */
export const MAX_LINE_BYTES = 1024 * 1024;
const LF = 10;

/**
 * The lines of a file as it is now, in bounded memory; what is appended meanwhile may or may not be among them. A
 * file that is gone has none.
 *
 * @param from where to begin
 * @throws Error with the code of the system
 */
export async function* readLines(file: string, from = 0): AsyncGenerator<Line> {
  const handle = await fs.promises.open(file, 'r').catch((error) => {
    // Too old meanwhile, and removed
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest: Buffer = Buffer.alloc(0);
    let number = 0;
    let end = from;
    for (let at = from; ; ) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      let start = 0;
      for (let stop = find(chunk, 0, bytesRead); stop >= 0; stop = find(chunk, start, bytesRead)) {
        const part = chunk.subarray(start, stop);
        const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
        start = stop + 1;
        end = at - bytesRead + start;
        rest = Buffer.alloc(0);
        yield { bytes, number: ++number, end, isComplete: true };
      }
      if (rest.length < MAX_LINE_BYTES) rest = Buffer.concat([rest, chunk.subarray(start, bytesRead)]);
    }
    if (rest.length > 0) yield { bytes: rest, number: number + 1, end, isComplete: false };
  } finally {
    await handle.close();
  }
}

function find(chunk: Buffer, from: number, to: number): number {
  const at = chunk.indexOf(LF, from);
  return at < to ? at : -1;
}
