import { type Command, InvalidArgumentError } from 'commander';
import type { Head, SealedRow } from '../audit/chain.ts';
import { Follower, readRows } from '../audit/read.ts';
import { auditFolder, listSegments } from '../audit/segment.ts';
import { type Remark, verifyLog } from '../audit/verify.ts';
import { readSettings } from '../config/config.ts';
import { csvLine, oneLine, plural, printableJson } from './output.ts';
import { countOf, type Terminal, writeLines } from './terminal.ts';

/** A command line about the log. */
type AuditCommand = {
  readonly folder: string;
  readonly keys: readonly string[];
  /** As far as the command has them; times are Unix milliseconds. */
  readonly options: {
    readonly head?: Head;
    readonly rows: number;
    readonly follow?: boolean;
    readonly json?: boolean;
    readonly since?: number;
    readonly until?: number;
    readonly format: 'jsonl' | 'csv';
    readonly out?: string;
  };
  readonly terminal: Terminal;
};

const ABOUT = `
DATA_DIR says where the log is (./data), AUDIT_KEY what its rows are sealed with:
the first key seals new rows, former keys follow it, separated by commas. All of
it works while a bridge runs.`;

const POLL_MS = 500;

/**
 * Adds `audit …`: reads the decision log, also while a bridge writes it. Of the settings it reads `DATA_DIR` and
 * `AUDIT_KEY` alone, so it works where others are missing or wrong.
 */
export function addAudit(program: Command, terminal: Terminal): void {
  const audit = program
    .command('audit')
    .description(
      'verify, tail or export the decision log, which policy audit-logger keeps without any content',
    )
    .addHelpText('after', ABOUT);
  const add = (name: string, run: (command: AuditCommand) => void | Promise<void>) =>
    audit.command(name).action(async (options: AuditCommand['options']) => {
      const { DATA_DIR: dir, AUDIT_KEY: keys = [] } = readSettings(terminal.env(), 'DATA_DIR', 'AUDIT_KEY');
      try {
        await run({ folder: auditFolder(dir), keys, options, terminal });
      } catch (error) {
        throw explained(error, dir);
      }
    });
  add('verify', verify)
    .description('check the chain of hashes; ends with 1 if anything is wrong')
    .option(
      '--head <seq:hash>',
      'a row that the bridge logged as its last: shows if the end was cut off',
      headOf,
    )
    .option('--json', 'print { ok, rows, segments, head, problems, more, notes }');
  add('tail', tail)
    .description('print the last rows')
    .option('-n, --rows <n>', 'number of rows', countOf(0, 100_000), 20)
    .option('-f, --follow', 'go on with new rows, until it is stopped')
    .option('--json', 'print rows as they are in the log');
  const format = audit.createOption('--format <format>', 'the rows as they are, or a table');
  add('export', exportRows)
    .description('write rows for other programs')
    .option('--since <time>', 'rows from 2026-11-21 or 2026-11-21T10:00:00Z on; UTC without a zone', timeOf)
    .option('--until <time>', 'rows before this time', timeOf)
    .addOption(format.choices(['jsonl', 'csv']).default('jsonl'))
    .option('--out <file>', 'a new file instead of standard output');
}

/**
 * `audit verify`: checks that the log is as the bridge wrote it. With `--json`: `{ ok, rows, segments, head, problems:
 * [{ file, line, message }], more, notes: […] }`; `head` is `SEQ:HASH` or null, `more` counts the problems beyond a hundred,
 * a `line` of 0 means the file as a whole.
 */
function verify({ folder, keys, options, terminal }: AuditCommand): void {
  const { out, err } = terminal;
  const verified = verifyLog({ folder, keys, reported: options.head });
  const { rows, segments, problems, more, notes } = verified;
  const ok = problems.length === 0;
  const head = verified.head === undefined ? null : `${verified.head.seq}:${verified.head.hash}`;
  if (!ok) terminal.exitCode = 1;
  if (options.json) {
    out.write(`${printableJson({ ok, rows, segments, head, problems, more, notes })}\n`);
    return;
  }
  for (const note of notes) err.write(`note: ${lineOf(note)}`);
  for (const problem of problems) out.write(lineOf(problem));
  if (more > 0) out.write(`and ${plural(more, 'problem')} more\n`);
  const result = ok ? 'ok' : plural(problems.length + more, 'problem');
  const read = `${plural(rows, 'row')} in ${plural(segments, 'segment')}`;
  out.write(`${result}, ${read}${head === null ? '' : `, head ${head}`}\n`);
}

