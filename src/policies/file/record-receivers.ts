import * as v from 'valibot';
import { quoted, unknownName } from './nearest.ts';
import type { RuleMatch } from './policy-file.ts';
import type { Path } from './problems.ts';
import type { FileReport } from './report.ts';

/** The key `records` of a rule. */
export const RECORDS = v.union(
  [
    v.literal('none'),
    v.pipe(
      v.array(v.string()),
      v.minLength(1, 'must not be empty; write none where no record is to be kept'),
    ),
  ],
  'must be none, or a list of backends that take records',
);

/** Names that a rule can put into `records`; undefined where any will do. */
export type ReceiverNames = {
  readonly backends: readonly string[] | undefined;
  /** Those that take records. */
  readonly recording: readonly string[] | undefined;
};

/** The backends that `records` names, without any for `none`. */
export function readReceivers(
  records: v.InferOutput<typeof RECORDS>,
  path: Path,
  report: FileReport,
  { backends = [], recording }: ReceiverNames,
): readonly string[] {
  if (records === 'none') return [];
  for (const [index, name] of records.entries()) {
    if (recording === undefined || recording.includes(name)) continue;
    const known = recording.length > 0 ? `; those that do: ${recording.join(', ')}` : '';
    const message = backends.includes(name)
      ? quoted(name, `takes no records${known}`)
      : name === 'none'
        ? 'is no backend; write records: none'
        : unknownName(name, 'is no backend', recording);
    report.fail([...path, index], message);
  }
  return records;
}

/** Warns of criteria that LiteLLM's log does not always tell, of a rule that says where records go. */
export function warnOfUntold(
  match: RuleMatch,
  records: readonly string[],
  path: Path,
  report: FileReport,
): void {
  const instead =
    records.length === 0
      ? 'no record is kept'
      : 'records go only to backends that get them by the rules below too';
  if (match.inputType !== undefined)
    report.warn(
      [...path, 'match', 'input_type'],
      `no record tells it, being about request and response: ${instead}`,
    );
  if (match.headers !== undefined)
    report.warn(
      [...path, 'match', 'header'],
      `LiteLLM does not log every header: where it does not, ${instead}`,
    );
  if (match.model !== undefined)
    report.warn(
      [...path, 'match', 'model'],
      'LiteLLM logs what a fallback answers under the model of the fallback: name that too',
    );
}
