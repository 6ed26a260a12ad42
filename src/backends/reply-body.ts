import { BackendError } from '../guardrail/failure.ts';
import { type JsonLimits, measureBody } from '../guardrail/json-nodes.ts';

/** A vendor may echo the whole body, with every quote escaped twice. */
const TIMES_SENT = 4;
const SPARE_BYTES = 1024 * 1024;
/** Nodes that are parsed in 2 ms. */
const SPARE_NODES = 10_000;
/** Levels that a vendor puts around what it echoes. */
const SPARE_LEVELS = 16;
/** Enough of a refusal for whoever asks. */
const BEGINNING_BYTES = 2000;
/** Room for the second piece of a body. */
const MIN_ROOM = 16 * 1024;

/**
 * The body of a reply, as it arrives. It is bounded by the body that was sent: four times its bytes and 1 MB, and as many lists,
 * objects and commas as it can have had and 10,000.
 */
export class ReplyBody {
  readonly #sentBytes: number;
  readonly #limits: JsonLimits;
  readonly #maxBytes: number;
  /** The first piece as it came; with a second one a buffer that grows, since pieces can be of one byte. */
  #room: Buffer = EMPTY;
  #length = 0;
  #pieces = 0;

  /** @param limits of what was sent */
  constructor(sentBytes: number, limits: JsonLimits) {
    this.#sentBytes = sentBytes;
    this.#limits = limits;
    this.#maxBytes = TIMES_SENT * sentBytes + SPARE_BYTES;
  }

  /** True for a `content-length` that need not be waited for. */
  isTooLong(contentLength: unknown): boolean {
    return Number(contentLength) > this.#maxBytes;
  }

  /** Takes the next piece; false, and nothing of it, if that is too much. */
  add(piece: Buffer): boolean {
    const length = this.#length + piece.length;
    if (length > this.#maxBytes) return false;
    if (this.#pieces++ === 0) this.#room = piece;
    else {
      if (this.#pieces === 2 || length > this.#room.length) this.#grow(length);
      piece.copy(this.#room, this.#length);
    }
    this.#length = length;
    return true;
  }

  #grow(length: number): void {
    const room = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(2 * length, MIN_ROOM)));
    this.#room.copy(room, 0, 0, this.#length);
    this.#room = room;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#room.subarray(0, this.#length));
  }

  /** The beginning of its text. */
  beginning(): string {
    return this.#room.toString('utf8', 0, Math.min(this.#length, BEGINNING_BYTES));
  }

  /** The value of its JSON. @throws BackendError `oversize` for more nodes or levels than it may have, SyntaxError */
  json(): unknown {
    const { maxJsonNodes, maxJsonDepth } = this.#limits;
    const bytes = this.#room.subarray(0, this.#length);
    const size = measureBody(bytes, {
      maxJsonNodes: Math.min(maxJsonNodes, this.#sentBytes) + SPARE_NODES,
      maxJsonDepth: maxJsonDepth + SPARE_LEVELS,
    });
    if (size.beyond !== undefined) throw new BackendError({ kind: 'oversize' });
    const text = size.text ?? bytes.toString();
    // A byte order mark is not JSON
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  }
}

const EMPTY = Buffer.alloc(0);
