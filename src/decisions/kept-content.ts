import { removeCredentials } from '../detectors/remove.ts';
import { fieldsOf, textOf } from '../guardrail/call.ts';
import { keyHashOf } from '../guardrail/caller.ts';
import type { Redactor } from '../records/redact/redact.ts';

/** The content of a call as far as it may be kept. */
export type ContentToKeep =
  | { readonly json: string; readonly isErased: boolean }
  /** Nothing is kept of this team or key, or of the texts of any call. */
  | 'withheld'
  /** It is no JSON object. */
  | 'unreadable';

/** The fields of a guardrail call under the names that LiteLLM's log event has for them, so that one redaction does for both. */
const EVENT_NAMES = {
  litellm_call_id: 'litellm_call_id',
  litellm_trace_id: 'trace_id',
  model: 'model',
  texts: 'response',
  structured_messages: 'messages',
  images: 'images',
  tools: 'tools',
  tool_calls: 'tool_calls',
  request_data: 'metadata',
  request_headers: 'request_headers',
  additional_provider_specific_params: 'model_parameters',
} as const;

/** The content of a call without credentials, and without what else is not to be kept. */
export function keptContentOf(body: Uint8Array, redactor: Redactor): ContentToKeep {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch {
    return 'unreadable';
  }
  const call = fieldsOf(read);
  const event = Object.fromEntries(
    Object.entries(EVENT_NAMES).flatMap(([name, called]) =>
      call[name] == null ? [] : [[called, call[name]]],
    ),
  );
  if (redactor.contentKept(event) === 'none') return 'withheld';
  const { masked, erased } = redactor.redact(event);
  const { user_api_key_hash } = fieldsOf(event.metadata);
  const key = textOf(user_api_key_hash);
  if (key !== undefined) event.metadata = { ...fieldsOf(event.metadata), user_api_key_hash: keyHashOf(key) };
  const kept = Object.entries(EVENT_NAMES).map(([name, called]) => [name, event[called]]);
  const { input_type, litellm_version } = call;
  const version = isVersion(litellm_version) ? litellm_version : undefined;
  const json = JSON.stringify(
    { input_type, litellm_version: version, ...Object.fromEntries(kept) },
    withoutMedia,
  );
  return { json, isErased: [...masked, ...erased].some((pointer) => !/^\/request_headers\//.test(pointer)) };
}

const isVersion = (value: unknown) =>
  typeof value === 'string' && /^[\w.+-]{1,40}$/.test(value) && removeCredentials(value) === value;

const MEDIA = /^data:[\w.+/-]{0,100};base64,/;
const MEDIA_FIELDS: ReadonlySet<string> = new Set(['url', 'data', 'file_data', 'image_url']);
/** A shorter one costs little. */
const MIN_MEDIA_CHARS = 512;

/** Media are counted by policies, and not looked at: their beginning does. */
function withoutMedia(field: string, value: unknown): unknown {
  if (field === 'images' && Array.isArray(value)) return value.map((image) => mediaStart(image));
  return MEDIA_FIELDS.has(field) ? mediaStart(value) : value;
}

function mediaStart(value: unknown): unknown {
  if (typeof value !== 'string' || value.length < MIN_MEDIA_CHARS) return value;
  return MEDIA.exec(value)?.[0] ?? value;
}
