import * as v from 'valibot';
import type { GuardrailCall } from '../../guardrail/call.ts';
import { defineKind } from '../policy.ts';

const limit = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1)));

const options = v.strictObject({
  max_request_bytes: v.pipe(
    limit,
    v.description(
      'Bytes of the body that LiteLLM sends here, which is somewhat larger than what its client sent.',
    ),
  ),
  max_text_chars: v.pipe(
    limit,
    v.description(
      'Unicode code points of all texts: history, system prompt, tool calls and results, descriptions of tools.',
    ),
  ),
  max_messages: v.pipe(
    limit,
    v.description('Rows of the conversation, system prompt and tool results included.'),
  ),
});

/** Refuses requests that are too large; responses pass. */
export const sizeLimits = defineKind({
  kind: 'size-limits',
  judges: 'requests',
  about: 'blocks what is too large',
  example: `
max_text_chars: 200000   # of all texts together
max_messages: 500
`,
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

/** A code point takes one UTF-16 unit or two. */
function hasMoreThan(max: number, { passages: { chars, all } }: GuardrailCall): boolean {
  if (chars <= max || chars > 2 * max) return chars > max;
  const pairsIn = (text: string) => text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0;
  return all.reduce((points, { text }) => points - pairsIn(text), chars) > max;
}
