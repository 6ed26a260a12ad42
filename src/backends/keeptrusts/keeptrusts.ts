import * as v from 'valibot';
import { fieldsOf, type GuardrailCall, textOf } from '../../guardrail/call.ts';
import type { Verdict } from '../../guardrail/verdict.ts';
import { defineBackend } from '../backend.ts';
import { completionsUrl } from '../completions-url.ts';
import { answerIn, askedIn, requestVerdict, responseVerdict } from './exchange.ts';
import { answerOrder, withoutOrders } from './fixture.ts';

/** Stands for a question that nobody remembers: a conversation needs one. */
const UNKNOWN_QUESTION = { role: 'user', content: '(not known)' };

/**
 * A running Keeptrusts gateway as validator. It has no endpoint that only judges, so a conversation is sent through it to a provider
 * that the bridge serves itself, see `fixture.ts`: 409 denies, messages that arrive there changed are a redaction. A response is judged
 * by having the fixture reply it.
 *
 * Nothing but messages has to get through the gateway, in either direction: headers, ids and names of models need not.
 *
 * @see https://docs.keeptrusts.com "Mock gateway" and "Gateway API"
 */
export const keeptrusts = defineBackend({
  kind: 'keeptrusts',
  judges: { request: true, response: true, media: false },
  reads: 'conversation',
  // It counts against budgets and rates
  isIdempotent: false,
  variables: { secret: ['KEEPTRUSTS_GATEWAY_TOKEN'] },
  options: {
    model: v.pipe(
      v.optional(v.pipe(v.string(), v.nonEmpty())),
      v.description('The one for which the gateway asks the fixture; by default that of the call.'),
    ),
  },
  setup({ url, secret, options: { model } }) {
    const headers: Record<string, string> = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    return { url: completionsUrl(url), headers, model };
  },
  check(call, { config, http, deadline, request }) {
    const isRequest = call.input_type === 'request';
    const known = isRequest ? call : request();
    const asked = known === undefined ? { messages: [UNKNOWN_QUESTION] } : askedIn(known);
    const answer = isRequest ? undefined : answerIn(call);
    const model = config.model ?? call.model ?? known?.model ?? 'gpt-4o';
    return http.post(config.url, bodyOf(model, asked, answer), {
      headers: { ...config.headers, ...identityOf(call) },
      deadline,
      read: (reply) =>
        answer === undefined ? requestVerdict(reply, asked, call) : responseVerdict(reply, answer, call),
      readRefusal: denial,
    });
  },
});

/** Only the bridge itself may order an answer of the fixture. */
function bodyOf(
  model: string,
  { messages, ...tools }: ReturnType<typeof askedIn>,
  answer: object | undefined,
) {
  const said = withoutOrders(JSON.stringify(messages)).slice(1, -1);
  const order = answer && JSON.stringify({ role: 'assistant', content: answerOrder(answer) });
  const rest = withoutOrders(JSON.stringify({ model, ...tools, max_tokens: 1, stream: false })).slice(1);
  return `{"messages":[${[said, order].filter(Boolean).join()}],${rest}`;
}

/** A refusal by a policy is a 409, or a 403 for what somebody may not do: the type of its error tells it from others. */
function denial(status: number, body: unknown): Verdict | undefined {
  const { type, message, policy, code } = fieldsOf(fieldsOf(body).error);
  if ((status !== 409 && status !== 403) || type !== 'policy_violation') return undefined;
  const categories = [policy, code].flatMap((word) => textOf(word) ?? []);
  return { kind: 'block', reason: textOf(message) ?? 'policy violation', categories };
}

/** Who asks, for policies that go by it. Not the end user, whom a client names as it likes. */
function identityOf({ request_data, litellm_trace_id }: GuardrailCall): Record<string, string> {
  const headers = { 'x-user-id': request_data.user_api_key_user_id, 'x-conversation-id': litellm_trace_id };
  return Object.fromEntries(Object.entries(headers).filter(isHeader));
}

function isHeader(header: [string, unknown]): header is [string, string] {
  return typeof header[1] === 'string' && /^[\x21-\x7e]{1,200}$/.test(header[1]);
}
