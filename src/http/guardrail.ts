import type { Handler } from 'hono';
import { type CallForm, GENERIC } from '../calls/call-form.ts';
import type { CallHandler } from '../calls/call-handler.ts';
import type { CallConnection } from '../calls/call-scope.ts';
import type { LargeCalls } from '../calls/large-calls.ts';
import type { ReceivedBody } from '../calls/received-body.ts';
import type { CallResponse } from '../calls/refusal.ts';
import { type BridgeContext, type BridgeEnv, responseOf } from './refusal.ts';

export type GuardrailRouteOptions = {
  readonly handler: CallHandler;
  readonly largeCalls: LargeCalls;
};

/** Has a body judged that holds a call in some form. */
export type JudgeBody = (c: BridgeContext, body: ReceivedBody, form: CallForm) => Promise<CallResponse>;

/** `POST /beta/litellm_basic_guardrail_api`. */
export function guardrailRoute(judge: JudgeBody, isDraining: () => boolean): Handler<BridgeEnv> {
  return async (c) => responseOf(await judge(c, c.get('body'), GENERIC), isDraining());
}

/** Judges calls in this thread, and large ones in theirs. */
export function judgeBody({ handler, largeCalls }: GuardrailRouteOptions): JudgeBody {
  return (c, body, form) => {
    const connection = new HttpConnection(c);
    return largeCalls.takes(body)
      ? largeCalls.handle(body, connection, form)
      : handler.handle(body.bytes(), connection, form);
  };
}

class HttpConnection implements CallConnection {
  readonly #c: BridgeContext;

  constructor(c: BridgeContext) {
    this.#c = c;
  }

  get traceparent(): string | undefined {
    const { incoming } = this.#c.env ?? {};
    if (incoming === undefined) return this.#c.req.header('traceparent');
    const { traceparent } = incoming.headers;
    return typeof traceparent === 'string' ? traceparent : undefined;
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
