/**
 * Which strings of an event are content: what a person, a model or a tool said, or may have said.
 *
 * What is no content is listed; all else is, so that a field which a later LiteLLM adds is withheld until it is known.
 *
 * - `plain`: no content, as are the strings in a list. An object there is not what is documented: content.
 * - `data`: no content all the way down.
 * - `chat`: in the formats of OpenAI, Anthropic and Gemini. Roles, types, ids and names of tools are no content.
 * - `text`: content all the way down.
 * - `free`: content in which even a key can be: an object is withheld as a whole.
 * - `headers`: the values of usual headers are no content.
 * - `verdict`: LiteLLM's words for what a guardrail answered are no content.
 * - fields: by name.
 */
export type Rule = 'plain' | 'data' | 'chat' | 'text' | 'free' | 'headers' | 'verdict' | Fields;
type Fields = { readonly known: ReadonlyMap<string, Rule>; other(name: string): Rule };

const fields = (
  known: Readonly<Record<string, Rule>>,
  other: (name: string) => Rule = () => 'text',
): Fields => ({
  known: new Map(Object.entries(known)),
  other,
});
const all = (rule: Rule, names: string) => Object.fromEntries(names.split(' ').map((name) => [name, rule]));

const METADATA = fields(
  {
    ...all(
      'plain',
      'team_id team_alias requester_ip_address user_agent applied_guardrails cold_storage_object_key',
    ),
    ...all('plain', 'session_id trace_id'),
    usage_object: 'data',
    requester_custom_headers: 'headers',
    ...all('free', 'requester_metadata spend_logs_metadata prompt_management_metadata'),
    mcp_tool_call_metadata: fields({
      ...all('plain', 'name mcp_server_name mcp_server_logo_url namespaced_tool_name'),
      mcp_server_cost_info: 'data',
      arguments: 'free',
      result: 'chat',
    }),
  },
  (name) => (/^user_api_key_\w+$/.test(name) && !name.endsWith('metadata') ? 'plain' : 'free'),
);

const GUARDRAIL = fields({
  ...all('plain', 'guardrail_name guardrail_provider guardrail_status guardrail_action guardrail_id'),
  ...all('plain', 'policy_template detection_method'),
  ...all('data', 'guardrail_mode masked_entity_count guardrail_usage'),
  guardrail_response: 'verdict',
});

const ERROR = fields({
  ...all('plain', 'error_code error_class llm_provider error_provider_request_id error_rate_limit_category'),
  ...all('plain', 'error_rate_limit_type error_budget_entity_type error_budget_entity_id normalized_error'),
});

/** LiteLLM's `StandardLoggingPayload`, and what the bridge makes of a blocked call under the same names. */
export const EVENT: Rule = fields({
  ...all(
    'plain',
    'id litellm_call_id call_id trace_id session_id call_type status custom_llm_provider model model_id',
  ),
  ...all('plain', 'model_group api_base cache_key request_tags request_model_access_groups end_user'),
  ...all('plain', 'requester_ip_address user_agent startTime endTime completionStartTime'),
  ...all('data', 'status_fields cost_breakdown model_map_information'),
  ...all('chat', 'messages response model_parameters tools tool_calls standard_built_in_tools_params'),
  request_headers: 'headers',
  metadata: METADATA,
  hidden_params: fields({
    ...all('plain', 'model_id cache_key api_base batch_models litellm_model_name'),
    usage_object: 'data',
    additional_headers: 'headers',
  }),
  error_information: ERROR,
  guardrail_information: GUARDRAIL,
});

/** What a model gives to a tool, or a client notes down: its keys are its own. `input` is one only as an object. */
const FREE = new Set(
  'arguments args parsed_arguments parsed input structuredContent metadata variables attributes logit_bias'.split(
    ' ',
  ),
);

/** The rule for a field within an object. */
export function ruleWithin(rule: Rule, name: string, value: unknown): Rule {
  if (typeof rule === 'object') return rule.known.get(name) ?? rule.other(name);
  if (rule === 'plain' || rule === 'verdict') return 'text';
  if (rule !== 'chat') return rule;
  if (/headers$/i.test(name)) return 'headers';
  return FREE.has(name) && !Array.isArray(value) ? 'free' : 'chat';
}

