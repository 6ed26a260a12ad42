import type { CallFields, Fields, GuardrailCall, InputType } from '../guardrail/call.ts';
import { fieldsOf } from '../guardrail/json.ts';
import { TooManyInnerNodesError, withPassages } from '../guardrail/read-passages.ts';
import { shapeOf } from './shape.ts';

/** The mistake in a body: which field, and what belongs there. Never the value. */
export type BadRequest = {
  readonly field: string;
  readonly message: string;
  /** True for a field that has more nodes than may be read. */
  readonly hasTooManyNodes?: true;
};

/** That a call may ask for at once; nobody has use for so many. */
const MAX_MODELS = 20;

const NO_HOPS: readonly string[] = [];

/** Thrown by readers of one field; turned into a {@link BadRequest}. */
export class BadField extends Error {
  override readonly name = 'BadField';
  readonly bad: BadRequest;

  constructor(field: string, message: string) {
    super(message);
    this.bad = { field, message };
  }
}

/**
 * Reads one guardrail call, the body of `POST /beta/litellm_basic_guardrail_api`, or names the field that cannot be read.
 * Only `input_type` must be there, every other key may be missing or null, unknown keys are ignored. Lists hold whatever
 * was sent and are checked where they are read. Checked by hand: a schema costs 2.6 us more on a 4 KB body.
 *
 * @param body measured before: it is parsed and walked, however many nodes it has and however deep it is
 * @param maxNodes most nodes of the JSON in arguments of tool calls, see `MAX_JSON_NODES`
 * @see LiteLLM 1.106.2, `GenericGuardrailAPIRequest` in litellm/types/proxy/guardrails/guardrail_hooks/generic_guardrail_api.py
 */
export function parseGuardrailCall(
  body: string,
  maxNodes?: number,
): { call: GuardrailCall } | { bad: BadRequest } {
  try {
    return { call: withPassages(readFields(objectIn(body)), maxNodes) };
  } catch (error) {
    return { bad: badRequestIn(error) };
  }
}

/** The mistake that a reader of a call threw. Throws anything else again. */
export function badRequestIn(error: unknown): BadRequest {
  if (error instanceof BadField) return error.bad;
  if (!(error instanceof TooManyInnerNodesError)) throw error;
  const message = 'have more lists, objects and commas than MAX_JSON_NODES';
  return { field: 'arguments of tool calls', message, hasTooManyNodes: true };
}

/** The object that a body holds. @throws BadField */
export function objectIn(body: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new BadField('body', 'is not JSON; send one JSON object');
  }
  if (!isObject(value)) throw new BadField('body', 'must be a JSON object');
  return value;
}

function readFields(body: Fields): CallFields {
  const fields = {
    input_type: inputType(body.input_type),
    litellm_call_id: word(body, 'litellm_call_id'),
    litellm_trace_id: word(body, 'litellm_trace_id'),
    litellm_version: word(body, 'litellm_version'),
    model: requestedModel(body),
    texts: texts(body),
    structured_messages: list(body, 'structured_messages'),
    images: list(body, 'images'),
    tools: list(body, 'tools'),
    tool_calls: list(body, 'tool_calls'),
    request_data: object(body, 'request_data'),
    request_headers: object(body, 'request_headers'),
    additional_provider_specific_params: object(body, 'additional_provider_specific_params'),
    guardrail_bridge_hops: hops(body),
  };
  return { ...fields, shape: shapeOf(fields) };
}

function inputType(value: unknown): InputType {
  if (value === 'request' || value === 'response') return value;
  throw new BadField('input_type', value === undefined ? 'is missing' : 'must be "request" or "response"');
}

function word(body: Fields, name: string): string | null {
  const value = body[name] ?? null;
  if (value === null || typeof value === 'string') return value;
  throw new BadField(name, 'must be a string or null');
}

/** LiteLLM asks each model of a list with commas. Each name is looked for in each list of a policy file. */
export function requestedModel(body: Fields): string | null {
  const names = word(body, 'model');
  let comma = -1;
  for (let count = 0; count < MAX_MODELS; count++) {
    comma = names?.indexOf(',', comma + 1) ?? -1;
    if (comma < 0) return names;
  }
  throw new BadField('model', `must be no more than ${MAX_MODELS} names`);
}

/** Set by bridges alone. */
function hops({ guardrail_bridge_hops: hops }: Fields): readonly string[] {
  return Array.isArray(hops) ? hops.filter((hop) => typeof hop === 'string') : NO_HOPS;
}

function list(body: Fields, name: string): readonly unknown[] {
  const value = body[name] ?? [];
  if (Array.isArray(value)) return value;
  throw new BadField(name, 'must be an array or null');
}

function object(body: Fields, name: string): Fields {
  const value = body[name] ?? {};
  if (typeof value !== 'object') throw new BadField(name, 'must be an object or null');
  return fieldsOf(value);
}

function texts(body: Fields): readonly string[] {
  const values = list(body, 'texts');
  if (values.every((text) => typeof text === 'string')) return values;
  return values.map((text, index) => {
    if (text === null || typeof text === 'string') return text ?? '';
    throw new BadField(`texts.${index}`, 'must be a string or null');
  });
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
