import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { fieldsOf } from '../guardrail/call.ts';
import { readDocument } from '../policies/file/document.ts';
import { FileMessages, type Path, pathText } from '../policies/file/problems.ts';
import { shaped } from '../policies/file/shape.ts';

const row = v.record(v.string(), v.unknown());
const rows = v.nullish(v.array(row), []);
const text = v.nullish(v.string());

/** The caller as LiteLLM knows it: our names for its fields `user_api_key_…`. */
export const IDENTITY: Readonly<Record<string, string>> = {
  team: 'team_alias',
  team_id: 'team_id',
  key_alias: 'alias',
  key_hash: 'hash',
  user_id: 'user_id',
  email: 'user_email',
  end_user: 'end_user_id',
  org: 'org_id',
};

const Input = v.strictObject({
  messages: rows,
  headers: v.nullish(v.record(v.string(), v.string()), {}),
  request: v.nullish(
    v.looseObject({
      model: text,
      messages: rows,
      tools: rows,
      tool_calls: rows,
      max_tokens: v.nullish(v.number()),
      max_completion_tokens: v.nullish(v.number()),
    }),
    {},
  ),
  /** A call of an MCP tool through LiteLLM, in place of a conversation; ours. */
  mcp_tool: v.optional(
    v.strictObject({
      name: v.string(),
      description: text,
      /** The JSON schema of its arguments. */
      parameters: v.nullish(row),
      arguments: v.nullish(row, {}),
    }),
  ),
  upstream_response: v.nullish(
    v.union([v.string(), v.looseObject({ content: text, tool_calls: rows, model: text })]),
  ),
  identity: v.nullish(v.strictObject(v.entriesFromList(Object.keys(IDENTITY), text)), {}),
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
    /** A text of the call after redaction; ours. */
    text,
  }),
});

/** A call and the result expected of it, in the form of `kt policy test`. */
export type GoldenCase = v.InferOutput<typeof Case>;
export type GoldenInput = GoldenCase['input'];

/** An input with these fields and defaults for all others. */
export function inputOf(fields: v.InferInput<typeof Input>): GoldenInput {
  return v.parse(Input, fields);
}

/**
 * Reads golden cases, YAML or JSON: a list, `{cases: [...]}`, or one case. Placeholders are filled, see {@link filled}.
 *
 * @throws Error naming every mistake with its line
 * @see https://docs.keeptrusts.com/ for `kt policy test`; `identity`, `mcp_tool`, `rule` and `text` are ours
 */
export function readCases(file: string): GoldenCase[] {
  const problems = new FileMessages();
  const document = readDocument(filled(file), problems);
  const cases = entriesOf(document?.value).flatMap(({ path, value }) => {
    const read = shaped(Case, value);
    for (const mistake of read.mistakes ?? []) {
      const at = [...path, ...mistake.path];
      problems.add(document?.lineOf(at), pathText(at), mistake.message);
    }
    return 'value' in read ? [read.value] : [];
  });
  if (problems.isEmpty && cases.length === 0)
    problems.add(undefined, '', 'there are none: the file has no entry under cases');
  if (problems.isEmpty) return cases;
  const lines = problems.list().map((problem) => `  ${problem}`);
  throw new Error(`the cases cannot be used:\n${lines.join('\n')}`);
}

function entriesOf(value: unknown): { readonly path: Path; readonly value: unknown }[] {
  if (value === undefined || value === null) return [];
  const { cases } = fieldsOf(value);
  const [path, list] = Array.isArray(value) ? [[], value] : [['cases'], cases];
  if (!Array.isArray(list)) return [{ path: [], value }];
  return list.map((entry, index) => ({ path: [...path, index], value: entry as unknown }));
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const ALNUM = LOWER.toUpperCase() + LOWER + DIGITS;
const LETTERS: Readonly<Record<string, string>> = {
  hex: `${DIGITS}abcdef`,
  alnum: ALNUM,
  upper: LOWER.toUpperCase() + DIGITS,
  lower: LOWER + DIGITS,
  digits: DIGITS,
  base64: `${ALNUM}+/`,
};

const PLACEHOLDER = /\{\{(hex|alnum|upper|lower|digits|base64) (\d{1,4})\}\}/g;

/**
 * Fills `{{hex 32}}`, `{{alnum 36}}`, `{{upper 16}}` (capitals and digits), `{{lower 20}}` (small letters and digits),
 * `{{digits 12}}` and `{{base64 86}}`, so that a file of cases holds nothing that looks like a secret. The letters look
 * random and are always the same: bytes of a hash of their alphabet choose them.
 */
export function filled(text: string): string {
  return text.replace(PLACEHOLDER, (_, kind: string, count: string) => {
    const letters = LETTERS[kind] ?? '';
    const bytes = createHash('shake256', { outputLength: Number(count) })
      .update(letters)
      .digest();
    return Array.from(bytes, (byte) => letters[byte % letters.length]).join('');
  });
}
