import { STOPPED } from '../guardrail/deadline.ts';
import type { BridgeContext } from './refusal.ts';

/** Ends the checks of a call when its caller hangs up or another check has decided. Costs nothing until `signal` is read. */
export class CallScope {
  readonly #c: BridgeContext;
  #controller: AbortController | undefined;

  constructor(c: BridgeContext) {
    this.#c = c;
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#watch();
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller?.abort(reason);
  }

  #watch(): AbortController {
    const controller = new AbortController();
    const outgoing = this.#c.env?.outgoing;
    if (outgoing === undefined) {
      const { signal } = this.#c.req.raw;
      if (signal.aborted) controller.abort(STOPPED);
      else signal.addEventListener('abort', () => controller.abort(STOPPED));
      return controller;
    }
    const closed = () => {
      if (!outgoing.writableEnded) controller.abort(STOPPED);
    };
    if (outgoing.destroyed) closed();
    else outgoing.once('close', closed);
    return controller;
  }
}
