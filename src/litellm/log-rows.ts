import { type Fields, fieldsOf } from '../guardrail/call.ts';
import { isTooDeep, MAX_DEPTH } from '../guardrail/json.ts';

/** A row that is no log event: why, and its text. */
export type BadLogRow = { readonly reason: string; readonly text: string };

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
  const take = (row: unknown, text: () => string) => {
    if (row === null) nulls++;
    else if (isLegacy(row)) legacy++;
    else {
      const reason = whyBad(row);
      if (reason === undefined) events.push(row as Fields);
      else bad.push({ reason, text: text() });
    }
  };

  const whole = parsed(body);
  if (whole !== undefined) {
    for (const row of Array.isArray(whole) ? whole : [whole]) take(row, () => textOf(row));
  } else {
    const text = body.trim();
    for (const part of text.startsWith('[') ? arrayItems(text) : lines(text)) {
      const row = parsed(part) ?? parsed(withoutNan(part));
      if (row === undefined) bad.push({ reason: 'is not JSON', text: part });
      else take(row, () => part);
    }
  }
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

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** The texts of the items of a JSON array, found by brackets and quotes alone; the last may be cut off. */
function* arrayItems(text: string): Generator<string> {
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
      const item = text.slice(start, i).trim();
      if (item !== '') yield item;
      start = i + 1;
    }
  }
  const rest = text.slice(start).trim();
  if (rest !== '') yield rest;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
