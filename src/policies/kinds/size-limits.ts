import * as v from 'valibot';
import type { GuardrailCall } from '../../guardrail/call.ts';
import { eachNewWord } from '../../guardrail/words.ts';
import { defineKind } from '../policy.ts';

const limit = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1)));

const options = v.strictObject({
  /** Bytes of the body that LiteLLM sends here, which is somewhat larger than what its client sent. */
  max_request_bytes: limit,
  /** Unicode code points of all texts together: history, system prompt, tool calls and results, descriptions of tools. */
  max_text_chars: limit,
  /** Rows of the conversation, system prompt and tool results included. */
  max_messages: limit,
});

/** Refuses requests that are too large; answers pass. */
export const sizeLimits = defineKind({
  kind: 'size-limits',
  options,
  create({ max_request_bytes, max_text_chars, max_messages }, context) {
    if (max_request_bytes === undefined && max_text_chars === undefined && max_messages === undefined)
      context.warn('max_request_bytes', 'no limit is set');
    return {
      check({ call, bytes }) {
        if (call.input_type === 'response') return undefined;
        if (max_request_bytes !== undefined && bytes > max_request_bytes)
          return { rule: 'max-request-bytes', reasonCode: 'request_too_large' };
        if (max_messages !== undefined && call.structured_messages.length > max_messages)
          return { rule: 'max-messages', reasonCode: 'too_many_messages' };
        if (max_text_chars !== undefined && hasMoreThan(max_text_chars, call))
          return { rule: 'max-text-chars', reasonCode: 'text_too_long' };
        return undefined;
      },
    };
  },
});

function hasMoreThan(max: number, call: GuardrailCall): boolean {
  let units = 0;
  eachNewWord(call, (text) => {
    units += text.length;
  });
  if (units <= max) return false;
  if (units > 2 * max) return true;
  let points = units;
  eachNewWord(call, (text) => {
    points -= pairsIn(text);
  });
  return points > max;
}

/** Code points that take two UTF-16 units. */
function pairsIn(text: string): number {
  let pairs = 0;
  for (let at = 0; at < text.length - 1; at++) {
    if ((text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) {
      pairs++;
      at++;
    }
  }
  return pairs;
}
