import type { GuardrailCall } from '../guardrail/call.ts';
import { actionOf, type Decision } from '../guardrail/decision.ts';
import { type JsonLimits, measureBody } from '../guardrail/json-nodes.ts';
import { type AktoCheck, aktoCall, modifiedPayload } from '../litellm/akto-call.ts';
import { type AktoEnvelope, BeyondLimit, EnvelopeReader } from '../litellm/akto-envelope.ts';
import { aktoReply } from '../litellm/akto-reply.ts';
import { type CapsuleHook, capsuleCall } from '../litellm/capsule-call.ts';
import { type BadRequest, badRequestIn, parseGuardrailCall } from '../litellm/request.ts';
import { type CallResponse, errorBody } from './refusal.ts';
import { replyOf } from './reply.ts';

/** The form of a call and of its reply, by the door at which it came: plain data, for another thread too. */
export type CallForm =
  | { readonly door?: never }
  /** `isRecorded`: its sender wants a record too; `isLast`: no other side of the envelope is judged after it. */
  | {
      readonly door: 'akto';
      readonly check: AktoCheck;
      readonly isRecorded: boolean;
      readonly isLast: boolean;
    }
  | { readonly door: 'capsule'; readonly hook: CapsuleHook };

/** A call as it was read, and how its decision is written. */
export type ReadCall = {
  readonly call: GuardrailCall;
  /** The request of a response, where that came with it. */
  readonly request?: () => GuardrailCall | undefined;
  /** The body to make a record of, as the call went on; undefined if none is wanted. */
  recordOf?(decision: Decision): Buffer;
  reply(decision: Decision, template: string | undefined): string;
};

/** A body before its call is read: how much there is in it. */
export type OpenedBody =
  | { readonly beyond: undefined; readonly nodes: number; read(): ReadCall | { readonly bad: BadRequest } }
  | { readonly beyond: keyof JsonLimits }
  | { readonly beyond: undefined; readonly bad: BadRequest };

/** That of LiteLLM's generic guardrail API. */
export const GENERIC: CallForm = {};

const NONE = '{"action":"NONE"}';
const GONE: CallResponse = { status: 204, body: null };
const DEFERRED: CallResponse = {
  status: 503,
  body: JSON.stringify(errorBody({ reason: 'deferred', message: 'a backend gave no verdict' })),
};

/** Measures a body, with the JSON that stands in its strings where a call comes that way. */
export function openBody(form: CallForm, body: Buffer, limits: JsonLimits): OpenedBody {
  const { beyond, nodes, text } = measureBody(body, limits);
  if (beyond !== undefined) return { beyond };
  const json = text ?? body.toString();
  if (form.door === 'akto') return openEnvelope(form, body, json, nodes, limits);
  if (form.door === 'capsule')
    return { beyond, nodes, read: () => safely(() => capsule(json, form.hook, limits)) };
  return { beyond, nodes, read: () => generic(json, limits) };
}

/** The response that carries a decision, in the form of its call. */
export function responseTo(read: ReadCall, decision: Decision, template: string | undefined): CallResponse {
  switch (actionOf(decision)) {
    case 'DEFERRED':
      return DEFERRED;
    case 'CANCELLED':
      return GONE;
    case 'NONE':
    case 'BLOCKED':
    case 'GUARDRAIL_INTERVENED':
      return { status: 200, body: read.reply(decision, template) };
  }
}

function generic(json: string, { maxJsonNodes }: JsonLimits): ReadCall | { readonly bad: BadRequest } {
  const parsed = parseGuardrailCall(json, maxJsonNodes);
  return 'bad' in parsed ? parsed : { call: parsed.call, reply: genericReply };
}

function genericReply(decision: Decision, template: string | undefined): string {
  const isPlain = decision.outcome.kind === 'allow' && !decision.holdback.some((chars) => chars > 0);
  return isPlain ? NONE : JSON.stringify(replyOf(decision, template));
}

function capsule(json: string, hook: CapsuleHook, { maxJsonNodes }: JsonLimits): ReadCall {
  const call = capsuleCall(json, hook, maxJsonNodes);
  return {
    call,
    reply(decision, template) {
      const said = replyOf(decision, template);
      if (said?.action !== 'BLOCKED') return '{"decision":"allow"}';
      return JSON.stringify({ decision: 'deny', reason: said.blocked_reason });
    },
  };
}

function openEnvelope(
  { check, isRecorded, isLast }: CallForm & { door: 'akto' },
  body: Buffer,
  json: string,
  nodes: number,
  limits: JsonLimits,
): OpenedBody {
  const reader = new EnvelopeReader(limits);
  try {
    const sent = reader.read(json);
    const { maxJsonNodes } = limits;
    return {
      beyond: undefined,
      nodes: nodes + reader.nodes,
      read: () =>
        safely(() => {
          const read = aktoCall(sent, check, isRecorded, maxJsonNodes);
          const side = check === 'response' ? 'responsePayload' : 'requestPayload';
          const modified = ({ outcome }: Decision) =>
            outcome.kind === 'modify' ? modifiedPayload(read, outcome.texts) : undefined;
          return {
            call: read.call,
            ...(check === 'response' && { request: () => requestIn(sent, isRecorded, maxJsonNodes) }),
            ...(isRecorded &&
              isLast && {
                recordOf(decision: Decision) {
                  const payload = modified(decision);
                  if (payload === undefined) return body;
                  return Buffer.from(JSON.stringify({ ...sent.fields, [side]: payload }));
                },
              }),
            reply(decision: Decision, template: string | undefined) {
              const payload = modified(decision);
              if (payload !== undefined) return aktoReply.modify(payload);
              const said = replyOf(decision, template);
              return said?.action === 'BLOCKED' ? aktoReply.block(said.blocked_reason) : aktoReply.allow();
            },
          };
        }),
    };
  } catch (error) {
    return error instanceof BeyondLimit
      ? { beyond: error.limit }
      : { beyond: undefined, bad: badRequestIn(error) };
  }
}

/** The request that came with a response. It was read before, so that a mistake in it is none of the response's. */
function requestIn(sent: AktoEnvelope, isRecorded: boolean, maxNodes: number): GuardrailCall | undefined {
  const read = safely(() => ({
    call: aktoCall(sent, 'request', isRecorded, maxNodes).call,
    reply: genericReply,
  }));
  return 'bad' in read ? undefined : read.call;
}

function safely(read: () => ReadCall): ReadCall | { readonly bad: BadRequest } {
  try {
    return read();
  } catch (error) {
    return { bad: badRequestIn(error) };
  }
}
