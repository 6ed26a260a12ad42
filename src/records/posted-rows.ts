import type { BadRow, Disposition, Entry } from '../outbox/contract.ts';

/**
 * The rows of one POST, counted by what became of them. `unrecorded`: by the caller rules nobody gets them. `deferred` stands there where
 * there are any.
 */
export type Receipt = Readonly<Record<Disposition | 'unrecorded' | 'bad' | 'legacy' | 'null', number>> & {
  readonly deferred?: number;
};

const NOTHING: Receipt = {
  new: 0,
  late: 0,
  duplicate: 0,
  attempt: 0,
  blocked: 0,
  unrecorded: 0,
  bad: 0,
  legacy: 0,
  null: 0,
};

/** One POST, as far as it was read. */
export type PostedRows = {
  readonly receipt: { -readonly [Result in keyof Receipt]: Receipt[Result] };
  /** Not stored yet, and how long they are. */
  readonly entries: Entry[];
  chars: number;
  readonly bad: BadRow[];
  readonly skipped: Record<'unrecorded' | 'legacy' | 'null', number>;
};

export function newPostedRows(): PostedRows {
  return {
    receipt: { ...NOTHING },
    entries: [],
    chars: 0,
    bad: [],
    skipped: { unrecorded: 0, legacy: 0, null: 0 },
  };
}

/** Frees the memory of a body at once, whoever still refers to it; not that of a small one, which is a part of a pool. */
export function freeBody({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}
