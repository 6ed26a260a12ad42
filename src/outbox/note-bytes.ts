import { randomInt } from 'node:crypto';
import { fieldsOf } from '../guardrail/call.ts';
import { parseInner } from '../guardrail/json.ts';
import type { CheckNote, NotedCall, VerdictNote } from '../guardrail/record.ts';

/*
 * A note as bytes: a header of fixed places, the ids, and the rest. Of most calls the rest is the time of each check; of others it
 * is JSON. Made in the main thread, kept like that in memory and on disk, and read when the event of its call comes: as JSON a note
 * took four times the room, and two thirds of what records cost a verdict.
 */

/** A note: a verdict, or the result of a check that ended after it. */
export type NoteLine = VerdictLine | CheckLine;
/** A verdict as it is handed over. */
export type VerdictLine = VerdictNote & {
  /**
   * A number made of the last words of a request, which tells it from others under its id. It is kept in memory alone: short words
   * could be guessed by it.
   */
  readonly words?: number;
};
export type CheckLine = NotedCall & { readonly check: CheckNote };

/** Places in the header, little-endian. */
export const LENGTH = 0;
export const FLAGS = 4;
export const ID_BYTES = 6;
export const TRACE_BYTES = 8;
export const KEY_BYTES = 10;
export const WORDS = 12;
export const TENTHS = 16;
export const AT = 20;
export const HEADER_BYTES = 28;

export const IS_RESPONSE = 1;
/** The result of a check that ended after the decision. */
export const IS_CHECK = 2;
export const HAS_WORDS = 4;
export const HAS_TRACE = 8;
export const HAS_KEY = 16;
export const LOGS_EARLY = 32;
/** Nobody objected, and the rest is for each check the name of its backend and its time. */
export const IS_PLAIN = 64;
export const ID_IS_UUID = 128;
export const TRACE_IS_UUID = 256;
export const IS_BLOCKED = 512;

/** Bytes with the view that reads numbers in them. */
export type NoteBytes = { readonly bytes: Buffer; readonly view: DataView };

export function noteBytes(bytes: Uint8Array): NoteBytes {
  const { buffer, byteOffset, length } = bytes;
  return { bytes: Buffer.from(buffer, byteOffset, length), view: new DataView(buffer, byteOffset, length) };
}

/** A part of some bytes. `isUuid`: the 36 characters of a UUID as 16 bytes. */
export type IdSpan = { readonly at: number; readonly bytes: number; readonly isUuid: boolean };

/** Bytes of the note at a place; undefined where none can be. */
export function noteLength({ view }: NoteBytes, at: number): number | undefined {
  if (at + HEADER_BYTES > view.byteLength) return undefined;
  const length = view.getUint32(at + LENGTH, true);
  const ids =
    view.getUint16(at + ID_BYTES, true) +
    view.getUint16(at + TRACE_BYTES, true) +
    view.getUint16(at + KEY_BYTES, true);
  return length >= HEADER_BYTES + ids && at + length <= view.byteLength ? length : undefined;
}

/** Makes notes storable: removes what is kept in memory alone. @see VerdictLine */
export function storable(bytes: Uint8Array): Uint8Array {
  const notes = noteBytes(bytes);
  const { view } = notes;
  for (let at = 0, length = noteLength(notes, 0); length !== undefined; length = noteLength(notes, at)) {
    view.setUint16(at + FLAGS, view.getUint16(at + FLAGS, true) & ~HAS_WORDS, true);
    view.setUint32(at + WORDS, 0, true);
    at += length;
  }
  return bytes;
}

export function isCheckAt({ view }: NoteBytes, at: number): boolean {
  return (view.getUint16(at + FLAGS, true) & IS_CHECK) !== 0;
}

export function isResponseAt({ view }: NoteBytes, at: number): boolean {
  return (view.getUint16(at + FLAGS, true) & IS_RESPONSE) !== 0;
}

export function isBlockedAt({ view }: NoteBytes, at: number): boolean {
  return (view.getUint16(at + FLAGS, true) & IS_BLOCKED) !== 0;
}

/** When it was decided, Unix milliseconds. */
export function timeAt({ view }: NoteBytes, at: number): number {
  return view.getFloat64(at + AT, true);
}

export function wordsAt({ view }: NoteBytes, at: number): number | undefined {
  return view.getUint16(at + FLAGS, true) & HAS_WORDS ? view.getUint32(at + WORDS, true) : undefined;
}

export function idAt({ view }: NoteBytes, at: number): IdSpan {
  const isUuid = (view.getUint16(at + FLAGS, true) & ID_IS_UUID) !== 0;
  return { at: at + HEADER_BYTES, bytes: view.getUint16(at + ID_BYTES, true), isUuid };
}

