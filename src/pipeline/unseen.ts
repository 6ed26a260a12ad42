import type { GuardrailCall } from '../guardrail/call.ts';
import type { Caller } from '../guardrail/caller.ts';
import type { UnseenCause } from '../guardrail/category.ts';
import { hiddenBytes } from '../litellm/hidden.ts';

export type UnseenOptions = {
  /** Counts a request of which LiteLLM did not show all, or blocks it too. */
  readonly hiddenContent: 'count' | 'block';
  /** Fate of a request for several models: LiteLLM never asks about their answers. */
  readonly multiModel: 'block' | 'allow';
  /** Told of a request with hidden content. @param bytes undefined if the body does not tell its length */
  readonly hidden: (call: GuardrailCall, caller: Caller, bytes: number | undefined) => void;
};

/** Counts what LiteLLM does not show of a call, and says why the call is to be blocked for it. */
export function unseenCause(
  call: GuardrailCall,
  caller: Caller,
  { hiddenContent, multiModel, hidden }: UnseenOptions,
): UnseenCause | undefined {
  const bytes = hiddenBytes(call);
  if (bytes !== 0) hidden(call, caller, bytes);
  if (multiModel === 'block' && call.input_type === 'request' && call.model?.includes(','))
    return 'several_models';
  return hiddenContent === 'block' && bytes !== 0 ? 'hidden_content' : undefined;
}
