import type { GuardrailCall } from '../guardrail/call.ts';
import type { Caller } from '../guardrail/caller.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import type { Decision } from '../guardrail/decision.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import {
  type DecisionThen,
  decisionThenOf,
  fingerprintsOf,
  goesOnAfter,
  type KeptHead,
  type Series,
  seriesOf,
} from './decision-then.ts';
import { type KeptBytes, packCalls } from './kept-bytes.ts';

/** Takes calls to be kept. */
export type KeptSink = {
  /** @param packed see `packCalls`; given away */
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
/** A stream pauses less than that, and of its rounds only the last one of such a time is handed over. */
const SERIES_MS = 3000;
const FLUSH_MS = 1000;
/** Bytes beside head and body. */
const CALL_BYTES = 200;

/** A call that waits to be handed over. */
type Waiting = KeptBytes & { readonly series: Series | undefined; readonly since: number };

/** Hands decided calls over to the one who keeps them, and makes nobody wait. */
export class KeptCalls {
  readonly #options: KeptCallsOptions;
  readonly #maxCallBytes: number;
  readonly #maxWaitingBytes = MAX_KEPT_BYTES;
  /** By the name of their series, or a number. */
  readonly #waiting = new Map<string | number, Waiting>();
  #bytes = 0;
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  #policies: PolicyFile | undefined;
  #prints: DecisionThen['prints'] = {};

  constructor(options: KeptCallsOptions) {
    this.#options = options;
    this.#maxCallBytes = options.maxBytes * CALL_SHARE;
  }

  /** @param body of the call, of which it makes a copy */
  decided(decision: Decision, body: Buffer): void {
    const { call, caller, outcome } = decision;
    // It is sent again, or nobody wants it any more; or it is the doctor's
    if (outcome.kind === 'cancelled' || isCanaryId(call.litellm_call_id)) return;
    const series = seriesOf(call, body);
    const isUnrecorded = this.#options.isUnrecorded(call, caller);
    const lack = isUnrecorded ? 'withheld' : body.length > this.#maxCallBytes ? 'too_large' : undefined;
    const head: KeptHead = {
      decision: decisionThenOf(decision, {
        at: Date.now(),
        bytes: body.length,
        prints: this.#fingerprints(),
      }),
      series,
      lack,
    };
    this.#add({
      head: JSON.stringify(head),
      body: lack === undefined ? bodyOf(call, body) : undefined,
      series,
    });
  }

  /** Hands over all that waits. */
  flush(): void {
    this.#handOver(Number.POSITIVE_INFINITY);
  }

  #add(call: Omit<Waiting, 'since'>): void {
    const { series } = call;
    const bytes = bytesOf(call);
    const before = series && this.#waiting.get(series.name);
    const replaced = before?.series && series && goesOnAfter(before.series, series) ? before : undefined;
    if (replaced === undefined && this.#bytes + bytes > this.#maxWaitingBytes) {
      this.#options.lost(1);
      return;
    }
    const name =
      series === undefined || (before !== undefined && replaced === undefined) ? ++this.#number : series.name;
    if (replaced !== undefined) {
      this.#waiting.delete(name);
      this.#bytes -= bytesOf(replaced);
    }
    this.#waiting.set(name, { ...call, since: replaced?.since ?? performance.now() });
    this.#bytes += bytes;
    this.#timer ??= setTimeout(() => this.#due(), FLUSH_MS).unref();
  }

  #due(): void {
    this.#timer = undefined;
    this.#handOver(performance.now() - SERIES_MS);
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#due(), FLUSH_MS).unref();
  }

  /** @param until hands over those of a series that began before, and all that stand alone */
  #handOver(until: number): void {
    const calls: Waiting[] = [];
    for (const [name, call] of this.#waiting) {
      if (call.series !== undefined && call.since > until) continue;
      calls.push(call);
      this.#waiting.delete(name);
    }
    if (calls.length === 0) return;
    this.#bytes -= calls.reduce((sum, call) => sum + bytesOf(call), 0);
    this.#options.sink.keep(packCalls(calls), calls.length);
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

const bytesOf = ({ head, body }: KeptBytes) => CALL_BYTES + 2 * head.length + (body?.length ?? 0);

/** The fields of a call as the generic guardrail API has them; those of other integrations come in another form. */
function bodyOf(call: GuardrailCall, body: Buffer): Uint8Array {
  // The memory of a body is given back once its call is replied to
  if (call.door === undefined) return Buffer.from(body);
  const { passages: _, ...fields } = call;
  return Buffer.from(JSON.stringify(fields));
}
