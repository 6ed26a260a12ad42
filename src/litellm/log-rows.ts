import { type Fields, fieldsOf } from '../guardrail/call.ts';
import { isTooDeep, MAX_INNER_DEPTH, parseJson } from '../guardrail/json.ts';
import { countNodes, MAX_NODES } from '../guardrail/json-nodes.ts';

/** A row that is no log event, and why. */
export type BadLogRow = { readonly reason: string; readonly text: string };

/** Bad rows listed one by one. LiteLLM sends 512 rows as a rule; a body with more is something else. */
const MAX_BAD_ROWS = 1000;

/** Nodes of rows that are parsed together, in some 300 MB: 512 usual rows have a quarter of them. */
const MAX_PARSED = 20 * MAX_NODES;
/** Most nodes of one row: an event repeats much of its call, which may have {@link MAX_NODES}. */
const MAX_ROW = 4 * MAX_NODES;
/** Up to so many a row is read in any case, whatever stands beside it. */
const MAX_USUAL = MAX_NODES / 4;

export type LogRows = {
  readonly events: readonly Fields[];
  readonly bad: readonly BadLogRow[];
  /** Rows of `generic_api_use_v1`, whose values are printed by Python. */
  readonly legacy: number;
  /** Rows for which LiteLLM could not build an event. */
  readonly nulls: number;
};

/**
 * Reads the rows of a body that LiteLLM's `generic_api` logger sends: `json_array`, `ndjson` or `single`. All three come as
 * application/json, so the text tells which it is. A row that cannot be read, or is made of too much, does not take the others with it.
 *
 * @see LiteLLM 1.106.2, `async_send_batch` in litellm/integrations/generic_api/generic_api_callback.py
 */
export function parseLogRows(body: string): LogRows {
  const events: Fields[] = [];
  const bad: BadLogRow[] = [];
  let legacy = 0;
  let nulls = 0;
  let more = 0;
  const take = (row: unknown, text?: string): void => {
    const reason = whyBad(row);
    if (row === null) nulls++;
    else if (isLegacy(row)) legacy++;
    else if (reason === undefined) events.push(row as Fields);
    else if (bad.length === MAX_BAD_ROWS) more++;
    // A row that is nested too deep cannot be written
    else bad.push({ reason, text: text ?? (isTooDeep(row) ? '' : JSON.stringify(row)) });
  };

  const isLarge = hasMoreNodes(body, MAX_PARSED);
  let parsed = 0;
  /** True for a row that takes much more memory than its length. */
  const isTooMuch = (part: string): boolean => {
    if (!isLarge) return false;
    const nodes = countNodes(Buffer.from(part), MAX_ROW);
    if (nodes > MAX_ROW || (nodes > MAX_USUAL && parsed + nodes > MAX_PARSED)) return true;
    parsed += nodes;
    return false;
  };

  const whole = isLarge ? undefined : parseJson(body);
  if (whole !== undefined) for (const row of [whole].flat()) take(row);
  else {
    const text = body.trim();
    for (const [start, end] of text.startsWith('[') ? arrayItems(text) : lines(text)) {
      const part = text.slice(start, end).trim();
      if (part === '') continue;
      if (bad.length === MAX_BAD_ROWS) {
        bad.push({ reason: `follows on ${MAX_BAD_ROWS} rows that are none`, text: text.slice(start) });
        break;
      }
      if (isTooMuch(part)) {
        bad.push({ reason: 'has too many lists, objects and commas', text: part });
        continue;
      }
      const row = parseJson(part) ?? parseJson(withoutNan(part));
      if (row === undefined) bad.push({ reason: 'is not JSON', text: part });
      else take(row, part);
    }
  }
  if (more > 0) bad.push({ reason: `${more} more rows that are none`, text: '' });
  return { events, bad, legacy, nulls };
}

function hasMoreNodes(json: string, max: number): boolean {
  return json.length > max && countNodes(Buffer.from(json), max) > max;
}

/** Replaces the numbers of Python's JSON that JSON does not have. */
function withoutNan(text: string): string {
  return text.replace(/([:,[]\s{0,8})(?:NaN|-?Infinity)(?=\s{0,8}[,}\]])/g, '$1null');
}

/** A row with none of these is no log event. */
const EVENT_FIELDS = ['id', 'litellm_call_id', 'call_id', 'status', 'call_type', 'messages', 'response'];

function whyBad(row: unknown): string | undefined {
  if (typeof row !== 'object' || Array.isArray(row)) return 'is not a JSON object';
  if (isTooDeep(row)) return `is nested more than ${MAX_INNER_DEPTH} levels deep`;
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
    const char = text[i] as string;
    if (isString) {
      if (char === '\\') i++;
      else isString = char !== '"';
    } else if (char === '"') isString = true;
    else if (char === '{' || char === '[') depth++;
    else if (depth > 0 && (char === '}' || char === ']')) depth--;
    else if (depth === 0 && (char === ',' || char === ']')) {
      yield [start, i];
      start = i + 1;
    }
  }
  yield [start, text.length];
}
