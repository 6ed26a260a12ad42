import { OTHER_KINDS } from './keeptrusts.ts';
import { nearest } from './nearest.ts';
import { type Path, pathText } from './problems.ts';

/** Keys at the top of a policy file. */
const TOP = ['policies', 'policy', 'rules', 'backends', 'orchestration', 'on_error', 'pack'];
/** Names that a rule matches by, for one that stands beside `match`. */
const MATCHED = ['team', 'key', 'key_alias', 'user', 'end_user', 'model', 'input_type', 'header'];

/**
 * The end of a message about a key that stands at a wrong level: `; it belongs under policies`. Undefined for one that is
 * known nowhere else.
 *
 * @param kinds of policies, whose options stand under `policy`
 */
export function placeOf(path: Path, kinds: readonly string[] = []): string | undefined {
  const key = String(path.at(-1));
  const above = pathText(path.slice(0, -1));
  const isAt = (place: string) => above === place;
  if (key === 'chain' && !isAt('policies')) return '; it belongs under policies';
  if (!isAt('') && TOP.includes(key)) return '; it belongs at the top of the file';
  if (!isAt('policy') && (kinds.includes(key) || OTHER_KINDS.has(key)) && (isAt('') || isAt('policies')))
    return `; it belongs under policy, and its name into policies.chain`;
  const matched = /^rules\[\d+\]$/.test(above) ? nearest(key, MATCHED) : undefined;
  if (matched !== undefined) return `; it belongs under match${matched === key ? '' : `, as ${matched}`}`;
  if (/^backends\[\d+\]$/.test(above) && /(?:^|_)(?:key|token|password|credential)s?$/.test(key))
    return '; a secret stands in the environment or a file: secret: {env: NAME} or {file: path}';
  return undefined;
}
