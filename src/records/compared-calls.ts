import type { Fields } from '../guardrail/call.ts';
import type { EventFacts } from '../litellm/log-event.ts';
import { type LoggedCall, loggedCall } from '../litellm/logged-call.ts';
import type { OtherReplicas } from './other-replicas.ts';
import type { PendingCall } from './pending-call.ts';
import type { PendingCalls } from './pending-calls.ts';
import type { ComparedCall } from './protocol.ts';
import type { Clues } from './same-id.ts';

/** From an event to the comparison: a note can be under way, and some releases log a response before they have it judged. */
const WAIT_MS = 5000;
/** Calls that wait; others are not compared. */
const MAX_WAITING = 10_000;
/** Compared and not told yet. */
const MAX_TOLD = 5000;

export type ComparedCallsOptions = {
  readonly pendingCalls: Pick<PendingCalls, 'find'>;
  /** Undefined where the bridge is alone. */
  readonly others?: Pick<OtherReplicas, 'read'> | undefined;
  /** Time that a response may still be judged after LiteLLM has logged it. */
  readonly responseCheckMs: () => number;
};

type Times = Pick<ComparedCall, 'startedAt' | 'endedAt' | 'at'>;
type Waiting = {
  readonly callId: string;
  readonly clues: Clues;
  readonly call: LoggedCall;
  readonly times: Times;
};

/** Compares calls that succeeded with what was judged of them, some seconds after LiteLLM has logged them. */
export class ComparedCalls {
  readonly #options: ComparedCallsOptions;
  #waiting: Waiting[] = [];
  #compared: ComparedCall[] = [];

  constructor(options: ComparedCallsOptions) {
    this.#options = options;
  }

  /**
   * LiteLLM has logged an event. It is not redacted yet.
   *
   * @param pending the call as it is noted, undefined if it is not
   * @param now Unix milliseconds
   */
  logged(event: Fields, facts: EventFacts, pending: PendingCall | undefined, now: number): void {
    const { callId, key, trace, startedAt, endedAt, mayBeBlocked } = facts;
    if (callId === undefined || mayBeBlocked) return;
    const call = loggedCall(event);
    if (call === undefined) return;
    const times = { startedAt, endedAt, at: now };
    if (pending?.request !== undefined && (pending.response !== undefined || !call.hasText)) {
      this.#add(call, pending, key, times);
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) return;
    const words = facts.words();
    this.#waiting.push({ callId, clues: { key, trace, startedAt, words: () => words }, call, times });
  }

  /** The calls that were compared since the last time, each to be told once. */
  async take(now: number): Promise<readonly ComparedCall[]> {
    const waitMs = Math.max(WAIT_MS, this.#options.responseCheckMs());
    const due = this.#waiting.filter(({ times }) => times.at <= now - waitMs);
    if (due.length > 0) {
      this.#waiting = this.#waiting.filter(({ times }) => times.at > now - waitMs);
      const ids = new Set(due.map(({ callId }) => callId));
      const isKnown = this.#options.others === undefined || (await this.#options.others.read([...ids]));
      if (isKnown) {
        for (const { callId, clues, call, times } of due)
          this.#add(call, this.#options.pendingCalls.find(callId, clues), clues.key, times);
      }
    }
    return this.#compared.splice(0);
  }

  #add(
    { endpoint, isStream, model, hasText, asked, caller }: LoggedCall,
    pending: PendingCall | undefined,
    key: string | undefined,
    times: Times,
  ): void {
    const request = pending?.request !== undefined;
    const response = pending?.response !== undefined;
    const isClaimed = !request && !response && (asked.request || asked.response);
    // Judged by another bridge, or let pass by LiteLLM: nobody knows
    if (!isClaimed && ((asked.request && !request) || (asked.response && !response))) return;
    if (this.#compared.length >= MAX_TOLD) return;
    const direction = isStream ? 'stream' : 'response';
    const call = {
      endpoint,
      direction,
      model,
      key: key ?? caller,
      ...times,
      request,
      response,
      hasText,
    } as const;
    this.#compared.push(isClaimed ? { ...call, isClaimed } : call);
  }
}
