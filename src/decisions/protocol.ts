import type { Config } from '../config/config.ts';
import type { LateFinding } from './late-findings.ts';
import type { DecisionEnd } from './row.ts';

/** Keeping of decisions. */
export type DecisionsConfig = NonNullable<Config['decisions']>;

/** Plain data with which the thread of decisions is started. */
export type DecisionsStart = DecisionsConfig & Pick<Config, 'database'>;

/** The end of a call. */
export type EndLine = {
  readonly litellm_call_id: string;
  readonly litellm_trace_id: string | null;
  readonly ended: DecisionEnd;
};

/** News of a call after its decisions, as a line of a batch. */
export type LateLine = EndLine | LateFinding;

/** To the thread: rows, packed, and {@link LateLine}s as JSON, one a line. Batches of one sender are numbered. */
export type ToDecisions =
  | {
      readonly kind: 'put';
      readonly sender: string;
      readonly n: number;
      readonly lines: string;
      readonly rows: number;
    }
  | { readonly kind: 'close' };

/** From the thread. */
export type FromDecisions =
  /** A batch is stored. */
  | { readonly kind: 'done'; readonly n: number }
  /** A batch cannot be stored, and may be sent again. */
  | {
      readonly kind: 'failed';
      readonly n: number;
      readonly code: string;
      readonly advice?: string;
      /** The batch is to blame: it never can be stored. */
      readonly isBad?: true;
    }
  | {
      readonly kind: 'log';
      readonly line: readonly [level: 'info' | 'warn' | 'error', fields: object, message: string];
    }
  /** Rows that are not in the database, and attempts to bring them that failed since the last report. */
  | {
      readonly kind: 'shipping';
      readonly unshipped: number;
      readonly failures: number;
      readonly isUp: boolean;
    }
  | { readonly kind: 'closed' };
