import { type ReadRow, readRows } from '../audit/read.ts';
import { listSegments } from '../audit/segments.ts';
import type { AuditSource } from './audit-source.ts';
import { csvLine } from './csv.ts';
import { many } from './table.ts';
import type { Terminal } from './terminal.ts';
import { noWords, parseOptions, UsageError } from './usage.ts';
import { writeLines } from './write-lines.ts';

/** Columns of the table, in words of the rows; `detail` has what rows about the log itself tell, as JSON. */
const COLUMNS = [
  ...['seq', 'at', 'event_type', 'verdict', 'action', 'input_type', 'litellm_call_id', 'litellm_trace_id'],
  ...['model', 'team', 'key', 'user', 'by', 'reason_code', 'rules', 'policy_version', 'caller_rule'],
  ...['would_block', 'would_redact', 'ref', 'ms'],
];

/**
 * `audit export`: rows in order, those about the log itself too. With `--format jsonl` they stay as they are, so that
 * their hashes can still be checked; with `csv` no cell is a formula to a spreadsheet.
 */
export async function exportAudit(
  args: readonly string[],
  { folder }: AuditSource,
  terminal: Terminal,
): Promise<number> {
  const { values, words } = parseOptions(args, {
    since: { type: 'string' },
    until: { type: 'string' },
    format: { type: 'string', default: 'jsonl' },
    out: { type: 'string' },
  });
  noWords(words);
  const { format, out } = values;
  if (format !== 'jsonl' && format !== 'csv') throw new UsageError('--format: write jsonl or csv');
  const range = {
    ...(values.since !== undefined && { since: timeOf('--since', values.since) }),
    ...(values.until !== undefined && { until: timeOf('--until', values.until) }),
  };
  // Says so before anything is written if there is no log
  listSegments(folder);
  let exported = 0;
  async function* lines(): AsyncIterable<string> {
    if (format === 'csv') yield csvLine([...COLUMNS, 'detail', 'prev', 'hash']);
    for await (const row of readRows(folder, range)) {
      exported++;
      yield format === 'csv' ? csvLine(cells(row)) : `${row.line}\n`;
    }
  }
  if (!(await writeLines(lines(), out, terminal, 16))) return 0;
  if (out !== undefined) terminal.out.write(`${many(exported, 'row')} in ${out}\n`);
  return 0;
}

function cells({ fields, event_type, prev, hash }: ReadRow): readonly unknown[] {
  const { prev: _, ...rest } = fields;
  const others = Object.entries(rest).filter(([name]) => !COLUMNS.includes(name));
  const detail = event_type === 'decision' ? '' : JSON.stringify(Object.fromEntries(others));
  return [...COLUMNS.map((name) => fields[name]), detail, prev, hash];
}

const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** A time without a zone is in UTC, as those of the rows are. */
function timeOf(option: string, text: string): number {
  const [match, zone] = TIME.exec(text) ?? [];
  const at = Date.parse(match?.includes('T') && zone === undefined ? `${match}Z` : (match ?? ''));
  if (Number.isNaN(at)) throw new UsageError(`${option}: write a time like 2026-11-21T10:00:00Z`);
  return at;
}
