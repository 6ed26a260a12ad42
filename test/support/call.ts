import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { parseGuardrailCall } from '../../src/litellm/request.ts';

/** A guardrail call as the bridge reads it from LiteLLM's body; a request unless `fields` say otherwise. */
export function callOf(fields: Record<string, unknown> = {}): GuardrailCall {
  const parsed = parseGuardrailCall(JSON.stringify({ input_type: 'request', ...fields }));
  if ('bad' in parsed) throw new Error(`${parsed.bad.field} ${parsed.bad.message}`);
  return parsed.call;
}

/** A tool call in the dialect of chat completions. */
export const toolCall = (args: string, name = 'look_up', id = 'call_1') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
