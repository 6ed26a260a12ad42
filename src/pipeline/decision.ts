import type { Answer } from './ask.ts';
import { mergeRewrites, type Rewrites } from './rewrites.ts';

/** Why a call is blocked: a verdict, a missing verdict under `fail_closed`, or a redaction that cannot be applied. */
export type BlockCause = 'verdict' | 'fail_closed' | 'redaction';

/** What happens to a call. */
export type Decision =
  | { readonly kind: 'allow' }
  | {
      readonly kind: 'block';
      readonly cause: BlockCause;
      readonly backend: string;
      readonly reason: string;
      /** The operator's words for the caller. */
      readonly message?: string;
    }
  | { readonly kind: 'modify'; readonly backends: readonly string[]; readonly rewrites: Rewrites }
  | { readonly kind: 'defer'; readonly backend: string }
  | { readonly kind: 'cancelled' };

/** Whether an answer alone decides that the call is blocked. */
export function blocks(answer: Answer): boolean {
  return 'verdict' in answer ? answer.verdict.kind === 'block' : answer.effect === 'block';
}

/**
 * What all answers together mean for a call: a block wins over everything, then a `defer`, then redactions, merged in
 * configuration order.
 */
export function decide(answers: readonly Answer[]): Decision {
  for (const { backend, ...answer } of answers) {
    if ('verdict' in answer) {
      if (answer.verdict.kind === 'block') return block('verdict', backend.name, answer.verdict.reason);
    } else if (answer.effect === 'block') {
      return block('fail_closed', backend.name, 'the check could not be completed');
    }
  }
  const modified = answers.flatMap((answer) =>
    'verdict' in answer && answer.verdict.kind === 'modify'
      ? [{ name: answer.backend.name, rewrites: answer.verdict.rewrites }]
      : [],
  );
  const names = modified.map(({ name }) => name);
  const deferred = answers.find((answer) => 'effect' in answer && answer.effect === 'defer');
  if (modified.length === 0) {
    return deferred === undefined ? { kind: 'allow' } : { kind: 'defer', backend: deferred.backend.name };
  }
  const known = modified.flatMap(({ rewrites }) => rewrites ?? []);
  const rewrites = known.length === modified.length ? mergeRewrites(known) : null;
  // A 503 would leave the redaction to a setting that knows nothing of it
  if (rewrites === null || deferred !== undefined) {
    return block('redaction', names.join(','), 'a redaction could not be applied');
  }
  return { kind: 'modify', backends: names, rewrites };
}

export function block(cause: BlockCause, backend: string, reason: string, message?: string): Decision {
  return { kind: 'block', cause, backend, reason, ...(message !== undefined && { message }) };
}
