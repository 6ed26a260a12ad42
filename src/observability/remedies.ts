import type { PolicyResult, UnappliedReason } from '../guardrail/decision.ts';

/** How to have a redaction of a response delivered, by why it was not. */
export const REMEDIES: Record<UnappliedReason, string> = {
  stream:
    'LiteLLM drops redactions of this stream: judge it in a policy pipeline, or chats by incremental_diff (examples/streaming)',
  endpoint:
    'LiteLLM redacts by incremental_diff chats alone, and drops redactions elsewhere: judge the stream in a policy pipeline (examples/streaming/pipeline.yaml)',
  release: 'this LiteLLM does not deliver redactions as it is configured: use a newer one',
  unknown:
    'LiteLLM does not say if this response is streamed: set stream_scope and the parameter stream (examples/litellm-config.yaml)',
  setting: 'RESPONSE_REDACTION is block: set it to auto',
  place: 'no reply can change this text, such as arguments of a tool call',
};

const IN_STRUCTURE =
  'a finding is in an id, a role or an address, which no reply can change: begin a new conversation where it is in the history';

/** The reason why a call is blocked from which a finding was to be cut out, if that is in structure. */
export function fixedIn(policies: PolicyResult | undefined): Record<string, string> {
  for (const { place } of policies?.texts.keys() ?? [])
    if (place === 'structure') return { why: 'structure', advice: IN_STRUCTURE };
  return {};
}
