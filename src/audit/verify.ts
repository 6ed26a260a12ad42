import fs from 'node:fs';
import path from 'node:path';
import { storageCode } from '../storage/storage-code.ts';
import { type Head, readRow } from './chain.ts';
import { createChainCheck } from './chain-check.ts';
import { createFindings, type Finding } from './findings.ts';
import { readLines } from './lines.ts';
import { listSegments } from './segments.ts';

export type VerifyOptions = {
  /** The folder of the log. */
  readonly folder: string;
  /** All keys that rows may be sealed with; see `AUDIT_KEY`. */
  readonly keys: readonly string[];
  /** A row that was told outside of the log; it must still be in it. */
  readonly told?: Head | undefined;
};

export type Verified = {
  readonly rows: number;
  readonly segments: number;
  /** The last row that could be read. */
  readonly head: Head | undefined;
  readonly problems: readonly Finding[];
  /** More problems than are listed. */
  readonly more: number;
  readonly notes: readonly Finding[];
};

/**
 * Reads the whole log and says what was altered, removed, put in or put elsewhere. Rows that were cut off at the end show
 * only where a head is known from outside, and without a key nothing shows of a chain that was made anew as a whole.
 *
 * @throws Error with the code of the system if the folder cannot be read
 */
export async function verifyLog({ folder, keys, told }: VerifyOptions): Promise<Verified> {
  const findings = createFindings();
  const check = createChainCheck({ keys, told, findings });
  const segments = listSegments(folder);
  const last = segments.at(-1)?.name ?? path.basename(folder);
  for (const { name: file } of segments) {
    try {
      for await (const { bytes, number: line, isComplete } of readLines(path.join(folder, file))) {
        const row = isComplete ? readRow(bytes) : undefined;
        if (row !== undefined) check.row(row, { file, line });
        else if (isComplete) findings.report({ file, line }, 'not a row of the log');
        else {
          const half = `half a line of ${bytes.length} bytes`;
          if (file !== last) findings.report({ file, line }, half);
          else findings.note({ file, line }, `${half}: it is being written, or a crash cut it off`);
        }
      }
    } catch (error) {
      findings.report({ file, line: 0 }, `cannot be read (${storageCode(error)})`);
    }
  }
  for (const file of asideIn(folder)) {
    if (!check.aside.has(file)) {
      findings.report({ file, line: 0 }, 'was put aside: its rows are not checked');
    }
  }
  check.end({ file: last, line: 0 });
  const { problems, notes } = findings;
  const [rows, head, more] = [check.rows(), check.head(), findings.more()];
  return { rows, segments: segments.length, head, problems, more, notes };
}

function asideIn(folder: string): readonly string[] {
  return fs.readdirSync(folder).filter((name) => /^audit-.*\.unreadable\..*\.jsonl$/.test(name));
}
