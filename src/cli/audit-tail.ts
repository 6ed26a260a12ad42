import { followRows, type ReadRow } from '../audit/read.ts';
import type { AuditSource } from './audit-source.ts';
import { oneLine } from './table.ts';
import type { Terminal } from './terminal.ts';
import { noWords, parseOptions, UsageError } from './usage.ts';

const MAX_ROWS = 100_000;
const POLL_MS = 500;

/**
 * `audit tail`: the last rows, a line each; with `--json` as they stand in the log. With `--follow` it goes on until it
 * is stopped, or until nobody reads any more.
 */
export async function tail(
  args: readonly string[],
  { folder }: AuditSource,
  { out, sleep }: Terminal,
): Promise<number> {
  const { values, words } = parseOptions(args, {
    rows: { type: 'string', short: 'n', default: '20' },
    follow: { type: 'boolean', short: 'f' },
    json: { type: 'boolean' },
  });
  noWords(words);
  const count = /^\d{1,6}$/.test(values.rows) ? Number(values.rows) : -1;
  if (count < 0 || count > MAX_ROWS) throw new UsageError(`-n: write a number, 0 to ${MAX_ROWS}`);
  const print = (row: ReadRow) => out.write(values.json ? `${row.line}\n` : textOf(row));
  const { rows, follower } = await followRows(folder, count);
  for (const row of rows) print(row);
  while (values.follow && out.writable) {
    for await (const row of follower.next()) print(row);
    await sleep(POLL_MS);
  }
  return 0;
}

/** What every row has, for people to recognise it by. */
const SHOWN = ['by', 'reason_code', 'rules', 'team', 'key', 'user', 'model', 'caller_rule', 'would_block'];
const SHOWN_LAST = ['would_redact', 'ref', 'litellm_call_id'];
const NOT_SHOWN = new Set(['seq', 'at', 'event_type', 'prev', 'hash', 'version']);

function textOf({ at, seq, event_type, fields }: ReadRow): string {
  const isDecision = event_type === 'decision';
  const names = isDecision ? [...SHOWN, ...SHOWN_LAST] : Object.keys(fields);
  const what = isDecision ? `${fields.verdict ?? 'defer'} ${fields.input_type}` : event_type;
  const about = names.flatMap((name) => {
    const value = fields[name];
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
    return text === '' || NOT_SHOWN.has(name) ? [] : `${oneLine(name, 40)}=${oneLine(text, 80)}`;
  });
  return `${[oneLine(at, 30), seq, oneLine(what, 40), ...about].join('  ')}\n`;
}
