import type { NoteLine } from '../outbox/note-bytes.ts';
import { NoteWriter } from './note-writer.ts';
import type { TextLine } from './protocol.ts';

/** Longest that anything waits for others to go together. */
const ALONE_MS = 1000;
/** The same where other replicas wait for it: LiteLLM logs a call some milliseconds after its last verdict. */
const SHARED_MS = 3;
const MAX_NOTES_BYTES = 64 * 1024;
const MAX_TEXTS_CHARS = 256 * 1024;

/** Hands over what has gathered. */
export type HandOver = {
  /** @param count of the notes in these bytes */
  notes(bytes: Uint8Array, count: number): void;
  /** @param lines JSON texts */
  texts(lines: string): void;
};

/** Notes and texts on their way to the records thread: handed over together, as a message costs more than a verdict. */
export class OutgoingNotes {
  readonly #handOver: HandOver;
  readonly #withinMs: number;
  readonly #notes = new NoteWriter();
  #texts = '';
  #timer: NodeJS.Timeout | undefined;

  /** @param isAlone false if other processes or replicas wait for what is noted */
  constructor(handOver: HandOver, isAlone: boolean) {
    this.#handOver = handOver;
    this.#withinMs = isAlone ? ALONE_MS : SHARED_MS;
  }

  note(line: NoteLine): void {
    this.#notes.write(line);
    if (this.#notes.size > MAX_NOTES_BYTES) this.flush();
    else this.#plan();
  }

  text(line: TextLine): void {
    this.#texts += `${JSON.stringify(line)}\n`;
    if (this.#texts.length > MAX_TEXTS_CHARS) this.flush();
    else this.#plan();
  }

  #plan(): void {
    this.#timer ??= setTimeout(() => this.flush(), this.#withinMs).unref();
  }

  /** Hands everything over now: texts behind the notes that tell of their calls. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const texts = this.#texts;
    this.#texts = '';
    const { size, count } = this.#notes;
    if (size > 0) this.#handOver.notes(this.#notes.take(), count);
    if (texts !== '') this.#handOver.texts(texts);
  }
}
