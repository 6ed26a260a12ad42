import type { Finding } from '../audit/findings.ts';
import { verifyLog } from '../audit/verify.ts';
import type { AuditSource } from './audit-source.ts';
import { many, oneLine, printableJson } from './table.ts';
import type { Terminal } from './terminal.ts';
import { noWords, parseOptions, UsageError } from './usage.ts';

/**
 * `audit verify`: whether the log is as the bridge wrote it; the exit code is 1 if not. With `--json`: `{ ok, rows,
 * segments, head, problems: [{ file, line, message }], more, notes: […] }`; `head` is `SEQ:HASH` or null, `more` the
 * problems beyond a hundred, a `line` of 0 means the file as a whole.
 */
export async function verify(
  args: readonly string[],
  { folder, keys }: AuditSource,
  { out, err }: Terminal,
): Promise<number> {
  const { values, words } = parseOptions(args, { head: { type: 'string' }, json: { type: 'boolean' } });
  noWords(words);
  const { rows, segments, head, problems, more, notes } = await verifyLog({
    folder,
    keys,
    told: values.head === undefined ? undefined : headOf(values.head),
  });
  const ok = problems.length === 0;
  const end = head === undefined ? null : `${head.seq}:${head.hash}`;
  if (values.json) {
    out.write(`${printableJson({ ok, rows, segments, head: end, problems, more, notes })}\n`);
    return ok ? 0 : 1;
  }
  for (const note of notes) err.write(`note: ${lineOf(note)}`);
  for (const problem of problems) out.write(lineOf(problem));
  if (more > 0) out.write(`and ${many(more, 'problem')} more\n`);
  const found = ok ? 'ok' : many(problems.length + more, 'problem');
  const read = `${many(rows, 'row')} in ${many(segments, 'segment')}`;
  out.write(`${found}, ${read}${end === null ? '' : `, head ${end}`}\n`);
  return ok ? 0 : 1;
}

function headOf(text: string) {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new UsageError('--head: write SEQ:HASH as the bridge has logged it');
  }
  return { seq: Number(seq), hash: hash.toLowerCase() };
}

/** A message can quote what somebody wrote into a file. */
function lineOf({ file, line, message }: Finding): string {
  return `${oneLine(file, 80)}${line > 0 ? `:${line}` : ''}: ${oneLine(message, 200)}\n`;
}
