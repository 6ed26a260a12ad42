import { type Disposition, type Due, type Entry, OutboxError, type RecordOutbox } from './contract.ts';
import { DEFERRED, type Deferred, readDeferred } from './deferred.ts';
import type { EmbeddedOutbox } from './embedded-outbox.ts';
import { failureOf } from './outages.ts';
import { settling } from './settling.ts';

/** Handed over at once, in number and characters. */
const BATCH = { records: 200, bytes: 4 * 1024 * 1024, except: new Set<number>() };
const NOTES = 100;

/** What became of entries that were handed over; `bad`: rows that could not be read. `refused`: dead letters here, as the database cannot take them. */
export const HANDED_OVER = ['new', 'late', 'duplicate', 'attempt', 'blocked', 'bad', 'refused'] as const;
export type HandedOver = Disposition | 'bad' | 'refused';

export type HandoverOptions = {
  readonly local: EmbeddedOutbox;
  readonly shared: Pick<RecordOutbox, 'accept' | 'appendNotes'>;
  /** Milliseconds that a record waits from now on: other replicas hand over at the same time what came to them of its call. Default 0. */
  readonly settleMs?: number;
  readonly now?: () => number;
  /** Called for each batch, once the database has it. */
  onTaken(results: readonly HandedOver[]): void;
};

type Waiting = { readonly id: number; readonly deferred: Deferred };

/**
 * Hands what waits on this machine over to the outbox that replicas share, oldest first. An entry is removed here once it is durable there; what
 * was handed over before this process or its connection ended is a duplicate there.
 */
export class Handover {
  readonly #options: HandoverOptions;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /**
   * Ends when nothing waits, or this machine's outbox fails: `isAll` is false then. `hasTaken` is true if the database took anything.
   *
   * @throws what the shared outbox does
   */
  async run(): Promise<{ readonly hasTaken: boolean; readonly isAll: boolean }> {
    const notes = await this.#notes();
    const { hasTaken, isAll } = await this.entries();
    return { hasTaken: notes || hasTaken, isAll };
  }

  /** The same without notes. */
  async entries(): Promise<{ readonly hasTaken: boolean; readonly isAll: boolean }> {
    for (let hasTaken = false; ; hasTaken = true) {
      const due = await this.#locally((local) => local.due(DEFERRED, BATCH));
      if (due === undefined || due.length === 0) return { hasTaken, isAll: due !== undefined };
      if (!(await this.#handOver(due))) return { hasTaken: true, isAll: false };
    }
  }

  /** Notes are of use to other replicas while their calls are under way: they go ahead. What comes meanwhile goes along the next time. */
  async #notes(): Promise<boolean> {
    for (let hasTaken = false; ; hasTaken = true) {
      const notes = await this.#locally((local) => local.oldestNotes(NOTES));
      const last = notes?.at(-1);
      if (notes === undefined || last === undefined) return hasTaken;
      await this.#append(notes.map(({ chunk }) => chunk));
      if ((await this.#locally((local) => local.forgetNotes(last.id))) === undefined) return true;
      if (notes.length < NOTES) return true;
    }
  }

  /** Together: one by one they would take longer than new ones take to come. */
  async #append(chunks: readonly Uint8Array[]): Promise<void> {
    try {
      await this.#options.shared.appendNotes(Buffer.concat(chunks));
    } catch (error) {
      if (failureOf(error)) throw error;
      // Those that cannot be read are of no use
      if (chunks.length > 1) for (const chunk of chunks) await this.#append([chunk]);
    }
  }

  /** Returns false if it could not be removed here. */
  async #handOver(due: readonly Due[]): Promise<boolean> {
    const waiting: Waiting[] = [];
    const unreadable: number[] = [];
    for (const { id, payload } of due) {
      const deferred = readDeferred(payload);
      if (deferred === undefined) unreadable.push(id);
      else waiting.push({ id, deferred });
    }
    const taken = new Map<number, HandedOver>(unreadable.map((id) => [id, 'refused']));
    try {
      for (const [id, result] of await this.#accept(waiting)) taken.set(id, result);
    } catch (error) {
      if (failureOf(error)) throw error;
      // One of them is to blame
      for (const one of waiting) taken.set(one.id, await this.#acceptAlone(one));
    }
    const idsOf = (isRefused: boolean) =>
      [...taken].filter(([, result]) => (result === 'refused') === isRefused).map(([id]) => id);
    const isRemoved = await this.#locally(async (local) => {
      await local.ack([
        { kind: 'delivered', backend: DEFERRED, ids: idsOf(false) },
        { kind: 'dead', backend: DEFERRED, ids: idsOf(true), reason: 'the database cannot take it' },
      ]);
      return true;
    });
    this.#options.onTaken([...taken.values()]);
    return isRemoved === true;
  }

  async #accept(waiting: readonly Waiting[]): Promise<[id: number, HandedOver][]> {
    const { shared } = this.#options;
    const entries = waiting.flatMap(({ deferred }) =>
      'entry' in deferred ? [this.#settling(deferred.entry)] : [],
    );
    const bad = waiting.flatMap(({ deferred }) => ('bad' in deferred ? [deferred.bad] : []));
    const accepted = [...(await shared.accept(entries, bad))];
    return waiting.map(({ id, deferred }) => [
      id,
      'bad' in deferred ? 'bad' : (accepted.shift() as HandedOver),
    ]);
  }

  #settling(entry: Entry): Entry {
    const { settleMs = 0, now = Date.now } = this.#options;
    if (settleMs === 0) return entry;
    const waitedMs = now() - (entry.acceptedAt ?? now());
    return settling(entry, waitedMs + settleMs);
  }

  async #acceptAlone(one: Waiting): Promise<HandedOver> {
    try {
      return (await this.#accept([one]))[0]?.[1] ?? 'refused';
    } catch (error) {
      if (failureOf(error)) throw error;
      return 'refused';
    }
  }

  /** Undefined where this machine's outbox fails, which says so itself. */
  async #locally<T>(use: (local: EmbeddedOutbox) => Promise<T>): Promise<T | undefined> {
    try {
      return await use(this.#options.local);
    } catch (error) {
      if (!(error instanceof OutboxError)) throw error;
      return undefined;
    }
  }
}
