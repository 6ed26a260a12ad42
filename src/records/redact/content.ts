/**
 * Tells which strings of a value are content: written, or possibly written, by a person, a model or a tool. Strings that are
 * none are listed here, so that a field which a later LiteLLM adds is withheld until it is known.
 *
 * - `plain`: no content, nor are the strings of a list. An object there is not documented, and content.
 * - `data`: no content at any depth.
 * - `chat`: in the formats of OpenAI, Anthropic and Gemini. Roles, types, ids and names of tools are no content.
 * - `text`: content at any depth.
 * - `free`: content, keys included: an object is withheld as a whole.
 * - `headers`: the values of usual headers are no content.
 * - `verdict`: LiteLLM's own words for a guardrail's verdict are no content.
 * - {@link FieldKinds}: each field by its name.
 */
export type ContentKind = 'plain' | 'data' | 'chat' | 'text' | 'free' | 'headers' | 'verdict' | FieldKinds;
type FieldKinds = { readonly known: ReadonlyMap<string, ContentKind>; other(name: string): ContentKind };

/** Fields by their kind, separated by blanks; then those that are objects with known fields, and the kind of all others. */
function fields(
  lists: Partial<Record<Exclude<ContentKind, FieldKinds>, string>>,
  inner: Readonly<Record<string, FieldKinds>> = {},
  other: FieldKinds['other'] = () => 'text',
): FieldKinds {
  const known = new Map<string, ContentKind>(Object.entries(inner));
  for (const [kind, names] of Object.entries(lists)) {
    for (const name of wordsOf(names)) known.set(name, kind as ContentKind);
  }
  return { known, other };
}

function wordsOf(list: string): Set<string> {
  return new Set(list.split(/\s+/));
}

const METADATA = fields(
  {
    plain: `team_id team_alias requester_ip_address user_agent applied_guardrails cold_storage_object_key session_id
      trace_id`,
    data: 'usage_object',
    headers: 'requester_custom_headers',
    free: 'requester_metadata spend_logs_metadata prompt_management_metadata',
  },
  {
    mcp_tool_call_metadata: fields({
      plain: 'name mcp_server_name mcp_server_logo_url namespaced_tool_name',
      data: 'mcp_server_cost_info',
      free: 'arguments',
      chat: 'result',
    }),
  },
  (name) => (/^user_api_key_\w+$/.test(name) && !name.endsWith('metadata') ? 'plain' : 'free'),
);

/** LiteLLM's `StandardLoggingPayload`; the event of a blocked call has the same names. */
export const EVENT: ContentKind = fields(
  {
    plain: `id litellm_call_id call_id trace_id session_id call_type status custom_llm_provider model model_id model_group
      api_base cache_key request_tags request_model_access_groups end_user requester_ip_address user_agent startTime endTime
      completionStartTime`,
    data: 'status_fields cost_breakdown model_map_information',
    chat: 'messages response model_parameters tools tool_calls standard_built_in_tools_params',
    headers: 'request_headers',
  },
  {
    metadata: METADATA,
    hidden_params: fields({
      plain: 'model_id cache_key api_base batch_models litellm_model_name',
      data: 'usage_object',
      headers: 'additional_headers',
    }),
    error_information: fields({
      plain: `error_code error_class llm_provider error_provider_request_id error_rate_limit_category
        error_rate_limit_type error_budget_entity_type error_budget_entity_id normalized_error`,
    }),
    guardrail_information: fields({
      plain: `guardrail_name guardrail_provider guardrail_status guardrail_action guardrail_id policy_template
        detection_method`,
      data: 'guardrail_mode masked_entity_count guardrail_usage',
      verdict: 'guardrail_response',
    }),
  },
);

/** Fields whose keys a model or a client makes up; of lists, none is one. */
const FREE = wordsOf(
  'arguments args parsed_arguments parsed input structuredContent metadata variables attributes logit_bias',
);

/** The kind of a field of an object. */
export function kindWithin(kind: ContentKind, name: string, value: unknown): ContentKind {
  if (typeof kind === 'object') return kind.known.get(name) ?? kind.other(name);
  if (kind === 'plain' || kind === 'verdict') return 'text';
  if (kind !== 'chat') return kind;
  if (/headers$/i.test(name)) return 'headers';
  return FREE.has(name) && !Array.isArray(value) ? 'free' : 'chat';
}

const WORD_FIELDS = wordsOf(
  `role type finish_reason native_finish_reason finishReason stop_reason status object detail tool_choice effort
  reasoning_effort service_tier phase truncation`,
);
/** Words of the formats, which are joined by underscores and dots. */
const WORDS = wordsOf(
  `system user assistant tool function developer model text image url input output audio file video document use result
  server thinking redacted refusal summary reasoning message call custom mcp list tools approval request response web
  search fetch preview code interpreter execution computer generation local shell bash editor apply patch base64 json
  object schema string number integer boolean array null ephemeral citation container auto none required any low medium
  high default flex priority standard enabled disabled stop length calls content filter end turn max tokens sequence
  safety recitation pause completed incomplete progress failed cancelled queued success chat completion chunk embedding
  edit delta reference media`,
);
const ID_FIELDS = wordsOf(
  `id tool_call_id call_id tool_use_id response_id previous_response_id item_id file_id container_id
  approval_request_id system_fingerprint`,
);
const ID = /^(?=[^\d_-]{0,512}[\d_-])[\w.:=|+/-]{1,512}$/;
const NAME = /^[\w.:/-]{1,128}$/;
const MEDIA_TYPE = /^(?:image|audio|video|text|application)\/[\w.+-]{1,80}$/;
/** The `name` of an object under such a key, or of such a type or role, is a tool's; others can be a person's. */
const TOOL_FIELD = /^(?:function|function_call|functionCall|functionResponse|custom|tool|tools|tool_choice)$/;
const TOOL_TYPE = /^(?:function|tool|custom|mcp_call|\w{1,40}_call|\w{0,40}tool_use)$/;

const USUAL_HEADERS = wordsOf(
  `accept accept-encoding accept-language cache-control connection content-encoding content-length content-type date host
  keep-alive origin server traceparent transfer-encoding user-agent via x-forwarded-for x-forwarded-host x-forwarded-port
  x-forwarded-proto x-litellm-call-id x-litellm-end-user-id x-litellm-session-id x-litellm-tags x-litellm-trace-id
  x-real-ip x-request-id sec-fetch-dest sec-fetch-mode sec-fetch-site`,
);
/** Field of the provider's headers, which no client writes. */
const PROVIDER_HEADERS = 'additional_headers';

/** The object that holds a field, and the field that holds that object. */
export type Parent = { readonly owner: Readonly<Record<string, unknown>>; readonly ownerField: string };

/** True if a string in a field is content. */
export function isContent(
  kind: ContentKind,
  value: string,
  field: string,
  { owner, ownerField }: Parent,
): boolean {
  switch (kind) {
    case 'plain':
    case 'data':
      return false;
    case 'verdict':
      return value !== 'allow' && value !== 'mask';
    case 'headers':
      if (ownerField === PROVIDER_HEADERS || value === '[present]') return false;
      return !USUAL_HEADERS.has(field.toLowerCase());
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

function isToolName({ type, role }: Parent['owner'], ownerField: string): boolean {
  if (role === 'tool' || role === 'function') return true;
  return TOOL_FIELD.test(ownerField) || (typeof type === 'string' && TOOL_TYPE.test(type));
}
