import type { Handler } from 'hono';
import { LARGE_BYTES } from '../calls/received-body.ts';
import { stateKey } from '../guardrail/caller.ts';
import { fieldsOf, parseJson } from '../guardrail/json.ts';
import { isReadable, type JsonLimits } from '../guardrail/json-nodes.ts';
import { CAPSULE_HOOKS, type CapsuleHook, namesOf } from '../litellm/capsule-call.ts';
import type { JudgeBody } from './guardrail.ts';
import { type LogsRouteOptions, storedBy } from './logs.ts';
import { type BridgeEnv, responseOf } from './refusal.ts';

/** Where Capsule's plugin sends its hooks. */
const EVENTS = '/v1/litellm/hooks/events/';
export const CAPSULE_CHECK_PATHS = CAPSULE_HOOKS.filter(isCheck).map((hook) => EVENTS + hook);
export const CAPSULE_RECORD_PATHS = CAPSULE_HOOKS.filter((hook) => !isCheck(hook)).map(
  (hook) => EVENTS + hook,
);

export type CapsuleRouteOptions = LogsRouteOptions & {
  readonly judge: JudgeBody;
  readonly isDraining: () => boolean;
  readonly limits: JsonLimits;
  /** The request under a state key as JSON, if it is remembered. */
  readonly requestOf: (key: string) => Promise<Uint8Array | undefined>;
  /** Told of each request with a body. */
  readonly asked: (asks: 'check' | 'record') => void;
};

function isCheck(hook: CapsuleHook): boolean {
  return hook.endsWith('pre');
}

/** The hook that a path ends with. */
function hookIn(path: string): CapsuleHook {
  return path.slice(EVENTS.length) as CapsuleHook;
}

/** `POST …/events/pre` and `…/events/mcp/pre`: judges a prompt, or the call of a tool. */
export function capsuleCheckRoute({ judge, isDraining, asked }: CapsuleRouteOptions): Handler<BridgeEnv> {
  return async (c) => {
    asked('check');
    const form = { door: 'capsule', hook: hookIn(c.req.path) } as const;
    return responseOf(await judge(c, c.get('body'), form), isDraining());
  };
}

/** `POST …/events/post` and `…/events/mcp/post`: how a call ended, acknowledged when that is durable. */
export function capsuleRecordRoute(options: CapsuleRouteOptions): Handler<BridgeEnv> {
  const { asked, limits, requestOf } = options;
  return async (c) => {
    asked('record');
    const body = c.get('body').take();
    const key = body.byteLength > LARGE_BYTES ? undefined : keyIn(Buffer.from(body).toString(), limits);
    const source = {
      door: 'capsule',
      isMcp: hookIn(c.req.path) === 'mcp/post',
      asked: key === undefined ? undefined : await requestOf(key),
    } as const;
    return storedBy(options, c, {
      store: (records) => records.turned(new Uint8Array(body), source),
      reply: () => '{"ok":true}',
      invalid: 'it is no hook of Capsule: send a JSON object, as the plugin does',
      unwanted: { ok: true },
    });
  };
}

/** The state key of the call that a body names; undefined for a body that does not tell it. */
function keyIn(json: string, limits: JsonLimits): string | undefined {
  if (!isReadable(json, limits)) return undefined;
  try {
    return stateKey({ ...namesOf(fieldsOf(parseJson(json))), litellm_version: null, request_data: {} });
  } catch {
    return undefined;
  }
}
