import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import * as v from 'valibot';
import { hasCredential } from '../../detectors/remove.ts';
import type { GuardrailCall } from '../../guardrail/call.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { defineBackend, SetupError } from '../backend.ts';
import { genericVerdict } from './reply.ts';

/** LiteLLM adds it unless the address ends with it. */
const PATH = '/beta/litellm_basic_guardrail_api';
/** Bridges that may pass one call on. */
export const MAX_HOPS = 4;

const headerName = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,100}$/, 'must be the name of a header'),
  v.toLowerCase(),
);
const headerValue = v.pipe(v.string(), v.regex(/^[\x21-\x7e][\x20-\x7e]*$/, 'must be printable ASCII'));

/**
 * Any server of LiteLLM's generic guardrail API, such as another bridge: it is asked what LiteLLM asked this one.
 *
 * A call names the bridges that have passed it on in `guardrail_bridge_hops`, so that bridges that ask each other come to an end. Servers
 * of this API know no way to say that they could not judge, and many reply `BLOCKED` then: that is a block. Its reason can hold their
 * inner workings, and is shown to nobody.
 *
 * @see LiteLLM 1.110.2, `GenericGuardrailAPIRequest` and `GenericGuardrailAPIResponse` in
 * litellm/types/proxy/guardrails/guardrail_hooks/generic_guardrail_api.py
 */
export const genericGuardrail = defineBackend({
  kind: 'generic-guardrail',
  judges: { request: true, response: true, media: true },
  reads: 'conversation',
  isIdempotent: true,
  variables: { url: ['GENERIC_GUARDRAIL_API_BASE'] },
  options: {
    secret_header: v.pipe(
      v.optional(headerName, 'x-api-key'),
      v.description('Header that carries the secret.'),
    ),
    headers: v.pipe(
      v.optional(v.record(headerName, headerValue), {}),
      v.description('More headers, by name.'),
    ),
    additional_provider_specific_params: v.pipe(
      v.optional(v.record(v.string(), v.unknown()), {}),
      v.description('Sent as LiteLLM sends them.'),
    ),
  },
  setup({ url, secret, options }) {
    const { secret_header: name, headers: given } = options;
    const guarded = secretIn(given);
    if (guarded !== undefined)
      throw new SetupError('headers', `must not hold ${guarded}: use secret and secret_header`);
    const params = options.additional_provider_specific_params;
    const param = secretIn(params);
    if (param !== undefined)
      throw new SetupError(
        'additional_provider_specific_params',
        `must not hold ${param}: a secret does not stand here`,
      );
    const headers: Record<string, string> = { ...given };
    if (secret !== undefined) headers[name] = name === 'authorization' ? `Bearer ${secret}` : secret;
    return {
      url: url.endsWith(PATH) ? url : url + PATH,
      headers,
      params,
      // The same in all threads of this machine, and another in every other bridge of a chain
      hop: hash('sha256', `${hostname()} ${url}`).slice(0, 16),
    };
  },
  check(call, { config, http, deadline }) {
    const { url, headers, params, hop } = config;
    const { guardrail_bridge_hops: hops } = call;
    if (hops.includes(hop) || hops.length >= MAX_HOPS) throw new BackendError({ kind: 'loop' });
    return http.post(url, JSON.stringify(requestOf(call, params, [...hops, hop])), {
      headers,
      deadline,
      read: (reply) => genericVerdict(reply, call),
    });
  },
});

/** The key of what is called a secret, or looks like one. */
function secretIn(fields: object): string | undefined {
  for (const [key, value] of Object.entries(fields)) {
    if (typeof value === 'object' && value !== null) {
      const inner = secretIn(value);
      if (inner !== undefined) return inner;
    } else if (typeof value === 'string' && (SECRET_NAME.test(key) || isSecret(value))) return key;
  }
  return undefined;
}

const SECRET_NAME = /auth|cookie|token|secret|pass|credential|key/i;
const isSecret = (value: string) => /^(?:bearer|basic) /i.test(value) || hasCredential(value);

/** Without what is not there, as LiteLLM sends it. */
function requestOf(call: GuardrailCall, params: object, hops: readonly string[]) {
  const { structured_messages, images, tools, tool_calls } = call;
  return {
    input_type: call.input_type,
    litellm_call_id: call.litellm_call_id,
    litellm_trace_id: call.litellm_trace_id,
    litellm_version: call.litellm_version,
    model: call.model,
    texts: call.texts,
    structured_messages: given(structured_messages),
    images: given(images),
    tools: given(tools),
    tool_calls: given(tool_calls),
    request_data: call.request_data,
    request_headers: call.request_headers,
    additional_provider_specific_params: { ...call.additional_provider_specific_params, ...params },
    guardrail_bridge_hops: hops,
  };
}

const given = (list: readonly unknown[]) => (list.length > 0 ? list : null);
