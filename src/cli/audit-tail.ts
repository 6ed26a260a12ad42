import type { SealedRow } from '../audit/chain.ts';
import type { ChainSource } from '../audit/chain-source.ts';
import type { Chains } from './audit-chains.ts';
import { oneLine } from './output.ts';
import type { Terminal } from './terminal.ts';

const POLL_MS = 500;

/**
 * `audit tail`: the last rows of all chains by time, a line each. `--follow` goes on until it is stopped or its reader is gone. With
 * `--json` rows are as they are in the log; those of several chains stand as `row` beside `name` and `replica`.
 */
export async function auditTail(
  { sources, grown, isMany }: Chains,
  options: { readonly rows: number; readonly follow?: boolean; readonly json?: boolean },
  { out, sleep }: Terminal,
): Promise<void> {
  const print = ({ source, row }: Found) => {
    const { name, replica } = source;
    const json = isMany
      ? `{"name":${JSON.stringify(name)},"replica":${JSON.stringify(replica)},"row":${row.line}}`
      : row.line;
    out.write(options.json ? `${json}\n` : `${isMany ? `${oneLine(name, 40)}  ` : ''}${textOf(row)}`);
  };
  const last: Found[] = [];
  for (const source of sources)
    last.push(...(await source.last(options.rows)).map((row) => ({ source, row })));
  if (options.rows > 0) for (const found of inTime(last).slice(-options.rows)) print(found);
  while (options.follow && out.writable) {
    const next: Found[] = [];
    for (const source of await grown()) for await (const row of source.next()) next.push({ source, row });
    for (const found of inTime(next)) print(found);
    await sleep(POLL_MS);
  }
}

/** A row and its chain. */
type Found = { readonly source: ChainSource; readonly row: SealedRow };

/** Rows of one chain stay in their order, whatever their times. */
function inTime(found: readonly Found[]): readonly Found[] {
  const latest = new Map<ChainSource, string>();
  const keyed = found.map((one) => {
    const before = latest.get(one.source) ?? '';
    const at = one.row.at > before ? one.row.at : before;
    latest.set(one.source, at);
    return { one, at };
  });
  return keyed.sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? -1 : 1)).map(({ one }) => one);
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
