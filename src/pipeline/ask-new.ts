import type { GuardrailCall } from '../guardrail/call.ts';
import { callName } from '../guardrail/caller.ts';
import { type Answer, ask, type Context, type JudgingBackend } from './ask.ts';
import { createAsked } from './asked.ts';
import { createLate } from './late.ts';

/** Told of what backends say. */
type Listener = {
  answer(answer: Answer): void;
  /** Of an answer, after the last call about it. */
  late(answer: Answer): void;
};

/** A call that backends are to be asked about. */
export type Asked = {
  readonly call: GuardrailCall;
  /** The name of the caller's rule. */
  readonly rule: string;
  readonly context: Context;
};

/** Asks backends about what is new to them: now, later, or not at all. @param growth see {@link createAsked} */
export function createAsker(growth: number, listener: Listener) {
  const questionFor = createAsked({ growth });
  const late = createLate();

  return {
    /** The answer to come, or undefined if there is nothing to ask now. */
    ask(
      backend: JudgingBackend,
      { call, rule, context }: Asked,
      signal?: AbortSignal,
    ): Promise<Answer> | undefined {
      const name = `${backend.name}\0${callName(call)}`;
      const against = call.input_type === 'response' ? late.against(name) : undefined;
      if (against !== undefined) return Promise.resolve({ ...against, call } as Answer);
      const question = questionFor(backend, call, rule);
      if (question.kind === 'known') return undefined;
      if (question.kind === 'later') {
        late.schedule(name, async () => {
          const answer = await ask(backend, question.call, context);
          listener.late(answer);
          return answer;
        });
        return undefined;
      }
      if (question.goesOn) late.cancel(name);
      // Another answer under the same id: what was left of the one before is judged all the same
      else if (call.input_type === 'response') late.run(name);
      return ask(backend, question.call, context, signal).then((answer) => {
        const own = 'verdict' in answer ? { ...answer, verdict: question.answered(answer.verdict) } : answer;
        listener.answer(own);
        return own;
      });
    },
    /** Makes the late checks that wait, and resolves when they have ended. */
    settled: late.settled,
  };
}
