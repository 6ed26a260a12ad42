import { hash } from 'node:crypto';
import { fieldsOf, type GuardrailCall, textOf } from './call.ts';
import { MAX_ID_CHARS } from './record.ts';

/** Who is behind a call, by every name LiteLLM gives: ids and aliases, as far as they are known. */
export type Caller = {
  readonly team: readonly string[];
  /** Hash and alias of the virtual key. */
  readonly key: readonly string[];
  /** User id and e-mail address. */
  readonly user: readonly string[];
  readonly endUser: readonly string[];
  /** What a header said; undefined if it was not sent, `[present]` if LiteLLM keeps its value to itself. */
  header(name: string): string | undefined;
};

/** The caller of a guardrail call. @see LiteLLM 1.106.2, `GenericGuardrailAPIMetadata` */
export function callerOf({ request_data: data, request_headers }: GuardrailCall): Caller {
  const named = (...names: string[]) => names.flatMap((name) => textOf(data[`user_api_key_${name}`]) ?? []);
  let headers: ReadonlyMap<string, string> | undefined;
  return {
    team: named('team_alias', 'team_id'),
    key: named('alias', 'hash'),
    user: named('user_id', 'user_email'),
    endUser: named('end_user_id'),
    header(name) {
      headers ??= new Map(
        Object.entries(fieldsOf(request_headers)).flatMap(([key, value]) =>
          typeof value === 'string' ? [[key.toLowerCase(), value]] : [],
        ),
      );
      return headers.get(name.toLowerCase());
    },
  };
}

/**
 * The name under which state of a call is kept, of bounded length; undefined for a call without an id. A client chooses that
 * id, so it stands beside the virtual key: nobody meets the state of another's call. Releases that do not tell their version,
 * before 1.81.12, tell the key of a request and not of its answer, or the other way round: for these it is the id alone.
 */
export function callName(call: GuardrailCall): string | undefined {
  const { litellm_call_id: id, litellm_version } = call;
  if (id === null) return undefined;
  const key = litellm_version === null ? '' : (textOf(call.request_data.user_api_key_hash) ?? '');
  return `${key} ${id.length <= MAX_ID_CHARS ? id : hash('sha256', id)}`;
}