const WORD_FIELDS = new Set(
  `role type finish_reason native_finish_reason finishReason stop_reason status object detail tool_choice effort
  reasoning_effort service_tier phase truncation`.split(/\s+/),
);
/** What the formats call things; their words are joined by underscores and dots. */
const WORDS = new Set(
  `system user assistant tool function developer model text image url input output audio file video document use result
  server thinking redacted refusal summary reasoning message call custom mcp list tools approval request response web
  search fetch preview code interpreter execution computer generation local shell bash editor apply patch base64 json
  object schema string number integer boolean array null ephemeral citation container auto none required any low medium
  high default flex priority standard enabled disabled stop length calls content filter end turn max tokens sequence
  safety recitation pause completed incomplete progress failed cancelled queued success chat completion chunk embedding
  edit delta reference media`.split(/\s+/),
);
const ID_FIELDS = new Set(
  `id tool_call_id call_id tool_use_id response_id previous_response_id item_id file_id container_id
  approval_request_id system_fingerprint`.split(/\s+/),
);
const ID = /^(?=[^\d_-]{0,512}[\d_-])[\w.:=|+/-]{1,512}$/;
const NAME = /^[\w.:/-]{1,128}$/;
const MEDIA_TYPE = /^(?:image|audio|video|text|application)\/[\w.+-]{1,80}$/;
/** An object under such a key, or of such a type or role, is named after a tool; others after people. */
const TOOL_PLACE = /^(?:function|function_call|functionCall|functionResponse|custom|tool|tools|tool_choice)$/;
const TOOL_TYPE = /^(?:function|tool|custom|mcp_call|\w{1,40}_call|\w{0,40}tool_use)$/;

const USUAL_HEADERS = new Set(
  `accept accept-encoding accept-language cache-control connection content-encoding content-length content-type date host
  keep-alive origin server traceparent transfer-encoding user-agent via x-forwarded-for x-forwarded-host x-forwarded-port
  x-forwarded-proto x-litellm-call-id x-litellm-end-user-id x-litellm-session-id x-litellm-tags x-litellm-trace-id
  x-real-ip x-request-id sec-fetch-dest sec-fetch-mode sec-fetch-site`.split(/\s+/),
);
/** Where the provider's headers are, which no client writes. */
const PROVIDER_HEADERS = 'additional_headers';

type Place = { readonly owner: Readonly<Record<string, unknown>>; readonly ownerField: string };

/** Whether a string in a field is content; `owner` is the object with that field, `ownerField` where that stands. */
export function isContent(rule: Rule, value: string, field: string, { owner, ownerField }: Place): boolean {
  switch (rule) {
    case 'plain':
    case 'data':
      return false;
    case 'verdict':
      return value !== 'allow' && value !== 'mask';
    case 'headers':
      return !(
        ownerField === PROVIDER_HEADERS ||
        USUAL_HEADERS.has(field.toLowerCase()) ||
        value === '[present]'
      );
    case 'chat':
      if (WORD_FIELDS.has(field)) return !isWord(value);
      if (ID_FIELDS.has(field)) return !ID.test(value);
      if (field === 'name') return !(isToolName(owner, ownerField) && NAME.test(value));
      if (field === 'model') return !(NAME.test(value) && 'usage' in owner);
      if (field === 'media_type' || field === 'mime_type') return !MEDIA_TYPE.test(value);
      return true;
    default:
      return true;
  }
}

function isWord(value: string): boolean {
  if (value.length > 64) return false;
  return value.split(/[_.]/).every((word) => WORDS.has(word.toLowerCase()) || /^\d{1,8}$/.test(word));
}

function isToolName({ type, role }: Place['owner'], place: string): boolean {
  return (
    TOOL_PLACE.test(place) ||
    (typeof type === 'string' && TOOL_TYPE.test(type)) ||
    role === 'tool' ||
    role === 'function'
  );
}
