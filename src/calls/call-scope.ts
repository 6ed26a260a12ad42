import { STOPPED } from '../guardrail/deadline.ts';
import type { Watch } from '../pipeline/watching-checks.ts';

/** The connection over which a call came. */
export type CallConnection = {
  /** Calls the listener once the caller has hung up: at once if it already has, and perhaps more than once. */
  onGone(listener: () => void): void;
  /** The header of that name, as the request of the call has it. */
  readonly traceparent?: string | undefined;
  /** Told of the checks of the call that may go on after its decision. */
  readonly observing?: (watch: Watch) => void;
};

/** LiteLLM sends a check again at once where it does; a new connection takes it some tenths of a second. */
const REPETITION_MS = 1000;

/**
 * Ends the checks of a call when another check has decided, or when its caller has hung up and does not ask again. Costs
 * nothing until `signal` is read.
 */
export class CallScope {
  /** Those who wait for the decision; more than one where a call was sent again. */
  readonly #callers: CallConnection[];
  /** True if a caller that hung up may send the call again: without a name it could not be told. */
  readonly #isNamed: boolean;
  #controller: AbortController | undefined;
  /** Callers who are still there. */
  #present = 0;
  #repetition: { readonly timer: NodeJS.Timeout; readonly came: PromiseWithResolvers<boolean> } | undefined;

  constructor(connection: CallConnection, isNamed: boolean) {
    this.#callers = [connection];
    this.#isNamed = isNamed;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      for (const connection of this.#callers) this.#watch(connection);
    }
    return this.#controller.signal;
  }

  get observing(): CallConnection['observing'] {
    return this.#callers[0]?.observing;
  }

  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  /** Adds a caller who sent the same call. */
  join(connection: CallConnection): void {
    this.#callers.push(connection);
    if (this.#controller !== undefined) this.#watch(connection);
  }

  /** True if somebody waits for the decision, or asks again in time. */
  isAwaited(): boolean | Promise<boolean> {
    if (this.#controller === undefined || this.#present > 0) return true;
    return this.#repetition?.came.promise ?? false;
  }

  #watch(connection: CallConnection): void {
    this.#present++;
    this.#settle(true);
    let isGone = false;
    connection.onGone(() => {
      if (isGone) return;
      isGone = true;
      if (--this.#present === 0) this.#abandoned();
    });
  }

  #abandoned(): void {
    if (!this.#isNamed) {
      this.abort(STOPPED);
      return;
    }
    const timer = setTimeout(() => {
      this.#settle(false);
      this.abort(STOPPED);
    }, REPETITION_MS);
    this.#repetition = { timer, came: Promise.withResolvers() };
  }

  #settle(hasCome: boolean): void {
    clearTimeout(this.#repetition?.timer);
    this.#repetition?.came.resolve(hasCome);
    this.#repetition = undefined;
  }
}
