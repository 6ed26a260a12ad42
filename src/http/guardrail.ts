import type { Handler } from 'hono';
import type { CallHandler } from '../calls/call-handler.ts';
import type { CallConnection } from '../calls/call-scope.ts';
import type { LargeCalls } from '../calls/large-calls.ts';
import { type BridgeContext, type BridgeEnv, responseOf } from './refusal.ts';

export type GuardrailRouteOptions = {
  readonly handler: CallHandler;
  readonly largeCalls: LargeCalls;
  readonly isDraining: () => boolean;
};

/** `POST /beta/litellm_basic_guardrail_api`. */
export function guardrailRoute({
  handler,
  largeCalls,
  isDraining,
}: GuardrailRouteOptions): Handler<BridgeEnv> {
  return async (c) => {
    const body = c.get('body');
    const connection = new HttpConnection(c);
    const response = await (largeCalls.takes(body)
      ? largeCalls.handle(body, connection)
      : handler.handle(body.bytes(), connection));
    return responseOf(response, isDraining());
  };
}

class HttpConnection implements CallConnection {
  readonly #c: BridgeContext;

  constructor(c: BridgeContext) {
    this.#c = c;
  }

  onGone(gone: () => void): void {
    const outgoing = this.#c.env?.outgoing;
    if (outgoing === undefined) {
      const { signal } = this.#c.req.raw;
      if (signal.aborted) gone();
      else signal.addEventListener('abort', gone);
      return;
    }
    const closed = () => {
      if (!outgoing.writableEnded) gone();
    };
    if (outgoing.destroyed) closed();
    else outgoing.once('close', closed);
  }
}
