import { type Fields, fieldsOf, textOf } from '../guardrail/call.ts';
import { MAX_ID_CHARS } from '../guardrail/record.ts';
import { reachIn } from './coverage.ts';
import { COVERAGE } from './coverage-rows.ts';

/** Endpoints whose log events bear the id of their guardrail calls, by the end of their routes and the type of call that LiteLLM names. */
const ENDPOINTS = [
  { endpoint: '/v1/chat/completions', route: '/chat/completions', type: 'completion' },
  { endpoint: '/v1/completions', route: '/completions', type: 'text_completion' },
  { endpoint: '/v1/messages', route: '/v1/messages', type: 'anthropic_messages' },
  { endpoint: '/v1/responses', route: '/responses', type: 'responses' },
  { endpoint: '/v1/embeddings', route: '/embeddings', type: 'embedding' },
] as const;

export type LoggedEndpoint = (typeof ENDPOINTS)[number]['endpoint'];

/** A success of a client, as far as it tells how guardrails were asked about it. */
export type LoggedCall = {
  readonly endpoint: LoggedEndpoint;
  readonly isStream: boolean;
  /** As the client named it; empty if the event does not tell. */
  readonly model: string;
  /** The team, or else the user, of a call: who calls by a JWT has no virtual key. */
  readonly caller: string;
  /** True if there is text in the response: about others LiteLLM asks no guardrail. */
  readonly hasText: boolean;
  /** True for a side about which LiteLLM asked a guardrail of the generic API, whichever bridge replied, or none. */
  readonly asked: { readonly request: boolean; readonly response: boolean };
};

/**
 * Undefined for an event that says nothing of guardrails: a failure, a response that its client did not wait for, a check of LiteLLM's own,
 * or a call that cannot be joined with its guardrail calls.
 *
 * @see LiteLLM 1.106.2 and 1.110.2, `get_error_information_for_logging_payload`: a stream that was left is a success with the error
 * `ClientDisconnected`
 */
export function loggedCall(event: Fields): LoggedCall | undefined {
  const { call_type, status, stream, request_tags, metadata, model_group, response } = event;
  const {
    user_api_key_request_route,
    user_api_key_team_id: team,
    user_api_key_user_id: user,
  } = fieldsOf(metadata);
  const route = textOf(user_api_key_request_route);
  // LiteLLM's checks of its models have no route
  if (status !== 'success' || route === undefined || isHealthCheck(request_tags)) return undefined;
  if (textOf(fieldsOf(event.error_information).error_class) !== undefined) return undefined;
  const type = textOf(call_type)?.replace(/^a(?!nthropic)/, '');
  const known = ENDPOINTS.find((one) => route.endsWith(one.route) && type === one.type);
  if (known === undefined) return undefined;
  return {
    endpoint: known.endpoint,
    isStream: stream === true,
    model: (textOf(model_group) ?? '').slice(0, MAX_ID_CHARS),
    caller: (textOf(team) ?? textOf(user) ?? '').slice(0, MAX_ID_CHARS),
    hasText: hasText(response),
    asked: askedIn(event.guardrail_information),
  };
}

/** True if a release shows a side of the calls of an endpoint to guardrails. @param version as LiteLLM writes it */
export function isShownBy(
  version: string | null,
  endpoint: LoggedEndpoint,
  direction: 'request' | 'response' | 'stream',
): boolean {
  const row = COVERAGE.find((one) => one.endpoint === endpoint && one.direction === direction);
  return row !== undefined && reachIn(row, version) !== 'hidden';
}

function isHealthCheck(tags: unknown): boolean {
  return Array.isArray(tags) && tags.includes('litellm-internal-health-check');
}

/** The text of a response: of a chat, a completion, messages or responses, as LiteLLM logs them. */
function hasText(response: unknown): boolean {
  const { choices, output, content, text } = fieldsOf(response);
  if (isText(text) || isText(content)) return true;
  const parts = [choices, output, content].find(Array.isArray) ?? [];
  return parts.some((part: unknown) => hasText(part) || hasText(fieldsOf(part).message));
}

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';

/**
 * An entry for each guardrail call, with the modes that are configured: under several modes the first call of a name was about the request,
 * and the others were not.
 *
 * @see LiteLLM 1.110.2, `StandardLoggingGuardrailInformation`: the generic guardrail names no provider
 */
function askedIn(information: unknown): LoggedCall['asked'] {
  const entries: readonly unknown[] = Array.isArray(information) ? information : [information];
  const calls = new Map<string, number>();
  const asked = { request: false, response: false };
  for (const entry of entries) {
    const { guardrail_name, guardrail_provider, guardrail_mode, guardrail_status } = fieldsOf(entry);
    const name = textOf(guardrail_name);
    if (name === undefined || textOf(guardrail_provider) !== undefined || guardrail_status === 'not_run')
      continue;
    const modes: readonly unknown[] = Array.isArray(guardrail_mode) ? guardrail_mode : [guardrail_mode];
    const before = calls.get(name) ?? 0;
    calls.set(name, before + 1);
    const isOfResponses = modes.includes('post_call');
    const isOfRequests = modes.some((mode) => mode !== 'post_call');
    if (isOfRequests && before === 0) asked.request = true;
    else if (isOfResponses) asked.response = true;
  }
  return asked;
}
