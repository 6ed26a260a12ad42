import type { Answer } from './ask.ts';
import { blocks } from './decision.ts';

/** Resolves with the answers so far as soon as one of them blocks, otherwise with all, in the order of the list. */
export function firstBlockOrAll(pending: readonly Promise<Answer>[]): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    const answers: Answer[] = [];
    let missing = pending.length;
    pending.forEach((promise, i) => {
      promise.then((answer) => {
        answers[i] = answer;
        missing--;
        if (missing === 0 || blocks(answer)) resolve(answers.filter(Boolean));
      }, reject);
    });
  });
}
