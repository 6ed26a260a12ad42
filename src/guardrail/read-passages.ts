import type { Author, CallFields, GuardrailCall, Passage, PassagePath, Passages, Place } from './call.ts';
import { fieldsOf, parseInner } from './json.ts';
import { InnerNodes, MAX_NODES } from './json-nodes.ts';
import { descriptionsIn } from './mcp-tool.ts';
import { isMedia, isStructure, isUsualWord, mediaIn } from './opaque.ts';

/** Thrown for a call whose tool calls have more nodes in their arguments than its body may have. */
export class TooManyInnerNodesError extends Error {
  override readonly name = 'TooManyInnerNodesError';
}

const TEXTS: PassagePath = { parent: undefined, key: 'texts' };
const IMAGES: PassagePath = { parent: undefined, key: 'images' };
const MESSAGES: PassagePath = { parent: undefined, key: 'structured_messages' };

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Reads the passages of a call: `texts`, everything in `structured_messages` (tool results and, in older releases, system
 * prompts stand only there), ids too, tool calls, and every string and key of `tools`, which an MCP server writes.
 *
 * A chat body carries its text twice, in `texts` and, as a rule in the same order, in `structured_messages`: both make one
 * passage.
 */
function readPassages(call: CallFields, maxNodes: number): Passages {
  const reader = new PassageReader(call.texts, authorOfTexts(call), maxNodes);
  for (let row = 0; row < call.structured_messages.length; row++) {
    reader.readMessage(call.structured_messages[row], row);
  }
  // Messages hold their images
  if (call.structured_messages.length === 0) reader.readImages(call.images);
  reader.readToolCalls(call.tool_calls);
  if (call.shape === 'mcp_tool') reader.readMcpTool(call);
  else reader.readTools(call.tools);
  const { all, chars, media } = reader;
  return { all, chars, media: Math.max(media, call.images.length) };
}

function authorOfTexts({ input_type, shape }: CallFields): Author {
  if (shape === 'mcp_result') return 'tool';
  return input_type === 'response' || shape === 'mcp_tool' ? 'model' : 'user';
}

/** A call with its passages. Nothing in it is deeper than `MAX_JSON_DEPTH`. @throws TooManyInnerNodesError */
export function withPassages(call: CallFields, maxNodes: number = MAX_NODES): GuardrailCall {
  return { ...call, passages: readPassages(call, maxNodes) };
}

/** Walks a call and collects its passages. */
export class PassageReader {
  readonly all: Mutable<Passage>[] = [];
  chars = 0;
  media = 0;
  /** The container that the reader is in. */
  #container: PassagePath | undefined;
  readonly #texts: number;
  /** Which of `texts` the messages are expected to repeat next. */
  #next = 0;
  /** The last of `texts` that no message repeats yet, by text. Made for messages in another order: it costs a hash of each text. */
  #unrepeated: Map<string, Mutable<Passage>> | undefined;
  readonly #inner: InnerNodes;
  #place: Place = 'text';
  #role: string | null = null;
  #author: Author;

  /** @param maxNodes most nodes in the arguments of tool calls, see {@link InnerNodes} */
  constructor(texts: readonly string[], author: Author, maxNodes: number) {
    this.#inner = new InnerNodes(maxNodes);
    this.#author = author;
    this.#texts = texts.length;
    for (let i = 0; i < texts.length; i++) this.#add(texts[i]!, { parent: TEXTS, key: i }, false, undefined);
  }

  readMessage(message: unknown, index: number): void {
    const { role, content } = fieldsOf(message);
    this.#place = 'message';
    this.#role = typeof role === 'string' ? role : null;
    this.#author = authorOf(this.#role);
    this.#container = MESSAGES;
    this.#walk(message, '', index);
    if (Array.isArray(content)) this.media += mediaIn(content);
  }

  /** Addresses of images, as a model can write them; nobody reads images themselves. */
  readImages(images: readonly unknown[]): void {
    this.#place = 'structure';
    for (const [key, image] of images.entries()) {
      if (typeof image !== 'string' || image === '' || isMedia('url', image)) continue;
      this.#add(image, { parent: IMAGES, key }, false, undefined);
    }
  }

