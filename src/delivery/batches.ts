import type { Batch } from '../backends/backend.ts';
import type { Due, Outbox } from '../outbox/outbox.ts';

/** After so many attempts a record is sent alone. */
const TRUSTED_ATTEMPTS = 3;
/** How many records are looked at for some that need not be sent alone. */
const LOOK = 100;
/** How much of its full size a batch gains with each success, after it was too large. */
const REGAIN = 1 / 16;

/** What is to be delivered next to one backend. */
export type Batches = {
  /** The oldest due, without what is taken; a single one if it is to be sent alone. Takes nothing. @throws OutboxError */
  next(isProbe: boolean): Promise<readonly Due[]>;
  take(batch: readonly Due[]): void;
  release(ids: readonly number[]): void;
  /** Whether a record is sent alone for what happened to it before. */
  isSuspect(record: Due): boolean;
  /** Has each of them sent alone from now on. */
  isolate(ids: readonly number[]): void;
  /** No longer of interest: delivered, dead, or counted by the outbox. */
  forget(ids: readonly number[]): void;
  /** A batch was too large. */
  shrink(batch: readonly Due[]): void;
  grow(): void;
};

/**
 * Suspects, which failed before or with which a batch was refused, are sent alone, one at a time, in turn, and every
 * second time at most: however many there are and however long each of them takes, the others go on.
 */
export function createBatches(
  outbox: Pick<Outbox, 'due'>,
  backend: string,
  { records, bytes: fullBytes }: Batch,
): Batches {
  const taken = new Set<number>();
  const suspects = new Set<number>();
  /** Suspects that had their turn. */
  const tried = new Set<number>();
  let bytes = fullBytes;
  let takenSuspect: number | undefined;
  let wasSuspect = false;

  const isSuspect = ({ id, attempts }: Due) => suspects.has(id) || attempts >= TRUSTED_ATTEMPTS;

  async function oldest(limit: number): Promise<readonly Due[]> {
    let due = await outbox.due(backend, { records: limit, bytes, except: new Set([...taken, ...tried]) });
    if (due.length === 0 && tried.size > 0) {
      tried.clear();
      due = await outbox.due(backend, { records: limit, bytes, except: taken });
    }
    const [head] = due;
    return head !== undefined && isSuspect(head) ? [head] : due.filter((record) => !isSuspect(record));
  }

  async function unsuspected(limit: number): Promise<readonly Due[]> {
    for (;;) {
      const except = new Set([...taken, ...suspects]);
      const due = await outbox.due(backend, { records: Math.max(limit, LOOK), bytes, except });
      const found = due.filter((record) => !isSuspect(record));
      if (found.length > 0 || due.length === 0) return found.slice(0, limit);
      for (const { id } of due) suspects.add(id);
    }
  }

  return {
    async next(isProbe) {
      const limit = isProbe ? 1 : records;
      if (takenSuspect === undefined && !wasSuspect) return oldest(limit);
      const found = await unsuspected(limit);
      return found.length === 0 && takenSuspect === undefined ? oldest(limit) : found;
    },
    take(batch) {
      for (const { id } of batch) taken.add(id);
      const [head] = batch;
      wasSuspect = head !== undefined && isSuspect(head);
      if (head === undefined || !wasSuspect) return;
      takenSuspect = head.id;
      tried.add(head.id);
    },
    release(ids) {
      for (const id of ids) taken.delete(id);
      if (takenSuspect !== undefined && ids.includes(takenSuspect)) takenSuspect = undefined;
    },
    isSuspect,
    isolate(ids) {
      for (const id of ids) suspects.add(id);
    },
    forget(ids) {
      for (const id of ids) {
        suspects.delete(id);
        tried.delete(id);
      }
    },
    shrink(batch) {
      bytes = Math.min(bytes, sizeOf(batch) / 2);
    },
    grow() {
      bytes = Math.min(fullBytes, bytes + fullBytes * REGAIN);
    },
  };
}

function sizeOf(batch: readonly Due[]): number {
  return batch.reduce((sum, { payload }) => sum + payload.length, 0);
}
