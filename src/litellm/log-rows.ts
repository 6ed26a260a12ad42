import { type Fields, fieldsOf } from '../guardrail/call.ts';
import { isTooDeep, MAX_DEPTH } from '../guardrail/json.ts';

/** A row that is no log event: why, and its text. */
export type BadLogRow = { readonly reason: string; readonly text: string };

/** LiteLLM sends 512 rows as a rule. Of a body that is something else, so many rows are told one by one. */
const MAX_BAD = 1000;

export type LogRows = {
  readonly events: readonly Fields[];
  readonly bad: readonly BadLogRow[];
  /** Rows of `generic_api_use_v1`, which hold nothing but Python's way to print values. */
  readonly legacy: number;
  /** Rows for which LiteLLM could not build an event. */
  readonly nulls: number;
};

/**
 * The rows of a body that LiteLLM's `generic_api` logger sends: `json_array`, `ndjson` or `single`. All three come as
 * application/json, so the text tells which it is. One row that cannot be read does not take the others with it.
 *
 * @see LiteLLM 1.106.2, `async_send_batch` in litellm/integrations/generic_api/generic_api_callback.py
 */
export function parseLogRows(body: string): LogRows {
  const events: Fields[] = [];
  const bad: BadLogRow[] = [];
  let legacy = 0;
  let nulls = 0;
  let more = 0;
  const take = (row: unknown, text: () => string) => {
    if (row === null) nulls++;
    else if (isLegacy(row)) legacy++;
    else {
      const reason = whyBad(row);
      if (reason === undefined) events.push(row as Fields);
      else if (bad.length < MAX_BAD) bad.push({ reason, text: text() });
      else more++;
    }
  };

  const whole = parsed(body);
  if (whole !== undefined) {
    for (const row of Array.isArray(whole) ? whole : [whole]) take(row, () => textOf(row));
  } else {
    const text = body.trim();
    for (const [start, end] of text.startsWith('[') ? arrayItems(text) : lines(text)) {
      const part = text.slice(start, end).trim();
      if (part === '') continue;
      if (bad.length === MAX_BAD) {
        bad.push({ reason: `follows on ${MAX_BAD} rows that are none`, text: text.slice(start) });
        break;
      }
      const row = parsed(part) ?? parsed(withoutNan(part));
      if (row === undefined) bad.push({ reason: 'is not JSON', text: part });
      else take(row, () => part);
    }
  }
  if (more > 0) bad.push({ reason: `${more} more rows that are none`, text: '' });
  return { events, bad, legacy, nulls };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value nested too deep to be walked may be too deep to be written. */
function textOf(row: unknown): string {
  return isTooDeep(row) ? '' : JSON.stringify(row);
}

/** Python's JSON has numbers that JSON has not. */
function withoutNan(text: string): string {
  return text.replace(/([:,[]\s{0,8})(?:NaN|-?Infinity)(?=\s{0,8}[,}\]])/g, '$1null');
}

const TELLING = ['id', 'litellm_call_id', 'call_id', 'status', 'call_type', 'messages', 'response'];

function whyBad(row: unknown): string | undefined {
  if (typeof row !== 'object' || Array.isArray(row)) return 'is not a JSON object';
  if (isTooDeep(row)) return `is nested more than ${MAX_DEPTH} levels deep`;
  const fields = fieldsOf(row);
  return TELLING.some((name) => fields[name] !== undefined) ? undefined : `has none of ${TELLING.join(', ')}`;
}

/** @see LiteLLM 1.106.2, `_get_v1_logging_payload`: fixed keys, every value made a string */
function isLegacy(row: unknown): boolean {
  const { startTime, modelParameters, usage, metadata } = fieldsOf(row);
  return [startTime, modelParameters, usage, metadata].every((value) => typeof value === 'string');
}

/** Where a part of a text begins and ends. */
type Range = readonly [start: number, end: number];

function* lines(text: string): Generator<Range> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    yield [start, end < 0 ? text.length : end];
    start = end < 0 ? text.length : end + 1;
  }
}

/** The items of a JSON array, found by brackets and quotes alone; the last may be cut off. */
function* arrayItems(text: string): Generator<Range> {
  let depth = 0;
  let start = 1;
  let isString = false;
  for (let i = 1; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (isString) {
      if (char === BACKSLASH) i++;
      else if (char === QUOTE) isString = false;
    } else if (char === QUOTE) isString = true;
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) depth++;
    else if (depth > 0 && (char === CLOSE_BRACE || char === CLOSE_BRACKET)) depth--;
    else if (depth === 0 && (char === COMMA || char === CLOSE_BRACKET)) {
      yield [start, i];
      start = i + 1;
    }
  }
  yield [start, text.length];
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
