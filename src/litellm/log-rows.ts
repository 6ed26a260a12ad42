import { type Fields, fieldsOf } from '../guardrail/call.ts';
import { parseJson } from '../guardrail/json.ts';
import { endOfString, isReadable, type JsonLimits, measureJson } from '../guardrail/json-nodes.ts';

/** A row that is no log event, and why. */
export type BadLogRow = {
  readonly reason: string;
  /** As much of it as anybody may want to see. */
  readonly text: string;
  /** Length of the whole; of a row that is too long to be decoded for that, in bytes. */
  readonly chars: number;
};

export type LogRow =
  /** `chars`: length of a row of a large body, which was parsed by itself; else 0. */
  | { readonly kind: 'event'; readonly event: Fields; readonly chars: number }
  | ({ readonly kind: 'bad' } & BadLogRow)
  /** A row of `generic_api_use_v1`, whose values are printed by Python. */
  | { readonly kind: 'legacy' }
  /** A row for which LiteLLM could not build an event. */
  | { readonly kind: 'null' }
  /** One of the rows that the last bad row stands for. */
  | { readonly kind: 'more' };

/** Bad rows listed one by one. LiteLLM sends 512 rows as a rule; a body with more is something else. */
const MAX_BAD_ROWS = 1000;
/** Rows that are read of any body, and bytes of a longer one for each: LiteLLM's shortest event has 5,000. */
const USUAL_ROWS = 10_000;
const LEAST_ROW_BYTES = 2048;
/** Rows beyond these that are counted: of 32 MB of `{},` it took two seconds. */
const MAX_COUNTED = 1_000_000;

/** An event repeats its call, and holds the response. */
const ROW_TO_CALL = 2;
/** Levels that an event, and the list of events, put around what a call repeats. */
const SPARE_LEVELS = 16;
/** Nodes of all rows of a body together, of a call's: 512 usual rows have a quarter of them. */
const BODY_TO_CALL = 20;
/** Part of a call's nodes up to which a row is read in any case, whatever stands beside it. */
const USUAL = 1 / 4;
/** Characters of a bad row that are kept. */
const MAX_BAD_CHARS = 32 * 1024;

/** A row before it is read. */
type UnreadRow = {
  read(): LogRow;
  /** How it begins, and what follows it. */
  beginning(): string;
};

/**
 * Reads the rows of a body that LiteLLM's `generic_api` logger sends: `json_array`, `ndjson` or `single`. All three come as
 * application/json, so the text tells which it is. A row that cannot be read, or is made of too much, does not take the others with
 * it. Rows of a large body are parsed one after the other, each when it is asked for, so that no more than one is in memory. Bad rows
 * beyond a thousand, and rows of which there are more than a body of its length can have, are one bad row that tells their number.
 *
 * @param limits of a guardrail call
 * @see LiteLLM 1.106.2, `async_send_batch` in litellm/integrations/generic_api/generic_api_callback.py
 */
export function* logRowsIn(body: Buffer, limits: JsonLimits): Generator<LogRow> {
  const maxRows = Math.max(USUAL_ROWS, Math.floor(body.length / LEAST_ROW_BYTES));
  let rows = 0;
  let bad = 0;
  let more = 0;
  let beginning = '';
  for (const row of unreadRows(body, limits)) {
    const read: LogRow = rows++ < maxRows ? row.read() : { kind: 'more' };
    if (read.kind !== 'more' && (read.kind !== 'bad' || ++bad <= MAX_BAD_ROWS)) {
      yield read;
      continue;
    }
    if (more++ === 0) beginning = row.beginning();
    if (more === MAX_COUNTED) break;
    yield { kind: 'more' };
  }
  if (more === 0) return;
  const read = `${maxRows} are read, and ${MAX_BAD_ROWS} kept that are none`;
  const least = more === MAX_COUNTED ? 'at least ' : '';
  yield badRow(`${least}${more} more rows: of a body of its length ${read}`, beginning);
}

function unreadRows(body: Buffer, limits: JsonLimits): Iterable<UnreadRow> {
  const row = {
    maxJsonNodes: ROW_TO_CALL * limits.maxJsonNodes,
    maxJsonDepth: limits.maxJsonDepth + SPARE_LEVELS,
  };
  const whole = readWhole(body, row);
  return whole === undefined ? rowsOneByOne(body, row, limits) : rowsOf(whole);
}

function* rowsOf(whole: unknown): Generator<UnreadRow> {
  for (const value of [whole].flat()) {
    yield { read: () => rowOf(value), beginning: () => JSON.stringify(value) };
  }
}

/** The value of a body that has no more in it than a row may have; undefined for a larger one, and for what is not JSON. */
function readWhole(body: Buffer, limits: JsonLimits): unknown {
  if (body.length > limits.maxJsonNodes) {
    return measureJson(body, limits).beyond === undefined ? parseJson(body.toString()) : undefined;
  }
  const text = body.toString();
  return isReadable(text, limits) ? parseJson(text) : undefined;
}

