import type { Traits } from './finished-calls.ts';

/** Tells an event of a call from one of another call under the same id. */
export type Clues = {
  readonly key: string | undefined;
  readonly trace: string | undefined;
  words(): number;
  readonly startedAt: number;
};

/** One of several calls under an id; `row` is undefined for a call that is finished. */
export type Candidate = Traits & { readonly row: number | undefined };

/** The call that an event is about, by its key, its trace, its words, and at last by the time. A trait that fits none says nothing. */
export function chosenOf(
  all: readonly Candidate[],
  event: Pick<Traits, 'key' | 'trace' | 'startedAt'> & { words(): number },
): Candidate {
  const ofKey = narrowed(all, (call) => call.key !== 0 && call.key === event.key);
  const ofTrace = narrowed(ofKey, (call) => call.trace === event.trace);
  const ofWords = narrowed(ofTrace, (call) => call.words === event.words());
  const distance = (call: Candidate) => Math.abs(call.startedAt - event.startedAt);
  return ofWords.reduce((best, call) => (distance(call) < distance(best) ? call : best));
}

/** Those that fit; all of them if none does. */
function narrowed<One>(all: readonly One[], fits: (one: One) => boolean): readonly One[] {
  if (all.length < 2) return all;
  const fitting = all.filter(fits);
  return fitting.length > 0 ? fitting : all;
}
