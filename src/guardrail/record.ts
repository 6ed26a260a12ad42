import type { Fields, InputType } from './call.ts';
import type { BlockCategory, BlockCause } from './category.ts';
import type { FailureKind } from './failure.ts';
import type { Mode, VerdictKind } from './verdict.ts';

/** How a call ended: with a response, with an error, or stopped by the bridge. */
export type RecordOutcome = 'success' | 'failure' | 'blocked';

/**
 * How much is told of a call whose sides come by themselves. `request`: that it was asked for; `part`: a response that may still grow;
 * `whole`: how it ended. What comes later takes the place of the first two.
 */
export type Stage = 'request' | 'part' | 'whole';

/** Ids of calls and traces are cut to this length: a client chooses them. */
export const MAX_ID_CHARS = 256;

/** Enough of a hash to tell virtual keys apart. */
export const KEY_CHARS = 16;

/** The result of one check, without any content. */
export type CheckNote = {
  readonly backend: string;
  readonly mode: Mode;
  readonly result: VerdictKind | FailureKind;
  readonly ms: number;
  /** Of a block: the vendor's words for the rules that were broken, if it has any. */
  readonly categories?: readonly string[];
};

/** The call that a note is about. */
export type NotedCall = {
  /** Null for a blocked call without an id. */
  readonly litellm_call_id: string | null;
  readonly litellm_trace_id: string | null;
  /** The beginning of the hash of its virtual key. */
  readonly key?: string;
  readonly input_type: InputType;
};

/** The decision on one guardrail call, without any content. */
export type VerdictNote = NotedCall & {
  readonly action: 'NONE' | 'BLOCKED' | 'GUARDRAIL_INTERVENED' | 'DEFERRED';
  /** The backend or policy that decided; null where none objected. */
  readonly by: string | null;
  /** When it was decided, Unix milliseconds. */
  readonly at: number;
  /** Who had blocked what was removed from the history; left out if nothing was. */
  readonly removed?: readonly string[];
  /** Time to the decision, milliseconds. */
  readonly ms: number;
  readonly checks: readonly CheckNote[];
  /** True if the LiteLLM of this call logs streams before their last check. */
  readonly logsStreamsEarly?: true;
  /** Number of guardrail calls, where there were several about one streamed response; this is the last. */
  readonly calls?: number;
};

/** Why the bridge blocked a call. `reason` is the vendor's text: for the record, never for a log. */
export type BlockNote = {
  readonly by: string;
  readonly cause: BlockCause;
  /** If it is another than that of the cause. */
  readonly category?: BlockCategory;
  readonly reason: string;
  readonly ref: string;
  readonly input_type: InputType;
};

/** One call as it is handed to a backend, which translates it into its own format. */
export type CallRecord = {
  /** The same in every delivery, so that a backend can tell a repetition. */
  readonly record_id: string;
  readonly outcome: RecordOutcome;
  /**
   * LiteLLM's `StandardLoggingPayload`. For a blocked call, fields of its guardrail call under the same names:
   * `messages`, `response`, `model`, `metadata`, `startTime` and `endTime` (Unix seconds).
   */
  readonly event: Fields;
  /** Decisions on this call, as far as this instance knows them. */
  readonly verdicts: readonly VerdictNote[];
  readonly block?: BlockNote;
  /** JSON pointers into `event` to what was erased, and to what was replaced. */
  readonly erased: readonly string[];
  readonly masked: readonly string[];
};
