import type { CallShape, Fields, GuardrailCall } from '../guardrail/call.ts';

/**
 * Bytes of a body that are explained without being shown: its model, parameters and metadata. Real clients needed up to 196
 * (examples/operations/README.md has the table), so that there is room for as much again.
 */
const MARGIN = 384;
/** The same for each row of an assistant: on `/v1/responses` the ids, types and states of its items. Real clients needed up to 86. */
const TURN_MARGIN = 160;
/**
 * All these rows together have as much, and for each character that they show what its escape could take: many short rows would make
 * room for a text that is not shown.
 */
const TURNS_MARGIN = 2048;
const MARGIN_PER_CHAR = 5;

/** Bytes of a row without its text, at least. */
const ROW = '{"role":"user","content":""},'.length;

/** Shapes of which all that was shown is in the body of the client, and is to be most of it. */
const MEASURED: ReadonlySet<CallShape> = new Set(['conversation', 'texts', 'document', 'prompt']);

/** A content type of a body that LiteLLM does not read as JSON. */
const FORM = /^\s*(?:multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)/i;

/**
 * Bytes of the client's body that LiteLLM did not show, over what structure, parameters and the longest way of writing JSON
 * explain: `extra_body`, `functions`, schemas, documents and all else that guardrails are not told. 0 where nothing is suspicious,
 * and where there is nothing to compare: no headers, a form, a call that is no conversation, list of texts or prompt. Undefined if a
 * body tells no length, since it came in chunks or compressed: whoever hides something may send it so.
 *
 * It compares lengths alone. Text that is as short as the margin, or that takes the room which escapes may need, is not noticed.
 */
export function hiddenBytes(call: GuardrailCall): number | undefined {
  // Other integrations show another part of a body
  if (call.input_type === 'response' || call.door !== undefined || !MEASURED.has(call.shape)) return 0;
  const length = bodyLength(call);
  if (length === undefined) return undefined;
  const { structured_messages: rows, texts } = call;
  // Texts alone explain most calls; it costs next to nothing to add up their lengths
  const chars = charsOf(texts);
  let left = length - MARGIN - ROW * rows.length;
  if (left <= chars) return 0;
  left -= Math.min(TURN_MARGIN * turnsIn(rows), TURNS_MARGIN);
  if (left <= chars || left <= bytesOf(texts) || left <= shownChars(call)) return 0;
  const shown = [rows, call.tools, textsAlone(call)];
  const unexplained = length - MARGIN - turnMargin(rows);
  if (restOf(shown, unexplained, false) <= 0) return 0;
  const rest = restOf(shown, unexplained, true);
  return rest <= 0 ? 0 : rest + MARGIN;
}

/** Bytes that are left of a body without what a value can have as JSON. @param hasEscapes see {@link Rest} */
function restOf(value: unknown, bytes: number, hasEscapes: boolean): number {
  const rest = new Rest(bytes, hasEscapes);
  rest.take(value);
  return rest.bytes;
}

/** The length of the client's body; 0 if it cannot be compared, undefined if it is JSON of a length that is not told. */
function bodyLength({ request_headers }: GuardrailCall): number | undefined {
  let length: number | undefined;
  let isForm = false;
  let isUntold = false;
  let hasHeaders = false;
  for (const name in request_headers) {
    const value = request_headers[name];
    if (typeof value !== 'string') continue;
    hasHeaders = true;
    // Most names differ from the wanted ones in length
    if (name.length === 14 && name.toLowerCase() === 'content-length' && /^\d{1,15}$/.test(value))
      length = Number(value);
    else if (name.length === 12 && name.toLowerCase() === 'content-type') isForm = FORM.test(value);
    else if (name.length === 16 && name.toLowerCase() === 'content-encoding') isUntold = true;
    // Servers read chunks then, whatever length was told
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') isUntold = true;
  }
  if (!hasHeaders || isForm) return 0;
  return isUntold ? undefined : length;
}

const isTurn = (row: unknown) => (row as Fields | null)?.role === 'assistant';

function turnsIn(rows: readonly unknown[]): number {
  let turns = 0;
  for (let i = 0; i < rows.length; i++) if (isTurn(rows[i])) turns++;
  return turns;
}

