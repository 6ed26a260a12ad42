import * as v from 'valibot';
import { UNREACHABLE_FALLBACKS } from '../../guardrail/failure.ts';
import { globMistake } from '../glob.ts';
import { KEY_HASH, keyHashMistake, NO_KEY_HASH } from '../names.ts';
import { checkChosen } from './chosen-criteria.ts';
import { ENFORCEMENT, readEnforcement } from './enforcement.ts';
import { unknownName } from './nearest.ts';
import { type Asking, askingOf, checkQuorum, ORCHESTRATION } from './orchestration.ts';
import type { CallerRule, Enforcement, RuleMatch } from './policy-file.ts';
import type { Path } from './problems.ts';
import { RECORDS, type ReceiverNames, readReceivers, warnOfUntold } from './record-receivers.ts';
import type { FileReport } from './report.ts';

/** One value or a list of some. */
const oneOrMore = <S extends v.GenericSchema>(item: S) =>
  v.pipe(
    v.union([item, v.pipe(v.array(item), v.minLength(1))]),
    v.transform((value) => [value].flat() as v.InferOutput<S>[]),
  );
const globsOf = (item: v.GenericSchema<string>) =>
  v.pipe(
    oneOrMore(item),
    v.rawCheck(({ dataset, addIssue }) => {
      for (const message of dataset.typed
        ? dataset.value.flatMap((pattern) => globMistake(pattern) ?? [])
        : [])
        addIssue({ message });
    }),
  );
const text = v.pipe(v.string(), v.minLength(1));
const patterns = globsOf(text);
/** The beginning of a hash, or none of it. */
const ANY_KEY = /^(?:[0-9a-fA-F]{8,63})?\*$/;
const keys = globsOf(
  v.pipe(
    text,
    v.metadata({ pattern: `${ANY_KEY.source}|${KEY_HASH.source}`, patternErrorMessage: NO_KEY_HASH }),
  ),
);
const texts = v.array(v.string());

const Match = v.pipe(
  v.strictObject({
    team: v.pipe(v.exactOptional(patterns), v.description('Ids or aliases of teams.')),
    key: v.pipe(
      v.exactOptional(keys),
      v.description('Hashes of virtual keys, or their first 8 digits or more with a star.'),
    ),
    key_alias: v.pipe(
      v.optional(patterns),
      v.description('Aliases of virtual keys: whoever makes a key chooses its alias.'),
    ),
    user: v.pipe(v.exactOptional(patterns), v.description('User ids or e-mail addresses.')),
    end_user: v.pipe(v.optional(patterns), v.description('What the client says of itself.')),
    model: v.pipe(v.exactOptional(patterns), v.description('Models that the request asks for.')),
    input_type: v.pipe(
      v.optional(oneOrMore(v.picklist(['request', 'response']))),
      v.description('Requests, responses, or both.'),
    ),
    header: v.pipe(
      v.optional(v.pipe(v.record(v.string(), patterns), v.minEntries(1, 'must name a header'))),
      v.description('Values by the name of the header: what the client sends.'),
    ),
  }),
  v.minEntries(1, 'must name somebody; a rule without match is for everybody'),
);

/** Each call is held against them one by one. */
const MAX_RULES = 1000;
const NAME = /^[a-z0-9]{1,64}(?:-[a-z0-9]{1,64}){0,16}$/;

/** An entry of `rules:`. */
export const RuleForm = v.strictObject({
  name: v.pipe(
    v.string(),
    v.maxLength(64),
    v.regex(NAME, 'must be in kebab-case, such as payments-team'),
    v.description('Name of the rule in logs and metrics, in kebab-case.'),
  ),
  match: v.pipe(
    v.optional(Match),
    v.description('The calls that it is for: all that stands here must match. Without it everybody.'),
  ),
  chain: v.pipe(v.optional(texts), v.description('Policies in place of the common chain, by kind.')),
  backends: v.pipe(
    v.optional(texts),
    v.description('Vendors to ask, by name and in this order; `[]` for none.'),
  ),
  records: v.pipe(
    v.optional(RECORDS),
    v.description('Backends that get the records of such calls, by name, or `none`.'),
  ),
  unreachable_fallback: v.pipe(
    v.optional(v.picklist(UNREACHABLE_FALLBACKS)),
    v.description(
      'The fate of a call for which a vendor gives no verdict, in place of those of its vendors.',
    ),
  ),
  caller_may_skip: v.pipe(
    v.optional(texts, []),
    v.description('Policies that the caller may switch off by a header, by kind.'),
  ),
  trusted: v.pipe(
    v.optional(v.boolean(), false),
    v.description(
      "The operator's word that no client can choose the key aliases, end users and headers that are matched.",
    ),
  ),
  ...ORCHESTRATION,
  ...ENFORCEMENT,
});

