import type { AuditRow } from '../audit/row.ts';
import type { Config } from '../config/config.ts';
import type { ToldKind } from '../litellm/response-wiring.ts';
import type { CountsByMetric } from '../observability/metrics.ts';
import type { BlockedChange, SharedBlocks } from '../pipeline/blocked-texts.ts';
import type { MarkerValues } from '../policies/markers.ts';
import type { NoteLine, TextLine } from '../records/protocol.ts';
import type { CallResponse } from './refusal.ts';

/** What is known of a request whose response is judged in another thread than it was. */
export type RequestState = {
  /** The request as backends may see it, as JSON; undefined where nobody asks for it, or it is too long. */
  readonly body: Uint8Array | undefined;
  readonly markers: MarkerValues | undefined;
  readonly wiring: ToldKind | undefined;
};

/** What the thread of large calls is started with. */
export type LargeCallsStart = {
  readonly config: Config;
  /** The text of the policies in force; undefined if there are none. */
  readonly policies: string | undefined;
  /** What was blocked so far. */
  readonly blocked: SharedBlocks;
  /** The folder of compiled code; undefined if there is none. */
  readonly compileCache: string | undefined;
};

/** To the thread of large calls. */
export type ToLargeCalls =
  | { readonly kind: 'call'; readonly n: number; readonly body: ArrayBuffer }
  /** The caller of a call has hung up. */
  | { readonly kind: 'gone'; readonly n: number }
  /** Other policies are in force. */
  | { readonly kind: 'policies'; readonly text: string }
  | { readonly kind: 'blockedText'; readonly change: BlockedChange }
  /** The reply to `recall`. */
  | { readonly kind: 'recalled'; readonly n: number; readonly state: RequestState | undefined }
  /** The record of a blocked call is durable, or cannot be waited for. */
  | { readonly kind: 'recorded'; readonly n: number }
  /** Nothing more will come: it ends its work, and then itself. */
  | { readonly kind: 'close' };

/** From the thread of large calls, in the order in which it happened. */
export type FromLargeCalls =
  /** It has started. */
  | { readonly kind: 'ready' }
  /** A call waits for a vendor: another can be read. */
  | { readonly kind: 'waiting'; readonly n: number }
  | { readonly kind: 'response'; readonly n: number; readonly response: CallResponse }
  /** The response of a request is to be judged here too. */
  | { readonly kind: 'kept'; readonly key: string }
  /** Asks what is known of the request of a response. */
  | { readonly kind: 'recall'; readonly n: number; readonly key: string }
  /** What is to be kept of a request when the thread ends. */
  | { readonly kind: 'state'; readonly key: string; readonly state: RequestState }
  /** Nothing of a call is held any more, but for its state. */
  | { readonly kind: 'done'; readonly n: number }
  | { readonly kind: 'blockedText'; readonly change: BlockedChange }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'counts'; readonly counts: CountsByMetric }
  | { readonly kind: 'audit'; readonly row: AuditRow }
  | { readonly kind: 'release'; readonly version: string | null }
  | { readonly kind: 'note'; readonly line: NoteLine }
  | { readonly kind: 'text'; readonly line: TextLine }
  /** @param json a `BlockedCall`, in memory that all threads share: it can be as long as the call */
  | {
      readonly kind: 'blocked';
      readonly n: number;
      readonly callId: string | null;
      readonly json: Uint8Array;
    };
