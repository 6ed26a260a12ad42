import type { Head } from './chain.ts';
import { ChainCheck, chainContext } from './chain-check.ts';
import type { ChainSource } from './chain-source.ts';

export type VerifyOptions = {
  /** All keys that rows may be sealed with; see `AUDIT_KEY`. */
  readonly keys: readonly string[];
  /** Heads that were reported outside of the log; each must still be in one of the chains. */
  readonly heads?: readonly Head[] | undefined;
};

/** The result of one chain. */
export type Verified = Pick<ChainCheck, 'rows' | 'segments' | 'head' | 'problems' | 'more' | 'notes'>;

export type VerifiedChains = {
  readonly chains: readonly (Verified & { readonly source: ChainSource })[];
  /** Heads that no chain has, where there are several; else it is a problem of the one. */
  readonly missing: readonly Head[];
};

/**
 * Reads whole chains and finds what was altered, removed, inserted or moved. Rows that were cut off at the end show only
 * with a head from outside, and without a key a chain that was made anew as a whole does not show at all.
 *
 * @throws Error with the code of the system if a folder cannot be read, DatabaseError
 */
export async function verifyChains(
  sources: readonly ChainSource[],
  { keys, heads = [] }: VerifyOptions,
): Promise<VerifiedChains> {
  const context = chainContext(keys, heads);
  const checks: { source: ChainSource; check: ChainCheck }[] = [];
  for (const source of sources) {
    const check = new ChainCheck(context);
    await source.read(check);
    checks.push({ source, check });
  }
  // Rows may have gone as too old after the chain was read in which a row now says so
  if (checks.some(({ check }) => check.hasGap())) {
    for (const source of sources) await source.read(new ChainCheck(context));
  }
  noteTwice(checks);
  const missing = heads.filter((head) => !context.found.has(head));
  // Now, as a row of one chain can say which rows of another were too old
  for (const { source, check } of checks) source.end(check, checks.length === 1 ? missing : []);
  return {
    chains: checks.map(({ source, check }) => {
      const { rows, segments, head, problems, more, notes } = check;
      return { source, rows, segments, head, problems, more, notes };
    }),
    missing: checks.length === 1 ? [] : missing,
  };
}

/** Chains that begin with the same rows are one folder twice, under another id. */
function noteTwice(checks: readonly { source: ChainSource; check: ChainCheck }[]): void {
  const seen = new Map<string, ChainSource>();
  for (const { source, check } of checks) {
    const second = source.copyOf === null ? check.second : undefined;
    if (second === undefined) continue;
    const other = seen.get(second);
    if (other === undefined) seen.set(second, source);
    else {
      const which = [other.name, other.replica].filter((one) => one !== null).join(' ');
      check.note(
        { file: source.name, line: 0 },
        `begins as ${which} does: rows of one folder that are there twice`,
      );
    }
  }
}

/** A problem of no chain, for one that is told of all of them. */
export function missingHead({ seq }: Head): string {
  return `row ${seq} with the hash of --head is in no chain: the end of one was cut off or made anew`;
}
