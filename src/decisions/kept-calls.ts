import type { GuardrailCall } from '../guardrail/call.ts';
import type { Caller } from '../guardrail/caller.ts';
import type { Decision } from '../guardrail/decision.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import {
  type DecisionThen,
  decisionThenOf,
  fingerprintsOf,
  goesOnAfter,
  type KeptHead,
  type Lack,
  type Series,
  seriesOf,
} from './decision-then.ts';
import { CallPacker } from './kept-bytes.ts';

/** Takes calls to be kept. */
export type KeptSink = {
  /** @param packed see `CallPacker`; given away */
  keep(packed: Uint8Array<ArrayBuffer>, calls: number): void;
};

export type KeptCallsOptions = {
  /** The policies in force. */
  readonly policies: () => PolicyFile | undefined;
  /** True for a call of which no record goes to anybody. */
  readonly isUnrecorded: (call: GuardrailCall, caller: Caller) => boolean;
  /** Bytes of all that is kept. */
  readonly maxBytes: number;
  readonly sink: KeptSink;
  /** Called with the number of calls that cannot be handed over. */
  readonly lost: (calls: number) => void;
};

/** Bytes of calls that wait, of one thread; those beyond are not kept. */
export const MAX_KEPT_BYTES = 16 * 1024 * 1024;
/** Share of all that is kept that one call may take. */
const CALL_SHARE = 1 / 200;
/** Calls of a series are handed over in such a time, the last one alone: a stream has a hundred rounds. */
const SERIES_MS = 3000;
const FLUSH_MS = 1000;
/** More than that does not wait. */
const FLUSH_BYTES = 1024 * 1024;
/** Memory of a call that was read, for each byte of its body: its fields, and its texts once more as passages. */
const READ_BYTES = 6;

/** The last call of a series so far. */
type Pending = {
  readonly series: Series;
  readonly decision: Decision;
  readonly bytes: number;
  readonly lack: Lack | undefined;
  readonly at: number;
  /** When the first of them came, by `performance.now()`. */
  readonly since: number;
};

/** Hands decided calls over to the one who keeps them, and makes nobody wait. */
export class KeptCalls {
  readonly #options: KeptCallsOptions;
  readonly #maxCallBytes: number;
  /** Calls that stand alone. */
  readonly #packer = new CallPacker();
  /** By the name of their series. */
  readonly #pending = new Map<string, Pending>();
  #pendingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #policies: PolicyFile | undefined;
  #prints: DecisionThen['prints'] = {};

  constructor(options: KeptCallsOptions) {
    this.#options = options;
    this.#maxCallBytes = options.maxBytes * CALL_SHARE;
  }

  /** @param body of the call, of which nothing is held */
  decided(decision: Decision, body: Buffer): void {
    const { call, caller, outcome } = decision;
    // It is sent again, or nobody wants it any more
    if (outcome.kind === 'cancelled') return;
    const series = seriesOf(call, body);
    const isUnrecorded = this.#options.isUnrecorded(call, caller);
    const lack: Lack | undefined = isUnrecorded
      ? 'withheld'
      : body.length > this.#maxCallBytes
        ? 'too_large'
        : undefined;
    const told = { decision, bytes: body.length, lack, at: Date.now() };
    if (series === undefined) this.#pack({ ...told, series }, call.door === undefined ? body : jsonOf(call));
    else this.#wait({ ...told, series });
    if (this.#packer.bytes > FLUSH_BYTES) this.#handOver();
    this.#timer ??= setTimeout(() => this.#due(), FLUSH_MS).unref();
  }

  /** Hands over all that waits. */
  flush(): void {
    this.#packPending(Number.POSITIVE_INFINITY);
    this.#handOver();
  }

  /** Holds a call until its series is due, in place of the one before. */
  #wait(told: Omit<Pending, 'since'>): void {
    const { name } = told.series;
    const before = this.#pending.get(name);
    if (before !== undefined) {
      this.#forget(before);
      if (!goesOnAfter(before.series, told.series)) this.#packRead(before);
    }
    const bytes = READ_BYTES * told.bytes;
    if (this.#pendingBytes + bytes > MAX_KEPT_BYTES) {
      this.#options.lost(1);
      return;
    }
    this.#pendingBytes += bytes;
    this.#pending.set(name, { ...told, since: before?.since ?? performance.now() });
  }

  #forget({ series, bytes }: Pending): void {
    this.#pending.delete(series.name);
    this.#pendingBytes -= READ_BYTES * bytes;
  }

  #packRead(pending: Pending): void {
    this.#pack(pending, jsonOf(pending.decision.call));
  }

  #pack(
    {
      decision,
      series,
      bytes,
      lack,
      at,
    }: Omit<Pending, 'since' | 'series'> & { readonly series: Series | undefined },
    body: Uint8Array | string,
  ): void {
    const head: KeptHead = {
      decision: decisionThenOf(decision, { at, bytes, prints: this.#fingerprints() }),
      series,
      lack,
    };
    this.#packer.add(JSON.stringify(head), lack === undefined ? body : undefined);
  }

  #due(): void {
    this.#timer = undefined;
    this.#packPending(performance.now() - SERIES_MS);
    this.#handOver();
    if (this.#pending.size > 0) this.#timer = setTimeout(() => this.#due(), FLUSH_MS).unref();
  }

  /** @param until those of series that began before */
  #packPending(until: number): void {
    for (const pending of this.#pending.values()) {
      if (pending.since > until) continue;
      this.#forget(pending);
      this.#packRead(pending);
    }
  }

  #handOver(): void {
    const { calls } = this.#packer;
    const packed = this.#packer.take();
    if (packed !== undefined) this.#options.sink.keep(packed, calls);
  }

  #fingerprints(): DecisionThen['prints'] {
    const policies = this.#options.policies();
    if (policies !== this.#policies) {
      this.#policies = policies;
      this.#prints = policies === undefined ? {} : fingerprintsOf(policies);
    }
    return this.#prints;
  }
}

/** The fields of a call as the generic guardrail API has them; other integrations send them in another form. */
function jsonOf(call: GuardrailCall): string {
  const { passages: _, ...fields } = call;
  return JSON.stringify(fields);
}
