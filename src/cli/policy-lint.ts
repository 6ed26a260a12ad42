import { PolicyFileError } from '../policies/file/problems.ts';
import { readPolicy } from './policy-engine.ts';
import type { Terminal } from './terminal.ts';
import { parseOptions, UsageError } from './usage.ts';

/**
 * `policy lint FILE`: whether a policy file can be used. What is wrong goes to standard error, and then the exit code is 1.
 * With `--json`: `{ ok, version, problems: […], warnings: […] }`.
 */
export function lint(args: readonly string[], { out, err }: Terminal): number {
  const { values, words } = parseOptions(args, { json: { type: 'boolean' }, file: { type: 'string' } });
  const [path = values.file, unexpected] = words;
  if (path === undefined) throw new UsageError('policy lint needs a FILE');
  if (unexpected !== undefined) throw new UsageError(`unexpected argument ${unexpected}`);
  try {
    const { version, name, chain, rules, warnings } = readPolicy(path);
    if (values.json) {
      out.write(`${JSON.stringify({ ok: true, version, problems: [], warnings })}\n`);
      return 0;
    }
    for (const warning of warnings) err.write(`warning: ${warning}\n`);
    const judges = chain.length === 0 ? 'no policy' : chain.join(', ');
    out.write(`${name} (version ${version}): ${judges}; ${rules.length} rules by caller\n`);
    out.write('The policy file can be used.\n');
    return 0;
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    const { problems } = error;
    if (values.json) out.write(`${JSON.stringify({ ok: false, version: null, problems, warnings: [] })}\n`);
    else err.write(`${error.message}\n`);
    return 1;
  }
}
