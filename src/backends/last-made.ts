import type { GuardrailCall } from '../guardrail/call.ts';

const DONE = Promise.resolve();

/**
 * The last thing made of a call, until the event loop goes on: backends of one kind are asked about a call one right after the other, and
 * those with the same settings are sent the same. Making a body can cost half as much as sending it.
 */
export class LastMade<Value> {
  #last: { readonly call: GuardrailCall; readonly settings: string; readonly value: Value } | undefined;

  /** @param settings all that the value depends on beside the call */
  of(call: GuardrailCall, settings: string, make: () => Value): Value {
    const last = this.#last;
    if (last !== undefined && last.call === call && last.settings === settings) return last.value;
    const value = make();
    // `queueMicrotask` makes an async resource for each call
    if (last === undefined) DONE.then(this.#forget, this.#forget);
    this.#last = { call, settings, value };
    return value;
  }

  readonly #forget = (): void => {
    this.#last = undefined;
  };
}
