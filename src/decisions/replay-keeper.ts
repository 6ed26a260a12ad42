import { hash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { RedactionOptions, ReplayConfig } from '../config/config.ts';
import { removeCredentials } from '../detectors/remove.ts';
import { Redactor } from '../records/redact/redact.ts';
import { isDamage } from '../storage/storage-code.ts';
import { goesOnAfter, type KeptHead, type Lack, type Series } from './decision-then.ts';
import { type KeptBytes, unpackCalls } from './kept-bytes.ts';
import { keptContentOf } from './kept-content.ts';
import { type BegunAnew, ReplayFile, type StoredCall } from './replay-file.ts';
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
  readonly #onBegunAnew: (why: BegunAnew) => void;
  #file: ReplayFile | undefined;
  #roomAt = 0;

  /** @param onBegunAnew called when all that was kept is deleted */
  constructor(config: ReplayConfig, onBegunAnew: (why: BegunAnew) => void) {
    this.#config = config;
    this.#onBegunAnew = onBegunAnew;
    this.#redactor = new Redactor(config.redaction);
    this.#erased = config.redaction.content === 'full' ? 'erased' : 'redacted';
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#file?.bytes ?? 0;
  }

  /** Opens the file, and deletes what is too old. */
  maintain(now = Date.now()): void {
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
      if (isDamage(error)) {
        removeKept(this.#config.dir);
        this.#onBegunAnew('damaged');
      }
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
    if (this.#file?.isGone) {
      this.close();
      this.#onBegunAnew('gone');
    }
    const { dir, maxBytes, redaction } = this.#config;
    const onBegunAnew = this.#onBegunAnew;
    this.#file ??= new ReplayFile({ dir, maxBytes, omitted: omittedBy(redaction), onBegunAnew });
    return this.#file;
  }

  #makeRoom(file: ReplayFile, now: number, isDue = false): void {
    if (!isDue && file.bytes <= this.#config.maxBytes && now - this.#roomAt < ROOM_EVERY_MS) return;
    this.#roomAt = now;
    file.makeRoom(now - this.#config.maxAgeMs);
  }

  #cleaned({ head, body }: KeptBytes): { stored: StoredCall; series: Series | undefined } {
    const { decision, series, lack } = JSON.parse(head) as KeptHead;
    const { id, team } = decision;
    // A client chooses the one, and whoever makes a team the other
    const told = JSON.stringify({
      ...decision,
      ...{ id: id && removeCredentials(id), team: team.map(removeCredentials) },
    });
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

/** Names of all that is left out of calls; hashes, as somebody may list a key where its hash belongs. */
function omittedBy({ content, remove, noContentTeams, noContentKeys }: RedactionOptions): readonly string[] {
  const all = [
    ...(content === 'full' ? [] : [content]),
    ...remove.map((pointer) => JSON.stringify(pointer)),
    ...[...noContentTeams].map((team) => `team ${team}`),
    ...[...noContentKeys].map((key) => `key ${key}`),
  ];
  return [...new Set(all)].map((what) => hash('sha256', what));
}
