import type { Author, CallFields, GuardrailCall, Passage, PassagePath, Passages, Place } from './call.ts';
import { fieldsOf, MAX_DEPTH, parseInner } from './json.ts';

/** Thrown for a call that is nested deeper than can be walked and written again. */
export class TooDeepError extends Error {
  override readonly name = 'TooDeepError';
  /** The field of the call that is nested too deep. */
  readonly field: string;

  constructor(field: string) {
    super(`${field} is nested more than ${MAX_DEPTH} levels deep`);
    this.field = field;
  }
}

/** Structure, not content: never judged and never rewritten. */
const STRUCTURE = new Set(['role', 'type', 'id', 'tool_call_id', 'index', 'format', 'detail', 'media_type']);

/** Fields that hold media; long base64 in them is not text. */
const MEDIA_FIELDS = new Set(['url', 'data', 'file_data', 'image_url']);
const BASE64 = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_=-]*$/;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Reads the passages of a call: `texts`, everything in `structured_messages` (tool results and, in older releases, system
 * prompts stand only there), arguments of tool calls, and every string and key of `tools`, which an MCP server writes.
 *
 * A chat body carries its text twice, in `texts` and, as a rule in the same order, in `structured_messages`: both make one
 * passage.
 *
 * @throws TooDeepError
 */
function readPassages(call: CallFields): Passages {
  const reader = new PassageReader(call.texts, call.input_type === 'response' ? 'model' : 'user');
  for (let row = 0; row < call.structured_messages.length; row++) {
    reader.readMessage(call.structured_messages[row], row);
  }
  reader.readToolCalls(call.tool_calls);
  reader.readTools(call.tools);
  return {
    all: reader.all,
    chars: reader.chars,
    media: Math.max(reader.media, call.images.length),
  };
}

/** A call with its passages. @throws TooDeepError */
export function withPassages(call: CallFields): GuardrailCall {
  return { ...call, passages: readPassages(call) };
}

/** Walks a call and collects its passages. */
export class PassageReader {
  readonly all: Mutable<Passage>[] = [];
  chars = 0;
  media = 0;
  /** Where the reader is. */
  readonly #path: (string | number)[] = [];
  readonly #texts: number;
  /** Which of `texts` the messages are expected to repeat next. */
  #next = 0;
  /** The last of `texts` that no message repeats yet, by text. Made for messages in another order: it costs a hash of each text. */
  #unrepeated: Map<string, Mutable<Passage>> | undefined;
  #place: Place = 'text';
  #role: string | null = null;
  #author: Author;

  constructor(texts: readonly string[], author: Author) {
    this.#author = author;
    this.#texts = texts.length;
    for (let i = 0; i < texts.length; i++) this.#add(texts[i]!, ['texts', i], false, undefined);
  }

  readMessage(message: unknown, index: number): void {
    const { role, content } = fieldsOf(message);
    this.#place = 'message';
    this.#role = typeof role === 'string' ? role : null;
    this.#author = authorOf(this.#role);
    if (Array.isArray(content)) this.media += mediaIn(content);
    this.#path.push('structured_messages', index);
    this.#walk(message, '');
    this.#path.pop();
    this.#path.pop();
  }

  readToolCalls(toolCalls: readonly unknown[]): void {
    this.#place = 'tool_call';
    this.#role = null;
    this.#author = 'model';
    this.#path.push('tool_calls');
    this.#walk(toolCalls, '');
    this.#path.pop();
  }

  readTools(tools: readonly unknown[]): void {
    this.#place = 'tool';
    this.#role = null;
    this.#author = 'tool';
    this.#path.push('tools');
    this.#walkData(tools);
    this.#path.pop();
  }

