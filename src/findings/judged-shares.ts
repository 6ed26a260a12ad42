import { LRUCache } from 'lru-cache';
import { isShownBy } from '../litellm/logged-call.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ComparedCall } from '../records/protocol.ts';
import type { ShownCode } from './live-texts.ts';
import { Share } from './share.ts';

/** Kinds of calls whose share is known: by virtual key, model and endpoint. */
const MAX_SHARES = 5000;
const HOUR_MS = 3_600_000;

type ComparedCode = Extract<ShownCode, 'pre_call_missing' | 'post_call_missing' | 'calls_unjudged'>;

export type JudgedSharesOptions = {
  readonly metrics: Pick<Metrics, 'unasked_responses_total' | 'unjudged_successes_total'>;
  /** The oldest LiteLLM that was seen, as it writes its release; null for none. */
  readonly release: () => string | null;
  /** Called with each call that shows a finding. */
  readonly shown: (code: ComparedCode, calls: number, at: number) => void;
};

/**
 * Finds sides of calls that are judged no more, or never were. A guardrail can be asked about a part of the calls alone, by key, by model or
 * by request: then as many go unjudged as before. What nobody ever saw judged is missing, but for the whole call: that LiteLLM only logs.
 */
export class JudgedShares {
  readonly #options: JudgedSharesOptions;
  readonly #shares = new LRUCache<string, Share>({ max: MAX_SHARES });
  /** When a side was seen judged last, by finding and endpoint. */
  readonly #seenAt = new Map<string, number>();

  constructor(options: JudgedSharesOptions) {
    this.#options = options;
  }

  /** Calls were compared with what was judged of them. */
  compared(calls: readonly ComparedCall[]): void {
    for (const call of calls) this.#compare(call);
  }

  #compare(call: ComparedCall): void {
    const { endpoint, direction, request, response, hasText } = call;
    const { metrics, release } = this.#options;
    const version = release();
    if (!isShownBy(version, endpoint, 'request')) return;
    const isJudged = request || response;
    if (!isJudged) metrics.unjudged_successes_total.inc();
    this.#look('calls_unjudged', call, isJudged);
    if (!isJudged) return;
    this.#look('pre_call_missing', call, request);
    if (!request || !hasText || !isShownBy(version, endpoint, direction)) return;
    if (!response) metrics.unasked_responses_total.inc();
    this.#look('post_call_missing', call, response);
  }

  #look(code: ComparedCode, { endpoint, direction, model, key, at }: ComparedCall, isThere: boolean): void {
    const where = `${code} ${endpoint} ${direction}`;
    const seenAt = this.#seenAt.get(where);
    if (!isThere && seenAt === undefined) {
      if (code !== 'calls_unjudged') this.#options.shown(code, 1, at);
      return;
    }
    const name = `${where}\n${model}\n${key}`;
    const share = this.#shares.get(name) ?? new Share();
    this.#shares.set(name, share);
    if (isThere) {
      this.#seenAt.set(where, at);
      share.has();
      return;
    }
    if (seenAt !== undefined && at - seenAt < HOUR_MS) share.settle(at);
    for (const time of share.lacks(at)) this.#options.shown(code, 1, time);
  }
}
