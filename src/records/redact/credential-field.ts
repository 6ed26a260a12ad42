import { REDACTED } from '../../detectors/remove.ts';
import { scalarText } from '../../guardrail/call.ts';
import { CREDENTIAL_HEADER } from '../../guardrail/caller.ts';

/** Whole names: counters too have `token` or `key` in their names. */
const CREDENTIAL =
  /^(?:(?:proxy[-_]?)?authorization|(?:set[-_]?)?cookie|(?:x[-_])?(?:litellm[-_]|goog[-_]|azure[-_]|openai[-_]|anthropic[-_])?api[-_]?key|pass(?:word|wd|phrase)|(?:client[-_]?)?secret|secret[-_]?(?:access[-_]?)?key|(?:access|refresh|id|auth|bearer|session|azure_ad|x[-_]amz[-_]security)[-_]?token|private[-_]?key|aws[-_](?:secret[-_]access[-_]key|session[-_]token)|ocp-apim-subscription-key|(?:vertex|aws|azure|gcp)[-_]credentials)$/i;

const COUNTER = /rate-?limit|tokens?[-_](?:count|limit|used|remaining)|tokens$/i;
const COUNT = /^[\d.:TZhmsu-]{1,40}$/;

/** True if the name of a field says that its value is a credential. Among headers, vendors' own names count too. */
export function isCredentialField(name: string, isHeader: boolean, value: unknown): boolean {
  if (!isHeader) return CREDENTIAL.test(name);
  return CREDENTIAL_HEADER.test(name) && !(COUNTER.test(name) && COUNT.test(scalarText(value) ?? ''));
}

const STRING_FIELD = /"([\w-]{1,64})"(\s{0,8}:\s{0,8})"(?:[^"\\]|\\.)*"?/gs;

/** Redacts in JSON, whole or cut off, the strings whose names say that they are credentials. A name with `-` is a header's. */
export function removeNamedCredentials(json: string): string {
  return json.replace(STRING_FIELD, (all, name, colon) =>
    isCredentialField(name, name.includes('-'), '') ? `"${name}"${colon}"${REDACTED}"` : all,
  );
}

const ADDRESS =
  /^(?:api_base|api_url|base_url|endpoint|endpoint_url|server_url|proxy_url|mcp_server_logo_url|\w{1,40}_endpoint)$/i;

/** An address without the parts that can hold a credential: user and password, query and fragment. Other fields as they are. */
export function bareAddress(field: string, text: string): string {
  if (!ADDRESS.test(field) || /\s/.test(text.trim())) return text;
  const start = text.indexOf('://') + 1 && text.indexOf('://') + 3;
  const tail = text.slice(start).search(/[?#]/);
  const address = tail < 0 ? text : text.slice(0, start + tail);
  const path = address.slice(start).search(/[/\\]/);
  const user = address.lastIndexOf('@', path < 0 ? address.length : start + path);
  return user < start ? address : address.slice(0, start) + address.slice(user + 1);
}
