import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import type { Head, SealedRow } from './chain.ts';
import type { ChainCheck } from './chain-check.ts';
import type { ChainSource, TimeRange } from './chain-source.ts';
import { Follower, readLines, readRows, rowIn } from './read.ts';
import { listSegments } from './segment.ts';

/** The chain in a folder. */
export class FolderChain implements ChainSource {
  readonly name: string;
  readonly replica: string | null;
  readonly copyOf = null;
  readonly unshipped: number | undefined;
  readonly #folder: string;
  readonly #follower: Follower;

  /** @param folder where the segments are */
  constructor(folder: string, { name, replica }: { name: string; replica: string | null }) {
    this.#folder = folder;
    this.#follower = new Follower(folder);
    this.name = name;
    this.replica = replica;
  }

  async read(check: ChainCheck): Promise<void> {
    const segments = listSegments(this.#folder);
    const last = segments.at(-1)?.name;
    check.segments += segments.length;
    for (const { name: file } of segments) {
      try {
        for (const line of readLines(path.join(this.#folder, file))) {
          const place = { file, line: line.number };
          const row = rowIn(line);
          const half = `half a line of ${line.bytes.length} bytes`;
          if (row !== undefined) check.row(row, place);
          else if (line.isComplete) check.report(place, 'not a row of the log');
          else if (file !== last) check.report(place, half);
          else check.note(place, `${half}: it is being written, or a crash cut it off`);
        }
      } catch (error) {
        check.report({ file, line: 0 }, `cannot be read (${storageCode(error)})`);
      }
    }
  }

  end(check: ChainCheck, missing: readonly Head[]): void {
    const folder = this.#folder;
    const aside = fs.readdirSync(folder).filter((name) => /^audit-.*\.unreadable\..*\.jsonl$/.test(name));
    const last = listSegments(folder).at(-1)?.name ?? path.basename(folder);
    check.end({ file: last, line: 0 }, missing, aside);
  }

  async *rows(range: TimeRange): AsyncGenerator<SealedRow> {
    yield* readRows(this.#folder, range);
  }

  async last(count: number): Promise<readonly SealedRow[]> {
    return this.#follower.last(count);
  }

  async *next(): AsyncGenerator<SealedRow> {
    yield* this.#follower.next();
  }
}
