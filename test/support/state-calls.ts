export const MAIL = 'ada.frost@example.org';

export type StateCall = { readonly input_type: 'request' | 'response' } & Record<string, unknown>;

export const chat = (model: string, content: string, fields: object = {}): StateCall => ({
  input_type: 'request',
  ...{ model, texts: [content], structured_messages: [{ role: 'user', content }] },
  ...fields,
});
export const answer = (model: string, text: string, fields: object = {}): StateCall => ({
  input_type: 'response',
  ...{ model, texts: [text] },
  ...fields,
});
export const as = (team: string) => ({
  request_data: { user_api_key_hash: `hash of ${team}`, user_api_key_team_alias: team },
});
export const plain = { additional_provider_specific_params: { stream: false } };
export const stream = {
  additional_provider_specific_params: { streaming_transform_mode: 'incremental_diff' },
};

export type StateCase = {
  readonly name: string;
  readonly policies: object;
  /** Small calls that come before all others, each pair under an id of its own. */
  readonly before?: readonly (readonly StateCall[])[];
  readonly calls: readonly StateCall[];
  /** The actions that these calls get, or a test of them. */
  readonly actions: readonly string[] | ((actions: readonly string[]) => boolean);
  /** Texts of the last reply. */
  readonly texts?: readonly string[];
  readonly times?: number;
};

const banned = { 'banned-keywords': { keywords: ['zebra'] } };
export const byModel = {
  policies: { chain: [] },
  policy: banned,
  rules: [{ name: 'strict', match: { model: 'strict-bot' }, chain: ['banned-keywords'] }],
};
export const redacting = {
  policies: { chain: ['pii-detector'] },
  policy: { 'pii-detector': { action: 'redact', redaction: { reversible: true } } },
};
const roles = {
  policies: { chain: ['rbac'] },
  policy: { rbac: { deny_if_missing: [], roles: { all: {}, few: { allowed_models: ['claude-sonnet'] } } } },
};
export const sampled = {
  policies: { chain: ['banned-keywords'] },
  policy: { 'banned-keywords': { keywords: ['zebra'], mode: 'sample', sample: 40 } },
};
export const completion: StateCall = {
  input_type: 'request',
  ...{ model: 'house', texts: ['hello'], request_headers: { accept: '*/*' } },
};
const strictAnswer = answer('gpt-4o-2024-08-06', 'a zebra');

export const STATE_CASES: readonly StateCase[] = [
  {
    name: 'the rule of the model that was asked for',
    ...{ policies: byModel, calls: [chat('strict-bot', 'hello'), strictAnswer] },
    actions: ['NONE', 'BLOCKED'],
  },
  {
    name: 'the rules of two models, the stricter first',
    ...{ policies: byModel, calls: [chat('strict-bot', 'hello'), chat('lax', 'hello'), strictAnswer] },
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
  {
    name: 'the rules of two models, the laxer first',
    ...{ policies: byModel, calls: [chat('lax', 'hello'), chat('strict-bot', 'hello'), strictAnswer] },
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
  {
    name: 'the model of an answer, by what others were answered',
    policies: roles,
    before: [
      [chat('gpt-4o', 'hello', as('all')), answer('gpt-4o-2024-08-06', 'hi', as('all'))],
      [chat('claude-sonnet', 'hello', as('few')), answer('claude-sonnet-4', 'hi', as('few'))],
    ],
    calls: [chat('claude-sonnet', 'hello', as('few')), answer('gpt-4o-2024-08-06', 'hi', as('few'))],
    actions: ['NONE', 'BLOCKED'],
  },
  {
    name: 'what was redacted in the first request',
    policies: redacting,
    calls: [
      chat('house', `write to ${MAIL}`, plain),
      chat('house', 'hello', plain),
      answer('house', 'I wrote to [EMAIL_ADDRESS_1]', plain),
    ],
    actions: ['GUARDRAIL_INTERVENED', 'NONE', 'GUARDRAIL_INTERVENED'],
    texts: [`I wrote to ${MAIL}`],
  },
  {
    name: 'what was redacted in the second request',
    policies: redacting,
    calls: [
      chat('house', 'hello', plain),
      chat('house', `write to ${MAIL}`, plain),
      answer('house', 'I wrote to [EMAIL_ADDRESS_1]', plain),
    ],
    actions: ['NONE', 'GUARDRAIL_INTERVENED', 'GUARDRAIL_INTERVENED'],
    texts: [`I wrote to ${MAIL}`],
  },
  {
    name: 'the sample to which the strictest request belongs',
    policies: sampled,
    calls: [chat('house', 'a zebra'), chat('house', 'the zebra'), strictAnswer],
    actions: ([first, second, last]) => last === (first === 'BLOCKED' ? first : second),
    times: 6,
  },
  {
    name: 'the endpoint of the first request',
    policies: redacting,
    calls: [completion, chat('house', 'hello'), answer('house', `write to ${MAIL}`, stream)],
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
  {
    name: 'the endpoint of the second request',
    policies: redacting,
    calls: [chat('house', 'hello'), completion, answer('house', `write to ${MAIL}`, stream)],
    actions: ['NONE', 'NONE', 'BLOCKED'],
  },
];
