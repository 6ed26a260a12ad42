import type { ResponseWiring, ToldKind } from '../litellm/response-wiring.ts';
import type { PolicyStore, ToldPolicies } from '../policies/store.ts';

/**
 * All that the calls under a state key told so far and that a judgement goes by, for the thread of large calls. Each store has a `told`
 * and a `tell` for its part. Other state by that key stays where it is, as nothing is judged more mildly without it:
 *
 * - what a backend allowed of a response, and what a trailing check said against it: the thread asks about all of it, and a check
 *   that waits is made where it waits;
 * - the decided beginnings of a response: the thread reads it from its start;
 * - what was counted or logged of a call: it can be once more;
 * - the rounds of a stream, for its record: they are noted anew from the second round in the thread.
 */
export type RequestState = {
  /** The request as backends may see it, as JSON; undefined where nobody asks for it. */
  readonly body: Uint8Array | undefined;
  readonly wiring: ToldKind | undefined;
  readonly policies: ToldPolicies | undefined;
};

/** The stores that judging goes by. */
type Stores = { readonly wiring: ResponseWiring; readonly policies: PolicyStore | undefined };

/** The stores of this thread. */
export function requestStateOf({ wiring, policies }: Stores, key: string): Omit<RequestState, 'body'> {
  return { wiring: wiring.told(key), policies: policies?.told(key) };
}

/** Adds what another thread knows. */
export function tellState({ wiring, policies }: Stores, key: string, state: RequestState): void {
  if (state.wiring !== undefined) wiring.tell(key, state.wiring);
  if (state.policies !== undefined) policies?.tell(key, state.policies);
}
