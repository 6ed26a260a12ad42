import type { GuardrailCall, Passage, PassageTexts } from './call.ts';
import type { Caller } from './caller.ts';
import type { BlockCategory, BlockCause } from './category.ts';
import type { PassageEdits } from './edit.ts';
import type { Failure, FailureKind, UnreachableFallback } from './failure.ts';
import type { MessagePlace } from './message-place.ts';
import type { OnError, Orchestration } from './orchestration.ts';
import { kindOf, type Mode, type Verdict, type VerdictKind } from './verdict.ts';

/** The consequence of a missing verdict for the call; `next` leaves it to the backends that follow. */
export type Effect = 'block' | 'allow' | 'defer' | 'next' | 'none';

/** The attempt of which the verdict came where a slow backend was asked a second time. */
export const HEDGE_RESULTS = ['first', 'second', 'none'] as const;

/** The result of one check. */
export type CheckResult = {
  readonly backend: string;
  readonly mode: Mode;
  readonly unreachableFallback: UnreachableFallback;
  readonly seconds: number;
  /** When it began, by the clock of `performance.now`; left out for a verdict that was known. */
  readonly startedAt?: number;
  /** Undefined for a check of one attempt. */
  readonly hedged?: (typeof HEDGE_RESULTS)[number];
  /** For a response that is shown as it grows: the place in each text up to which the backend has judged it for good. */
  readonly open?: ReadonlyMap<Passage, number>;
  /** For a check without a verdict: edits of what the backend judged before. */
  readonly kept?: PassageEdits;
} & ({ readonly verdict: Verdict } | { readonly failure: Failure; readonly effect: Effect });

/**
 * The result of one policy for a call. `enforced` is false where it only observes. `remove`: it blocks nothing but what stands in
 * an older turn, which is removed.
 */
export type PolicyNote = {
  readonly kind: string;
  readonly enforced: boolean;
  readonly verdict: 'allow' | 'block' | 'redact' | 'remove';
  readonly reasonCode: string;
  /** Ids of the rules that matched, without content. */
  readonly rules: readonly string[];
  /** The first few places in which they matched; left out where nothing is objected to, and for a call that is refused as such. */
  readonly places?: readonly MessagePlace[];
  /** True if nothing but older turns of the conversation is the cause of a block. */
  readonly older?: true;
};

/** How decisions are to be written to the audit log. */
export type AuditOptions = { readonly logsAll: boolean; readonly retentionDays: number };

/** The result of all policies for a call. */
export type PolicyResult = {
  /** Version of the policy file. */
  readonly version: string;
  /** Name of the caller rule that applied, `default` for none. */
  readonly callerRule: string;
  /** Backends to ask, in order; undefined for all. */
  readonly backends: readonly string[] | undefined;
  /** In place of the backends' own. */
  readonly backendMode: Mode | undefined;
  readonly unreachableFallback: UnreachableFallback | undefined;
  readonly orchestration: Orchestration;
  readonly onError: OnError;
  readonly verdict: 'allow' | 'block' | 'redact';
  /** The policy that blocks, or the first that redacts, or the first that removes. */
  readonly by: PolicyNote | undefined;
  /** The operator's message for the caller. */
  readonly message: string | undefined;
  /** One entry for every policy that judged, in order. */
  readonly notes: readonly PolicyNote[];
  /** Redacted passages with their new texts. */
  readonly texts: PassageTexts;
  /** Kinds of the policies that removed text of older turns. */
  readonly removed: readonly string[];
  /** Passages of the newest message for which the call is blocked. */
  readonly offending: ReadonlySet<Passage>;
  /** True for a response that continues where an earlier call about it ended. */
  readonly continues: boolean;
  /** Number of characters at the end of each of `texts`, once redacted, that may not be shown yet; for responses. */
  readonly holdback: readonly number[];
  /** The kind of policy that lets the call pass only if a backend that judges media has judged it. */
  readonly mediaPolicy: string | undefined;
  /** True if the model of a response could not be compared with those that its caller may use; once for each call. */
  readonly isUncompared: boolean;
  readonly audit: AuditOptions | undefined;
  /** When they began, by the clock of `performance.now`, and for how many milliseconds they judged, other calls between included. */
  readonly startedAt: number;
  readonly ms: number;
};

/** The field of a reply that carries rewritten texts; `payload` is that of Akto's replies. */
export type RewriteForm = 'texts' | 'structured_messages' | 'payload';

/**
 * How LiteLLM delivers a response, as far as its configuration tells. `plain`: not streamed. `incremental_diff`: streamed, as
 * far as the bridge releases it. `pipeline`: judged by a policy pipeline. `block_only`: streamed, redactions are dropped.
 */
