import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { OUTBOX_FILE } from '../outbox/contract.ts';
import type { ComparedCall, RecordsStart } from './protocol.ts';

/** From the first note to the first call that is compared: longer than LiteLLM keeps events together. */
const FIRST_MS = 10_000;

/** Says if calls are noted and recorded, and since when. */
export class NoteTaking {
  /** True if some backend takes records. */
  isOn = false;
  /** True once LiteLLM logs calls: from then on notes on them are wanted also where no backend takes records. */
  isListening = false;
  /** True if there are records to keep or to give up. */
  hasRecords = false;
  /** The same for notes: with a database replicas tell each other of their calls there. */
  keepsRecords = false;
  /** Unix milliseconds; undefined while calls are not noted. */
  #since: number | undefined;

  configure({ backends, records, database }: RecordsStart): void {
    this.isOn = backends.some(({ takesRecords }) => takesRecords);
    // Records of a time with other backends are to be given up in time
    this.hasRecords = this.isOn || existsSync(join(records.dir, OUTBOX_FILE));
    this.keepsRecords = this.hasRecords || database !== undefined;
    this.#begin();
  }

  listen(): void {
    this.isListening = true;
    this.#begin();
  }

  /** True if calls are to be noted: for their records, or to compare them with what LiteLLM logs. */
  get takesNotes(): boolean {
    return this.isOn || this.isListening;
  }

  /** All notes are lost. */
  restart(): void {
    this.#since = undefined;
    this.#begin();
  }

  /**
   * True for a call that began when calls were noted: others may have been judged before, by this process or the one before it. Clocks can
   * differ: the length of the call and the time of its event tell it too.
   */
  holds({ startedAt, endedAt, at }: ComparedCall): boolean {
    const since = this.#since ?? Number.POSITIVE_INFINITY;
    return startedAt > since && at - (endedAt - startedAt) > since + FIRST_MS;
  }

  #begin(): void {
    if (!this.takesNotes) this.#since = undefined;
    else this.#since ??= Date.now();
  }
}