/** Undefined for a call without a trace. */
export function traceAt({ view }: NoteBytes, at: number): IdSpan | undefined {
  const flags = view.getUint16(at + FLAGS, true);
  if ((flags & HAS_TRACE) === 0) return undefined;
  const start = at + HEADER_BYTES + view.getUint16(at + ID_BYTES, true);
  return {
    at: start,
    bytes: view.getUint16(at + TRACE_BYTES, true),
    isUuid: (flags & TRACE_IS_UUID) !== 0,
  };
}

export function keyAt({ view }: NoteBytes, at: number): IdSpan | undefined {
  if ((view.getUint16(at + FLAGS, true) & HAS_KEY) === 0) return undefined;
  const ids = view.getUint16(at + ID_BYTES, true) + view.getUint16(at + TRACE_BYTES, true);
  return { at: at + HEADER_BYTES + ids, bytes: view.getUint16(at + KEY_BYTES, true), isUuid: false };
}

/** The text of an id or a key. */
export function textAt({ bytes }: NoteBytes, { at, bytes: length, isUuid }: IdSpan): string {
  if (!isUuid) return bytes.toString('utf8', at, at + length);
  const hex = bytes.toString('hex', at, at + length);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Reads a note; undefined if a disk damaged it. */
export function readNote(notes: NoteBytes, at: number): NoteLine | undefined {
  const { bytes, view } = notes;
  const flags = view.getUint16(at + FLAGS, true);
  const ids =
    view.getUint16(at + ID_BYTES, true) +
    view.getUint16(at + TRACE_BYTES, true) +
    view.getUint16(at + KEY_BYTES, true);
  const [start, end] = [at + HEADER_BYTES + ids, at + view.getUint32(at + LENGTH, true)];
  const rest = flags & IS_PLAIN ? PLAIN : fieldsOf(parseInner(bytes.toString('utf8', start, end)));
  const call = callAt(notes, at);
  if (flags & IS_CHECK) return rest.check ? { ...call, check: rest.check as CheckLine['check'] } : undefined;
  const { action, by, removed, checks } = rest as VerdictLine;
  if (!Array.isArray(checks)) return undefined;
  const words = wordsAt(notes, at);
  return {
    ...call,
    ...(words !== undefined && { words }),
    action,
    by,
    ...(removed !== undefined && { removed }),
    at: timeAt(notes, at),
    ms: view.getUint32(at + TENTHS, true) / 10,
    checks: flags & IS_PLAIN ? plainChecks(notes, start, end) : checks,
    ...(flags & LOGS_EARLY && { logsStreamsEarly: true }),
  };
}

const PLAIN = { check: undefined, action: 'NONE', by: null, checks: [] };

function callAt(notes: NoteBytes, at: number): NotedCall {
  const [trace, key] = [traceAt(notes, at), keyAt(notes, at)];
  return {
    litellm_call_id: textAt(notes, idAt(notes, at)),
    litellm_trace_id: trace === undefined ? null : textAt(notes, trace),
    ...(key !== undefined && { key: textAt(notes, key) }),
    input_type: isResponseAt(notes, at) ? 'response' : 'request',
  };
}

function plainChecks({ bytes, view }: NoteBytes, start: number, end: number): CheckNote[] {
  const checks: CheckNote[] = [];
  for (let at = start; at < end; ) {
    const nameEnd = at + 1 + (bytes[at] as number);
    if (nameEnd + 4 > end) break;
    const backend = bytes.toString('utf8', at + 1, nameEnd);
    checks.push({ backend, mode: 'enforce', result: 'allow', ms: view.getUint32(nameEnd, true) / 10 });
    at = nameEnd + 4;
  }
  return checks;
}

/** Nobody can choose ids that all come to stand in one place. */
const SEED = randomInt(0x1_0000_0000);

/** FNV-1a over the bytes of an id; 0 for none. */
export function hashOf({ bytes }: NoteBytes, span: IdSpan | undefined): number {
  if (span === undefined) return 0;
  let hash = SEED;
  const end = span.at + span.bytes;
  for (let i = span.at; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash >>> 0;
}

/** True for two ids that are the same, or two that are not there. */
export function isSame(
  notes: NoteBytes,
  span: IdSpan | undefined,
  other: NoteBytes,
  otherSpan: IdSpan | undefined,
): boolean {
  if (span === undefined || otherSpan === undefined) return span === otherSpan;
  if (span.bytes !== otherSpan.bytes || span.isUuid !== otherSpan.isUuid) return false;
  for (let i = 0; i < span.bytes; i++) {
    if (notes.bytes[span.at + i] !== other.bytes[otherSpan.at + i]) return false;
  }
  return true;
}
