import * as v from 'valibot';
import { fieldsOf } from '../guardrail/call.ts';
import { readDocument } from '../policies/file/document.ts';
import { createNotes, keyOf, type Path } from '../policies/file/problems.ts';
import { shaped } from '../policies/file/shape.ts';
import { filledIn } from './placeholders.ts';

const row = v.record(v.string(), v.unknown());
const rows = v.nullish(v.array(row), []);
const text = v.nullish(v.string());

/** What a request or an answer says beside its texts. */
const Request = v.looseObject({
  model: text,
  messages: rows,
  tools: rows,
  tool_calls: rows,
  max_tokens: v.nullish(v.number()),
  max_completion_tokens: v.nullish(v.number()),
});
const Answer = v.union([v.string(), v.looseObject({ content: text, tool_calls: rows, model: text })]);

const Input = v.strictObject({
  messages: rows,
  headers: v.nullish(v.record(v.string(), v.string()), {}),
  request: v.nullish(Request, {}),
  upstream_response: v.nullish(Answer),
  /** What LiteLLM knows of the caller; ours. */
  identity: v.nullish(
    v.strictObject({
      team: text,
      team_id: text,
      key_alias: text,
      key_hash: text,
      user_id: text,
      email: text,
      end_user: text,
      org: text,
    }),
    {},
  ),
  proxy_name: text,
  team_slugs: v.nullish(v.array(v.string()), []),
});

const Case = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1)),
  input: Input,
  expected: v.strictObject({
    verdict: v.picklist(['allow', 'block', 'redact']),
    reason_code: text,
    /** The id of a rule that must be among those that matched; ours. */
    rule: text,
    /** A text of the call as it reads in the end; ours. */
    text,
  }),
});

/** A call and what shall come of it, as `kt policy test` has them. */
export type GoldenCase = v.InferOutput<typeof Case>;
export type GoldenInput = GoldenCase['input'];

/** An input that says only this. */
export function inputOf(fields: v.InferInput<typeof Input>): GoldenInput {
  return v.parse(Input, fields);
}

/**
 * Reads golden cases, YAML or JSON: a list, `{cases: [...]}`, or one alone. Placeholders are filled, see `filled`.
 *
 * @throws Error naming every mistake with its line
 * @see https://docs.keeptrusts.com/ for `kt policy test`; `identity`, `rule` and `text` are ours
 */
export function readCases(file: string): GoldenCase[] {
  const problems = createNotes();
  const document = readDocument(file, problems);
  const cases = entriesOf(document?.value).flatMap(({ path, value }) => {
    const read = shaped(Case, filledIn(value));
    for (const mistake of read.mistakes ?? []) {
      const at = [...path, ...mistake.path];
      problems.add(document?.lineOf(at), keyOf(at), mistake.message);
    }
    return 'value' in read ? [read.value] : [];
  });
  if (problems.isEmpty && cases.length === 0) problems.add(undefined, '', 'there are none');
  if (problems.isEmpty) return cases;
  const lines = problems.list().map((problem) => `  ${problem}`);
  throw new Error(`the cases cannot be used:\n${lines.join('\n')}`);
}

function entriesOf(value: unknown): { readonly path: Path; readonly value: unknown }[] {
  if (value === undefined) return [];
  const { cases } = fieldsOf(value);
  const [path, list] = Array.isArray(value) ? [[], value] : [['cases'], cases];
  if (!Array.isArray(list)) return [{ path: [], value }];
  return list.map((entry, index) => ({ path: [...path, index], value: entry as unknown }));
}
