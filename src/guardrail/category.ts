/** Hidden by LiteLLM: a part of the request, or the answers of all models but one. */
export type UnseenCause = 'hidden_content' | 'several_models';

/** Why a call is blocked: a verdict, a missing verdict under `fail_closed`, a redaction that cannot be applied, or what is not shown. */
export type BlockCause = 'verdict' | 'fail_closed' | 'redaction' | UnseenCause;

/** Why LiteLLM is told that a call is blocked; `refused` and `unreadable` before it was one. */
export type RefusalCause = BlockCause | 'refused' | 'unreadable';

/**
 * All that an application is told of why its call is blocked, in words that it can act on, and what it should do. Nothing here
 * tells what matched. examples/operations/README.md explains each.
 */
export const BLOCK_CATEGORIES = {
  policy: 'do not retry; ask the user to write it differently',
  not_allowed: 'do not retry: use another model, key, tool or parameter, or ask the operator',
  unavailable: 'retry after some seconds, a few times',
  too_large: 'shorten the call, or ask for a smaller max_tokens',
  rate_limit: 'wait a minute, then retry',
  session_limit: 'begin a new conversation',
  unreadable: 'mend the call: it is the same each time',
  hidden: 'send the text where LiteLLM shows it to guardrails',
  several_models: 'send one call for each model',
} as const;
export type BlockCategory = keyof typeof BLOCK_CATEGORIES;

const OF_CAUSE = {
  verdict: 'policy',
  redaction: 'policy',
  fail_closed: 'unavailable',
  hidden_content: 'hidden',
  several_models: 'several_models',
  refused: 'too_large',
  unreadable: 'unreadable',
} as const satisfies Record<RefusalCause, BlockCategory>;

/** Reason codes of policies that say more than that the words are not allowed. */
const OF_REASON_CODE: ReadonlyMap<string | undefined, BlockCategory> = new Map<string, BlockCategory>([
  ['request_too_large', 'too_large'],
  ['too_many_messages', 'too_large'],
  ['text_too_long', 'too_large'],
  ['max_tokens_exceeded', 'too_large'],
  ['rate_limit', 'rate_limit'],
  ['session_limit', 'session_limit'],
  ['state_unavailable', 'unavailable'],
  // Other words do not help: it is about who asks, and for what
  ...(
    [
      'identity_missing',
      'role_missing',
      'user_blocked',
      'model_not_allowed',
      'required_param_missing',
      'tool_denied',
      'tool_not_allowed',
      'argument_denied',
      'approval_required',
      'transaction_limit',
    ] as const
  ).map((code) => [code, 'not_allowed'] as const),
]);

/** The category of a block by a policy, if it is another than that of its cause. @param reasonCode of the policy, not a vendor's text */
export function categoryOfReason(reasonCode: string | undefined): BlockCategory | undefined {
  return OF_REASON_CODE.get(reasonCode);
}

/** The category that a blocked client is told. */
export function categoryOf(block: {
  readonly cause: RefusalCause;
  readonly category?: BlockCategory;
}): BlockCategory {
  return block.category ?? OF_CAUSE[block.cause];
}
