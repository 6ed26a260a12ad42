import { type Ledger, openLedger } from '../outbox/ledger.ts';
import type { Selection } from '../outbox/ledger-reads.ts';
import { checkBackend } from './outbox-choice.ts';
import { recordJson } from './outbox-json.ts';
import { many, printableJson } from './table.ts';
import type { Terminal } from './terminal.ts';
import { noWords, parseOptions } from './usage.ts';
import { writeLines } from './write-lines.ts';

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
    if (!(await writeLines(lines(), out, terminal, 1))) return 0;
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