export const WIRINGS = ['plain', 'incremental_diff', 'pipeline', 'block_only', 'unknown'] as const;
export type Wiring = (typeof WIRINGS)[number];

/**
 * Why a redaction of a response cannot be applied: LiteLLM drops those of this `stream`, of this `endpoint` or in this
 * `release`; it is `unknown` how it delivers this response; the `setting` blocks; or no reply reaches the `place` of the text.
 */
export type UnappliedReason = 'stream' | 'endpoint' | 'release' | 'unknown' | 'setting' | 'place';

/** How a response is delivered, and why a redaction of it is not. */
export type Wired = { readonly wiring: Wiring; readonly unapplied: UnappliedReason | undefined };

/** The fate of a call. */
export type Outcome =
  | { readonly kind: 'allow' }
  | {
      readonly kind: 'block';
      readonly cause: BlockCause;
      /** The backend or policy that decided, or all backends that did, with commas. */
      readonly by: string;
      /** The vendors' texts or a reason code: for the record and `BLOCKED_MESSAGE`, never for a log. */
      readonly reason: string;
      /** The operator's message for the caller. */
      readonly message?: string;
      /** If it is another than that of its cause. */
      readonly category?: BlockCategory;
      /** True if nothing but older messages of the conversation is the cause. */
      readonly older?: true;
      /** For a redaction of a response. */
      readonly wired?: Wired;
    }
  | {
      readonly kind: 'modify';
      /** Who redacted; nobody where only blocked history is removed. */
      readonly by: readonly string[];
      readonly texts: PassageTexts;
      readonly form: RewriteForm;
      /** For a response. */
      readonly wired?: Wired;
    }
  | { readonly kind: 'defer'; readonly by: string }
  | { readonly kind: 'cancelled' };

/** Everything that was decided about one call, made once; reply, metrics, log line, audit row and note derive from it. */
export type Decision = {
  readonly call: GuardrailCall;
  readonly caller: Caller;
  readonly outcome: Outcome;
  /** Identifies a blocked call to its caller and in the log; undefined for any other outcome. */
  readonly ref: string | undefined;
  /** Undefined where there are no policies, or they could not judge. */
  readonly policies: PolicyResult | undefined;
  /** Who had blocked what is removed from the history, in `forwarded` and in the reply if the call goes on. */
  readonly removed: readonly string[];
  /** Results of the enforcing backends that were waited for. */
  readonly checks: readonly CheckResult[];
  /** The call as the policies left it: what backends may see. */
  readonly forwarded: GuardrailCall;
  /** Number of characters at the end of each of `texts`, as they are returned, that may not be shown yet; for responses. */
  readonly holdback: readonly number[];
  /** When judging began, by the clock of `performance.now`. */
  readonly startedAt: number;
  /** Milliseconds from the read body to the decision. */
  readonly ms: number;
};

export const ACTIONS = ['NONE', 'BLOCKED', 'GUARDRAIL_INTERVENED', 'DEFERRED', 'CANCELLED'] as const;
/** The word for LiteLLM, or `DEFERRED` (a 503) and `CANCELLED` (nobody waits) where it gets none. */
export type Action = (typeof ACTIONS)[number];

const ACTION_OF = {
  allow: 'NONE',
  block: 'BLOCKED',
  modify: 'GUARDRAIL_INTERVENED',
  defer: 'DEFERRED',
  cancelled: 'CANCELLED',
} as const satisfies Record<Outcome['kind'], Action>;

export function actionOf({ outcome }: Pick<Decision, 'outcome'>): Action {
  return ACTION_OF[outcome.kind];
}

/** Names of who decided, where it was not everybody's silence. */
export function decidedBy({ outcome, removed }: Pick<Decision, 'outcome' | 'removed'>): string | null {
  switch (outcome.kind) {
    case 'block':
    case 'defer':
      return outcome.by;
    case 'modify':
      return [...new Set([...outcome.by, ...removed])].join(',');
    case 'allow':
    case 'cancelled':
      return null;
  }
}

/** The vote of each backend that was waited for, by its name; undefined where none was. */
export function votesOf({
  checks,
}: Pick<Decision, 'checks'>): Readonly<Record<string, VerdictKind | FailureKind>> | undefined {
  return checks.length === 0
    ? undefined
    : Object.fromEntries(checks.map((check) => [check.backend, resultOf(check)]));
}

/** The verdict of a check in the word for metrics, logs and records, or why there is none. */
export function resultOf(check: CheckResult): VerdictKind | FailureKind {
  return 'verdict' in check ? kindOf(check.verdict) : check.failure.kind;
}
