import { type AskedFilter, isAskedLive, queryOf } from './asked-filter.ts';
import { whyOf } from './known.ts';
import { PageParts } from './page-parts.ts';
import type { LiveDecisions, PageSource, Picture } from './page-source.ts';

/** Pages that can be open at once. */
export const MAX_LISTENERS = 32;

const TICK_MS = 250;
/** Of the picture: it is told once a second. */
const PICTURE_TICKS = 4;
const HEARTBEAT_TICKS = 60;
/** A listener that has so much unread is cut. */
const MAX_UNREAD_BYTES = 512 * 1024;

const encoder = new TextEncoder();

type Listener = {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly cut: EventRequest['cut'];
  readonly asked: AskedFilter;
  readonly filterKey: string;
  /** Number of the last decision that it was told; undefined for one that wants none. */
  after: number | undefined;
  /** Of the parts that it was told. */
  version: number;
};

export type EventStreamsOptions = {
  readonly source: PageSource;
  readonly isDraining: () => boolean;
  /** Told of a part that could not be made. */
  readonly onError: (error: Error) => void;
};

export type EventRequest = {
  readonly asked: AskedFilter;
  /** Number of the last decision that it knows; undefined for one that wants none. */
  readonly after: number | undefined;
  /** Ends its connection at once, with what was not sent yet; undefined where it has none. */
  readonly cut: (() => void) | undefined;
};

/**
 * The pages that are open, each a stream of server-sent events. While there are any, it asks for new decisions four times a second and
 * for the picture once a second, and tells all of them; nobody is waited for.
 *
 * - `decisions`: a list, the oldest first; its id is the number of the last
 * - `missed`: how many in between are not told, as only the newest 200 are kept
 * - `picture`: what has changed of the page, as HTML by the id of its place, and the minutes of the charts
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export class EventStreams {
  readonly #source: PageSource;
  readonly #isDraining: () => boolean;
  readonly #onError: EventStreamsOptions['onError'];
  readonly #listeners = new Set<Listener>();
  readonly #parts = new PageParts();
  #timer: NodeJS.Timeout | undefined;
  #isTicking = false;
  #ticks = 0;

  constructor({ source, isDraining, onError }: EventStreamsOptions) {
    this.#source = source;
    this.#isDraining = isDraining;
    this.#onError = onError;
  }

  /** True while no other page can be taken. */
  get isFull(): boolean {
    return this.#listeners.size >= MAX_LISTENERS;
  }

  /** Number of pages that are open. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a page. */
  open({ asked, after, cut }: EventRequest): ReadableStream<Uint8Array> {
    let listener: Listener;
    const { words } = asked;
    const filterKey = queryOf([...words].filter(([name]) => name !== 'since'));
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          listener = { controller, cut, asked, filterKey, after, version: -1 };
          this.#listeners.add(listener);
          // A browser comes back after that
          this.#send(listener, 'retry: 2000\n\n');
          this.#start();
        },
        cancel: () => this.#remove(listener),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }),
    );
  }

  #start(): void {
    if (this.#timer !== undefined) return;
    this.#ticks = 0;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    this.#tick();
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    if (this.#isDraining()) {
      for (const listener of this.#listeners) this.#end(listener);
      return;
    }
    // One that takes long is not asked again before it has answered
    if (this.#isTicking) return;
    this.#isTicking = true;
    const tick = this.#ticks++;
    const told = tick % PICTURE_TICKS === 0 ? this.#tellPicture() : Promise.resolve();
    told
      .then(() => this.#tellDecisions())
      .then(() => {
        if (tick % HEARTBEAT_TICKS === 0) this.#sendAll(': still here\n\n');
      })
      .catch(this.#onError)
      .finally(() => {
        this.#isTicking = false;
      });
  }

  async #tellPicture(): Promise<void> {
    let picture: Picture | undefined;
    let why = 'nobody answered in time';
    try {
      picture = await this.#source.picture();
    } catch (error) {
      why = whyOf(error);
    }
    this.#parts.update(picture === undefined ? { why } : { value: picture });
    for (const listener of this.#listeners) this.#send(listener, this.#parts.eventSince(listener.version));
    for (const listener of this.#listeners) listener.version = this.#parts.version;
  }

  /** Those who know the same have it asked for once, and written once. */
  async #tellDecisions(): Promise<void> {
    const reads = new Map<number, Promise<LiveDecisions | undefined>>();
    const texts = new Map<string, string>();
    for (const listener of [...this.#listeners]) {
      const { after, asked, filterKey } = listener;
      if (after === undefined) continue;
      if (!reads.has(after)) reads.set(after, this.#read(after));
      const read = await reads.get(after);
      if (read === undefined || !this.#listeners.has(listener)) continue;
      listener.after = read.last;
      const key = `${after} ${filterKey}`;
      const text = texts.get(key) ?? decisionsEvent(read, asked);
      texts.set(key, text);
      if (text !== '') this.#send(listener, text);
    }
  }

  /** Decisions after one; all that are there if the bridge was started anew since. */
  async #read(after: number): Promise<LiveDecisions | undefined> {
    try {
      const read = await this.#source.decisions(after);
      const isOfBefore = read !== undefined && read.last < after;
      this.#parts.decisionsProblem = read === undefined ? 'nobody answered in time' : undefined;
      return isOfBefore ? await this.#source.decisions(0) : read;
    } catch (error) {
      this.#parts.decisionsProblem = whyOf(error);
      return undefined;
    }
  }

  #sendAll(text: string): void {
    for (const listener of this.#listeners) this.#send(listener, text);
  }

  #send(listener: Listener, text: string): void {
    const { controller, cut } = listener;
    if (!this.#listeners.has(listener)) return;
    if ((controller.desiredSize ?? 0) <= 0) {
      this.#remove(listener);
      if (cut === undefined) controller.error(new Error('it does not read'));
      else cut();
      return;
    }
    controller.enqueue(encoder.encode(text));
  }

  #end(listener: Listener): void {
    this.#remove(listener);
    listener.controller.close();
  }
}

function decisionsEvent({ last, missed, decisions }: LiveDecisions, { filter }: AskedFilter): string {
  const told = decisions.filter((decision) => isAskedLive(decision, filter));
  const gap = missed === 0 ? '' : `event: missed\ndata: ${JSON.stringify({ missed })}\n\n`;
  if (told.length === 0) return gap;
  return `${gap}event: decisions\nid: ${last}\ndata: ${JSON.stringify(told)}\n\n`;
}
