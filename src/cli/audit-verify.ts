import type { Head } from '../audit/chain.ts';
import type { Remark } from '../audit/chain-check.ts';
import { missingHead, type Verified, verifyChains } from '../audit/verify.ts';
import type { Chains } from './audit-chains.ts';
import { oneLine, plural, printableJson } from './output.ts';
import type { Terminal } from './terminal.ts';

/**
 * `audit verify`: checks that chains are as bridges wrote them. With `--json`: `{ ok, rows, segments, head, problems: [{ file,
 * line, message }], more, notes: […] }`; `head` is `SEQ:HASH` or null, `more` counts the problems beyond a hundred, a `line` of 0
 * means the file as a whole. Of several chains: `{ ok, rows, problems, chains }`, each chain as above and with `name`, `replica`,
 * `copy_of` and `unshipped`.
 */
export async function auditVerify(
  { sources, keys, isMany }: Chains,
  options: { readonly head?: readonly Head[]; readonly json?: boolean },
  terminal: Terminal,
): Promise<void> {
  const { out } = terminal;
  const { chains, missing } = await verifyChains(sources, { keys, heads: options.head });
  const results = chains.map(({ source, ...verified }) => ({ source, ...reportOf(verified) }));
  const problems = missing.map((head) => ({ file: '--head', line: 0, message: missingHead(head) }));
  const ok = problems.length === 0 && results.every((one) => one.ok);
  if (!ok) terminal.exitCode = 1;
  const rows = results.reduce((sum, one) => sum + one.rows, 0);
  if (options.json) {
    const told = results.map(({ source: { name, replica, copyOf, unshipped = null }, ...report }) => {
      return isMany ? { name, replica, copy_of: copyOf, unshipped, ...report } : report;
    });
    out.write(`${printableJson(isMany ? { ok, rows, problems, chains: told } : told[0])}\n`);
    return;
  }
  for (const { source, ...report } of results) {
    const { name, replica, unshipped = 0 } = source;
    const prefix = isMany ? `${[oneLine(name, 80), replica].filter((one) => one !== null).join(' ')}: ` : '';
    const waiting = unshipped > 0 ? `, of them ${plural(unshipped, 'row')} not in the database yet` : '';
    print(report, { prefix, waiting }, terminal);
  }
  if (!isMany) return;
  for (const problem of problems) out.write(lineOf(problem));
  const bad = problems.length + results.reduce((sum, one) => sum + one.problems.length + one.more, 0);
  out.write(
    `${ok ? 'ok' : plural(bad, 'problem')}, ${plural(rows, 'row')} in ${plural(results.length, 'chain')}\n`,
  );
}

type Report = Omit<Verified, 'head'> & { readonly ok: boolean; readonly head: string | null };

function reportOf({ rows, segments, head, problems, more, notes }: Verified): Report {
  const ok = problems.length === 0;
  return {
    ok,
    rows,
    segments,
    head: head === undefined ? null : `${head.seq}:${head.hash}`,
    problems,
    more,
    notes,
  };
}

function print(
  { ok, rows, segments, head, problems, more, notes }: Report,
  { prefix, waiting }: { readonly prefix: string; readonly waiting: string },
  { out, err }: Terminal,
): void {
  for (const note of notes) err.write(`note: ${lineOf(note)}`);
  for (const problem of problems) out.write(lineOf(problem));
  if (more > 0) out.write(`and ${plural(more, 'problem')} more\n`);
  const result = ok ? 'ok' : plural(problems.length + more, 'problem');
  const read = `${plural(rows, 'row')} in ${plural(segments, 'segment')}`;
  out.write(`${prefix}${result}, ${read}${waiting}${head === null ? '' : `, head ${head}`}\n`);
}

/** A message can quote text that somebody wrote into a file. */
function lineOf({ file, line, message }: Remark): string {
  return `${oneLine(file, 80)}${line > 0 ? `:${line}` : ''}: ${oneLine(message, 200)}\n`;
}
