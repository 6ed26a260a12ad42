import { OLDEST_SUPPORTED, type Release } from './releases.ts';

/** A part of a call that LiteLLM passes on without showing it to a guardrail. */
export type HiddenPart = {
  readonly endpoint: string;
  readonly direction: 'request' | 'response';
  readonly part: string;
  /** Its name in `additional_drop_params`, where that keeps it from the provider. */
  readonly closedBy?: string;
  readonly closedSince?: Release;
};

type More = Pick<HiddenPart, 'closedBy' | 'closedSince'>;

function hidden(
  endpoint: string,
  direction: HiddenPart['direction'],
  parts: Record<string, More>,
): HiddenPart[] {
  return Object.entries(parts).map(([part, more]) => ({ endpoint, direction, part, ...more }));
}

const OPEN: More = {};
const closed = (closedBy: string, closedSince: Release = OLDEST_SUPPORTED): More => ({
  closedBy,
  closedSince,
});

/** The `additional_drop_params` of each model in the examples: few calls need them. */
export const DROPPED_BY_EXAMPLES: readonly string[] = [
  'extra_body',
  'functions',
  'prediction',
  'response_format',
  'system_prompt',
];

/** Everything that LiteLLM is known to pass on unseen, by endpoint. */
export const HIDDEN_PARTS: readonly HiddenPart[] = [
  ...hidden('/v1/chat/completions', 'request', {
    '`extra_body`': closed('extra_body'),
    'unknown parameters': closed('extra_body'),
    '`functions`': closed('functions'),
    '`response_format`': closed('response_format'),
    '`prediction`': closed('prediction'),
    '`web_search_options`': closed('web_search_options'),
    '`prompt_cache_key`': closed('prompt_cache_key'),
    '`audio`': closed('audio'),
    '`stop`': closed('stop'),
    '`tool_choice`': closed('tool_choice'),
    '`system` beside the messages, for models of Anthropic': OPEN,
    '`name` and unknown keys of a message': OPEN,
    '`refusal`, `annotations` and `audio` of the history': OPEN,
  }),
  ...hidden('/v1/chat/completions', 'response', {
    reasoning: OPEN,
    '`refusal`': OPEN,
    '`annotations`': OPEN,
    '`function_call`': OPEN,
    'transcripts of `audio`': OPEN,
  }),
  ...hidden('/v1/messages', 'request', {
    '`stop_sequences`': closed('stop_sequences', [1, 95]),
    '`mcp_servers`': closed('mcp_servers', [1, 95]),
    '`document`, `search_result` and unknown blocks': OPEN,
    'results of tools that the provider runs': OPEN,
  }),
  ...hidden('/v1/messages', 'response', { reasoning: OPEN }),
  ...hidden('/v1/responses', 'request', {
    '`text`': closed('text'),
    '`prompt`': closed('prompt'),
    '`extra_body`': OPEN,
    'calls and outputs of tools that the provider runs': OPEN,
    'unknown items': OPEN,
  }),
  ...hidden('/v1/responses', 'response', { reasoning: OPEN, '`annotations`': OPEN }),
  ...hidden('/v1/completions', 'request', {
    '`extra_body`': closed('extra_body'),
    '`suffix`': closed('suffix'),
  }),
  ...hidden('/v1/embeddings', 'request', { '`extra_body`': OPEN }),
  ...hidden('/v1/audio/speech', 'request', { '`instructions`': OPEN }),
  ...hidden('/v1/rerank', 'request', { '`documents`': OPEN }),
  ...hidden('Gemini `generateContent`', 'request', {
    '`functionCall` and `functionResponse`': OPEN,
    '`tools`': OPEN,
  }),
];

/** A request about which LiteLLM asks no guardrail, though its endpoint is one that it asks about. */
export type UnaskedRequest = {
  readonly request: string;
  /**
   * `passes`: it goes on unjudged. `fails`: LiteLLM refuses it as if the guardrail had failed; under `fail_on_error: false`
   * it goes on unjudged. `refused`: LiteLLM refuses it in any case.
   */
  readonly effect: 'passes' | 'fails' | 'refused';
  /** The first release that asks. */
  readonly askedSince?: Release;
};

/** Requests that LiteLLM passes on, refuses or answers by itself before it asks. */
export const UNASKED_REQUESTS: readonly UnaskedRequest[] = [
  { request: 'a conversation of nothing but images, documents or files', effect: 'passes' },
  { request: 'a chat whose `content` is an object', effect: 'passes' },
  { request: 'token ids in place of texts', effect: 'passes' },
  { request: 'a message with an unknown `role`, or without one', effect: 'fails' },
  { request: 'a result of a function of old (`role: function`)', effect: 'fails' },
  { request: 'a custom tool call in the history of a chat', effect: 'fails' },
  { request: 'an id of a tool call, or its arguments, that are no strings', effect: 'fails' },
  { request: 'a tool without `type`', effect: 'fails', askedSince: [1, 109] },
  { request: 'a built-in tool', effect: 'fails', askedSince: [1, 95] },
  { request: 'a schema that is nested more than 250 levels deep', effect: 'fails' },
  { request: 'a message to an A2A agent', effect: 'refused' },
];

/** Ways of texts through LiteLLM that were not run, so that nothing is claimed about them. */
export const UNTESTED: readonly string[] = [
  'pass-through routes of Bedrock, Vertex and other providers',
  'spoken input of realtime sessions',
  'A2A agents with their SDK installed',
  'assistants and threads, files of vector stores',
  'extraction and remixes of videos',
];
