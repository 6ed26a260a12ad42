import type { Config, RecordsConfig } from '../config/config.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { Fields, InputType } from '../guardrail/call.ts';
import type { FailureKind } from '../guardrail/failure.ts';
import type { BlockNote, NotedCall } from '../guardrail/record.ts';
import type { LoggedCall } from '../litellm/logged-call.ts';
import type { TurnedSource } from '../litellm/turned-rows.ts';
import type { UNSTORED_REASONS } from '../observability/metric-labels.ts';
import type { VerdictLine } from '../outbox/note-bytes.ts';
import type { CheckFailure } from '../pipeline/access.ts';
import type { RecordRule } from '../policies/receivers.ts';

/** The part of the configuration that a new policy file can change. */
export type RecordsSetup = {
  /** All that are configured: those that take records get them. */
  readonly backends: readonly BackendConfig[];
  /** The caller rules, first to last; none where none says where records go. */
  readonly rules: readonly RecordRule[];
};

/** The part of the configuration that records go by. */
export type RecordsStart = RecordsSetup &
  Pick<Config, 'bodies' | 'proxy' | 'database' | 'state' | 'workers'> & { readonly records: RecordsConfig };

/** Plain data with which the records thread starts. */
export type WorkerStart = RecordsStart & {
  /** False if it only compares log events with notes: then it keeps nothing. */
  readonly keepsRecords: boolean;
};

/** A call that succeeded, and the sides of it that were judged. */
export type ComparedCall = Pick<LoggedCall, 'endpoint' | 'model' | 'hasText'> & {
  readonly direction: 'response' | 'stream';
  /** The hash of its virtual key, or who called without one; empty if nobody tells. */
  readonly key: string;
  /** By the clock of LiteLLM, Unix milliseconds. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** When its event came, by that of the bridge. */
  readonly at: number;
  readonly request: boolean;
  readonly response: boolean;
  /** LiteLLM says that a guardrail was asked, and we know of no side. */
  readonly isClaimed?: true;
};

/** The end of a call, as LiteLLM logged it. */
export type CallEnd = {
  readonly callId: string;
  /** Of its guardrail calls, where there are notes on any; else that of the log event. */
  readonly traceId: string | null;
  /** The beginning of the hash of its virtual key. */
  readonly key?: string;
  readonly outcome: 'success' | 'failure';
  /** Unix milliseconds. */
  readonly at: number;
  /** The sides that any replica had noted on when the event came; a verdict on a response can come later. */
  readonly sides: Readonly<Record<InputType, boolean>>;
};

/** The texts of a streamed response as they were delivered so far: what is kept of each of those before, and what follows. */
export type TextLine = Omit<NotedCall, 'input_type'> & {
  /** Who saw these rounds, and when this one was judged; left out where nobody else can have seen others. */
  readonly source?: number;
  readonly at?: number;
  /** True for the first round that `source` saw, which can be all of a response. */
  readonly isFirst?: true;
  /** Letters of each text that stay as they are; told with `source`, as the rest that tells one round from another. */
  readonly fixed?: readonly number[];
  readonly isModified?: true;
  /** True once the model has made its tool calls. */
  readonly hasEnded?: true;
  readonly texts: readonly { readonly kept: number; readonly added: string }[];
};

/** A call that the bridge blocked. */
export type BlockedCall = {
  readonly note: VerdictLine;
  readonly block: BlockNote;
  /** Made by the bridge under the names of LiteLLM's log event; not redacted. */
  readonly event: Fields;
  /** The fingerprint of the request that the block is about; undefined where this instance does not know the request. */
  readonly words: string | undefined;
};

/** Why a POST of log events was not taken; `invalid`: none of its rows is an event. */
export type LogsRefusal = 'full' | 'unavailable' | 'not_gzip' | 'too_large' | 'invalid';

/** A receipt as JSON, or why there is none: handing over a text costs a fraction of what an object does. */
export type LogsResult = string | { readonly refused: LogsRefusal };

