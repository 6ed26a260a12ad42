import { type Command, InvalidArgumentError } from 'commander';
import { callsOf } from '../answers/golden-calls.ts';
import { type GoldenCase, readCases } from '../answers/golden-cases.ts';
import { createCallJudge, type Judged, readPolicy, readText } from '../answers/policy-engine.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import { oneLine, plural, printableJson } from './output.ts';
import { addPolicyReplay } from './policy-replay.ts';
import { addPolicyStart } from './policy-start.ts';
import type { Terminal } from './terminal.ts';
import { textDifference } from './text-difference.ts';

const ABOUT = `
It needs no bridge and asks no backend. A policy that only observes changes no
verdict.`;

/** Adds `policy` and its commands. */
export function addPolicy(program: Command, terminal: Terminal): void {
  const policy = program.command('policy').description('begin, check and test a policy file');
  policy.addHelpText('after', ABOUT);
  addPolicyStart(policy, terminal);
  policy
    .command('lint')
    .description('list every mistake of a policy file with its line; ends with 1 if there is one')
    .argument('[file]', 'a policy file, YAML or JSON, as POLICY_FILE names it')
    .option('--file <file>', 'the same')
    .option('--json', 'print { ok, version, problems, warnings }')
    .action((file: string | undefined, options: { file?: string; json?: boolean }) => {
      const path = file ?? options.file;
      if (path === undefined) throw new InvalidArgumentError('policy lint needs a FILE');
      lint(path, options.json ?? false, terminal);
    });
  policy
    .command('test')
    .description('judge golden cases by a policy file; ends with 1 if one comes out otherwise')
    .argument('<file>', 'a policy file')
    .argument('<cases>', 'a file of cases: calls, and the verdict and reason expected of each')
    .option('--json', 'print { ok, results: [{ name, verdict, reason_code, passed, details }] }')
    .action((file: string, cases: string, { json = false }: { json?: boolean }) =>
      testPolicy(file, cases, json, terminal),
    );
  addPolicyReplay(policy, terminal);
}

function lint(path: string, json: boolean, terminal: Terminal): void {
  const { out, err } = terminal;
  try {
    const { version, name, chain, rules, warnings } = readPolicy(path, terminal.env());
    if (json) {
      out.write(`${JSON.stringify({ ok: true, version, problems: [], warnings })}\n`);
      return;
    }
    for (const warning of warnings) err.write(`warning: ${warning}\n`);
    out.write(`${name} (version ${version}): ${chain.join(', ') || 'no policy'}; `);
    out.write(`${plural(rules.length, 'rule')} by caller\nThe policy file can be used.\n`);
  } catch (error) {
    if (!(error instanceof PolicyFileError) || !json) throw error;
    const { problems } = error;
    out.write(`${JSON.stringify({ ok: false, version: null, problems, warnings: [] })}\n`);
    terminal.exitCode = 1;
  }
}

/** The result of a golden case, and each way in which it is not the expected one. */
export type CaseResult = {
  readonly golden: GoldenCase;
  readonly judged: Judged;
  readonly differences: readonly string[];
};

async function testPolicy(path: string, casesPath: string, json: boolean, terminal: Terminal): Promise<void> {
  const { out, err } = terminal;
  const results = await runCases(path, readCases(readText(casesPath)));
  const failed = results.filter(({ differences }) => differences.length > 0).length;
  if (failed > 0) terminal.exitCode = 1;
  if (json) {
    out.write(`${printableJson({ ok: failed === 0, results: results.map(resultJson) })}\n`);
    return;
  }
  for (const { golden, judged, differences } of results) {
    const name = oneLine(golden.name, 200);
    if (differences.length === 0) out.write(`ok    ${name}: ${judged.verdict}\n`);
    else err.write(`FAIL  ${name}: ${differences.join(', ')}\n`);
  }
  out.write(`${plural(results.length, 'case')}, ${failed} failed\n`);
}

/** Judges golden cases by a policy file. @throws PolicyFileError */
export async function runCases(policyPath: string, cases: readonly GoldenCase[]): Promise<CaseResult[]> {
  const judge = createCallJudge(readPolicy(policyPath));
  const results: CaseResult[] = [];
  for (const [index, golden] of cases.entries()) {
    const judged = await judge(callsOf(golden.input, `case-${index + 1}`));
    results.push({ golden, judged, differences: differencesOf(golden.expected, judged) });
  }
  return results;
}

function differencesOf({ verdict, reason_code, rule, text }: GoldenCase['expected'], judged: Judged) {
  const differences: string[] = [];
  if (verdict !== judged.verdict) {
    const why = [judged.reason_code, ...judged.rules].join(' ');
    differences.push(`expected ${verdict}, got ${judged.verdict} (${why})`);
  } else if (reason_code && normalCode(reason_code) !== normalCode(judged.reason_code)) {
    differences.push(`expected the reason ${oneLine(reason_code, 64)}, got ${judged.reason_code}`);
  }
  if (rule && !judged.rules.includes(rule)) {
    differences.push(`expected the rule ${oneLine(rule, 64)}, got ${judged.rules.join(' ') || 'none'}`);
  }
  if (text !== undefined && text !== null && !judged.texts.includes(text)) {
    differences.push(textDifference(text, judged.texts));
  }
  return differences;
}

/** Reason codes are written both ways: `pii.detected`, `pii_detected`. */
const normalCode = (code: string) => code.replaceAll('.', '_');

/** A result as `kt policy test --json` prints it. */
function resultJson({ golden, judged, differences }: CaseResult) {
  const { verdict, reason_code, policy, rules, observed } = judged;
  const enforced = policy === null ? [] : [{ policy, verdict, rules, enforced: true }];
  return {
    name: golden.name,
    verdict,
    reason_code,
    passed: differences.length === 0,
    details: {
      policy_results: [...enforced, ...observed.map((one) => ({ ...one, enforced: false }))],
      quality_scores: {},
      ...(differences.length > 0 && { differences }),
    },
  };
}