/** Bytes that are explained by rows of an assistant. */
function turnMargin(rows: readonly unknown[]): number {
  const turns = rows.filter(isTurn);
  const most = TURN_MARGIN * turns.length;
  if (most <= TURNS_MARGIN) return most;
  return Math.min(most, TURNS_MARGIN + MARGIN_PER_CHAR * charsIn(turns, most / MARGIN_PER_CHAR));
}

/** Characters of the strings in a value, but for types and roles; counts up to `enough`. */
function charsIn(value: unknown, enough: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let chars = 0;
  for (const key in value) {
    if (key === 'type' || key === 'role') continue;
    chars += charsIn((value as Record<string, unknown>)[key], enough - chars);
    if (chars >= enough) break;
  }
  return chars;
}

function charsOf(texts: readonly string[]): number {
  let chars = 0;
  for (let i = 0; i < texts.length; i++) chars += texts[i]!.length;
  return chars;
}

/** Bytes of UTF-8: an escape takes no fewer than its character. */
function bytesOf(texts: readonly string[]): number {
  let bytes = 0;
  for (let i = 0; i < texts.length; i++) bytes += Buffer.byteLength(texts[i]!);
  return bytes;
}

/** UTF-16 units of all texts that were shown, each once: no way to write them takes fewer bytes. */
function shownChars({ passages }: GuardrailCall): number {
  let chars = 0;
  for (const { text, place, within } of passages.all) {
    // Tool calls are repeated from messages, nested texts from arguments
    if (within === undefined && place !== 'tool_call') chars += text.length;
  }
  return chars;
}

/** Those of `texts` that no message repeats. */
function textsAlone({ passages }: GuardrailCall): readonly string[] {
  const alone: string[] = [];
  for (const { text, place, messagePath } of passages.all) {
    if (place !== 'text') break;
    if (messagePath === undefined) alone.push(text);
  }
  return alone;
}

/** Takes the bytes that a value can have as JSON off those of a body, until none are left. */
class Rest {
  bytes: number;
  readonly #hasEscapes: boolean;
  #uncounted = MAX_COUNTED;

  /** @param hasEscapes counts each character as the longest that a client writes for it */
  constructor(bytes: number, hasEscapes: boolean) {
    this.bytes = bytes;
    this.#hasEscapes = hasEscapes;
  }

  take(value: unknown): void {
    if (this.bytes <= 0) return;
    if (typeof value === 'string') this.#takeText(value);
    else if (typeof value !== 'object' || value === null) this.bytes -= String(value).length + SEPARATOR;
    else if (Array.isArray(value)) {
      this.bytes -= BRACKETS + SEPARATOR;
      for (const item of value) {
        if (this.bytes <= 0) return;
        this.take(item);
      }
    } else {
      this.bytes -= BRACKETS + SEPARATOR;
      for (const key in value) {
        if (this.bytes <= 0) return;
        this.#takeText(key);
        this.take((value as Record<string, unknown>)[key]);
      }
    }
  }

  #takeText(text: string): void {
    this.bytes -= text.length + QUOTES + SEPARATOR;
    if (!this.#hasEscapes) return;
    const counted = Math.min(text.length, this.#uncounted);
    this.#uncounted -= counted;
    this.bytes -= escapesIn(text, counted, this.bytes) + MAX_EXTRA * (text.length - counted);
  }
}

const BRACKETS = 2;
const QUOTES = 2;
/** `, ` or `: `, as Python writes them. */
const SEPARATOR = 2;

/** Bytes that each ASCII character takes over one: .NET and Go write `\u0022` for a quote, Python `\n` for the end of a line. */
const EXTRA = Uint8Array.from({ length: 128 }, (_, code) => {
  if ('\b\t\n\f\r\\/'.includes(String.fromCharCode(code))) return 1;
  return code < 32 || code === 127 || '"\'&+<>`'.includes(String.fromCharCode(code)) ? 5 : 0;
});

/** Bytes that an escape takes over its character at most. */
const MAX_EXTRA = 5;
/** Characters of a call whose escapes are counted, in some 10 ms. Of those that follow each could be written as the longest. */
const MAX_COUNTED = 4_000_000;

/** Bytes that escapes add to the first `length` characters of a text at most; counts up to `enough`. */
function escapesIn(text: string, length: number, enough: number): number {
  let extra = 0;
  for (let i = 0; i < length && extra < enough; i++) {
    const code = text.charCodeAt(i);
    extra += code < 128 ? EXTRA[code]! : MAX_EXTRA;
  }
  return extra;
}
