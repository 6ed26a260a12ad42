import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { InputType } from '../guardrail/call.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import { type Action, actionOf, type Decision, type Wired } from '../guardrail/decision.ts';
import { orNothing, type SharedState } from '../state/shared-state.ts';

/** A guardrail call or the end of a call of the doctor, as the bridge saw it; without content. */
export type CanarySight =
  | {
      readonly kind: 'judged';
      readonly input_type: InputType;
      readonly action: Action;
      readonly litellm_version: string | null;
      /** For a response: how LiteLLM delivers it, and why a redaction of it is not; null where it is. */
      readonly wiring?: Wired['wiring'];
      readonly unapplied?: Wired['unapplied'] | null;
    }
  | { readonly kind: 'logged'; readonly outcome: 'success' | 'failure' };

/** Calls of the doctor, and what is kept of each: more than the doctor makes, in far more time than it waits. */
const MAX_CANARIES = 1000;
const MAX_SIGHTS = 16;
const TTL_MS = 5 * 60_000;

export type CanariesOptions = {
  /** Tells the others; undefined for a bridge that is alone. */
  readonly shared: SharedState | undefined;
  readonly wired: (decision: Decision) => Wired;
  /** Called with a mistake of ours that nobody waits for. */
  readonly failed: (error: unknown) => void;
};

/**
 * Remembers what came of calls that the doctor makes through LiteLLM, which it knows by their ids. Any other call costs one look at its id.
 * Where calls come to several workers or replicas, each writes a share of what it saw.
 */
export class Canaries {
  readonly #options: CanariesOptions;
  readonly #seen = new LRUCache<string, readonly CanarySight[]>({ max: MAX_CANARIES, ttl: TTL_MS });

  constructor(options: CanariesOptions) {
    this.#options = options;
  }

  decided(decision: Decision): void {
    const { call } = decision;
    if (!isCanaryId(call.litellm_call_id)) return;
    const { input_type, litellm_version } = call;
    const wired = input_type === 'response' ? this.#options.wired(decision) : undefined;
    this.#add(call.litellm_call_id, {
      ...{ kind: 'judged', input_type, action: actionOf(decision), litellm_version },
      ...(wired && { wiring: wired.wiring, unapplied: wired.unapplied ?? null }),
    });
  }

  /** Told of the events that LiteLLM logged. */
  ended(ends: readonly { readonly callId: string; readonly outcome: 'success' | 'failure' }[]): void {
    for (const { callId, outcome } of ends)
      if (isCanaryId(callId)) this.#add(callId, { kind: 'logged', outcome });
  }

  /** All that anybody saw of a call of the doctor, each once. */
  async seen(id: string): Promise<readonly CanarySight[]> {
    const own = this.#seen.get(id) ?? [];
    const shares = await orNothing(this.#options.shared?.readShares([`canaries:${id}`]));
    const others = shares?.get(`canaries:${id}`)?.flatMap((share) => share ?? []) ?? [];
    const all = [...own, ...others.flatMap(sightsIn)];
    return [...new Map(all.map((sight) => [JSON.stringify(sight), sight])).values()];
  }

  #add(id: string, sight: CanarySight): void {
    const known = this.#seen.get(id) ?? [];
    // A stream is judged in many rounds, before its end is logged
    const isKnown = known.some((one) => isDeepStrictEqual(one, sight));
    if (isKnown || (known.length >= MAX_SIGHTS && sight.kind === 'judged')) return;
    const sights = [...known, sight];
    this.#seen.set(id, sights);
    const value = Buffer.from(JSON.stringify(sights));
    orNothing(this.#options.shared?.writeShares([{ key: `canaries:${id}`, value, ttlMs: TTL_MS }])).catch(
      (error: unknown) => this.#options.failed(error),
    );
  }
}

/** The sights of another; none if it is of a release that writes another form. */
function sightsIn(share: Uint8Array): readonly CanarySight[] {
  try {
    const sights: unknown = JSON.parse(share.toString());
    return Array.isArray(sights) ? sights : [];
  } catch {
    return [];
  }
}
