import type { Config } from '../config/config.ts';
import type { keptAnswers } from './kept-answers.ts';
import type { pastedAnswers } from './pasted-answers.ts';

/** Questions about what is kept, and about what somebody has pasted, which can be hostile: each in a thread of its own. */
export type LookUps = {
  readonly kept: ReturnType<typeof keptAnswers>;
  readonly pasted: ReturnType<typeof pastedAnswers>;
};

export type LookUpTopic = keyof LookUps;

/** Plain data with which a thread starts. */
export type LookUpStart = { readonly topic: LookUpTopic; readonly config: Config };

/** To the thread, one at a time. */
export type ToLookUp = { readonly n: number; readonly name: string; readonly args: readonly unknown[] };

/** From it. A problem is in words for an operator; a bug tells where it is, without what it was about. */
export type FromLookUp = { readonly n: number } & (
  | { readonly answer: unknown }
  | { readonly problem: string }
  | { readonly bug: object }
);
