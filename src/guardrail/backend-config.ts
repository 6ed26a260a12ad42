import type { UnreachableFallback } from './failure.ts';
import type { Mode } from './verdict.ts';

/** A backend as configured: plain data, its secrets included, so it is never shown. */
export type BackendConfig = {
  /** Unique. */
  readonly name: string;
  readonly kind: string;
  readonly url: string;
  readonly mode: Mode;
  readonly timeoutMs: number;
  readonly unreachableFallback: UnreachableFallback;
  /** True if nobody chose `fail_open`: it is the vendor's default. */
  readonly failsOpenByDefault: boolean;
  /** Percent of the calls that it is asked about. */
  readonly sample: number;
  /** Milliseconds after which it is asked a second time. */
  readonly hedgeAfterMs: number | undefined;
  readonly takesRecords: boolean;
  /** Deliveries of records under way at once, at most. */
  readonly concurrency: number;
  /** Made by its kind of its options. */
  readonly options: unknown;
};
