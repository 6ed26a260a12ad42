import type { ForwardProxy } from '../backends/http.ts';
import type { OtlpConfig, Signal } from '../config/otlp-settings.ts';

/** Plain data with which the thread is started. */
export type OtlpStart = OtlpConfig & {
  readonly proxy: ForwardProxy | undefined;
  readonly version: string;
  /** Names this start of the bridge. */
  readonly instance: string;
  /** Since when is counted, Unix milliseconds. */
  readonly since: number;
};

/** Why something was not delivered: more came than is sent, the collector did not take it, or the thread that sends it ended or was busy. */
export const OTLP_LOSSES = ['full', 'failed', 'thread'] as const;
export type OtlpLoss = (typeof OTLP_LOSSES)[number];

/** To the thread. */
export type ToOtlp =
  /** @param lines one a line: a call, a check or a line of the log, told apart by the first letter */
  | { readonly kind: 'put'; readonly n: number; readonly lines: string }
  /** The reply to `page`: all metrics in Prometheus' text format, undefined if they could not be had. */
  | { readonly kind: 'page'; readonly text: string | undefined }
  | { readonly kind: 'close'; readonly ms: number };

/** From the thread. */
export type FromOtlp =
  /** Lines are read: others can follow. */
  | { readonly kind: 'done'; readonly n: number }
  /** Asks for all metrics. */
  | { readonly kind: 'page' }
  | {
      readonly kind: 'lost';
      readonly signal: Signal;
      readonly reason: OtlpLoss;
      readonly count: number;
    }
  /** Exports of a signal begin to fail, by a code of the system or an HTTP status, or succeed again. */
  | { readonly kind: 'trouble'; readonly signal: Signal; readonly why: string | undefined }
  | { readonly kind: 'closed' };
