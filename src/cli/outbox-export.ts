import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Ledger, openLedger } from '../outbox/ledger.ts';
import type { Selection } from '../outbox/ledger-reads.ts';
import { checkBackend } from './outbox-choice.ts';
import { recordJson } from './outbox-json.ts';
import { many, printableJson } from './table.ts';
import type { Terminal } from './terminal.ts';
import { noWords, parseOptions } from './usage.ts';

/** Records whose ids are held at once; of their contents only what the reader has not taken yet. */
const PAGE = 1000;

/**
 * `outbox export`: NDJSON, a line for each record that a backend has not got, see {@link recordJson}, oldest first. With
 * `--out` into a new file that only this user can read; then `--json` tells `{ exported }`.
 */
export async function exportRecords(
  args: readonly string[],
  dir: string,
  terminal: Terminal,
): Promise<number> {
  const { values, words } = parseOptions(args, {
    backend: { type: 'string' },
    dead: { type: 'boolean' },
    out: { type: 'string' },
    json: { type: 'boolean' },
  });
  noWords(words);
  const { out, json } = values;
  const ledger = openLedger(dir, 'read');
  let exported = 0;
  function* lines(): Iterable<string> {
    for (const id of recordIds(ledger, values)) {
      const record = recordJson(ledger, id, terminal.now());
      // Delivered meanwhile
      if (record === undefined || record.deliveries.length === 0) continue;
      exported++;
      yield `${printableJson(record)}\n`;
    }
  }
  try {
    checkBackend(ledger, values.backend);
    const source = Readable.from(lines(), { highWaterMark: 1 });
    if (out === undefined) await pipeline(source, terminal.out, { end: false });
    else await pipeline(source, createWriteStream(out, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Whoever reads it has enough
    if (out === undefined && (code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE')) return 0;
    if (code === 'EEXIST') throw new Error(`--out: ${out} exists already`, { cause: error });
    if (code === 'ENOENT') throw new Error(`--out: there is no folder for ${out}`, { cause: error });
    throw error;
  } finally {
    ledger.close();
  }
  if (out !== undefined) {
    terminal.out.write(json ? `${printableJson({ exported })}\n` : `${many(exported, 'record')} in ${out}\n`);
  }
  return 0;
}

/** A page at a time, as a read that takes long would keep the bridge from reusing its log. */
function* recordIds(ledger: Ledger, selection: Selection): Iterable<number> {
  for (let after = 0; ; ) {
    const ids = new Set(ledger.page(selection, after, PAGE).map(({ record }) => record));
    if (ids.size === 0) return;
    for (const id of ids) {
      yield id;
      after = id;
    }
  }
}
