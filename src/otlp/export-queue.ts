import type { OtlpLoss } from './protocol.ts';

/** Items that go at once; where more wait, more go together. */
const BATCH_ITEMS = 512;
const MAX_BATCH_ITEMS = 2048;
/** Of all that wait. */
const MAX_ITEMS = 8192;
/** Items wait so long for others. */
const DELAY_MS = 1000;
/** Time after an export that failed, so that nobody who is busy is asked all the time. */
const PAUSE_MS = 2000;
/** Beyond the time of an export, in which it ends by itself: one that is answered by one byte after the other never does. */
export const MARGIN_MS = 1000;

/** As exporters tell it; 0 is a success. */
export type ExportResult = { readonly code: number; readonly error?: Error };

export type ExportQueueOptions<Item> = {
  readonly export: (items: Item[], done: (result: ExportResult) => void) => void;
  /** Closes its connections. */
  readonly cut: () => void;
  /** Of one export. */
  readonly timeoutMs: number;
  readonly lost: (reason: OtlpLoss, count: number) => void;
  /** Told when exports begin to fail, by why, and when they succeed again. */
  readonly trouble: (why: string | undefined) => void;
};

/** Exports items in batches, one after the other. SDK processors would do as well, but drop without telling how many. */
export class ExportQueue<Item> {
  readonly #options: ExportQueueOptions<Item>;
  readonly #waiting: Item[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isSending = false;
  #isPausing = false;
  #isClosing = false;
  #isTroubled = false;
  /** True if items were lost for want of room since the last export. */
  #isFull = false;
  #idle: (() => void) | undefined;

  constructor(options: ExportQueueOptions<Item>) {
    this.#options = options;
  }

  add(item: Item): void {
    if (this.#waiting.length >= MAX_ITEMS) {
      this.#isFull = true;
      this.#options.lost('full', 1);
      this.#failing('full');
      return;
    }
    this.#waiting.push(item);
    if (this.#waiting.length >= BATCH_ITEMS) this.#send();
    else this.#wait(DELAY_MS);
  }

  /** Exports what waits, for so long. */
  async close(ms: number): Promise<void> {
    this.#isClosing = true;
    this.#isPausing = false;
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    const timer = setTimeout(() => this.#idle?.(), ms);
    this.#send();
    await idle;
    clearTimeout(timer);
    const left = this.#waiting.splice(0).length;
    if (left > 0) this.#options.lost('failed', left);
  }

  #wait(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#isPausing = false;
      this.#send();
    }, ms);
  }

  #send(): void {
    if (this.#isSending || this.#isPausing) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) {
      this.#idle?.();
      return;
    }
    const batch = this.#waiting.splice(0, MAX_BATCH_ITEMS);
    this.#isSending = true;
    let isDone = false;
    const done = (why: string | undefined) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(limit);
      this.#isSending = false;
      this.#done(batch.length, why);
    };
    const limit = setTimeout(() => {
      done('timeout');
      this.#options.cut();
    }, this.#options.timeoutMs + MARGIN_MS);
    this.#options.export(batch, (result) => done(exportFailure(result)));
  }

  #done(items: number, why: string | undefined): void {
    if (why !== undefined) {
      this.#options.lost('failed', items);
      this.#failing(why);
      this.#isPausing = !this.#isClosing;
      if (this.#isPausing) {
        this.#wait(PAUSE_MS);
        return;
      }
    } else if (this.#isFull) this.#isFull = false;
    else if (this.#isTroubled) {
      this.#isTroubled = false;
      this.#options.trouble(undefined);
    }
    if (this.#isClosing || this.#waiting.length >= BATCH_ITEMS) this.#send();
    else if (this.#waiting.length > 0) this.#wait(DELAY_MS);
  }

  #failing(why: string): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#options.trouble(why);
  }
}

/** A code of the system, the HTTP status or the name of an error: never its text, which can hold what the collector wrote. Undefined for none. */
export function exportFailure({ code, error }: ExportResult): string | undefined {
  if (code === 0) return undefined;
  const known = (error as { code?: unknown } | undefined)?.code;
  if (typeof known === 'number') return `http_${known}`;
  if (typeof known === 'string') return known;
  // Of one that is to be tried again nothing is told
  return error?.message === 'Request timed out' ? 'timeout' : 'refused';
}
