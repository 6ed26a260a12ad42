import type { CallFields, GuardrailCall } from './call.ts';
import { fieldsOf, MAX_DEPTH, parseInner } from './json.ts';

/**
 * Where in a call a passage stands; it decides how a rewrite of it can be written back. `message_tool_call` is in a tool
 * call of a message, `nested` is a string inside the JSON text of another passage.
 */
export type Place = 'text' | 'message' | 'message_tool_call' | 'tool_call' | 'tool' | 'nested';

/** Who wrote a passage, as far as its place and role tell. */
export type Author = 'user' | 'operator' | 'model' | 'tool';

/** Keys and indexes from the call down: `['structured_messages', 2, 'content', 0, 'text']`. */
export type Path = readonly (string | number)[];

/** One text of a call, with its place. */
export type Passage = {
  /** Position among all passages of the call. An edited call keeps the positions. */
  readonly index: number;
  readonly text: string;
  readonly place: Place;
  readonly path: Path;
  /** For one of `texts`: where `structured_messages` repeats it. */
  readonly messagePath: Path | undefined;
  /** Role of its message; null where there is no message. */
  readonly role: string | null;
  readonly author: Author;
  /** True for a key of an object, which no rewrite can replace. */
  readonly isKey: boolean;
  /** The first passage with the same text, if this one repeats it. */
  readonly sameAs: Passage | undefined;
  /** For a nested passage: the passage whose JSON holds it. */
  readonly within: Passage | undefined;
};

/** New whole texts of passages. */
export type PassageTexts = ReadonlyMap<Passage, string>;

/** Everything in a call that is judged, read in one pass. */
export type Passages = {
  /** `texts` come first and in their order, then what stands only elsewhere. */
  readonly all: readonly Passage[];
  /** UTF-16 units of all passages together. */
  readonly chars: number;
  /** Number of images, audio parts and files: content that is not text. */
  readonly media: number;
};

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

class PassageReader {
  readonly all: Mutable<Passage>[] = [];
  chars = 0;
  media = 0;
  /** The first passage of each text. */
  readonly #first = new Map<string, Mutable<Passage>>();
  /** Where the reader is. */
  readonly #path: (string | number)[] = [];
  /** Which of `texts` the messages are expected to repeat next. */
  #next = 0;
  readonly #texts: number;
  #place: Place = 'text';
  #role: string | null = null;
  #author: Author;

  constructor(texts: readonly string[], author: Author) {
    this.#author = author;
    this.#texts = texts.length;
    for (let i = 0; i < texts.length; i++) this.#add(texts[i]!, ['texts', i]);
  }

  readMessage(message: unknown, index: number): void {
    const { role, content } = fieldsOf(message);
    this.#place = 'message';
    this.#role = typeof role === 'string' ? role : null;
    this.#author = authorOf(this.#role);
    if (Array.isArray(content)) this.media += mediaIn(content);
    this.#path.push('structured_messages', index);
    this.#walk(message, '');
    this.#path.length = 0;
  }

  readToolCalls(toolCalls: readonly unknown[]): void {
    this.#place = 'tool_call';
    this.#role = null;
    this.#author = 'model';
    this.#path.push('tool_calls');
    this.#walk(toolCalls, '');
    this.#path.length = 0;
  }

