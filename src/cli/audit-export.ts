import type { SealedRow } from '../audit/chain.ts';
import type { ChainSource, TimeRange } from '../audit/chain-source.ts';
import type { Chains } from './audit-chains.ts';
import { csvLine, plural } from './output.ts';
import { type Terminal, writeLines } from './terminal.ts';

/** Columns of the table, named as in the rows; `detail` holds the fields of rows about the log itself, as JSON. */
const COLUMNS = [
  ...['seq', 'at', 'event_type', 'verdict', 'action', 'input_type', 'shape'],
  ...[
    'litellm_call_id',
    'litellm_trace_id',
    'model',
    'team',
    'key',
    'user',
    'by',
    'reason_code',
    'rules',
    'policy_version',
    'caller_rule',
  ],
  ...['would_block', 'would_redact', 'removed', 'ref', 'ms'],
];

export type ExportOptions = TimeRange & { readonly format: 'jsonl' | 'csv'; readonly out?: string };

/**
 * `audit export`: rows in order, including those about the log itself. As `jsonl` they stay as they are, so that their
 * hashes can still be checked; as `csv` no cell is a formula to a spreadsheet. Of several chains each row also tells its chain.
 */
export async function auditExport(
  { sources, isMany }: Chains,
  { format, out, since, until }: ExportOptions,
  terminal: Terminal,
): Promise<void> {
  let exported = 0;
  async function* lines(): AsyncGenerator<string> {
    const names = isMany ? ['name', 'replica'] : [];
    if (format === 'csv') yield csvLine([...names, ...COLUMNS, 'detail', 'prev', 'hash']);
    for (const source of sources) {
      for await (const row of source.rows({ since, until })) {
        exported++;
        yield format === 'csv' ? csvLine(cellsOf(row, source, isMany)) : lineOf(row, source, isMany);
      }
    }
  }
  await writeLines(lines(), out, terminal);
  if (out !== undefined) terminal.out.write(`${plural(exported, 'row')} in ${out}\n`);
}

/** A row with its chain, where there are several. */
function lineOf({ line }: SealedRow, { name, replica }: ChainSource, isMany: boolean): string {
  if (!isMany) return `${line}\n`;
  return `{"name":${JSON.stringify(name)},"replica":${JSON.stringify(replica)},"row":${line}}\n`;
}

function cellsOf(
  { fields, event_type, prev, hash }: SealedRow,
  { name, replica }: ChainSource,
  isMany: boolean,
): readonly unknown[] {
  const others = Object.entries(fields).filter(([name]) => name !== 'prev' && !COLUMNS.includes(name));
  const detail = event_type === 'decision' ? '' : JSON.stringify(Object.fromEntries(others));
  return [...(isMany ? [name, replica] : []), ...COLUMNS.map((column) => fields[column]), detail, prev, hash];
}