  readToolCalls(toolCalls: readonly unknown[]): void {
    this.#place = 'tool_call';
    this.#role = null;
    this.#author = 'model';
    this.#container = undefined;
    this.#walk(toolCalls, '', 'tool_calls');
  }

  readTools(tools: readonly unknown[]): void {
    this.#place = 'tool';
    this.#role = null;
    this.#author = 'tool';
    this.#container = undefined;
    this.#walkData(tools, 'tools');
  }

  /** Where a tool is called its definition goes nowhere, and was judged before: only where there are no arguments it is read. */
  readMcpTool(call: CallFields): void {
    const { count, areAll } = descriptionsIn(call);
    for (let i = 0; i < count; i++) this.all[i]!.author = 'tool';
    if (count === this.#texts || !areAll) this.readTools(call.tools);
  }

  /** @param name the field that the value belongs to; of an item that of its list @param key its key or index */
  #walk(value: unknown, name: string, key: string | number): void {
    if (typeof value === 'string') {
      if (value === '' || isMedia(name, value)) return;
      if (isStructure(name)) {
        if (!isUsualWord(value)) this.#takeStructure(value, key);
        return;
      }
      const passage = this.#take(value, key);
      if (name !== 'arguments') return;
      if (!this.#inner.add(value)) throw new TooManyInnerNodesError();
      // JSON in a string: an escaped text is not the text that was written
      if (value.includes('\\')) this.#readNested(value, passage);
    } else if (typeof value === 'object' && value !== null) {
      const outer = this.#container;
      this.#container = { parent: outer, key };
      if (Array.isArray(value)) for (let i = 0; i < value.length; i++) this.#walk(value[i], name, i);
      else for (const field in value) this.#walkField((value as Record<string, unknown>)[field], field);
      this.#container = outer;
    }
  }

  #walkField(value: unknown, name: string): void {
    const place = this.#place;
    const isData = (name === 'input' || name === 'arguments') && typeof value === 'object';
    if (place === 'message' && (isData || name === 'tool_calls' || name === 'function_call')) {
      this.#place = 'message_tool_call';
    }
    if (isData) this.#walkData(value, name);
    else this.#walk(value, name, name);
    this.#place = place;
  }

  /** Arguments of a tool, or its description: every string and key is text, whatever the key is called. */
  #walkData(value: unknown, key: string | number): void {
    if (typeof value === 'string') {
      if (value !== '') this.#take(value, key);
    } else if (typeof value === 'object' && value !== null) {
      const outer = this.#container;
      this.#container = { parent: outer, key };
      if (Array.isArray(value)) for (let i = 0; i < value.length; i++) this.#walkData(value[i], i);
      else {
        for (const field in value) {
          if (field !== '') this.#add(field, { parent: this.#container, key: field }, true, undefined);
          this.#walkData((value as Record<string, unknown>)[field], field);
        }
      }
      this.#container = outer;
    }
  }

  #readNested(json: string, within: Passage): void {
    const place = this.#place;
    this.#place = 'nested';
    for (const text of nestedTexts(json)) if (text !== '') this.#add(text, within.path, false, within);
    this.#place = place;
  }

  /** The passage of a text in a message, a tool call or a tool; one of `texts` if the message repeats it. */
  #take(text: string, key: string | number): Passage {
    const path = { parent: this.#container, key };
    const repeated = this.#place === 'message' ? this.#repeatedBy(text) : undefined;
    if (repeated === undefined) return this.#add(text, path, false, undefined);
    this.#next = repeated.index + 1;
    repeated.messagePath = path;
    repeated.role = this.#role;
    repeated.author = this.#author;
    return repeated;
  }

  #takeStructure(text: string, key: string | number): void {
    const place = this.#place;
    this.#place = 'structure';
    this.#add(text, { parent: this.#container, key }, false, undefined);
    this.#place = place;
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
}

/** The keys and indexes of a path from the call down: `['structured_messages', 2, 'content', 0, 'text']`. */
export function keysOf(path: PassagePath): readonly (string | number)[] {
  const keys: (string | number)[] = [];
  for (let node: PassagePath | undefined = path; node !== undefined; node = node.parent) keys.push(node.key);
  return keys.reverse();
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
