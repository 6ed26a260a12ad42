import { text as textOfStream } from 'node:stream/consumers';
import { inputOf } from './golden.ts';
import { callsOf } from './golden-call.ts';
import { createJudge, readPolicy } from './policy-engine.ts';
import { POLICY_HELP } from './policy-help.ts';
import { printableJson } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseOptions, UsageError } from './usage.ts';

/**
 * `guardrail-bridge check --policy FILE TEXT`: what a policy file makes of a text. With `--json`: `{ verdict, policy,
 * reason_code, rules: […], text, observed: [{ policy, verdict, rules }] }`; `policy` is null if none acted.
 *
 * @param input read where the text is `-`
 * @throws UsageError, PolicyFileError, or an Error that an operator can read
 */
export async function checkText(
  args: readonly string[],
  { out }: Terminal,
  input: NodeJS.ReadableStream = process.stdin,
): Promise<number> {
  const { values, words } = parseOptions(args, {
    policy: { type: 'string' },
    answer: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    out.write(POLICY_HELP);
    return 0;
  }
  const [word, unexpected] = words;
  if (values.policy === undefined) throw new UsageError('check needs --policy FILE');
  if (word === undefined) throw new UsageError('check needs a text, or - for standard input');
  if (unexpected !== undefined) throw new UsageError('check takes one text; put it into quotes');
  const judge = createJudge(readPolicy(values.policy));
  const content = word === '-' ? await textOfStream(input) : word;
  const said = values.answer ? { upstream_response: content } : { messages: [{ role: 'user', content }] };
  const judged = await judge(callsOf(inputOf(said), 'check'));
  const { verdict, policy, reasonCode, rules, texts, observed } = judged;
  const isRewritten = verdict === 'redact' && texts[0] !== undefined;
  if (values.json) {
    const text = isRewritten ? texts[0] : null;
    const all = { verdict, policy: policy ?? null, reason_code: reasonCode, rules, text, observed };
    out.write(`${printableJson(all)}\n`);
    return 0;
  }
  out.write(
    `${verdict}${policy === undefined ? '' : ` by ${policy}: ${reasonCode} (${rules.join(', ')})`}\n`,
  );
  for (const { policy: kind, verdict: would, rules: found } of observed) {
    out.write(`${kind} only observes, it would ${would} (${found.join(', ')})\n`);
  }
  if (isRewritten) out.write(`${texts[0]}\n`);
  return 0;
}
