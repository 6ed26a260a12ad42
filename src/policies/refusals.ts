import type { Budget, Work } from './budget.ts';
import type { Plan } from './plan.ts';
import type { PolicyRefusal, Subject } from './policy.ts';

/** The refusals of the call itself, by policy. Only what replicas share is waited for. */
export function* refusalsBy(
  { policies }: Plan,
  subject: Subject,
  budget: Budget,
): Work<readonly (PolicyRefusal | undefined)[]> {
  const refusals = policies.map(({ policy }) => policy.check?.(subject));
  if (refusals.every(isKnown)) return refusals;
  let known: readonly (PolicyRefusal | undefined)[] = [];
  yield budget.waitFor(
    Promise.all(refusals).then((all) => {
      known = all;
    }),
  );
  return known;
}

const isKnown = <T>(value: T | Promise<T>): value is T => !(value instanceof Promise);
