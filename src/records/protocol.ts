import type { Config, RecordsConfig } from '../config/config.ts';
import type { CheckNote, VerdictNote } from '../guardrail/record.ts';

/** The part of the configuration that the records thread is given. */
export type WorkerStart = Pick<Config, 'backends' | 'bodies' | 'proxy'> & { readonly records: RecordsConfig };

/** A line of notes: a verdict, or the result of a check that ended after it. */
export type NoteLine =
  | VerdictNote
  | (Pick<VerdictNote, 'litellm_call_id' | 'input_type'> & { readonly check: CheckNote });

/** Why a POST of log events was not taken; `invalid`: none of its rows is an event. */
export type LogsRefusal = 'full' | 'unavailable' | 'not_gzip' | 'too_large' | 'invalid';

/** A receipt as JSON, or why there is none: handing over a text costs a fraction of what an object does. */
export type LogsResult = string | { readonly refused: LogsRefusal };

/** To the thread, which replies to each message by its number. */
export type ToWorker = { readonly n: number } & (
  | { readonly kind: 'logs'; readonly body: Uint8Array; readonly isGzip: boolean }
  /** {@link NoteLine}s, one JSON text a line. */
  | { readonly kind: 'notes'; readonly lines: string }
  /** A `BlockedCall` as JSON, and the id of its call. */
  | { readonly kind: 'blocked'; readonly callId: string; readonly json: string }
  | { readonly kind: 'metrics' }
  | { readonly kind: 'close'; readonly drainMs: number }
);

/** From the thread. */
export type FromWorker =
  | { readonly kind: 'replies'; readonly replies: readonly (readonly [n: number, result: unknown])[] }
  | ({ readonly kind: 'log' } & LogLine)
  | { readonly kind: 'health'; readonly health: RecordsHealth };

export type LogLine = {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly msg: string;
};

/** The state of records, as `/readyz` tells it. */
export type RecordsHealth = {
  /** Why nothing can be stored; null while records can be. */
  readonly storage: string | null;
  /** True while the outbox nears its size or its age. */
  readonly inDanger: boolean;
  /** Backends that refuse our token. */
  readonly held: readonly string[];
  /** True once LiteLLM has logged an event without a call id, as releases before `OLDEST_SUPPORTED` do. */
  readonly oldRelease: boolean;
};
