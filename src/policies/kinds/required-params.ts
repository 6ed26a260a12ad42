import * as v from 'valibot';
import { textOf } from '../../guardrail/call.ts';
import { unknownName } from '../file/nearest.ts';
import { defineKind } from '../policy.ts';
import { Names } from './patterns.ts';

/** The short names and the fields of LiteLLM of which one must be known. */
const IDENTITY: Readonly<Record<string, readonly string[]>> = {
  team: ['user_api_key_team_id', 'user_api_key_team_alias'],
  key_alias: ['user_api_key_alias'],
  user: ['user_api_key_user_id'],
  end_user: ['user_api_key_end_user_id'],
  org: ['user_api_key_org_id'],
  email: ['user_api_key_user_email'],
};
const FIELDS = new Map<string, readonly string[]>([
  ...Object.entries(IDENTITY),
  ...[...Object.values(IDENTITY).flat(), 'user_api_key_hash'].map((field) => [field, [field]] as const),
]);

const options = v.strictObject({
  headers: v.pipe(
    v.optional(Names, []),
    v.description(
      'Names of headers that must be sent with a value; LiteLLM says of most that they are there, not what they say.',
    ),
  ),
  identity: v.pipe(
    v.optional(v.array(v.pipe(v.string(), v.nonEmpty(), v.metadata({ enum: [...FIELDS.keys()] }))), []),
    v.description(
      'Facts that LiteLLM must know of the caller: `team`, `key_alias`, `user`, `end_user`, `org`, `email`, or `user_api_key_*`.',
    ),
  ),
});

/** Refuses requests without a header or an identity that everybody must send; the rule is named after the missing one. */
export const requiredParams = defineKind({
  kind: 'required-params',
  judges: 'requests',
  about: 'blocks requests without a header or an identity',
  example: `
identity: [team, user]   # what LiteLLM must know of the caller
headers: [X-Trace-ID]    # what the client must send
`,
  options,
  create({ headers, identity }, context) {
    const required = identity.map((name, index) => {
      const fields = FIELDS.get(name);
      if (fields === undefined)
        context.fail(`identity[${index}]`, unknownName(name, 'is not known', FIELDS.keys()));
      return { rule: ruleOf('identity', name.replace(/^user_api_key_/, '')), fields: fields ?? [] };
    });
    return {
      check({ call, caller }) {
        if (call.input_type === 'response') return undefined;
        const missing =
          headers.find((name) => !caller.header(name)?.trim()) ??
          required.find(({ fields }) => !fields.some((field) => textOf(call.request_data[field])));
        if (missing === undefined) return undefined;
        const rule = typeof missing === 'string' ? ruleOf('header', missing) : missing.rule;
        return { rule, reasonCode: 'required_param_missing' };
      },
    };
  },
});

const ruleOf = (what: string, name: string) => `${what}-${name.toLowerCase().replace(/[^a-z0-9]/g, '-')}`;
