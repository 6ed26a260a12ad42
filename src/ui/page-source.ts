import type { FindingSpan, LintedLine, PastedCall, PasteVerdict } from '../answers/paste.ts';
import type { DecisionFilter } from '../decisions/filter.ts';
import type { DayCounts } from '../decisions/reader.ts';
import type { DecisionRow, KeptDecision } from '../decisions/row.ts';
import type { WouldCount } from '../decisions/would-block.ts';
import type { BridgeFinding } from '../findings/finding.ts';
import type { FailureKind } from '../guardrail/failure.ts';
import type { Mode } from '../guardrail/verdict.ts';
import type { BreakerState } from '../pipeline/breaker.ts';

/** A decision as the page shows it while it happens: names of ours and of the operator, never content. */
export type LiveDecision = Pick<
  DecisionRow,
  | 'at'
  | 'ref'
  | 'litellm_call_id'
  | 'input_type'
  | 'model'
  | 'team'
  | 'key'
  | 'verdict'
  | 'category'
  | 'by'
  | 'ms'
> & {
  /** Grows by one a decision, over all workers; that of a later start is above all of those before. */
  readonly seq: number;
  /** Ids of the rules by which it was decided. */
  readonly rules: readonly string[];
  /** Backends without a verdict on a call that went on. */
  readonly bypassed: readonly string[];
  /** Policies and backends that only observe and would have done something: `secrets would redact`. */
  readonly observed: readonly string[];
  /** For a round of a streamed response: it takes the place of the round before, which has the same call id. */
  readonly isRound?: true;
  /** For one of which more came to be known: it takes the place of the one with the same time and call id. */
  readonly isUpdate?: true;
};

/** Decisions after one that is known, at most 200, the oldest first. */
export type LiveDecisions = {
  readonly last: number;
  /** Number of those in between that are not told: only the newest 200 are kept. */
  readonly missed: number;
  readonly decisions: readonly LiveDecision[];
};

/** The decisions of one minute. */
export type Minute = {
  /** Its begin, Unix milliseconds. */
  readonly at: number;
  /** Allowed with all verdicts: none of those that were bypassed is among them. */
  readonly allowed: number;
  readonly redacted: number;
  readonly blocked: number;
  /** Went on without the verdict of a backend. */
  readonly bypassed: number;
  /** Left to LiteLLM by a 503, or given up by it before there was a verdict. */
  readonly undecided: number;
  /** Milliseconds; null without a decision. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};

export type ShownBackend = {
  readonly name: string;
  readonly mode: Mode;
  readonly breaker: BreakerState;
  /** True while it refuses our token. */
  readonly isRefused: boolean;
  /** The kind of its last failures, once it failed some in a row. */
  readonly failing: FailureKind | null;
  /** Of the last hour; milliseconds are null without a check. */
  readonly checks: number;
  readonly failures: number;
  readonly p50Ms: number | null;
  readonly lastFailure: {
    readonly kind: FailureKind;
    readonly status?: number;
    readonly at: number;
  } | null;
};

/** The records that a backend has not got. */
export type ShownBacklog = {
  readonly backend: string;
  readonly due: number;
  /** When the oldest was accepted, Unix milliseconds; null for none. */
  readonly oldestAt: number | null;
  /** When it is asked next; null if nothing waits. */
  readonly nextTryAt: number | null;
  /** Why delivery is stopped or was put off; null if it is not. */
  readonly reason: string | null;
  readonly dead: number;
  /** Dead letters by their reason. */
  readonly deadBy: Readonly<Record<string, number>>;
};

/** All that the page shows of the moment. */
export type Picture = {
  /** Unix milliseconds. */
  readonly at: number;
  readonly release: string;
  /** Name of this replica. */
  readonly replica: string;
  readonly startedAt: number;
  readonly status: 'ready' | 'degraded' | 'draining';
  readonly unhappy: readonly string[];
  readonly findings: readonly BridgeFinding[];
  readonly workers: { readonly up: number; readonly wanted: number } | undefined;
  /** The last sixty, the oldest first, the one that runs among them; fewer after a start. */
  readonly minutes: readonly Minute[];
  /** Of the last minute. */
  readonly decisionsAMinute: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** When a call last went on without a verdict; null if none did since the start. */
  readonly lastBypassAt: number | null;
  readonly backends: readonly ShownBackend[];
  /** Undefined where no records are kept, or they could not be counted in time. */
  readonly backlogs: readonly ShownBacklog[] | undefined;
  /** The policies in force; undefined if there are none. */
  readonly policies:
    | {
        readonly file: string;
        readonly version: string;
        readonly chain: readonly { readonly kind: string; readonly enforced: boolean }[];
        readonly rules: number;
      }
    | undefined;
};

/** One line of what would be blocked or redacted if policies that only observe were enforced. */
export type WouldBlock = WouldCount;

/** Why not all decisions could be looked at; both are left out where all were. */
export type Gaps = {
  /** There was no time for those before, Unix milliseconds. */
  readonly since?: number;
  /** In words: `only what is in ./data: …`. */
  readonly partial?: string;
};

/** Kept decisions that were asked for, the newest first. */
export type KeptList = Gaps & { readonly rows: readonly KeptDecision[] };

/** Decisions of the last days by what came of them, and when they were counted, Unix milliseconds. */
export type ShownCounts = DayCounts & Gaps & { readonly at: number };

/** The story of a call, as `why` tells it. */
export type Story = {
  /** The decision that was asked about: that of the reference, or of a call the gravest. */
  readonly about: KeptDecision;
  readonly others: readonly KeptDecision[];
  /** The parts that `why` prints: a sentence, then facts under their titles, of which an empty one goes on with that before, then what to do. */
  readonly sentence: string;
  readonly facts: readonly (readonly [title: string, text: string])[];
  readonly advice: readonly string[];
};

/** A text, or the JSON of messages, that somebody pasted to have it judged. It is kept nowhere. */
export type Pasted = Pick<PastedCall, 'text' | 'isResponse' | 'isStreamed'> & {
  readonly team: string | undefined;
  readonly model: string | undefined;
  /** A policy file in place of that in force. */
  readonly policies: string | undefined;
};

/** A place in a pasted text, or in one of its messages; in characters as JavaScript counts them. */
export type PasteSpan = FindingSpan;

/** The texts that were judged, in order, where something was found in them, and the body of the reply to LiteLLM. */
export type JudgedPaste = PasteVerdict;

/** A mistake in a policy file, or a warning about it. */
export type LintProblem = LintedLine;

/** All that the page asks for. It may stand in another process: questions and answers are plain data. Each rejects, or gives undefined, where nobody answers in time. */
export type PageSource = {
  picture(): Promise<Picture | undefined>;
  decisions(after: number): Promise<LiveDecisions | undefined>;
  /** Undefined where none are kept. */
  list(filter: DecisionFilter, limit: number): Promise<KeptList | undefined>;
  /** Those of the last `days`, counted at most once a minute; undefined where none are kept. */
  counts(days: number): Promise<ShownCounts | undefined>;
  /** Undefined if no such call is known. @param word a reference, a call id, or a message that has one */
  story(word: string): Promise<Story | undefined>;
  /** @throws Error that says what to mend, of a policy file or messages that cannot be read */
  judge(pasted: Pasted): Promise<JudgedPaste>;
  lint(policies: string): Promise<readonly LintProblem[]>;
  /** The policy file in force as text; undefined for none, or the built-in ones. */
  policyText(): Promise<string | undefined>;
  /** The settings in force, secrets masked. */
  settings(): Promise<readonly { readonly name: string; readonly value: string; readonly source: string }[]>;
};