function* rowsOneByOne(body: Buffer, row: JsonLimits, { maxJsonNodes }: JsonLimits): Generator<UnreadRow> {
  let nodesSoFar = 0;
  const start = skipBlanks(body, 0);
  for (const [from, to] of body[start] === OPEN_LIST ? arrayItems(body, start) : lines(body, start)) {
    const part = trimmed(body, from, to);
    if (part.length === 0) continue;
    const read = () => {
      const { nodes, beyond } = measureJson(part, row);
      const isTooMuch = nodes > maxJsonNodes * USUAL && nodesSoFar + nodes > maxJsonNodes * BODY_TO_CALL;
      if (!isTooMuch) nodesSoFar += nodes;
      if (beyond === 'maxJsonDepth') return badBytes('is nested too deep', part);
      if (beyond !== undefined || isTooMuch) {
        return badBytes('has too many lists, objects and commas', part);
      }
      return rowIn(part);
    };
    yield { read, beginning: () => body.toString('utf8', from, from + MAX_BAD_CHARS) };
  }
}

function rowIn(part: Buffer): LogRow {
  const text = part.toString();
  const value = parseJson(text) ?? parseJson(withoutNan(text));
  return value === undefined ? badRow('is not JSON', text) : rowOf(value, text);
}

function rowOf(value: unknown, text?: string): LogRow {
  if (value === null) return { kind: 'null' };
  if (isLegacy(value)) return { kind: 'legacy' };
  const reason = whyBad(value);
  if (reason !== undefined) return badRow(reason, text ?? JSON.stringify(value));
  return { kind: 'event', event: value as Fields, chars: text?.length ?? 0 };
}

function badRow(reason: string, text: string): LogRow {
  return { kind: 'bad', reason, text: text.slice(0, MAX_BAD_CHARS), chars: text.length };
}

function badBytes(reason: string, part: Buffer): LogRow {
  if (part.length <= MAX_BAD_CHARS) return badRow(reason, part.toString());
  return { kind: 'bad', reason, text: part.toString('utf8', 0, MAX_BAD_CHARS), chars: part.length };
}

/** Replaces the numbers of Python's JSON that JSON does not have. */
function withoutNan(text: string): string {
  return text.replace(/([:,[]\s{0,8})(?:NaN|-?Infinity)(?=\s{0,8}[,}\]])/g, '$1null');
}

/** A row with none of these is no log event. */
const EVENT_FIELDS = ['id', 'litellm_call_id', 'call_id', 'status', 'call_type', 'messages', 'response'];

function whyBad(row: unknown): string | undefined {
  if (typeof row !== 'object' || Array.isArray(row)) return 'is not a JSON object';
  const fields = fieldsOf(row);
  return EVENT_FIELDS.some((name) => fields[name] !== undefined)
    ? undefined
    : `has none of ${EVENT_FIELDS.join(', ')}`;
}

/** @see LiteLLM 1.106.2, `_get_v1_logging_payload`: fixed keys, every value made a string */
function isLegacy(row: unknown): boolean {
  const { startTime, modelParameters, usage, metadata } = fieldsOf(row);
  return [startTime, modelParameters, usage, metadata].every((value) => typeof value === 'string');
}

type Range = readonly [start: number, end: number];

const OPEN_LIST = 0x5b;
const QUOTE = 0x22;
const COMMA = 0x2c;
const NEWLINE = 0x0a;

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

function skipBlanks(body: Buffer, from: number): number {
  let at = from;
  while (isBlank(body[at])) at++;
  return at;
}

function trimmed(body: Buffer, from: number, to: number): Buffer {
  const start = Math.min(skipBlanks(body, from), to);
  let end = to;
  while (end > start && isBlank(body[end - 1])) end--;
  return body.subarray(start, end);
}

function* lines(body: Buffer, from: number): Generator<Range> {
  for (let start = from; start < body.length; ) {
    const end = body.indexOf(NEWLINE, start);
    yield [start, end < 0 ? body.length : end];
    start = end < 0 ? body.length : end + 1;
  }
}

/** The items of a JSON array, found by brackets and quotes alone; the last may be cut off. */
function* arrayItems(body: Buffer, from: number): Generator<Range> {
  let depth = 0;
  let start = from + 1;
  for (let at = start; at < body.length; ) {
    const byte = body[at++]!;
    if (byte === QUOTE) at = endOfString(body, at);
    else if ((byte | 0x20) === 0x7b) depth++;
    else if ((byte | 0x20) === 0x7d) {
      if (depth-- > 0) continue;
      depth = 0;
      // A brace that closes nothing belongs to its row
      if (byte === 0x7d) continue;
      yield [start, at - 1];
      start = at;
    } else if (byte === COMMA && depth === 0) {
      yield [start, at - 1];
      start = at;
    }
  }
  yield [start, body.length];
}