function headOf(text: string): Head {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new InvalidArgumentError('Write SEQ:HASH as the bridge has logged it');
  }
  return { seq: Number(seq), hash: hash.toLowerCase() };
}

/** A message can quote text that somebody wrote into a file. */
function lineOf({ file, line, message }: Remark): string {
  return `${oneLine(file, 80)}${line > 0 ? `:${line}` : ''}: ${oneLine(message, 200)}\n`;
}

/** `audit tail`: the last rows, a line each. `--follow` goes on until it is stopped or its reader is gone. */
async function tail({ folder, options, terminal: { out, sleep } }: AuditCommand): Promise<void> {
  const { rows: count, follow, json } = options;
  const print = (row: SealedRow) => out.write(json ? `${row.line}\n` : textOf(row));
  const follower = new Follower(folder);
  for (const row of follower.last(count)) print(row);
  while (follow && out.writable) {
    for (const row of follower.next()) print(row);
    await sleep(POLL_MS);
  }
}

/** Fields of a decision that `tail` prints, and fields of other rows that it leaves out. */
const PRINTED = [
  ...['by', 'reason_code', 'rules', 'team', 'key', 'user', 'model', 'caller_rule', 'would_block'],
  ...['would_redact', 'removed', 'ref', 'litellm_call_id'],
];
const OMITTED = new Set(['seq', 'at', 'event_type', 'prev', 'hash', 'version']);

function textOf({ at, seq, event_type, fields }: SealedRow): string {
  const isDecision = event_type === 'decision';
  const { shape, input_type } = fields;
  const subject = shape === 'mcp_tool' || shape === 'mcp_result' ? shape : input_type;
  const title = isDecision ? `${fields.verdict ?? 'defer'} ${subject}` : event_type;
  const cells = (isDecision ? PRINTED : Object.keys(fields)).flatMap((name) => {
    const value = fields[name];
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
    return text === '' || OMITTED.has(name) ? [] : `${oneLine(name, 40)}=${oneLine(text, 80)}`;
  });
  return `${[oneLine(at, 30), seq, oneLine(title, 40), ...cells].join('  ')}\n`;
}

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

/**
 * `audit export`: rows in order, including those about the log itself. As `jsonl` they stay as they are, so that their
 * hashes can still be checked; as `csv` no cell is a formula to a spreadsheet.
 */
async function exportRows({ folder, options, terminal }: AuditCommand): Promise<void> {
  const { format, out } = options;
  // Throws before anything is written if there is no log
  listSegments(folder);
  let exported = 0;
  function* lines(): Iterable<string> {
    if (format === 'csv') yield csvLine([...COLUMNS, 'detail', 'prev', 'hash']);
    for (const row of readRows(folder, options)) {
      exported++;
      yield format === 'csv' ? csvLine(cellsOf(row)) : `${row.line}\n`;
    }
  }
  await writeLines(lines(), out, terminal);
  if (out !== undefined) terminal.out.write(`${plural(exported, 'row')} in ${out}\n`);
}

function cellsOf({ fields, event_type, prev, hash }: SealedRow): readonly unknown[] {
  const others = Object.entries(fields).filter(([name]) => name !== 'prev' && !COLUMNS.includes(name));
  const detail = event_type === 'decision' ? '' : JSON.stringify(Object.fromEntries(others));
  return [...COLUMNS.map((name) => fields[name]), detail, prev, hash];
}

const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** A time without a zone is in UTC, as in the rows. */
function timeOf(text: string): number {
  const [match, zone] = TIME.exec(text) ?? [];
  const at = Date.parse(match?.includes('T') && zone === undefined ? `${match}Z` : (match ?? ''));
  if (Number.isNaN(at)) throw new InvalidArgumentError('Write a time like 2026-11-21T10:00:00Z');
  return at;
}

function explained(error: unknown, dir: string): unknown {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  const isMissing = code === 'ENOENT' && syscall === 'scandir';
  if (!isMissing && code !== 'EACCES' && code !== 'EPERM') return error;
  const problem = isMissing
    ? `there is no audit log in DATA_DIR (${dir}); set DATA_DIR as the bridge has it`
    : `the audit log in DATA_DIR (${dir}) cannot be read (${code}): this user may not`;
  return new Error(problem, { cause: error });
}
