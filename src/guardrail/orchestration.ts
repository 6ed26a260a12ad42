/**
 * How several backends are asked and what their verdicts add up to. `first_block`: all at once, the first block decides.
 * `sequence`: one after the other, each sees the call as those before it left it, and a block ends it. `all`: all at once, and the
 * reasons of all are gathered. `quorum`: all at once, and so many have to block.
 */
export type Orchestration = 'first_block' | 'sequence' | 'all' | { readonly quorum: number };

/** The consequence of a missing verdict: the `fallback` of its backend, or none where a `next` backend is asked. */
export const ON_ERROR = ['fallback', 'next'] as const;
export type OnError = (typeof ON_ERROR)[number];
