import type { Fields, GuardrailCall } from '../guardrail/call.ts';
import type { Wired } from '../guardrail/decision.ts';
import { NEWEST_TESTED } from '../litellm/releases.ts';
import { ResponseWiring } from '../litellm/response-wiring.ts';
import { callsOf } from './golden-calls.ts';
import { inputOf } from './golden-cases.ts';

/** Facts about a call beside its texts. */
export type CallFrame = {
  /** Id or alias. */
  readonly team?: string | undefined;
  /** Alias or hash of the virtual key. */
  readonly key?: string | undefined;
  /** User id or e-mail address. */
  readonly user?: string | undefined;
  readonly endUser?: string | undefined;
  readonly model?: string | undefined;
  readonly header?: Readonly<Record<string, string>> | undefined;
  /** True for a response that is streamed. */
  readonly isStream: boolean;
  /** `streaming_transform_mode` of the guardrail that judges the stream. */
  readonly transform?: string | undefined;
};

/**
 * The guardrail call of the newest LiteLLM about a text, the messages of a conversation, or a response.
 *
 * @throws Error for one that is nested too deep
 */
export function oneCall(
  content: string | Fields | readonly Fields[],
  isResponse: boolean,
  { team, key, user, endUser, model, header = {}, isStream, transform }: CallFrame,
): GuardrailCall {
  const isHash = key !== undefined && /^[0-9a-f]{64}$/i.test(key);
  const messages = Array.isArray(content) ? content : [{ role: 'user', content }];
  const input = inputOf({
    ...(isResponse ? { upstream_response: content as string | Fields } : { messages }),
    headers: header,
    request: { model },
    identity: {
      ...(team !== undefined && { team, team_id: team }),
      ...(key !== undefined && (isHash ? { key_hash: key } : { key_alias: key })),
      ...(user !== undefined && { user_id: user, ...(user.includes('@') && { email: user }) }),
      ...(endUser !== undefined && { end_user: endUser }),
    },
  });
  const call = callsOf(input, 'check').at(-1) as GuardrailCall;
  return {
    ...call,
    litellm_version: NEWEST_TESTED.join('.'),
    additional_provider_specific_params: {
      stream: isStream,
      ...(transform !== undefined && { streaming_transform_mode: transform }),
    },
  };
}

type Setting = ConstructorParameters<typeof ResponseWiring>[0];

/** How LiteLLM delivers a response: one without the name of a model would be that of another endpoint than chat. */
export const deliveryOf = (call: GuardrailCall, setting: Setting): Wired =>
  new ResponseWiring(setting).of({ ...call, model: call.model ?? 'model' });