/** Facts that the reader of a rule needs. */
export type RuleContext = ReceiverNames & {
  /** Unix milliseconds. */
  readonly now: number;
  /** True for one whose verdicts do not count under the mode of a rule. */
  isSilent(name: string, mode: Enforcement['mode'] | undefined): boolean;
  /** The kinds that judge a call to which no rule applies. */
  readonly commonChain: readonly string[];
  /** How the vendors are asked about it. */
  readonly commonAsking: Asking;
  /** The kinds of a list that can be judged; says which are not known. */
  chain(kinds: readonly string[], path: Path): string[];
};

/** The entries of `rules:`, first to last. */
export function readCallerRules(value: unknown, report: FileReport, context: RuleContext): CallerRule[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  if (value !== undefined && !Array.isArray(value)) report.fail(['rules'], 'must be a list');
  if (list.length > MAX_RULES) {
    report.fail(['rules'], `must have at most ${MAX_RULES} entries`);
    return [];
  }
  const names = new Set<string>();
  const trusted = new Set<CallerRule>();
  const rules = list.flatMap((entry, index) => {
    const path = ['rules', index];
    const read = report.shaped(RuleForm, entry, path);
    if (read === undefined) return [];
    if (names.has(read.name)) report.fail([...path, 'name'], `"${read.name}" is the name of an earlier rule`);
    names.add(read.name);
    const rule = callerRule(read, path, report, context);
    if (read.trusted) trusted.add(rule);
    return rule;
  });
  for (const [index, rule] of rules.entries()) {
    const first = rules.slice(0, index).find((other) => covers(other.match, rule.match));
    if (first !== undefined)
      report.warn(['rules', index], `never applies: ${first.name} before it matches every such call`);
    if (!trusted.has(rule)) checkChosen(rule, rules.slice(index + 1), ['rules', index], report, context);
  }
  return rules;
}

function callerRule(
  rule: v.InferOutput<typeof RuleForm>,
  path: Path,
  report: FileReport,
  context: RuleContext,
): CallerRule {
  const { backends, isSilent, commonAsking, chain, now } = context;
  const enforcement = readEnforcement(rule, path, report, now);
  const match = matchOf(rule.match ?? {});
  const records = rule.records && readReceivers(rule.records, [...path, 'records'], report, context);
  if (records !== undefined) warnOfUntold(match, records, path, report);
  for (const [index, name] of (rule.backends ?? []).entries()) {
    if (backends === undefined || backends.includes(name)) continue;
    report.fail([...path, 'backends', index], unknownName(name, 'is no backend', backends));
  }
  for (const [index, key] of (rule.match?.key ?? []).entries()) {
    const mistake = ANY_KEY.test(key) ? undefined : keyHashMistake(key, 'key_alias');
    if (mistake !== undefined) report.fail([...path, 'match', 'key', index], mistake);
  }
  const made: CallerRule = {
    name: rule.name,
    match,
    ...(rule.chain !== undefined && { chain: chain(rule.chain, [...path, 'chain']) }),
    ...(rule.backends !== undefined && { backends: [...new Set(rule.backends)] }),
    ...(records !== undefined && { records }),
    ...(enforcement !== undefined && { enforcement }),
    ...(rule.unreachable_fallback !== undefined && { unreachableFallback: rule.unreachable_fallback }),
    ...(rule.orchestration !== undefined && { orchestration: rule.orchestration }),
    ...(rule.on_error !== undefined && { onError: rule.on_error }),
    callerMaySkip: chain(rule.caller_may_skip, [...path, 'caller_may_skip']),
  };
  const asked = made.backends ?? backends;
  const voters = asked?.filter((name) => !isSilent(name, enforcement?.mode));
  const isOwn = rule.orchestration !== undefined;
  // Without either the quorum of the file was held against all
  if (rule.backends?.length !== 0 && (isOwn || rule.backends !== undefined)) {
    const at = [...path, isOwn ? 'orchestration' : 'backends'];
    checkQuorum(askingOf(made, commonAsking), at, voters, report);
  }
  return made;
}

function matchOf({
  key_alias,
  end_user,
  input_type,
  header,
  ...same
}: v.InferOutput<typeof Match>): RuleMatch {
  const headers = Object.entries(header ?? {}).map(([name, list]) => [name.toLowerCase(), list] as const);
  return {
    ...same,
    ...(key_alias !== undefined && { keyAlias: key_alias }),
    ...(end_user !== undefined && { endUser: end_user }),
    ...(input_type !== undefined && { inputType: input_type }),
    ...(headers.length > 0 && { headers: new Map(headers) }),
  };
}

/** True if the first certainly matches every call that the second does. */
function covers(first: RuleMatch, second: RuleMatch): boolean {
  const wanted = patternsByField(second);
  return [...patternsByField(first)].every(([field, known]) =>
    wanted.get(field)?.every((pattern) => known.includes(pattern) || known.includes('*')),
  );
}

function patternsByField({ headers, ...fields }: RuleMatch): Map<string, readonly string[]> {
  const named = [...(headers ?? [])].map(([name, list]) => [`header ${name}`, list] as const);
  return new Map([...Object.entries(fields), ...named]);
}
