import type { CheckNote, VerdictNote } from '../guardrail/record.ts';

/** What the telemetry worker is started with: the environment the configuration was read from. */
export type WorkerStart = { readonly env: Readonly<Record<string, string | undefined>> };

/** A line of the notes: a verdict, or what an observing backend said after it. */
export type NoteLine =
  | VerdictNote
  | (Pick<VerdictNote, 'litellm_call_id' | 'input_type'> & { readonly check: CheckNote });

/** Why a POST of log events was not taken; `invalid`: none of its rows is an event. */
export type LogsRefusal = 'full' | 'unavailable' | 'not_gzip' | 'too_large' | 'invalid';

/** To the worker. What has a number is answered with it. */
export type ToWorker =
  | { readonly kind: 'logs'; readonly n: number; readonly body: Uint8Array; readonly isGzip: boolean }
  /** {@link NoteLine}s, a line of JSON each. */
  | { readonly kind: 'notes'; readonly n: number; readonly lines: string }
  | {
      readonly kind: 'blocked';
      readonly n: number;
      /** JSON of a note and of a block. */
      readonly note: string;
      readonly block: string;
      /** The bodies of the guardrail call, and for an answer of the request it belongs to. */
      readonly body: Uint8Array;
      readonly request: Uint8Array | undefined;
    }
  | { readonly kind: 'metrics'; readonly n: number }
  | { readonly kind: 'close'; readonly n: number; readonly drainMs: number };

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'done'; readonly replies: readonly (readonly [n: number, result: unknown])[] }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly msg: string;
    }
  | { readonly kind: 'health'; readonly health: TelemetryHealth };

/** A receipt as JSON, or why there is none. A text is handed over at a fraction of an object's cost. */
export type LogsResult = string | { readonly refused: LogsRefusal };

/** What readiness tells of telemetry; each is why it is unhappy. */
export type TelemetryHealth = {
  /** Why nothing can be stored. */
  readonly storage: string | null;
  /** The outbox nears its size or its age. */
  readonly inDanger: boolean;
  /** Backends that refuse the token. */
  readonly held: readonly string[];
};
