import type { SharedNotes, SharedStops } from './contract.ts';
import type { Outages } from './outages.ts';

/** Time that a log POST, a note or a number waits for the database: LiteLLM waits for its reply. */
export const PATIENCE_MS = 2000;

/** Shared notes that fail at once while the database cannot be used. */
export function notesInTime(notes: SharedNotes, outages: Outages): SharedNotes {
  const inTime = <T>(run: () => Promise<T>) => outages.inTime(PATIENCE_MS, run);
  return {
    about: (callIds) => inTime(() => notes.about(callIds)),
    amend: (entry) => inTime(() => notes.amend(entry)),
    forget: (callIds) => inTime(() => notes.forget(callIds)),
    overdue: (ageMs) => inTime(() => notes.overdue(ageMs)),
    expire: (ageMs) => inTime(() => notes.expire(ageMs)),
  };
}

/** Shared stops that fail at once while the database cannot be used. */
export function stopsInTime(stops: SharedStops, outages: Outages): SharedStops {
  const inTime = <T>(run: () => Promise<T>) => outages.inTime(PATIENCE_MS, run);
  return {
    stopped: (backend, stop) => inTime(() => stops.stopped(backend, stop)),
    state: (backend) => inTime(() => stops.state(backend)),
    mayProbe: (backend) => inTime(() => stops.mayProbe(backend)),
    letGo: (backend) => inTime(() => stops.letGo(backend)),
    tryNow: (backend) => inTime(() => stops.tryNow(backend)),
    recovered: (backend) => inTime(() => stops.recovered(backend)),
  };
}
