import type { GuardrailCall } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import { actionOf, type Decision } from '../guardrail/decision.ts';
import { type JsonLimits, measureBody } from '../guardrail/json-nodes.ts';
import { type BadRequest, parseGuardrailCall } from '../litellm/request.ts';
import { cancelledDecision, failedDecision } from '../pipeline/decide.ts';
import type { Judge } from '../pipeline/judge.ts';
import { type CallConnection, CallScope } from './call-scope.ts';
import { type CallResponse, errorBody, type RefuseCall } from './refusal.ts';
import { RepeatedCalls, type Running } from './repeated-calls.ts';
import { replyOf } from './reply.ts';

/** Keeps requests for their responses. */
export type KeptRequests = {
  /** @param body the bytes of the request as it was sent; backends may see it as the decision forwards it */
  remember(key: string, decision: Decision, body: Buffer): void;
  recall(key: string): GuardrailCall | undefined;
};

/** The side of the main thread, or of the thread of large calls, on which a call is not. */
export type OtherThread = {
  /** Judges a call there, if calls under its state key belong there. */
  judge?(key: string, body: Buffer, connection: CallConnection): Promise<CallResponse> | undefined;
  /** Told of a decision that was made here, while another call under its state key may have come there. */
  decided?(key: string): void;
  /** Gets all that is known there of the calls under a state key; undefined if it is known here. */
  fetch?(key: string): Promise<void> | undefined;
};

export type CallHandlerOptions = {
  readonly judge: Judge;
  /**
   * Called with each decision before it is sent.
   *
   * @param request of a response: reads the request it belongs to
   * @returns what the reply has to wait for, if anything; it never rejects
   */
  readonly decided: (
    decision: Decision,
    request: () => GuardrailCall | undefined,
  ) => Promise<void> | undefined;
  /** Called for each call that LiteLLM sent again while it was judged. */
  readonly repeated: () => void;
  /** Called with a mistake of ours that kept a call from being judged. */
  readonly failed: (error: unknown, call: GuardrailCall | undefined) => void;
  readonly refuse: RefuseCall;
  readonly limits: JsonLimits;
  /** `BLOCKED_MESSAGE`. */
  readonly blockedMessage: string | undefined;
  readonly requests: KeptRequests;
  /** False while nobody asks for the request of a response. */
  readonly keepsRequests: () => boolean;
  /** Judges a call of so many nodes in another thread; undefined if it may be judged here. */
  readonly large?:
    | ((nodes: number, body: Buffer, connection: CallConnection) => Promise<CallResponse> | undefined)
    | undefined;
  readonly other: OtherThread;
};

const NONE: CallResponse = { status: 200, body: '{"action":"NONE"}' };
const GONE: CallResponse = { status: 204, body: null };
const DEFERRED: CallResponse = {
  status: 503,
  body: JSON.stringify(errorBody({ reason: 'deferred', message: 'a backend gave no verdict' })),
};

/** Refusals of a body beyond a limit. */
const BEYOND = {
  maxJsonNodes: {
    status: 400,
    reason: 'too_many_nodes',
    field: 'body',
    message: 'has more lists, objects and commas than MAX_JSON_NODES',
  },
  maxJsonDepth: {
    status: 400,
    reason: 'too_deep',
    field: 'body',
    message: 'is nested deeper than MAX_JSON_DEPTH',
  },
} as const;

/** Parses a call, has it decided, and replies as LiteLLM understands it. */
export class CallHandler {
  readonly #options: CallHandlerOptions;
  readonly #repeats = new RepeatedCalls();

  constructor(options: CallHandlerOptions) {
    this.#options = options;
  }

  /** The response to the body of a guardrail call. Never rejects. */
  async handle(body: Buffer, connection: CallConnection): Promise<CallResponse> {
    const { judge, decided, refuse, limits, requests, keepsRequests, other } = this.#options;
    let call: GuardrailCall | undefined;
    let running: Running | undefined;
    let decision: Decision | undefined;
    try {
      const { beyond, nodes, text } = measureBody(body, limits);
      if (beyond !== undefined) return refuse(BEYOND[beyond]);
      const large = this.#options.large?.(nodes, body, connection);
      if (large !== undefined) return await large;
      const parsed = parseGuardrailCall(text ?? body.toString(), limits.maxJsonNodes);
      if ('bad' in parsed) return refuse(refusalOf(parsed.bad));
      call = parsed.call;
      const key = stateKey(call);
      const there = key === undefined ? undefined : other.judge?.(key, body, connection);
      if (there !== undefined) return await there;
      const fetching = key === undefined ? undefined : other.fetch?.(key);
      if (fetching !== undefined) await fetching;
      const name = key && call.input_type + key;
      const first = name && this.#repeats.find(name, body);
      if (first) return this.#respond(await this.#decisionOn(first, connection));
      const request = recall(requests, call, key);
      const scope = new CallScope(connection, key !== undefined);
      const deciding = judge.judge({ call, bytes: body.length, request, scope });
      if (deciding instanceof Promise) {
        if (name !== undefined) running = this.#repeats.begin(name, body, scope);
        decision = await deciding;
        const isAwaited = scope.isAwaited();
        if (isAwaited !== true && !(await isAwaited)) decision = cancelledDecision(decision);
      } else decision = deciding;
      if (key !== undefined && isKept(call) && keepsRequests()) requests.remember(key, decision, body);
      const recorded = decided(decision, request);
      if (key !== undefined && deciding instanceof Promise) other.decided?.(key);
      if (recorded !== undefined) await recorded;
      return this.#respond(decision);
    } catch (error) {
      // A mistake of ours must not become a 500, which fail_open settings on the other side may let pass
      this.#options.failed(error, call);
      if (call === undefined) return refuse({ status: 400, reason: 'bug', message: 'see the log' });
      decision = failedDecision(call);
      await decided(decision, () => undefined);
      return this.#respond(decision);
    } finally {
      if (running !== undefined && decision !== undefined) this.#repeats.end(running, decision);
    }
  }

  /** The decision to come on a call that was sent again. */
  #decisionOn(first: Running, connection: CallConnection): Promise<Decision> {
    this.#options.repeated();
    first.scope.join(connection);
    return new Promise((resolve) => first.others.push(resolve));
  }

  #respond(decision: Decision): CallResponse {
    switch (actionOf(decision)) {
      case 'NONE':
        if (!decision.holdback.some((chars) => chars > 0)) return NONE;
        break;
      case 'DEFERRED':
        return DEFERRED;
      case 'CANCELLED':
        return GONE;
      case 'BLOCKED':
      case 'GUARDRAIL_INTERVENED':
        break;
    }
    return { status: 200, body: JSON.stringify(replyOf(decision, this.#options.blockedMessage)) };
  }
}

function refusalOf({ field, message, hasTooManyNodes }: BadRequest) {
  return { status: 400, reason: hasTooManyNodes ? 'too_many_nodes' : 'invalid', field, message } as const;
}

/** Reads the request that a response belongs to. */
function recall(
  requests: KeptRequests,
  call: GuardrailCall,
  key: string | undefined,
): () => GuardrailCall | undefined {
  if (key === undefined || call.input_type === 'request') return () => undefined;
  return () => requests.recall(key);
}

/** True for a request that has a response. The result of an MCP tool does not tell its call. */
const isKept = ({ input_type, shape }: GuardrailCall) => input_type === 'request' && shape !== 'mcp_tool';
