import * as v from 'valibot';
import type { GuardrailCall } from '../guardrail/call.ts';
import { isTooDeep, MAX_DEPTH } from '../guardrail/json.ts';

const list = v.nullish(v.array(v.unknown()), []);
const fields = v.nullish(v.record(v.string(), v.unknown()), {});
const word = v.nullish(v.string(), null);

/**
 * The body of `POST /beta/litellm_basic_guardrail_api`: only `input_type` must be there, every other key may be
 * missing or null, unknown keys are ignored. Lists hold whatever was sent and are checked where they are read:
 * a full schema costs 3–4 us on a 4 KB body, this one 1.5.
 *
 * @see LiteLLM 1.106.2, `GenericGuardrailAPIRequest` in litellm/types/proxy/guardrails/guardrail_hooks/generic_guardrail_api.py
 */
const GuardrailRequest = v.object({
  input_type: v.picklist(['request', 'response']),
  litellm_call_id: word,
  litellm_trace_id: word,
  litellm_version: word,
  model: word,
  texts: v.nullish(v.array(v.nullish(v.string(), '')), []),
  structured_messages: list,
  images: list,
  tools: list,
  tool_calls: list,
  request_data: fields,
  request_headers: fields,
  additional_provider_specific_params: fields,
});

/** What the caller did wrong: which field, and what belongs there. Never the value. */
export type BadRequest = { readonly field: string; readonly message: string };

/** Reads one guardrail call from a request body, or says which field cannot be read. */
export function parseGuardrailCall(body: string): { call: GuardrailCall } | { bad: BadRequest } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return bad('body', 'is not JSON; send one JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return bad('body', 'must be a JSON object');
  }
  const parsed = v.safeParse(GuardrailRequest, value, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const field = v.getDotPath(issue) ?? 'body';
    return bad(field, issue.received === 'undefined' ? 'is missing' : `must be ${expected(issue)}`);
  }
  const call = parsed.output;
  for (const field of ['structured_messages', 'tools', 'tool_calls'] as const) {
    if (isTooDeep(call[field])) return bad(field, `is nested more than ${MAX_DEPTH} levels deep`);
  }
  return { call };
}

function bad(field: string, message: string): { bad: BadRequest } {
  return { bad: { field, message } };
}

/** In the words of JSON; valibot's own message would quote what was received. */
function expected({ expected }: { expected: string | null }): string {
  return (expected ?? 'valid')
    .replace('Array', 'an array')
    .replace(/Object|Record/, 'an object')
    .replace('string', 'a string')
    .replace(/[()]/g, '')
    .replaceAll(' | ', ' or ');
}
