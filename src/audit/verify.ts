import fs from 'node:fs';
import path from 'node:path';
import { createSeal, GENESIS, type Head, readRow, type Seal, type SealedRow } from './chain.ts';
import { readLines } from './lines.ts';
import { listSegments } from './segments.ts';

/** What is wrong or to be known, and where. */
export type Finding = { readonly file: string; readonly line: number; readonly message: string };

export type Verified = {
  readonly rows: number;
  readonly segments: number;
  /** The last row that could be read. */
  readonly head: Head | undefined;
  readonly problems: readonly Finding[];
  /** More problems than are listed. */
  readonly more: number;
  /** What is no problem of the chain: rows that the bridge itself says were lost, half a line at the end. */
  readonly notes: readonly Finding[];
};

export type VerifyOptions = {
  /** The folder of the log. */
  readonly folder: string;
  /** All keys that rows may be sealed with; see `auditKeys`. */
  readonly keys: readonly string[];
  /** A row that was told outside of the log; it must still be in it. */
  readonly told?: Head | undefined;
};

const MAX_FINDINGS = 100;

/**
 * Reads the whole log and says what was altered, removed, put in or put elsewhere. Rows that were cut off at the end show
 * only where a head is known from outside, and without a key nothing shows of a chain that was made anew as a whole.
 *
 * @throws Error with the code of the system if the folder cannot be read
 */
export async function verifyLog({ folder, keys, told }: VerifyOptions): Promise<Verified> {
  const seals = [createSeal(), ...keys.map(createSeal)];
  const problems: Finding[] = [];
  const notes: Finding[] = [];
  /** Gaps before a segment, until a row says that what was there has been removed for its age. */
  const gaps: { readonly finding: Finding; readonly lastHash: string }[] = [];
  const removed = new Set<unknown>();
  const aside = new Set<unknown>();
  let more = 0;
  let rows = 0;
  let last: Head | undefined;
  let seal: Seal | undefined;
  let isKeyed = false;
  let isToldFound = false;

  const report = (finding: Finding) => {
    if (problems.length < MAX_FINDINGS) problems.push(finding);
    else more++;
  };
  const note = (finding: Finding) => {
    if (notes.length < MAX_FINDINGS) notes.push(finding);
  };

  const segments = listSegments(folder);
  for (const [index, { name }] of segments.entries()) {
    const isLast = index === segments.length - 1;
    try {
      for await (const { bytes, number, isComplete } of readLines(path.join(folder, name))) {
        const place = { file: name, line: number };
        const say = (message: string) => report({ ...place, message });
        if (!isComplete) {
          const message = `half a line of ${bytes.length} bytes`;
          if (isLast) note({ ...place, message: `${message}: it is being written, or a crash cut it off` });
          else say(message);
          continue;
        }
        const row = readRow(bytes);
        if (row === undefined) {
          say('not a row of the log');
          continue;
        }
        rows++;
        if (number === 1) seal = sealOf(row, seal, say);
        else if (row.event_type === 'segment') say('a segment begins in the middle of a file');
        if (seal !== undefined && seal.hash(row.body) !== row.hash) {
          say(`row ${row.seq} was altered: its hash is not that of its text`);
        }
        follow(row, place);
        last = row;
        learn(row, place);
      }
    } catch (error) {
      report({ file: name, line: 0, message: `cannot be read (${(error as NodeJS.ErrnoException).code})` });
    }
  }

  for (const { finding, lastHash } of gaps) if (!removed.has(lastHash)) report(finding);
  for (const name of asideIn(folder)) {
    if (!aside.has(name)) report({ file: name, line: 0, message: 'was put aside: its rows are not checked' });
  }
  const end: Finding = { file: segments.at(-1)?.name ?? folder, line: 0, message: '' };
  if (keys.length > 0 && rows > 0 && !isKeyed)
    report({ ...end, message: 'no row is sealed with AUDIT_KEY: the log was made anew, or never had a key' });
  if (told !== undefined && !isToldFound)
    report({
      ...end,
      message: `row ${told.seq} with the hash of --head is not in the log: the end was cut off or made anew`,
    });
  const head = last && { seq: last.seq, hash: last.hash };
  return { rows, segments: segments.length, head, problems, more, notes };

  /** Which seal a segment says it has. */
  function sealOf(
    row: SealedRow,
    before: Seal | undefined,
    say: (message: string) => void,
  ): Seal | undefined {
    if (row.event_type !== 'segment') {
      say('the beginning of the file is missing');
      return before;
    }
    const { alg, key_id } = row.fields;
    const found = seals.find((one) => one.alg === alg && one.keyId === key_id);
    if (found === undefined) {
      const which = keys.length > 0 ? 'with another key than AUDIT_KEY' : 'with a key; set AUDIT_KEY';
      say(`its rows cannot be checked: they are sealed ${which}`);
    } else if (found.keyId === null && isKeyed) {
      say('its rows are sealed without a key, and those before with one');
    }
    isKeyed ||= found !== undefined && found.keyId !== null;
    return found;
  }

  /** Whether a row comes after the one before. */
  function follow(row: SealedRow, place: { file: string; line: number }): void {
    const expected = last === undefined ? undefined : last.seq + 1;
    if (row.prev === (last?.hash ?? GENESIS) && row.seq === (expected ?? 1)) return;
    const isFirst = place.line === 1 && row.event_type === 'segment';
    if (isFirst && row.prev === GENESIS && row.seq === 1) {
      report({ ...place, message: 'the chain begins anew: it does not follow the rows before it' });
    } else if (isFirst && (expected === undefined || row.seq > expected)) {
      const from = expected ?? 1;
      const message = `rows ${from} to ${row.seq - 1} before it are missing, and no row says that they were too old`;
      gaps.push({ finding: { ...place, message }, lastHash: row.prev });
    } else report({ ...place, message: misplaced(row, expected) });
  }

  function learn({ seq, hash, event_type, fields }: SealedRow, place: { file: string; line: number }): void {
    if (told !== undefined && told.seq === seq && told.hash === hash) isToldFound = true;
    if (event_type === 'retention') removed.add(fields.last_hash);
    if (event_type === 'gap')
      note({ ...place, message: `rows lost while it could not be written: ${fields.lost}` });
    if (event_type === 'restarted') {
      aside.add(fields.aside);
      report({ ...place, message: `the chain begins anew: ${fields.aside} could not be read` });
    }
  }
}

function misplaced({ seq }: SealedRow, expected = 1): string {
  if (seq === expected) return `row ${seq} does not follow the row before it: one of both was replaced`;
  if (seq < expected) return `row ${seq} stands after row ${expected - 1}: it was put in, or put elsewhere`;
  return seq === expected + 1
    ? `row ${expected} before it is missing`
    : `rows ${expected} to ${seq - 1} before it are missing`;
}

function asideIn(folder: string): readonly string[] {
  return fs.readdirSync(folder).filter((name) => /^audit-.*\.unreadable\..*\.jsonl$/.test(name));
}
