import { type GoldenCase, readCases } from './golden.ts';
import { callsOf } from './golden-call.ts';
import { createJudge, type Judged, readPolicy, readText } from './policy-engine.ts';
import { many, oneLine, printableJson } from './table.ts';
import type { Terminal } from './terminal.ts';
import { parseOptions, UsageError } from './usage.ts';

/** What came of a golden case, and in which ways that is not what was expected. */
export type CaseResult = {
  readonly golden: GoldenCase;
  readonly judged: Judged;
  readonly differences: readonly string[];
};

/**
 * `policy test FILE CASES`: judges golden cases, and says which come out as expected; the exit code is 1 if one does not.
 * With `--json` as `kt policy test` has it: `{ ok, results: [{ name, verdict, reason_code, passed, details }] }`.
 */
export async function testPolicy(args: readonly string[], { out, err }: Terminal): Promise<number> {
  const { values, words } = parseOptions(args, { json: { type: 'boolean' } });
  const [path, casesPath, unexpected] = words;
  if (path === undefined || casesPath === undefined) {
    throw new UsageError('policy test needs a FILE and its CASES');
  }
  if (unexpected !== undefined) throw new UsageError(`unexpected argument ${unexpected}`);
  const cases = readCases(readText(casesPath));
  const results = await runCases(path, cases);
  const failed = results.filter(({ differences }) => differences.length > 0);
  if (values.json) {
    out.write(`${printableJson({ ok: failed.length === 0, results: results.map(resultJson) })}\n`);
    return failed.length === 0 ? 0 : 1;
  }
  for (const { golden, judged, differences } of results) {
    const name = oneLine(golden.name, 200);
    if (differences.length === 0) out.write(`ok    ${name}: ${judged.verdict}\n`);
    else err.write(`FAIL  ${name}: ${differences.join(', ')}\n`);
  }
  out.write(`${many(results.length, 'case')}, ${failed.length} failed\n`);
  return failed.length === 0 ? 0 : 1;
}

/** @throws PolicyFileError */
export async function runCases(policyPath: string, cases: readonly GoldenCase[]): Promise<CaseResult[]> {
  const judge = createJudge(readPolicy(policyPath));
  const results: CaseResult[] = [];
  for (const [index, golden] of cases.entries()) {
    const judged = await judge(callsOf(golden.input, `case-${index + 1}`));
    results.push({ golden, judged, differences: differencesOf(golden.expected, judged) });
  }
  return results;
}

function differencesOf(
  { verdict, reason_code, rule, text }: GoldenCase['expected'],
  judged: Judged,
): string[] {
  const differences: string[] = [];
  if (verdict !== judged.verdict)
    differences.push(
      `expected ${verdict}, got ${judged.verdict} (${[judged.reasonCode, ...judged.rules].join(' ')})`,
    );
  else if (reason_code && flat(reason_code) !== flat(judged.reasonCode)) {
    differences.push(`expected the reason ${oneLine(reason_code, 64)}, got ${judged.reasonCode}`);
  }
  if (rule && !judged.rules.includes(rule)) {
    differences.push(`expected the rule ${oneLine(rule, 64)}, got ${judged.rules.join(' ') || 'none'}`);
  }
  if (text !== undefined && text !== null && !judged.texts.includes(text)) {
    differences.push('the text reads otherwise');
  }
  return differences;
}

/** Reason codes are written both ways: `pii.detected`, `pii_detected`. */
const flat = (code: string) => code.replaceAll('.', '_');

function resultJson({ golden, judged, differences }: CaseResult) {
  const { verdict, reasonCode, policy, rules, observed } = judged;
  const own = policy === undefined ? [] : [{ policy, verdict, rules, enforced: true }];
  return {
    name: golden.name,
    verdict,
    reason_code: reasonCode,
    passed: differences.length === 0,
    details: {
      policy_results: [...own, ...observed.map((note) => ({ ...note, enforced: false }))],
      quality_scores: {},
      ...(differences.length > 0 && { differences }),
    },
  };
}
