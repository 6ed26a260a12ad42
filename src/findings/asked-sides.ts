import type { Decision } from '../guardrail/decision.ts';

/** Requests and time without a single response, from which on responses are taken to be judged no more. */
const MIN_REQUESTS = 50;
const MIN_MS = 10 * 60_000;

/** Guardrail calls of either side. */
export type SideCounts = { readonly requests: number; readonly responses: number };

export const NO_SIDES: SideCounts = { requests: 0, responses: 0 };

export function bothSides(one: SideCounts, other: SideCounts): SideCounts {
  return { requests: one.requests + other.requests, responses: one.responses + other.responses };
}

/** Counts requests that are to have a response, and responses. */
export class SideCounter {
  #requests = 0;
  #responses = 0;
  #lastId = '';

  decided({ call, outcome }: Decision): void {
    const { litellm_call_id: id, input_type, shape, door } = call;
    if (id === null || door !== undefined) return;
    if (input_type === 'response') this.#responses++;
    // The chats of a batch come under one id, and have no response
    else if (shape === 'conversation' && id !== this.#lastId && outcome.kind !== 'block') this.#requests++;
    this.#lastId = id;
  }

  /** Counts since the last time. */
  take(): SideCounts {
    const taken = { requests: this.#requests, responses: this.#responses };
    this.#requests = this.#responses = 0;
    return taken;
  }
}

/**
 * Finds out without log events that no response is judged, or none any more. A request can fail at its provider, and nobody tells: so it takes many of them,
 * and ten minutes.
 */
export class AskedSides {
  #requests = 0;
  #firstAt: number | undefined;

  /**
   * Takes in what was counted.
   *
   * @param now Unix milliseconds
   * @returns requests whose responses are not judged
   */
  add({ requests, responses }: SideCounts, now: number): number {
    if (responses > 0) {
      this.#requests = 0;
      this.#firstAt = undefined;
      return 0;
    }
    if (requests > 0) this.#firstAt ??= now;
    this.#requests += requests;
    const isLong = this.#firstAt !== undefined && now - this.#firstAt > MIN_MS;
    return isLong && this.#requests >= MIN_REQUESTS ? requests : 0;
  }
}
