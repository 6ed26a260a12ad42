import type { InputType } from '../guardrail/call.ts';
import type { Action } from '../guardrail/decision.ts';
import type { MessagePlace } from '../guardrail/message-place.ts';
import type { CheckNote } from '../guardrail/record.ts';

/** The result of a policy that objected, or would have. */
export type PolicyFinding = {
  readonly kind: string;
  /** False where it only observes. */
  readonly enforced: boolean;
  readonly verdict: 'block' | 'redact' | 'remove';
  readonly reason_code: string;
  readonly rules: readonly string[];
  /** The first few; left out where the policy tells none. */
  readonly places?: readonly MessagePlace[];
};

/** The result of a backend. */
export type BackendFinding = CheckNote & {
  /** The vendor's words as far as they are known ones. */
  readonly reason?: string;
  /** HTTP status of a failure. */
  readonly status?: number;
  /** True where the decision did not wait for it: of one that only observes, or of a response that had been delivered. */
  readonly late?: true;
};

/** One decision as it is kept: who, what and why, in names of ours and of the operator, never content. Texts are of bounded length. */
export type DecisionRow = {
  /** When it was decided, Unix milliseconds. */
  readonly at: number;
  /** The reference that a blocked client was told. */
  readonly ref: string | null;
  readonly litellm_call_id: string | null;
  readonly litellm_trace_id: string | null;
  readonly litellm_version: string | null;
  readonly input_type: InputType;
  readonly shape: string;
  /** Of the request, such as `/v1/chat/completions`; null where LiteLLM does not tell it. */
  readonly endpoint: string | null;
  /** The mode of the guardrail as far as the call tells it: `pre_call`, `post_call`, `pre_mcp_call`, …; null where it does not. */
  readonly mode: string | null;
  /** Left out where it is not known. */
  readonly streamed?: boolean;
  readonly model: string | null;
  readonly team: string | null;
  /** Alias of the virtual key, or the beginning of its hash. */
  readonly key: string | null;
  readonly user: string | null;
  readonly end_user: string | null;
  readonly verdict: 'allow' | 'block' | 'redact' | 'remove' | 'defer' | 'cancelled';
  readonly action: Action;
  /** Why it is blocked, in the word that the client was told; null for any other verdict. */
  readonly category: string | null;
  readonly cause: string | null;
  /** The backend or policy that decided; null if none objected. */
  readonly by: string | null;
  /** True if the cause stands in an older message than the newest. */
  readonly older?: boolean;
  readonly policy_version: string | null;
  readonly caller_rule: string | null;
  /** Policies that objected, or would have. */
  readonly policies: readonly PolicyFinding[];
  /** Kinds of the policies that allowed it. */
  readonly allowed: readonly string[];
  readonly backends: readonly BackendFinding[];
  /** Who had blocked what was removed from the history. */
  readonly removed: readonly string[];
  /** Milliseconds to the decision. */
  readonly ms: number;
};

/** The end of a call, as LiteLLM logged it. */
export type DecisionEnd = { readonly outcome: 'success' | 'failure'; readonly at: number };

/** A decision with what came to be known of its call later. */
export type KeptDecision = DecisionRow & {
  /** Number of decisions on a streamed response, of which this is the last; left out for one. */
  readonly rounds?: number;
  /** Left out as long as it is not known. */
  readonly ended?: DecisionEnd;
};

/** A decision as it is stored, under a name that is unique among all replicas. */
export type StoredDecision = {
  /** One start of a bridge. */
  readonly origin: string;
  readonly id: number;
  readonly at: number;
  readonly verdict: DecisionRow['verdict'];
  /** Made of the call id; null without one. */
  readonly call: number | null;
  readonly ref: string | null;
  readonly rounds: number | null;
  /** JSON. */
  readonly ended: string | null;
  /** Packed. */
  readonly row: string;
};
