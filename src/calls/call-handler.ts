import type { GuardrailCall } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import type { Decision } from '../guardrail/decision.ts';
import type { JsonLimits } from '../guardrail/json-nodes.ts';
import type { BadRequest } from '../litellm/request.ts';
import { cancelledDecision, failedDecision } from '../pipeline/decide.ts';
import type { Judge } from '../pipeline/judge.ts';
import { type CallForm, GENERIC, openBody, type ReadCall, responseTo } from './call-form.ts';
import { type CallConnection, CallScope } from './call-scope.ts';
import type { CallResponse, RefuseCall } from './refusal.ts';
import { RepeatedCalls, type Running } from './repeated-calls.ts';
import { type KeyedCall, SharedCall, type SharedCalls } from './shared-calls.ts';

/** Keeps requests for their responses. */
export type KeptRequests = {
  /** @param body the bytes of the request as it was sent; backends may see it as the decision forwards it */
  remember(key: string, decision: Decision, body: Buffer): void;
  recall(key: string): GuardrailCall | undefined;
  /** Takes over a request that was judged elsewhere, as JSON, in place of one that is here. */
  keep(key: string, body: Buffer): void;
};

/** The side of the main thread, or of the thread of large calls, on which a call is not. */
export type OtherThread = {
  /** Judges a call there, if calls under its state key belong there. */
  judge?(
    key: string,
    body: Buffer,
    connection: CallConnection,
    form: CallForm,
  ): Promise<CallResponse> | undefined;
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
   * @param body as it was sent
   * @returns what the reply has to wait for, if anything; it never rejects
   */
  readonly decided: (
    decision: Decision,
    request: () => GuardrailCall | undefined,
    body: Buffer,
    connection: CallConnection,
  ) => Promise<unknown> | undefined;
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
  /** Shares with other replicas the state of calls; undefined for a bridge that is alone. */
  readonly sharedCalls?: SharedCalls | undefined;
  /** Judges a call of so many nodes in another thread; undefined if it may be judged here. */
  readonly large?:
    | ((
        nodes: number,
        body: Buffer,
        connection: CallConnection,
        form: CallForm,
      ) => Promise<CallResponse> | undefined)
    | undefined;
  readonly other: OtherThread;
  /**
   * Hands over the body of a call that is to be recorded as well.
   *
   * @returns what the reply has to wait for; it never rejects
   */
  readonly recorded: (body: Buffer) => Promise<void> | undefined;
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
  async handle(body: Buffer, connection: CallConnection, form: CallForm = GENERIC): Promise<CallResponse> {
    const { judge, decided, refuse, limits, requests, keepsRequests, other, blockedMessage } = this.#options;
    let read: ReadCall | undefined;
    let running: Running | undefined;
    let decision: Decision | undefined;
    try {
      const opened = openBody(form, body, limits);
      if (opened.beyond !== undefined) return refuse(BEYOND[opened.beyond], form.door);
      if ('bad' in opened) return refuse(refusalOf(opened.bad), form.door);
      const large = this.#options.large?.(opened.nodes, body, connection, form);
      if (large !== undefined) return await large;
      const parsed = opened.read();
      if ('bad' in parsed) return refuse(refusalOf(parsed.bad), form.door);
      read = parsed;
      const { call } = read;
      const key = stateKey(call);
      const there = key === undefined ? undefined : other.judge?.(key, body, connection, form);
      if (there !== undefined) return await there;
      const fetching = key === undefined ? undefined : other.fetch?.(key);
      if (fetching !== undefined) await fetching;
      const shared = key === undefined ? undefined : this.#shared({ call, key, body });
      const name = key && call.input_type + key;
      const first = name && this.#repeats.find(name, body);
      if (first) return responseTo(read, await this.#decisionOn(first, connection), blockedMessage);
      const request = read.request ?? recall(requests, call, key);
      const scope = new CallScope(connection, key !== undefined);
      const deciding = judge.judge({
        ...{ call, bytes: body.length, request, scope },
        ...{ reading: shared?.before(), forwarding: shared?.forwarding },
      });
      if (deciding instanceof Promise) {
        if (name !== undefined) running = this.#repeats.begin(name, body, scope);
        decision = await deciding;
        const isAwaited = scope.isAwaited();
        if (isAwaited !== true && !(await isAwaited)) decision = cancelledDecision(decision);
      } else decision = deciding;
      if (key !== undefined && isKept(call) && keepsRequests()) requests.remember(key, decision, body);
      const known = shared?.decided(decision);
      if (known !== undefined) await known;
      const stored = decided(decision, request, body, connection);
      if (key !== undefined && deciding instanceof Promise) other.decided?.(key);
      if (stored !== undefined) await stored;
      if (read.recordOf !== undefined && isGoingOn(decision)) {
        await this.#options.recorded(read.recordOf(decision));
      }
      return responseTo(read, decision, blockedMessage);
    } catch (error) {
      // A mistake of ours must not become a 500, which fail_open settings on the other side may let pass
      this.#options.failed(error, read?.call);
      if (read === undefined)
        return refuse({ status: 400, reason: 'bug', message: 'see the log' }, form.door);
      decision = failedDecision(read.call);
      await decided(decision, () => undefined, body, connection);
      return responseTo(read, decision, blockedMessage);
    } finally {
      if (running !== undefined && decision !== undefined) this.#repeats.end(running, decision);
    }
  }

  #shared(call: KeyedCall): SharedCall | undefined {
    const { sharedCalls, keepsRequests } = this.#options;
    return sharedCalls && new SharedCall(sharedCalls, call, isKept(call.call) && keepsRequests());
  }

  /** The decision to come on a call that was sent again. */
  #decisionOn(first: Running, connection: CallConnection): Promise<Decision> {
    this.#options.repeated();
    first.scope.join(connection);
    return new Promise((resolve) => first.others.push(resolve));
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

/**
 * True for a request whose response comes without it. The result of an MCP tool does not tell its call, and Akto's integration sends both
 * sides.
 */
const isKept = ({ input_type, shape, door }: GuardrailCall) =>
  door === 'capsule' || (input_type === 'request' && shape !== 'mcp_tool' && door === undefined);

/** True for a call that is not stopped: of one that is, the block is on record. */
const isGoingOn = ({ outcome: { kind } }: Decision) => kind === 'allow' || kind === 'modify';
