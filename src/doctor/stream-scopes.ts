import { fieldsOf, textOf } from '../guardrail/json.ts';
import { isAtLeast, TAKES_STREAM_SCOPE } from '../litellm/releases.ts';
import type { WiredGuardrail } from './wired-guardrails.ts';

export const STREAM_SCOPES = ['both', 'streaming', 'non_streaming'];

/** The `stream_scope` of a guardrail in a mode, in lower case; undefined if there is none, or none that LiteLLM could know. */
export function streamScope({ params }: WiredGuardrail, mode: string): string | undefined {
  const { stream_scope: scope } = params;
  const byMode = Object.entries(fieldsOf(scope)).find(([name]) => name.toLowerCase() === mode)?.[1];
  return textOf(typeof scope === 'string' ? scope : byMode)?.toLowerCase();
}

/**
 * True if a guardrail is asked in a mode about streamed calls, or about those that are not.
 *
 * @see LiteLLM 1.110.2, `stream_scope_allows` in integrations/custom_guardrail.py: it holds in every mode; `stored_stream_scope` in
 *   types/guardrails.py: a scope that it does not know is `both`
 */
export function isInScope(
  guardrail: WiredGuardrail,
  mode: string,
  { release, streamed }: { readonly release: string; readonly streamed: boolean },
): boolean {
  if (!isAtLeast(release, TAKES_STREAM_SCOPE)) return true;
  return streamScope(guardrail, mode) !== (streamed ? 'non_streaming' : 'streaming');
}
