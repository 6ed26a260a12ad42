import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import { createSeal, GENESIS, type Head, type Seal, type SealedRow } from './chain.ts';
import { readLines, rowIn } from './read.ts';
import { listSegments } from './segment.ts';

type Place = {
  readonly file: string;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
};

/** A problem or note, with its place. */
export type Remark = Place & { readonly message: string };

export type VerifyOptions = {
  /** The folder of the log. */
  readonly folder: string;
  /** All keys that rows may be sealed with; see `AUDIT_KEY`. */
  readonly keys: readonly string[];
  /** A head that was reported outside of the log; it must still be in it. */
  readonly reported?: Head | undefined;
};

export type Verified = Pick<ChainCheck, 'rows' | 'head' | 'problems' | 'more' | 'notes'> & {
  readonly segments: number;
};

/**
 * Reads the whole log and finds what was altered, removed, inserted or moved. Rows that were cut off at the end show only
 * with a head from outside, and without a key a chain that was made anew as a whole does not show at all.
 *
 * @throws Error with the code of the system if the folder cannot be read
 */
export function verifyLog({ folder, keys, reported }: VerifyOptions): Verified {
  const check = new ChainCheck(keys, reported);
  const segments = listSegments(folder);
  const last = segments.at(-1)?.name ?? path.basename(folder);
  for (const { name: file } of segments) {
    try {
      for (const line of readLines(path.join(folder, file))) {
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
  const aside = fs.readdirSync(folder).filter((name) => /^audit-.*\.unreadable\..*\.jsonl$/.test(name));
  check.end(aside, { file: last, line: 0 });
  const { rows, head, problems, more, notes } = check;
  return { rows, segments: segments.length, head, problems, more, notes };
}

const MAX_LISTED = 100;

/** Checks the rows of a log one after the other. */
class ChainCheck {
  /** Number of rows that could be read, and the last of them. */
  rows = 0;
  head: Head | undefined;
  readonly problems: Remark[] = [];
  /** Number of problems beyond those listed. */
  more = 0;
  /** Remarks that are no problem of the chain: rows that the bridge says were lost, half a line at the end. */
  readonly notes: Remark[] = [];
  readonly #reported: Head | undefined;
  readonly #seals: readonly Seal[];
  /** Seal of the current segment; undefined if it is of no known key. */
  #seal: Seal | undefined;
  /** True once a segment was sealed with a key. */
  #isKeyed = false;
  #isReportedFound = false;
  /** Missing segments, with the hash of their last row. A later row may say that they were too old. */
  readonly #gaps: { readonly place: Place; readonly message: string; readonly lastHash: string }[] = [];
  /** Last hashes of the segments that rows say were too old. */
  readonly #removed = new Set<unknown>();
  /** Files that rows say were put aside. */
  readonly #aside = new Set<unknown>();

  constructor(keys: readonly string[], reported: Head | undefined) {
    this.#reported = reported;
    this.#seals = [createSeal(), ...keys.map(createSeal)];
  }

  report(place: Place, message: string): void {
    if (this.problems.length < MAX_LISTED) this.problems.push({ ...place, message });
    else this.more++;
  }

  note(place: Place, message: string): void {
    if (this.notes.length < MAX_LISTED) this.notes.push({ ...place, message });
  }

  row(row: SealedRow, place: Place): void {
    const { seq, hash, event_type, body } = row;
    this.rows++;
    if (place.line === 1 && event_type === 'segment') this.#title(row, place);
    else if (place.line === 1) this.report(place, 'the beginning of the file is missing');
    else if (event_type === 'segment') this.report(place, 'a segment begins in the middle of a file');
    if (this.#seal !== undefined && this.#seal.hash(body) !== hash) {
      this.report(place, `row ${seq} was altered: its hash is not that of its text`);
    }
    this.#follow(row, place);
    this.head = { seq, hash };
    this.#isReportedFound ||= this.#reported?.seq === seq && this.#reported.hash === hash;
    this.#learn(row, place);
  }

  /** Reports what can be told only after the last row. @param aside files that were put aside */
  end(aside: readonly string[], place: Place): void {
    for (const file of aside) {
      if (!this.#aside.has(file)) this.report({ file, line: 0 }, 'was put aside: its rows are not checked');
    }
    for (const gap of this.#gaps) if (!this.#removed.has(gap.lastHash)) this.report(gap.place, gap.message);
    if (this.#seals.length > 1 && this.rows > 0 && !this.#isKeyed) {
      this.report(place, 'no row is sealed with AUDIT_KEY: the log was made anew, or never had a key');
    }
    if (this.#reported !== undefined && !this.#isReportedFound) {
      const message = 'with the hash of --head is not in the log: the end was cut off or made anew';
      this.report(place, `row ${this.#reported.seq} ${message}`);
    }
  }

  /** Reads which seal a segment says it has. */
  #title({ fields }: SealedRow, place: Place): void {
    this.#seal = this.#seals.find((one) => one.alg === fields.alg && one.keyId === fields.key_id);
    if (this.#seal === undefined) {
      const which = this.#seals.length > 1 ? 'with another key than AUDIT_KEY' : 'with a key; set AUDIT_KEY';
      this.report(place, `its rows cannot be checked: they are sealed ${which}`);
    } else if (this.#seal.keyId !== null) this.#isKeyed = true;
    else if (this.#isKeyed)
      this.report(place, 'its rows are sealed without a key, and those before with one');
  }

  /** Checks that a row follows the one before. */
  #follow({ seq, prev, event_type }: SealedRow, place: Place): void {
    const expected = (this.head?.seq ?? 0) + 1;
    if (seq === expected && prev === (this.head?.hash ?? GENESIS)) return;
    const isTitle = place.line === 1 && event_type === 'segment';
    if (isTitle && seq === 1 && prev === GENESIS) {
      this.report(place, 'the chain begins anew: it does not follow the rows before it');
    } else if (isTitle && seq > expected) {
      const message = `rows ${expected} to ${seq - 1} before it are missing, and no row says that they were too old`;
      this.#gaps.push({ place, message, lastHash: prev });
    } else this.report(place, misplaced(seq, expected));
  }

  #learn({ event_type, fields }: SealedRow, place: Place): void {
    if (event_type === 'retention') this.#removed.add(fields.last_hash);
    if (event_type === 'gap') this.note(place, `rows lost while it could not be written: ${fields.lost}`);
    if (event_type === 'restarted') {
      this.#aside.add(fields.aside);
      this.report(place, `the chain begins anew: ${fields.aside} could not be read`);
    }
  }
}

function misplaced(seq: number, expected: number): string {
  if (seq === expected) return `row ${seq} does not follow the row before it: one of both was replaced`;
  if (seq < expected) return `row ${seq} stands after row ${expected - 1}: it was put in, or put elsewhere`;
  return seq === expected + 1
    ? `row ${expected} before it is missing`
    : `rows ${expected} to ${seq - 1} before it are missing`;
}
