import type { Fields, InputType } from './call.ts';
import type { FailureKind } from './failure.ts';
import type { Mode, VerdictKind } from './verdict.ts';

/** How a call ended: with an answer, with an error, or stopped by the bridge. */
export const OUTCOMES = ['success', 'failure', 'blocked'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A client chooses the ids of its calls and traces, and their length; so much of them is told from others. */
export const MAX_ID_CHARS = 256;

/** What one backend said to one check; a failure is never a verdict. */
export type CheckNote = {
  readonly backend: string;
  readonly mode: Mode;
  readonly result: VerdictKind | FailureKind;
  readonly ms: number;
};

/** What the bridge answered to one guardrail call, without any content. */
export type VerdictNote = {
  readonly litellm_call_id: string;
  readonly litellm_trace_id: string | null;
  readonly input_type: InputType;
  readonly action: 'NONE' | 'BLOCKED' | 'GUARDRAIL_INTERVENED' | 'DEFERRED';
  /** The backend or policy that decided, where it was not everybody's silence. */
  readonly by: string | null;
  /** When it was answered, Unix milliseconds. */
  readonly at: number;
  /** How long that took, milliseconds. */
  readonly ms: number;
  readonly checks: readonly CheckNote[];
  /** Of many calls about one streamed answer the last is kept, with their number. */
  readonly calls?: number;
};

/** Why the bridge stopped a call. `reason` is the vendor's text: for the record, never for a log. */
export type BlockNote = {
  readonly by: string;
  readonly cause: string;
  readonly reason: string;
  readonly ref: string;
  readonly input_type: InputType;
};

/** One call as it is handed to a backend, which translates it into its own format. */
export type CallRecord = {
  /** The same in every attempt to deliver it: a backend can tell a repetition by it. */
  readonly record_id: string;
  readonly outcome: Outcome;
  /**
   * LiteLLM's `StandardLoggingPayload`. For a blocked call, what the guardrail was shown under the same names:
   * `messages`, `response`, `model`, `metadata`, `startTime` and `endTime` (Unix seconds).
   */
  readonly event: Fields;
  /** What the bridge said about this call, as far as this instance knows. */
  readonly verdicts: readonly VerdictNote[];
  readonly block?: BlockNote;
  /** JSON pointers into `event` of what was taken out of it, and of what was replaced. */
  readonly erased: readonly string[];
  readonly masked: readonly string[];
};
