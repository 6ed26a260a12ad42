import type { Handler } from 'hono';
import type { GuardrailCall } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import { actionOf, type Decision } from '../guardrail/decision.ts';
import { countNodes } from '../guardrail/json-nodes.ts';
import { type BadRequest, parseGuardrailCall } from '../litellm/request.ts';
import { cancelledDecision, failedDecision } from '../pipeline/decide.ts';
import type { Judge } from '../pipeline/judge.ts';
import { CallScope } from './call-scope.ts';
import { type BridgeContext, type BridgeEnv, errorBody, type Refuse } from './refusal.ts';
import { RepeatedCalls, type Running } from './repeated-calls.ts';
import { replyOf } from './reply.ts';
import { RequestMemory } from './request-memory.ts';

export type GuardrailRouteOptions = {
  readonly judge: Judge;
  /** Called with each decision before it is sent. @param request of a response: reads the request it belongs to */
  readonly decided: (decision: Decision, request: () => GuardrailCall | undefined) => void;
  /** Called for each call that LiteLLM sent again while it was judged. */
  readonly repeated: () => void;
  /** Called with a mistake of ours that kept a call from being judged. */
  readonly failed: (error: unknown, call: GuardrailCall | undefined) => void;
  readonly refuse: Refuse<'invalid' | 'too_large' | 'bug'>;
  /** Most nodes of a body, see {@link countNodes}. */
  readonly maxJsonNodes: number;
  /** `BLOCKED_MESSAGE`. */
  readonly blockedMessage: string | undefined;
  /** True if requests are kept for their responses. */
  readonly keepsRequests: boolean;
  readonly isDraining: () => boolean;
};

const JSON_REPLY = { headers: { 'content-type': 'application/json' } };
/** For calls that were judged while the bridge began to drain. */
const LAST_JSON_REPLY = { headers: { 'content-type': 'application/json', connection: 'close' } };
const NONE = '{"action":"NONE"}';
const DEFERRED = JSON.stringify(errorBody({ reason: 'deferred', message: 'a backend gave no verdict' }));

const TOO_MANY_NODES = {
  status: 400,
  reason: 'too_large',
  message: 'has more lists, objects and commas than MAX_JSON_NODES',
} as const;

/** `POST /beta/litellm_basic_guardrail_api`: parses a call, has it decided, replies as LiteLLM understands it. */
export function guardrailRoute(options: GuardrailRouteOptions): Handler<BridgeEnv> {
  const { judge, decided, refuse, maxJsonNodes } = options;
  const memory = options.keepsRequests ? new RequestMemory() : undefined;
  const repeats = new RepeatedCalls();

  return async (c) => {
    let call: GuardrailCall | undefined;
    let running: Running | undefined;
    let decision: Decision | undefined;
    try {
      const body = c.get('body');
      // A node takes a byte or more
      if (body.length > maxJsonNodes && countNodes(body, maxJsonNodes) > maxJsonNodes) {
        return refuse(c, TOO_MANY_NODES);
      }
      const parsed = parseGuardrailCall(body.toString(), maxJsonNodes);
      if ('bad' in parsed) return refuse(c, refusalOf(parsed.bad));
      call = parsed.call;
      const key = stateKey(call);
      const name = key && call.input_type + key;
      const first = name && repeats.find(name, body);
      if (first) return respond(await decisionOn(first, c, options), options);
      const request = recall(memory, call, key);
      const scope = new CallScope(c, key !== undefined);
      const deciding = judge.judge({ call, bytes: body.length, request, scope });
      if (deciding instanceof Promise) {
        if (name !== undefined) running = repeats.begin(name, body, scope);
        decision = await deciding;
        const isAwaited = scope.isAwaited();
        if (isAwaited !== true && !(await isAwaited)) decision = cancelledDecision(decision);
      } else decision = deciding;
      if (key !== undefined) keep(memory, decision, body, key);
      decided(decision, request);
      return respond(decision, options);
    } catch (error) {
      // A mistake of ours must not become a 500, which fail_open settings on the other side may let pass
      options.failed(error, call);
      if (call === undefined) return refuse(c, { status: 400, reason: 'bug', message: 'see the log' });
      decision = failedDecision(call);
      decided(decision, () => undefined);
      return respond(decision, options);
    } finally {
      if (running !== undefined && decision !== undefined) repeats.end(running, decision);
    }
  };
}

/** The decision to come on a call that was sent again. */
function decisionOn(
  first: Running,
  c: BridgeContext,
  { repeated }: GuardrailRouteOptions,
): Promise<Decision> {
  repeated();
  first.scope.join(c);
  return new Promise((resolve) => first.others.push(resolve));
}

function respond(decision: Decision, { blockedMessage, isDraining }: GuardrailRouteOptions): Response {
  const init = isDraining() ? LAST_JSON_REPLY : JSON_REPLY;
  switch (actionOf(decision)) {
    case 'NONE':
      if (!decision.policies?.holdback.some((chars) => chars > 0)) return new Response(NONE, init);
      break;
    case 'DEFERRED':
      return new Response(DEFERRED, { ...init, status: 503 });
    case 'CANCELLED':
      return new Response(null, { status: 204 });
    case 'BLOCKED':
    case 'GUARDRAIL_INTERVENED':
      break;
  }
  return new Response(JSON.stringify(replyOf(decision, blockedMessage)), init);
}

/** @returns a refusal that blocks if the call is too large to be judged */
function refusalOf({ field, message, isTooLarge }: BadRequest) {
  return { status: 400, reason: isTooLarge ? 'too_large' : 'invalid', field, message } as const;
}

/** Reads the request that a response belongs to. */
function recall(
  memory: RequestMemory | undefined,
  call: GuardrailCall,
  key: string | undefined,
): () => GuardrailCall | undefined {
  if (memory === undefined || key === undefined || call.input_type === 'request') return () => undefined;
  return () => memory.recall(key);
}

/** Keeps a request for its response, as backends may see it; the result of an MCP tool does not tell its call. */
function keep(
  memory: RequestMemory | undefined,
  { call, forwarded }: Decision,
  body: Buffer,
  key: string,
): void {
  if (memory === undefined || call.input_type === 'response' || call.shape === 'mcp_tool') return;
  const { passages: _, ...fields } = forwarded;
  memory.remember(key, forwarded === call ? body : Buffer.from(JSON.stringify(fields)));
}
