import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { createSeal, GENESIS, type Head, type SealedRow, sealRow } from '../audit/chain.ts';
import type { ChainSource, TimeRange } from '../audit/chain-source.ts';
import type { Chains } from './audit-chains.ts';
import { plural } from './output.ts';
import { type Terminal, writeLines } from './terminal.ts';

const RULE =
  'hash is the SHA-256 of the line without ,"hash":"…" (up to the brace that ends it), in hexadecimal digits; with a key_id, its HMAC-SHA-256 with the key of which the HMAC of the text "guardrail-bridge audit key" begins with key_id. A row of type segment names the key_id of the rows up to the next. prev is the hash of the row before.';

/** What the manifest says of a chain. */
type ChainFile = {
  readonly file: string;
  readonly name: string;
  readonly replica: string | null;
  readonly copy_of: string | null;
  readonly rows: number;
  /** The first row, what it follows, and how it is sealed; null if there are no rows. */
  readonly first: { seq: number; prev: string; alg: unknown; key_id: unknown } | null;
  readonly last: Head | null;
  /** Of the file. */
  readonly sha256: string;
};

/**
 * `audit export --folder`: a new folder with a file for each chain, its rows as they are, and `manifest.json`: one line, sealed like a row,
 * that says which rows there are. The guide to operations has a program that checks it without the bridge.
 */
export async function auditBundle(
  { sources, keys }: Chains,
  { folder, since, until }: TimeRange & { readonly folder: string },
  terminal: Terminal,
): Promise<void> {
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new Error(`--folder: ${folder} exists already`, { cause: error });
    if (code === 'ENOENT') throw new Error(`--folder: there is no folder for ${folder}`, { cause: error });
    throw error;
  }
  const chains: ChainFile[] = [];
  for (const source of sources) {
    const file = fileOf(source, chains);
    chains.push(await writeChain(source, { file, folder, since, until }, terminal));
  }
  const { alg, keyId, hash } = createSeal(keys[0]);
  const time = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
  const manifest = {
    ...{ format: 'guardrail-bridge audit export', version: 1, rule: RULE },
    ...{ exported_at: time(terminal.now()), since: time(since), until: time(until) },
    ...{ chains, alg, key_id: keyId },
  };
  const { line } = sealRow(manifest, GENESIS, { alg, keyId, hash });
  await writeLines([line], path.join(folder, 'manifest.json'), terminal);
  const rows = chains.reduce((sum, one) => sum + one.rows, 0);
  terminal.out.write(`${plural(rows, 'row')} in ${plural(chains.length, 'chain')} in ${folder}\n`);
}

/** A name that no other chain has. */
function fileOf({ name, replica }: ChainSource, chains: readonly ChainFile[]): string {
  const plain = path
    .basename(path.resolve(name))
    .replace(/[^\w-]+/g, '-')
    .slice(0, 60);
  const stem = [plain, replica].filter((one) => one !== null).join('.');
  const isTaken = chains.some(({ file }) => file === `${stem}.jsonl`);
  return isTaken ? `${stem}.${chains.length + 1}.jsonl` : `${stem}.jsonl`;
}

async function writeChain(
  source: ChainSource,
  { file, folder, since, until }: TimeRange & { readonly file: string; readonly folder: string },
  terminal: Terminal,
): Promise<ChainFile> {
  const { name, replica, copyOf } = source;
  const sum = createHash('sha256');
  let rows = 0;
  let first: ChainFile['first'] = null;
  let last: Head | null = null;
  async function* lines(): AsyncGenerator<string> {
    for await (const { row, title } of stretch(source, { since, until })) {
      const { seq, prev, hash } = row;
      first ??= { seq, prev, alg: title?.fields.alg ?? null, key_id: title?.fields.key_id ?? null };
      last = { seq, hash };
      rows++;
      sum.update(`${row.line}\n`);
      yield `${row.line}\n`;
    }
  }
  await writeLines(lines(), path.join(folder, file), terminal);
  return { file, name, replica, copy_of: copyOf, rows, first, last, sha256: sum.digest('hex') };
}

/** Rows that follow each other, from the first that is not before `since` to the last before one that is not before `until`. */
async function* stretch(source: ChainSource, { since = -Infinity, until = Infinity }: TimeRange) {
  let title: SealedRow | undefined;
  let isBegun = false;
  for await (const row of source.rows({})) {
    if (row.event_type === 'segment') title = row;
    const at = Date.parse(row.at);
    isBegun ||= at >= since;
    if (isBegun && at >= until) return;
    if (isBegun) yield { row, title };
  }
}
