import { createSeal, GENESIS, type Head, type Seal, type SealedRow } from './chain.ts';

type Place = {
  /** A segment, or the replica whose chain is in the table. */
  readonly file: string;
  /** From 1; 0 for the file as a whole. In the table the position in the chain. */
  readonly line: number;
};

/** A problem or note, with its place. */
export type Remark = Place & { readonly message: string };

/** Shared by the checks of one run. */
export type ChainContext = {
  /** All keys that rows may be sealed with; see `AUDIT_KEY`. */
  readonly keys: readonly string[];
  /** Heads that were reported outside of the log, and must still be in one of the chains. */
  readonly heads: readonly Head[];
  /** Last hashes of what rows of any chain say was too old; true if such a row is sealed with a key. */
  readonly removed: Map<unknown, boolean>;
  /** Those of `heads` that were found. */
  readonly found: Set<Head>;
};

/** @param heads reported outside of the log */
export function chainContext(keys: readonly string[], heads: readonly Head[] = []): ChainContext {
  return { keys, heads, removed: new Map(), found: new Set() };
}

const MAX_LISTED = 100;

/** Checks the rows of a chain one after the other. */
export class ChainCheck {
  /** Number of rows that could be read, and the last of them. */
  rows = 0;
  head: Head | undefined;
  /** Hash of the second row; the first, a title, may be the same in chains that began in the same millisecond. */
  second: string | undefined;
  segments = 0;
  readonly problems: Remark[] = [];
  /** Number of problems beyond those listed. */
  more = 0;
  /** Remarks that are no problem of the chain: rows that the bridge says were lost, half a line at the end. */
  readonly notes: Remark[] = [];
  readonly #context: ChainContext;
  readonly #seals: readonly Seal[];
  /** Seal of the current segment; undefined if it is of no known key. */
  #seal: Seal | undefined;
  /** True once a segment was sealed with a key. */
  #isKeyed = false;
  /**
   * Missing segments, with the hash of their last row. A later row may say that they were too old; before a segment that is sealed with a
   * key, only one that is too.
   */
  readonly #gaps: { place: Place; message: string; lastHash: string; isKeyed: boolean }[] = [];
  /** Files that rows say were put aside. */
  readonly #aside = new Set<unknown>();

  constructor(context: ChainContext) {
    this.#context = context;
    this.#seals = [createSeal(), ...context.keys.map(createSeal)];
  }

  report(place: Place, message: string): void {
    if (this.problems.length < MAX_LISTED) this.problems.push({ ...place, message });
    else this.more++;
  }

  note(place: Place, message: string): void {
    if (this.notes.length < MAX_LISTED) this.notes.push({ ...place, message });
  }

  /** @param isFirst true where a segment begins */
  row(row: SealedRow, place: Place, isFirst = place.line === 1): void {
    const { seq, hash, event_type, body } = row;
    this.rows++;
    if (isFirst && event_type === 'segment') this.#title(row, place);
    else if (isFirst) this.report(place, 'the beginning of the file is missing');
    else if (event_type === 'segment') this.report(place, 'a segment begins in the middle of a file');
    if (this.#seal !== undefined && this.#seal.hash(body) !== hash) {
      this.report(place, `row ${seq} was altered: its hash is not that of its text`);
    }
    this.#follow(row, place, isFirst);
    this.head = { seq, hash };
    if (this.rows === 2) this.second = hash;
    for (const head of this.#context.heads) {
      if (head.seq === seq && head.hash === hash) this.#context.found.add(head);
    }
    this.#learn(row, place);
  }

  /**
   * Reports what can be told only after the last row of all chains.
   *
   * @param missing heads that this chain should have
   * @param aside files that were put aside
   */
  end(place: Place, missing: readonly Head[], aside: readonly string[] = []): void {
    for (const file of aside) {
      if (!this.#aside.has(file)) this.report({ file, line: 0 }, 'was put aside: its rows are not checked');
    }
    for (const { place, message } of this.#unexplained()) this.report(place, message);
    if (this.#seals.length > 1 && this.rows > 0 && !this.#isKeyed) {
      this.report(place, 'no row is sealed with AUDIT_KEY: the log was made anew, or never had a key');
    }
    for (const { seq } of missing) {
      this.report(
        place,
        `row ${seq} with the hash of --head is not in the log: the end was cut off or made anew`,
      );
    }
  }

  /** True if rows are missing of which no row that was read says that they were too old. */
  hasGap(): boolean {
    return this.#unexplained().length > 0;
  }

  #unexplained() {
    const { removed } = this.#context;
    return this.#gaps.filter(({ lastHash, isKeyed }) => {
      const isSealed = removed.get(lastHash);
      return isSealed === undefined || (isKeyed && !isSealed);
    });
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

  /** True if the current segment is sealed with a key. */
  #hasKey(): boolean {
    return typeof this.#seal?.keyId === 'string';
  }

  /** Checks that a row follows the one before. */
  #follow({ seq, prev, event_type }: SealedRow, place: Place, isFirst: boolean): void {
    const expected = (this.head?.seq ?? 0) + 1;
    if (seq === expected && prev === (this.head?.hash ?? GENESIS)) return;
    const isTitle = isFirst && event_type === 'segment';
    if (isTitle && seq === 1 && prev === GENESIS) {
      this.report(place, 'the chain begins anew: it does not follow the rows before it');
    } else if (isTitle && seq > expected) {
      const message = `rows ${expected} to ${seq - 1} before it are missing, and no row says that they were too old`;
      this.#gaps.push({ place, message, lastHash: prev, isKeyed: this.#hasKey() });
    } else this.report(place, misplaced(seq, expected));
  }

  #learn({ event_type, fields }: SealedRow, place: Place): void {
    const { removed } = this.#context;
    const { last_hash } = fields;
    if (event_type === 'retention') removed.set(last_hash, this.#hasKey() || removed.get(last_hash) === true);
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
