import { LRUCache } from 'lru-cache';
import { isShownBy } from '../litellm/logged-call.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ComparedCall } from '../records/protocol.ts';
import { ClaimedCalls } from './claimed-calls.ts';
import { Everybody } from './everybody.ts';
import type { ShownCode } from './live-texts.ts';
import { Share } from './share.ts';

/** Kinds of calls whose share is known, by finding, virtual key, model and endpoint. */
const MAX_SHARES = 15_000;
const HOUR_MS = 3_600_000;

type ComparedCode = Extract<ShownCode, 'pre_call_missing' | 'post_call_missing' | 'calls_unjudged'>;

export type JudgedSharesOptions = {
  readonly metrics: Pick<Metrics, 'unasked_responses_total' | 'unjudged_successes_total'>;
  /** The oldest LiteLLM that was seen, as it writes its release; null for none. */
  readonly release: () => string | null;
  /** Called with each call that shows a finding. */
  readonly shown: (code: ComparedCode, calls: number, at: number) => void;
};

/** The last kind of calls that had a side judged, and when one of another kind had. */
type Seen = { kind: string; at: number; othersAt: number };

/**
 * Finds sides of calls that are judged no more, or never were. A guardrail can be asked about a part of the calls alone, by key, by model or
 * by request: then as many go unjudged as before. What nobody ever saw judged is missing, but for the whole call: that LiteLLM only logs.
 */
export class JudgedShares {
  readonly #options: JudgedSharesOptions;
  readonly #shares = new LRUCache<string, Share>({ max: MAX_SHARES });
  /** By finding and endpoint. */
  readonly #everybody = new Map<string, Everybody>();
  readonly #seen = new Map<string, Seen>();
  /** Findings of whose side any call was judged. */
  readonly #isSeen = new Set<ComparedCode>();
  readonly #claimed = new ClaimedCalls();

  constructor(options: JudgedSharesOptions) {
    this.#options = options;
  }

  /** Calls were compared with what was judged of them. */
  compared(calls: readonly ComparedCall[]): void {
    for (const call of calls) this.#compare(call);
  }

  #compare(call: ComparedCall): void {
    const { endpoint, direction, request, response, hasText, isClaimed } = call;
    const { metrics, release } = this.#options;
    const version = release();
    if (!isShownBy(version, endpoint, 'request')) return;
    const isJudged = request || response;
    if (isClaimed) {
      const times = this.#claimed.claimed(call.at);
      metrics.unjudged_successes_total.inc({}, times.length);
      for (const time of times) this.#options.shown('calls_unjudged', 1, time);
      return;
    }
    if (isJudged) this.#claimed.judged();
    else metrics.unjudged_successes_total.inc();
    this.#look('calls_unjudged', call, isJudged);
    if (!isJudged) return;
    this.#look('pre_call_missing', call, request);
    if (!request || !hasText || !isShownBy(version, endpoint, direction)) return;
    if (!response) metrics.unasked_responses_total.inc();
    this.#look('post_call_missing', call, response);
  }

  #look(code: ComparedCode, call: ComparedCall, isThere: boolean): void {
    const { endpoint, direction, model, key, at } = call;
    const where = `${code} ${endpoint} ${direction}`;
    const seen = this.#seen.get(where);
    if (!isThere && seen === undefined && this.#isNeverSeen(code, call)) {
      this.#options.shown(code, 1, at);
      return;
    }
    const kind = `${where}\n${model}\n${key}`;
    const share = this.#shares.get(kind) ?? new Share();
    this.#shares.set(kind, share);
    const everybody = this.#everybody.get(where) ?? new Everybody();
    this.#everybody.set(where, everybody);
    if (isThere) {
      this.#isSeen.add(code);
      // One that comes and goes tells nothing of the others
      if (seen === undefined) this.#seen.set(where, { kind, at, othersAt: 0 });
      else if (!share.isOut)
        Object.assign(seen, { kind, at, ...(seen.kind !== kind && { othersAt: seen.at }) });
      share.has(!everybody.isOut);
      everybody.has(share);
      return;
    }
    const othersAt = seen === undefined || seen.kind === kind ? (seen?.othersAt ?? 0) : seen.at;
    if (at - othersAt < HOUR_MS && !everybody.isOut) share.settle(at);
    const own = share.lacks(at, othersAt);
    const all = everybody.lacks(kind, share, at, own.length > 0);
    for (const time of [...own, ...all]) this.#options.shown(code, 1, time);
  }

  /** True where the side was never judged, and a guardrail that teams choose does not explain it: then others, or their other calls, are judged. */
  #isNeverSeen(code: ComparedCode, { endpoint, direction, model, key }: ComparedCall): boolean {
    if (code === 'calls_unjudged') return false;
    const other = direction === 'stream' ? 'response' : 'stream';
    const sibling = this.#shares.peek(`${code} ${endpoint} ${other}\n${model}\n${key}`);
    return !this.#isSeen.has(code) || sibling?.isReliable === true;
  }
}