  #walk(value: unknown, key: string): void {
    if (typeof value === 'string') {
      if (value === '' || STRUCTURE.has(key) || isMedia(key, value)) return;
      const passage = this.#take(value);
      // JSON in a string: an escaped text is not the text that was written
      if (key === 'arguments' && value.includes('\\')) this.#readNested(value, passage);
    } else if (Array.isArray(value)) {
      this.#enter();
      for (let i = 0; i < value.length; i++) {
        this.#path.push(i);
        this.#walk(value[i], key);
        this.#path.pop();
      }
    } else if (typeof value === 'object' && value !== null) {
      this.#enter();
      for (const name in value) this.#walkField((value as Record<string, unknown>)[name], name);
    }
  }

  #walkField(value: unknown, name: string): void {
    const place = this.#place;
    const isData = (name === 'input' || name === 'arguments') && typeof value === 'object';
    if (place === 'message' && (isData || name === 'tool_calls' || name === 'function_call')) {
      this.#place = 'message_tool_call';
    }
    this.#path.push(name);
    if (isData) this.#walkData(value);
    else this.#walk(value, name);
    this.#path.pop();
    this.#place = place;
  }

  /** Arguments of a tool, or its description: every string and key is text, whatever the key is called. */
  #walkData(value: unknown): void {
    if (typeof value === 'string') {
      if (value !== '') this.#take(value);
    } else if (Array.isArray(value)) {
      this.#enter();
      for (let i = 0; i < value.length; i++) {
        this.#path.push(i);
        this.#walkData(value[i]);
        this.#path.pop();
      }
    } else if (typeof value === 'object' && value !== null) {
      this.#enter();
      for (const name in value) {
        this.#path.push(name);
        if (name !== '') this.#add(name, this.#path.slice(), true, undefined);
        this.#walkData((value as Record<string, unknown>)[name]);
        this.#path.pop();
      }
    }
  }

  #readNested(json: string, within: Passage): void {
    const place = this.#place;
    this.#place = 'nested';
    for (const text of nestedTexts(json)) if (text !== '') this.#add(text, within.path, false, within);
    this.#place = place;
  }

  /** The passage of a text in a message, a tool call or a tool; one of `texts` if the message repeats it. */
  #take(text: string): Passage {
    const repeated = this.#place === 'message' ? this.#repeatedBy(text) : undefined;
    if (repeated === undefined) return this.#add(text, this.#path.slice(), false, undefined);
    this.#next = repeated.index + 1;
    repeated.messagePath = this.#path.slice();
    repeated.role = this.#role;
    repeated.author = this.#author;
    return repeated;
  }

  /** The one of `texts` that a text in a message repeats: as a rule the next one. */
  #repeatedBy(text: string): Mutable<Passage> | undefined {
    const next = this.#next < this.#texts ? this.all[this.#next] : undefined;
    if (next?.text === text && next.messagePath === undefined) return next;
    if (this.#unrepeated === undefined) {
      this.#unrepeated = new Map();
      for (let i = this.#texts - 1; i >= 0; i--) {
        const passage = this.all[i]!;
        if (passage.messagePath === undefined) this.#unrepeated.set(passage.text, passage);
      }
    }
    const found = this.#unrepeated.get(text);
    return found?.messagePath === undefined ? found : undefined;
  }

  #add(text: string, path: PassagePath, isKey: boolean, within: Passage | undefined): Passage {
    const passage: Mutable<Passage> = {
      index: this.all.length,
      text,
      place: this.#place,
      path,
      messagePath: undefined,
      role: this.#role,
      author: this.#author,
      isKey,
      within,
    };
    this.all.push(passage);
    this.chars += text.length;
    return passage;
  }

  /** @throws TooDeepError where a container lies more than 128 levels deep in its field */
  #enter(): void {
    if (this.#path.length > MAX_DEPTH) throw new TooDeepError(String(this.#path[0]));
  }
}

function authorOf(role: string | null): Author {
  switch (role) {
    case 'system':
    case 'developer':
      return 'operator';
    case 'assistant':
      return 'model';
    case 'tool':
    case 'function':
      return 'tool';
    default:
      return 'user';
  }
}

function isMedia(key: string, value: string): boolean {
  return value.length > 512 && MEDIA_FIELDS.has(key) && BASE64.test(value);
}

const MEDIA_PARTS =
  /^(?:(?:input_)?(?:image|audio|video|file)|(?:image|audio|video)_url|image_file|document)$/i;

/** True for the type of a content part that holds an image, audio, a video or a file. */
export function isMediaPart(type: unknown): type is string {
  return typeof type === 'string' && MEDIA_PARTS.test(type);
}

function mediaIn(content: readonly unknown[]): number {
  let parts = 0;
  for (const part of content) {
    const { type, content: inner } = fieldsOf(part);
    if (isMediaPart(type)) parts++;
    else if (Array.isArray(inner)) parts += mediaIn(inner);
  }
  return parts;
}

/** The strings inside the JSON text of a passage, keys included; none if it is not JSON. */
export function nestedTexts(json: string): ReadonlySet<string> {
  const texts = new Set<string>();
  const add = (value: unknown): void => {
    if (typeof value === 'string') texts.add(value);
    else if (Array.isArray(value)) value.forEach(add);
    else for (const pair of Object.entries(fieldsOf(value))) add(pair);
  };
  add(parseInner(json));
  return texts;
}
