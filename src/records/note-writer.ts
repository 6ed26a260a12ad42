import type { CheckNote } from '../guardrail/record.ts';
import type { NoteLine, VerdictLine } from '../outbox/note-bytes.ts';
import {
  AT,
  FLAGS,
  HAS_KEY,
  HAS_TRACE,
  HAS_WORDS,
  HEADER_BYTES,
  ID_BYTES,
  ID_IS_UUID,
  IS_BLOCKED,
  IS_CHECK,
  IS_PLAIN,
  IS_RESPONSE,
  KEY_BYTES,
  LENGTH,
  LOGS_EARLY,
  TENTHS,
  TRACE_BYTES,
  TRACE_IS_UUID,
  WORDS,
} from '../outbox/note-bytes.ts';

/** Bytes of UTF-8 for a unit of UTF-16, at most. */
const MAX_UTF8 = 3;
const FIRST_BYTES = 16 * 1024;
const MAX_NAME_BYTES = 255;

/** Writes notes one after the other. */
export class NoteWriter {
  #bytes = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer, 0, 0);
  #end = 0;
  #count = 0;

  /** Bytes written so far. */
  get size(): number {
    return this.#end;
  }

  /** Notes written so far. */
  get count(): number {
    return this.#count;
  }

  /** A copy of what was written, which is forgotten. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#bytes.subarray(0, this.#end));
    this.#end = 0;
    this.#count = 0;
    return taken;
  }

  write(line: NoteLine): void {
    const { litellm_call_id: id, litellm_trace_id: trace, key = '' } = line;
    if (id === null) return;
    this.#count++;
    const isPlain = !('check' in line) && isPlainNote(line);
    const json = isPlain ? '' : JSON.stringify(restOf(line));
    const checks = isPlain ? line.checks : [];
    const ids = id.length + (trace?.length ?? 0) + key.length;
    this.#makeRoom(HEADER_BYTES + MAX_UTF8 * (ids + json.length) + checks.length * (MAX_NAME_BYTES + 5));
    const start = this.#end;
    this.#end += HEADER_BYTES;
    let flags = line.input_type === 'response' ? IS_RESPONSE : 0;
    if (isPlain) flags |= IS_PLAIN;
    if (this.#writeId(id, start + ID_BYTES)) flags |= ID_IS_UUID;
    if (trace !== null) {
      flags |= HAS_TRACE;
      if (this.#writeId(trace, start + TRACE_BYTES)) flags |= TRACE_IS_UUID;
    } else this.#view.setUint16(start + TRACE_BYTES, 0, true);
    if (line.key !== undefined) flags |= HAS_KEY;
    this.#view.setUint16(start + KEY_BYTES, this.#writeText(key), true);
    if ('check' in line) flags |= IS_CHECK;
    else flags |= this.#writeVerdict(line, start);
    if (isPlain) for (const check of checks) this.#writeCheck(check);
    else this.#writeText(json);
    this.#view.setUint16(start + FLAGS, flags, true);
    this.#view.setUint32(start + LENGTH, this.#end - start, true);
  }

  #writeVerdict({ words, at, ms, action, logsStreamsEarly }: VerdictLine, start: number): number {
    this.#view.setUint32(start + WORDS, words ?? 0, true);
    this.#view.setUint32(start + TENTHS, Math.round(ms * 10), true);
    this.#view.setFloat64(start + AT, at, true);
    const isBlocked = action === 'BLOCKED' ? IS_BLOCKED : 0;
    return (words === undefined ? 0 : HAS_WORDS) | (logsStreamsEarly ? LOGS_EARLY : 0) | isBlocked;
  }

  #writeCheck({ backend, ms }: CheckNote): void {
    const start = this.#end++;
    this.#bytes[start] = this.#writeText(backend);
    this.#view.setUint32(this.#end, Math.round(ms * 10), true);
    this.#end += 4;
  }

  /** @returns true if it is a UUID */
  #writeId(id: string, lengthAt: number): boolean {
    const isUuid = packUuid(id, this.#bytes, this.#end);
    const bytes = isUuid ? UUID_BYTES : this.#writeText(id);
    if (isUuid) this.#end += UUID_BYTES;
    this.#view.setUint16(lengthAt, bytes, true);
    return isUuid;
  }

  #writeText(text: string): number {
    const start = this.#end;
    // A call into C++ costs more than some letters
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.#end = start + this.#bytes.write(text, start);
        return this.#end - start;
      }
      this.#bytes[start + i] = code;
    }
    this.#end = start + text.length;
    return text.length;
  }

  #makeRoom(most: number): void {
    if (this.#end + most <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(FIRST_BYTES, 2 * this.#bytes.length, this.#end + most));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer, larger.byteOffset, larger.length);
  }
}

/** One note by itself. */
export function bytesOf(line: NoteLine): Uint8Array {
  const writer = new NoteWriter();
  writer.write(line);
  return writer.take();
}

function isPlainNote({ action, by, removed, checks }: VerdictLine): boolean {
  if (action !== 'NONE' || by !== null || removed !== undefined) return false;
  for (const { mode, result, backend } of checks) {
    if (mode !== 'enforce' || result !== 'allow' || backend.length > MAX_NAME_BYTES / MAX_UTF8) return false;
  }
  return true;
}

/** All that has no place of its own. */
function restOf(line: NoteLine): object {
  if ('check' in line) return { check: line.check };
  const { action, by, removed, checks } = line;
  return { action, by, ...(removed !== undefined && { removed }), checks };
}

const UUID_BYTES = 16;
const UUID_CHARS = 36;
const DASH = 0x2d;

/** Writes a UUID of small letters as its 16 bytes; anything else, at least in part, is no UUID. */
function packUuid(text: string, bytes: Buffer, start: number): boolean {
  if (text.length !== UUID_CHARS) return false;
  let at = start;
  for (let i = 0; i < UUID_CHARS; ) {
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (text.charCodeAt(i++) !== DASH) return false;
      continue;
    }
    const high = digitOf(text.charCodeAt(i++));
    const low = digitOf(text.charCodeAt(i++));
    if (high < 0 || low < 0) return false;
    bytes[at++] = (high << 4) | low;
  }
  return true;
}

/** -1 for what is no digit of a UUID. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}
