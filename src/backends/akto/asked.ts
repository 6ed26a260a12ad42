import { fieldsOf, type GuardrailCall } from '../../guardrail/call.ts';
import { LastMade } from '../last-made.ts';
import { type CheckTemplate, checkEnvelope, mcpCheckEnvelope } from './envelope.ts';
import { mcpExchange } from './mcp.ts';
import { type PayloadOptions, requestBody, responseBody } from './payload.ts';
import { redactionOf } from './redaction.ts';
import type { VerdictOptions } from './verdict.ts';

/** A check as Akto is asked, and how what it redacts is read. */
type Asked = { readonly json: Buffer; readonly redaction: VerdictOptions['redaction'] };

type AskedOptions = PayloadOptions & {
  readonly template: CheckTemplate;
  /** Names the template and the options of the payload. */
  readonly settings: string;
};

const last = new LastMade<Asked>();

/** The question to Akto about a call; the same for each Akto with the same settings. */
export function askedOf(
  call: GuardrailCall,
  options: AskedOptions,
  request: () => GuardrailCall | undefined,
): Asked {
  return last.of(call, options.settings, () => makeAsked(call, options, request));
}

function makeAsked(
  call: GuardrailCall,
  options: AskedOptions,
  request: () => GuardrailCall | undefined,
): Asked {
  const isRequest = call.input_type === 'request';
  const mcp = mcpExchange(call);
  const asked = mcp?.request ?? requestBody(isRequest ? call : request(), options);
  const body = isRequest ? asked : (mcp?.response ?? responseBody(call));
  const joined = isRequest && options.flatten ? call.structured_messages : [];
  const json =
    mcp === undefined
      ? checkEnvelope(call, options.template, asked, isRequest ? undefined : body)
      : mcpCheckEnvelope(call, options.template, mcp);
  return {
    json: Buffer.from(json),
    redaction(payload) {
      const checked = { body, joined, passages: call.passages };
      const { params } = fieldsOf(body);
      // Of JSON-RPC it can be no more than the parameters
      return (
        redactionOf(payload, checked) ?? (params ? redactionOf(payload, { ...checked, body: params }) : null)
      );
    },
  };
}