  readTools(tools: readonly unknown[]): void {
    this.#place = 'tool';
    this.#role = null;
    this.#author = 'tool';
    this.#path.push('tools');
    this.#walkData(tools);
    this.#path.length = 0;
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
        if (name !== '') this.#add(name, this.#path.slice(), { isKey: true });
        this.#walkData((value as Record<string, unknown>)[name]);
        this.#path.pop();
      }
    }
  }

  #readNested(json: string, within: Passage): void {
    const place = this.#place;
    const add = (value: unknown): void => {
      if (typeof value === 'string') {
        if (value !== '') this.#add(value, within.path, { within });
      } else if (Array.isArray(value)) value.forEach(add);
      else if (typeof value === 'object' && value !== null) {
        for (const [name, item] of Object.entries(value)) {
          add(name);
          add(item);
        }
      }
    };
    this.#place = 'nested';
    add(parseInner(json));
    this.#place = place;
  }

  /** The passage of a text in a message, a tool call or a tool; one of `texts` if the message repeats it. */
  #take(text: string): Passage {
    if (this.#place === 'message') {
      const next = this.#next < this.#texts ? this.all[this.#next]! : undefined;
      const repeated = next?.text === text ? next : this.#first.get(text);
      if (repeated?.place === 'text' && repeated.messagePath === undefined) {
        this.#next = repeated.index + 1;
        repeated.messagePath = this.#path.slice();
        repeated.role = this.#role;
        repeated.author = this.#author;
        return repeated;
      }
    }
    return this.#add(text, this.#path.slice());
  }

  #add(
    text: string,
    path: Path,
    { isKey = false, within }: { isKey?: boolean; within?: Passage } = {},
  ): Passage {
    const sameAs = this.#first.get(text);
    const passage: Mutable<Passage> = {
      index: this.all.length,
      text,
      place: this.#place,
      path,
      messagePath: undefined,
      role: this.#role,
      author: this.#author,
      isKey,
      sameAs,
      within,
    };
    if (sameAs === undefined) this.#first.set(text, passage);
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
function isMediaPart(type: unknown): type is string {
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

/** The texts in a list of content parts, for backends that read only strings: text parts, and the texts of other parts. */
export function contentTexts(content: readonly unknown[]): readonly string[] {
  return content.flatMap((part) => {
    const { type, text } = fieldsOf(part);
    if (typeof text === 'string') return text === '' ? [] : [text];
    // Documents can be plain text
    if (isMediaPart(type) && type.toLowerCase() !== 'document') return [];
    const reader = new PassageReader([], 'user');
    reader.readMessage(part, 0);
    return reader.all.map((passage) => passage.text);
  });
}

/**
 * Passages by new texts for the texts they have, for a backend that returns texts and not places. Null if one of the old
 * texts stands in no passage.
 */
export function passagesWith({ all }: Passages, rewrites: ReadonlyMap<string, string>): PassageTexts | null {
  const texts = new Map<Passage, string>();
  const mapped = new Set<string>();
  for (const passage of all) {
    const rewrite = rewrites.get(passage.text);
    if (rewrite === undefined) continue;
    texts.set(passage, rewrite);
    mapped.add(passage.text);
  }
  return mapped.size === rewrites.size ? texts : null;
}

/** The texts that `structured_messages` does not repeat, for backends that are sent the conversation. */
export function textsOutsideMessages({ passages }: { readonly passages: Passages }): readonly string[] {
  const alone = passages.all.filter(
    ({ place, messagePath, text }) => place === 'text' && messagePath === undefined && text !== '',
  );
  if (alone.length === 0) return [];
  const inMessages = new Set<string>();
  for (const { place, text, within } of passages.all) {
    const isInMessage = place === 'message' || place === 'message_tool_call';
    if (isInMessage || within?.place === 'message_tool_call') inMessages.add(text);
  }
  return alone.map(({ text }) => text).filter((text) => !inMessages.has(text));
}

/** The strings inside the JSON text of a passage, keys included; none if it is not JSON. */
export function nestedTexts(json: string): ReadonlySet<string> {
  const texts = new Set<string>();
  const add = (value: unknown): void => {
    if (typeof value === 'string') texts.add(value);
    else if (Array.isArray(value)) value.forEach(add);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) {
        texts.add(name);
        add(item);
      }
    }
  };
  add(parseInner(json));
  return texts;
}

/**
 * A copy of a call with new texts in the places of some passages, both where they stand and where a message repeats them.
 * Keys and nested passages stay as they are. What does not change is shared with the original.
 */
export function withTexts(call: GuardrailCall, texts: PassageTexts): GuardrailCall {
  const copies = new Map<object, object>();
  const copyOf = (value: object): Record<string | number, unknown> => {
    const known = copies.get(value);
    const copy = known ?? (Array.isArray(value) ? value.slice() : { ...value });
    copies.set(value, copy);
    copies.set(copy, copy);
    return copy as Record<string | number, unknown>;
  };
  const root = copyOf(call);
  const replace = (path: Path, text: string): void => {
    let container = root;
    for (let i = 0; i < path.length - 1; i++) {
      const key = path[i]!;
      const copy = copyOf(container[key] as object);
      define(container, key, copy);
      container = copy;
    }
    define(container, path.at(-1)!, text);
  };
  const all: Mutable<Passage>[] = call.passages.all.map((passage) => ({
    ...passage,
    text: texts.get(passage) ?? (passage.within && texts.has(passage.within) ? '' : passage.text),
  }));
  for (const passage of all) {
    passage.sameAs &&= all[passage.sameAs.index];
    passage.within &&= all[passage.within.index];
  }
  for (const [{ path, messagePath, isKey, within }, text] of texts) {
    if (isKey || within !== undefined) continue;
    replace(path, text);
    if (messagePath !== undefined) replace(messagePath, text);
  }
  return { ...(root as unknown as GuardrailCall), passages: { ...call.passages, all } };
}

/** Sets a field, one that is called `__proto__` too. */
function define(container: Record<string | number, unknown>, key: string | number, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(container, key, { value, enumerable: true, writable: true, configurable: true });
  else container[key] = value;
}
