import type { AuditRow } from '../audit/row.ts';
import type { Config } from '../config/config.ts';
import type { LateFinding } from '../decisions/late-findings.ts';
import type { DecisionRow } from '../decisions/row.ts';
import type { CountsByMetric } from '../observability/metrics.ts';
import type { NoteLine } from '../outbox/note-bytes.ts';
import type { CheckFailure } from '../pipeline/access.ts';
import type { BlockedChange } from '../pipeline/blocked-hashes.ts';
import type { SharedBlocks } from '../pipeline/blocked-texts.ts';
import type { PolicySource } from '../policies/store.ts';
import type { TextLine } from '../records/protocol.ts';
import type { StoreReply, StoreRequest } from '../state/remote-store.ts';
import type { CallForm } from './call-form.ts';
import type { CallResponse } from './refusal.ts';
import type { RequestState } from './request-state.ts';

/** Plain data with which the thread of large calls is started. */
export type LargeCallsStart = {
  readonly config: Config;
  /** The policies in force; undefined if there are none. */
  readonly policies: PolicySource | undefined;
  /** Texts that were blocked so far. */
  readonly blocked: SharedBlocks;
  /** True where the main thread has a store of what replicas share. */
  readonly isShared: boolean;
  /** The folder of compiled code; undefined if there is none. */
  readonly compileCache: string | undefined;
};

/** To the thread of large calls. */
export type ToLargeCalls =
  | {
      readonly kind: 'call';
      readonly n: number;
      readonly body: ArrayBuffer;
      readonly form: CallForm;
      /** True if it is to be noted. */
      readonly isNoted: boolean;
      readonly traceparent: string | undefined;
    }
  /** The caller of a call has hung up. */
  | { readonly kind: 'gone'; readonly n: number }
  /** The memory of an answered call is needed: nobody else is asked about it any more. */
  | { readonly kind: 'unwatch'; readonly n: number }
  /** Other policies are in force. */
  | { readonly kind: 'policies'; readonly source: PolicySource }
  | { readonly kind: 'blockedText'; readonly change: BlockedChange }
  /** The reply to `recall`, and what came to be known in the main thread after it. */
  | { readonly kind: 'state'; readonly key: string; readonly state: RequestState }
  /** The reply to `store`. */
  | { readonly kind: 'stored'; readonly reply: StoreReply }
  /** A record is durable, or cannot be waited for. */
  | { readonly kind: 'recorded'; readonly n: number }
  /** Nothing more will come: it ends its work, and then itself. */
  | { readonly kind: 'close' };

/** Messages about large calls, beside their replies. */
export type SaidOfLargeCalls =
  | { readonly kind: 'blockedText'; readonly change: BlockedChange }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'counts'; readonly counts: CountsByMetric }
  | { readonly kind: 'audit'; readonly row: AuditRow }
  | { readonly kind: 'decision'; readonly row: DecisionRow }
  /** A result that came after its decision. */
  | { readonly kind: 'late'; readonly late: LateFinding }
  /** A line about a call that is traced. */
  | { readonly kind: 'traced'; readonly line: string }
  | { readonly kind: 'release'; readonly version: string | null }
  /** Calls to be kept, packed. */
  | { readonly kind: 'kept'; readonly packed: Uint8Array<ArrayBuffer>; readonly calls: number }
  /** A backend was asked; null is a verdict. */
  | { readonly kind: 'settled'; readonly backend: string; readonly failure: CheckFailure | null }
  | { readonly kind: 'note'; readonly line: NoteLine }
  | { readonly kind: 'text'; readonly line: TextLine }
  /** A request whose record the main thread is asked for, as JSON in memory that all threads share. */
  | { readonly kind: 'asked'; readonly key: string; readonly json: Uint8Array };

/** A record of a large call to store, under a number that the reply names. */
export type RecordOfLargeCall =
  /** The body of a call that is to be recorded, in memory that all threads share. */
  | { readonly kind: 'recording'; readonly n: number; readonly body: Uint8Array }
  /** @param json a `BlockedCall`, in memory that all threads share: it can be as long as the call */
  | {
      readonly kind: 'blocked';
      readonly n: number;
      readonly callId: string | null;
      readonly json: Uint8Array;
    };

/** From the thread of large calls, in the order in which it happened. */
export type FromLargeCalls =
  | SaidOfLargeCalls
  | RecordOfLargeCall
  /** It has started. */
  | { readonly kind: 'ready' }
  /** A call waits for a vendor: another can be read. */
  | { readonly kind: 'waiting'; readonly n: number }
  | { readonly kind: 'response'; readonly n: number; readonly response: CallResponse }
  /** All calls under a state key belong here from now on: asks what is known of them. */
  | { readonly kind: 'recall'; readonly key: string }
  /** Asks the store of what replicas share. */
  | { readonly kind: 'store'; readonly request: StoreRequest }
  /** Nothing of a call is held any more, but for its state: what observes it has ended too. */
  | { readonly kind: 'done'; readonly n: number };
