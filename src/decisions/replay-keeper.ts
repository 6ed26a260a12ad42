import { deflateRawSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { ReplayConfig } from '../config/config.ts';
import { removeCredentials } from '../detectors/remove.ts';
import { Redactor } from '../records/redact/redact.ts';
import { isDamage } from '../storage/storage-code.ts';
import { goesOnAfter, type KeptHead, type Lack, type Series } from './decision-then.ts';
import { type KeptBytes, unpackCalls } from './kept-bytes.ts';
import { keptContentOf } from './kept-content.ts';
import { ReplayFile, type StoredCall } from './replay-file.ts';
import { removeKept } from './replay-name.ts';

/** Calls by what became of their content: `whole`, or what they lack. */
export type KeptCounts = Partial<Record<Lack | 'whole', number>>;

/** Series that are remembered: those of all streams of some minutes. */
const MAX_SERIES = 10_000;
/** Level 1 takes a third of the time of the default, and a tenth more room. */
const COMPRESSION = { level: 1 };
const ROOM_EVERY_MS = 60_000;

/** Stores calls without what is not to be kept, the last one of each series. It throws what SQLite throws. */
export class ReplayKeeper {
  readonly #config: ReplayConfig;
  readonly #redactor: Redactor;
  readonly #erased: Lack;
  readonly #series = new LRUCache<string, Series & { readonly id: number }>({ max: MAX_SERIES });
  #file: ReplayFile | undefined;
  #roomAt = 0;

  constructor(config: ReplayConfig) {
    this.#config = config;
    this.#redactor = new Redactor(config.redaction);
    this.#erased = config.redaction.content === 'full' ? 'erased' : 'redacted';
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#file?.bytes ?? 0;
  }

  /** Opens the file, which is done for the first call otherwise. */
  open(now = Date.now()): void {
    this.#makeRoom(this.#opened(), now, true);
  }

  /** @param packed see `CallPacker` */
  keep(packed: Uint8Array, now = Date.now()): KeptCounts {
    const file = this.#opened();
    const counts: KeptCounts = {};
    const calls = [...unpackCalls(packed)].map((call) => this.#cleaned(call));
    try {
      file.atOnce(() => {
        for (const { stored, series } of calls) {
          this.#store(file, stored, series);
          const kept = stored.lack ?? 'whole';
          counts[kept] = (counts[kept] ?? 0) + 1;
        }
      });
      this.#makeRoom(file, now);
    } catch (error) {
      // Opened again for the next ones
      this.close();
      if (isDamage(error)) removeKept(this.#config.dir);
      throw error;
    }
    return counts;
  }

  close(): void {
    this.#series.clear();
    try {
      this.#file?.close();
    } catch {
      // It was broken before
    }
    this.#file = undefined;
  }

  #opened(): ReplayFile {
    this.#file ??= new ReplayFile(this.#config.dir, this.#config.maxBytes);
    return this.#file;
  }

  #makeRoom(file: ReplayFile, now: number, isDue = false): void {
    if (!isDue && file.bytes <= this.#config.maxBytes && now - this.#roomAt < ROOM_EVERY_MS) return;
    this.#roomAt = now;
    file.makeRoom(now - this.#config.maxAgeMs);
  }

  #cleaned({ head, body }: KeptBytes): { stored: StoredCall; series: Series | undefined } {
    const { decision, series, lack } = JSON.parse(head) as KeptHead;
    const { id } = decision;
    // A client chooses it
    const told = JSON.stringify({ ...decision, id: id && removeCredentials(id) });
    const kept = { at: decision.at, decision: told };
    const content = body === undefined ? (lack ?? 'unreadable') : keptContentOf(body, this.#redactor);
    if (typeof content === 'string') return { stored: { ...kept, content: null, lack: content }, series };
    const { json, isErased } = content;
    const compressed = deflateRawSync(json, COMPRESSION);
    return { stored: { ...kept, content: compressed, lack: isErased ? this.#erased : null }, series };
  }

  #store(file: ReplayFile, stored: StoredCall, series: Series | undefined): void {
    const before = series && this.#series.get(series.name);
    if (series !== undefined && before !== undefined && goesOnAfter(before, series)) file.remove(before.id);
    const id = file.add(stored);
    if (series !== undefined) this.#series.set(series.name, { ...series, id });
  }
}
