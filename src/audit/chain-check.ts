import { createSeal, GENESIS, type Head, type Seal, type SealedRow } from './chain.ts';
import type { Findings, Place } from './findings.ts';

export type ChainCheckOptions = {
  /** All keys that rows may be sealed with; see `AUDIT_KEY`. */
  readonly keys: readonly string[];
  /** A row that was told outside of the log. */
  readonly told: Head | undefined;
  readonly findings: Findings;
};

/** Takes the rows of a log one after the other, and reports what does not fit. */
export type ChainCheck = {
  row(row: SealedRow, place: Place): void;
  rows(): number;
  /** The last row. */
  head(): Head | undefined;
  /** Files that a row says were put aside. */
  readonly aside: ReadonlySet<unknown>;
  /** After the last row: what can only be told then. */
  end(place: Place): void;
};

export function createChainCheck({ keys, told, findings }: ChainCheckOptions): ChainCheck {
  const { report, note } = findings;
  const seals = [createSeal(), ...keys.map(createSeal)];
  /** Missing segments, unless a row says that they were too old. */
  const gaps: { readonly place: Place; readonly message: string; readonly lastHash: string }[] = [];
  const removed = new Set<unknown>();
  const aside = new Set<unknown>();
  let rows = 0;
  let last: Head | undefined;
  let seal: Seal | undefined;
  let isKeyed = false;
  let isToldFound = false;

  /** Which seal a segment says it has. */
  function title({ fields }: SealedRow, place: Place): void {
    seal = seals.find((one) => one.alg === fields.alg && one.keyId === fields.key_id);
    if (seal === undefined) {
      const which = keys.length > 0 ? 'with another key than AUDIT_KEY' : 'with a key; set AUDIT_KEY';
      report(place, `its rows cannot be checked: they are sealed ${which}`);
    } else if (seal.keyId !== null) isKeyed = true;
    else if (isKeyed) report(place, 'its rows are sealed without a key, and those before with one');
  }

  /** Whether a row comes after the one before. */
  function follow({ seq, prev, event_type }: SealedRow, place: Place): void {
    const expected = (last?.seq ?? 0) + 1;
    if (seq === expected && prev === (last?.hash ?? GENESIS)) return;
    const isTitle = place.line === 1 && event_type === 'segment';
    if (isTitle && seq === 1 && prev === GENESIS) {
      report(place, 'the chain begins anew: it does not follow the rows before it');
    } else if (isTitle && seq > expected) {
      const message = `rows ${expected} to ${seq - 1} before it are missing, and no row says that they were too old`;
      gaps.push({ place, message, lastHash: prev });
    } else report(place, misplaced(seq, expected));
  }

  function learn({ event_type, fields }: SealedRow, place: Place): void {
    if (event_type === 'retention') removed.add(fields.last_hash);
    if (event_type === 'gap') note(place, `rows lost while it could not be written: ${fields.lost}`);
    if (event_type === 'restarted') {
      aside.add(fields.aside);
      report(place, `the chain begins anew: ${fields.aside} could not be read`);
    }
  }

  return {
    aside,
    rows: () => rows,
    head: () => last,
    row(row, place) {
      const { seq, hash, event_type, body } = row;
      rows++;
      if (place.line === 1 && event_type === 'segment') title(row, place);
      else if (place.line === 1) report(place, 'the beginning of the file is missing');
      else if (event_type === 'segment') report(place, 'a segment begins in the middle of a file');
      if (seal !== undefined && seal.hash(body) !== hash) {
        report(place, `row ${seq} was altered: its hash is not that of its text`);
      }
      follow(row, place);
      last = { seq, hash };
      isToldFound ||= told?.seq === seq && told.hash === hash;
      learn(row, place);
    },
    end(place) {
      for (const gap of gaps) if (!removed.has(gap.lastHash)) report(gap.place, gap.message);
      if (keys.length > 0 && rows > 0 && !isKeyed) {
        report(place, 'no row is sealed with AUDIT_KEY: the log was made anew, or never had a key');
      }
      if (told !== undefined && !isToldFound) {
        const message = 'with the hash of --head is not in the log: the end was cut off or made anew';
        report(place, `row ${told.seq} ${message}`);
      }
    },
  };
}

function misplaced(seq: number, expected: number): string {
  if (seq === expected) return `row ${seq} does not follow the row before it: one of both was replaced`;
  if (seq < expected) return `row ${seq} stands after row ${expected - 1}: it was put in, or put elsewhere`;
  return seq === expected + 1
    ? `row ${expected} before it is missing`
    : `rows ${expected} to ${seq - 1} before it are missing`;
}
