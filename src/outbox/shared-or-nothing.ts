import { OutboxError, type SharedNotes, type SharedStops } from './contract.ts';
import type { Outages } from './outages.ts';

/** Time that a log POST, a note or a number waits for the database: LiteLLM waits for its reply. */
export const PATIENCE_MS = 2000;

/** Shared notes: while the database cannot be used nothing is known of those of other replicas. */
export function notesOrNothing(notes: SharedNotes, outages: Outages): SharedNotes {
  const soon = <T>(run: () => Promise<T>) => outages.soon(PATIENCE_MS, run);
  return {
    about: (callIds) => known(soon, () => notes.about(callIds)),
    forget: (callIds) => soon(() => notes.forget(callIds)),
    overdue: async (ageMs) => (await soon(() => notes.overdue(ageMs))) ?? [],
    expire: async (ageMs) => (await soon(() => notes.expire(ageMs))) ?? 0,
  };
}

/** Shared stops: while the database cannot be used this replica goes by its own. */
export function stopsOrNothing(stops: SharedStops, outages: Outages): SharedStops {
  const soon = <T>(run: () => Promise<T>) => outages.soon(PATIENCE_MS, run);
  return {
    stopped: (backend, stop) => soon(() => stops.stopped(backend, stop)),
    state: (backend) => known(soon, () => stops.state(backend)),
    mayProbe: async (backend) => (await soon(() => stops.mayProbe(backend))) ?? true,
    letGo: (backend) => soon(() => stops.letGo(backend)),
    tryNow: (backend) => soon(() => stops.tryNow(backend)),
    recovered: (backend) => soon(() => stops.recovered(backend)),
  };
}

/** That there is nothing is not the same as that nobody knows. @throws OutboxError */
async function known<T>(
  soon: <R>(run: () => Promise<R>) => Promise<R | undefined>,
  run: () => Promise<T>,
): Promise<T> {
  const answer = await soon(async () => ({ found: await run() }));
  if (answer === undefined) throw new OutboxError('unavailable');
  return answer.found;
}
