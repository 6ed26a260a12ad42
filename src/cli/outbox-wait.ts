import type { Followed, Following } from '../outbox/follow.ts';
import type { Progress } from './outbox-progress.ts';
import type { Terminal } from './terminal.ts';

const POLL_MS = 1000;
const PATIENCE_MS = 60_000;
/** A count of a million takes its time: at most a fifth of all goes into counting. */
const REST = 4;

export type WaitOutcome = {
  readonly counts: Readonly<Record<'delivered' | 'due' | 'waiting' | 'dead', number>>;
  readonly text: string;
  readonly isComplete: boolean;
};

/** Waits while a running bridge delivers, until nothing is left due or nothing has moved for a minute. */
export async function waitForDelivery(
  following: Following,
  { now, sleep }: Terminal,
  progress: Progress,
): Promise<WaitOutcome> {
  let moved = { due: Number.POSITIVE_INFINITY, at: now() };
  for (;;) {
    const startedAt = performance.now();
    const followed = following.count(now());
    progress.show(said(followed));
    if (followed.due !== moved.due) moved = { due: followed.due, at: now() };
    const isStuck = now() - moved.at >= PATIENCE_MS;
    if (followed.due === 0 || isStuck) {
      progress.end();
      return outcomeOf(followed);
    }
    await sleep(Math.max(POLL_MS, REST * (performance.now() - startedAt)));
  }
}

function outcomeOf(followed: Followed): WaitOutcome {
  const { due, waiting, dead } = followed;
  const stuck = due > 0 ? `, ${due} still due and none sent for a minute: see the log of the bridge` : '';
  return {
    counts: { delivered: deliveredOf(followed), due, waiting, dead },
    text: said(followed) + stuck,
    isComplete: due + waiting + dead === 0,
  };
}

function deliveredOf({ total, due, waiting, dead }: Followed): number {
  return total - due - waiting - dead;
}

function said(followed: Followed): string {
  const { total, waiting, dead } = followed;
  return [
    `delivered ${deliveredOf(followed)} of ${total}`,
    ...(dead > 0 ? [`${dead} dead again`] : []),
    ...(waiting > 0 ? [`${waiting} wait for their next try`] : []),
  ].join(', ');
}