/** The calls of the main thread to the records thread. */
export type Requests = {
  logs(body: Uint8Array, isGzip: boolean): Promise<LogsResult>;
  /** Calls, as another vendor's integration tells of them. */
  turned(body: Uint8Array, source: TurnedSource): Promise<LogsResult>;
  /** @param notes {@link NoteLine}s, as a `NoteWriter` writes them */
  notes(notes: Uint8Array): Promise<'done'>;
  /** @param lines {@link TextLine}s, one JSON text a line; they are kept in memory alone */
  texts(lines: string): Promise<void>;
  /** @param json a {@link BlockedCall}. Resolves once its record is stored, or its loss is counted */
  blocked(json: Uint8Array): Promise<'done'>;
  metrics(): Promise<string>;
  /** Applies to all that is accepted from then on. */
  configure(setup: RecordsSetup): Promise<void>;
  close(drainMs: number): Promise<void>;
};

/** Why a blocked call is replied to before its record is stored. */
export type UnstoredReason = (typeof UNSTORED_REASONS)[number];

/** To the thread, which replies to each message by its number. */
export type ToWorker = {
  readonly n: number;
  readonly kind: keyof Requests;
  readonly args: Parameters<Requests[keyof Requests]>;
};

/** A message of another process to the thread. */
export type RelayedMessage = {
  [Kind in 'logs' | 'turned' | 'notes' | 'texts' | 'blocked']: {
    readonly kind: Kind;
    readonly args: Parameters<Requests[Kind]>;
  };
}['logs' | 'turned' | 'notes' | 'texts' | 'blocked'];

/** From the thread. The result of a call that failed by a mistake of ours is undefined. */
export type FromWorker =
  | { readonly kind: 'replies'; readonly replies: readonly (readonly [n: number, result: unknown])[] }
  /** The record of a blocked call, by the number of its message, could not be stored yet. */
  | { readonly kind: 'unstored'; readonly n: number; readonly reason: UnstoredReason }
  | { readonly kind: 'log'; readonly line: Parameters<WriteLog> }
  | { readonly kind: 'ended'; readonly ends: readonly CallEnd[] }
  | { readonly kind: 'compared'; readonly calls: readonly ComparedCall[] }
  /** To another process: LiteLLM logs calls, and notes on them are wanted. */
  | { readonly kind: 'listening' }
  | { readonly kind: 'health'; readonly health: RecordsHealth };

/** Writes a line to the log of the main thread. */
export type WriteLog = (level: 'info' | 'warn' | 'error', fields: object, message: string) => void;

/** A backend that is handed nothing for a while. */
export type StoppedBackend = {
  readonly backend: string;
  /** The kind of its last failure; null if another replica has met it. */
  readonly failure: FailureKind | null;
  /** Unix milliseconds. */
  readonly since: number;
};

/** Why a backend took no records, and when it is tried next, Unix milliseconds. */
export type NextTry = CheckFailure & { readonly at: number };

/** The state of records, as `/readyz` tells it. */
export type RecordsHealth = {
  /** Why nothing can be stored; null while records can be. */
  readonly storage: string | null;
  /** Why the database that replicas share cannot be used; null while it can, and undefined without one. */
  readonly database?: string | null;
  /** True while the outbox nears its size or its age. */
  readonly inDanger: boolean;
  /** Backends that refuse our token. */
  readonly held: readonly string[];
  /** Backends that take no records. */
  readonly stopped: readonly StoppedBackend[];
  /** Of those that took no records the last time: why, and when they are tried next. */
  readonly retries: Readonly<Record<string, NextTry>>;
  /** True once LiteLLM has logged an event without a call id, as releases before `OLDEST_SUPPORTED` do. */
  readonly oldRelease: boolean;
};

/** Called when something goes wrong with the thread. */
export type RecordsThreadEvents = {
  /** Called each time that the thread had to be started again. */
  restarted(): void;
  /** Called for each blocked call whose record could not be handed over. */
  lost(): void;
  /** Called for notes that could not be handed over: the records of their calls lack them. */
  lostNotes(notes: number): void;
  /** Called for each judged call that could not be recorded, where its sender wants both in one. */
  unrecorded(reason: LogsRefusal): void;
  /** Called for each blocked call that is replied to before its record is stored. */
  unstored(reason: UnstoredReason): void;
  /** Called with calls that LiteLLM has logged: in the process that has the thread. */
  ended(ends: readonly CallEnd[]): void;
  /** Called some seconds later with those of them that succeeded, if it is known what was judged: in the same process. */
  compared(calls: readonly ComparedCall[]): void;
};
