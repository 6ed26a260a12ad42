import { within } from '../guardrail/within.ts';
import type { AnswerMessage, AskMessage } from './protocol.ts';

/** Questions to another process, which answers each by its number. */
export class Questions<
  Asked extends Record<keyof Asked, { readonly ask: unknown; readonly answer: unknown }>,
> {
  readonly #send: (question: AskMessage<Asked>) => void;
  readonly #open = new Map<number, (answer: unknown) => void>();
  #last = 0;
  #isOver = false;

  constructor(send: (question: AskMessage<Asked>) => void) {
    this.#send = send;
  }

  /** @returns undefined if there is no answer in time, or none to come */
  async ask<Name extends keyof Asked>(
    name: Name,
    ask: Asked[Name]['ask'],
    ms: number,
  ): Promise<Asked[Name]['answer'] | undefined> {
    if (this.#isOver) return undefined;
    const n = ++this.#last;
    const answer = new Promise<unknown>((resolve) => this.#open.set(n, resolve));
    this.#send({ kind: 'ask', n, name, ask } as unknown as AskMessage<Asked>);
    const told = await within(ms, answer);
    this.#open.delete(n);
    return told as Asked[Name]['answer'] | undefined;
  }

  take({ n, answer }: AnswerMessage): void {
    this.#open.get(n)?.(answer);
  }

  /** No answer comes any more. */
  end(): void {
    this.#isOver = true;
    for (const resolve of this.#open.values()) resolve(undefined);
    this.#open.clear();
  }
}
