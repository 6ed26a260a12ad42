import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { NewText } from '../backends/backend.ts';
import { fieldsOf, type GuardrailCall, type Passage } from '../guardrail/call.ts';
import { boundedBy } from '../guardrail/memory.ts';
import { mediaPartsIn } from '../guardrail/opaque.ts';
import { type GrowingOptions, GrowingTexts } from './growing-texts.ts';
import { Question } from './question.ts';

/** Who is asked about a call, and under which names that is remembered. */
export type AskedBackend = GrowingOptions & {
  readonly reads: 'texts' | 'conversation';
  readonly judgesMedia: boolean;
  /** Of backend and caller rule: a verdict under one is none under another. */
  readonly name: string;
  /** Of backend, caller rule and response, where that may grow from call to call. */
  readonly stream: string | undefined;
};

/** After this a vendor may judge differently. */
const MAX_AGE_MS = 10 * 60_000;

const JUDGED: ReadonlySet<Passage['place']> = new Set(['text', 'message', 'message_tool_call', 'tool_call']);

/** True for what people, models and tools say: not for ids, addresses of media and definitions of tools. */
const isJudged = ({ place, path, isKey, text }: Passage) =>
  JUDGED.has(place) && !isKey && text.trim() !== '' && !(place === 'message' && ADDRESSES.has(path.key));

/** Fields of the parts of a message. */
const ADDRESSES: ReadonlySet<string | number> = new Set(['url', 'image_url']);

/** All texts of a call that a backend which reads texts is asked about if it has seen none of them. */
export function newTextsOf({ passages }: GuardrailCall): readonly NewText[] {
  return passages.all.filter(isJudged).map((passage) => ({ passage, from: 0, text: passage.text }));
}

/**
 * Finds what is new for a backend in a call. LiteLLM sends a conversation again with each turn, and a response every few chunks
 * of a stream: a backend that reads texts is asked about none that it has allowed before, and of one that has grown only about
 * its end, see {@link GrowingTexts}. Only what passes without reservation is remembered, by a hash.
 */
export class NewTexts {
  /** By backend, caller rule, direction, author and text. */
  readonly #allowed = new LRUCache<string, true>({
    ttl: MAX_AGE_MS,
    ...boundedBy('allowed texts', () => 0),
  });
  readonly #growing = new GrowingTexts();
  /** Hashes of texts, by their passages: all backends are asked about the same. */
  readonly #hashes = new WeakMap<GuardrailCall, string[]>();

  of(call: GuardrailCall, asked: AskedBackend): Question {
    const { reads, stream, isShown, isThrifty, policyEnds } = asked;
    const growing = stream === undefined ? [] : this.#growing.of(call, stream);
    const others = reads === 'texts' ? this.#others(call, asked, growing.length) : new Map();
    const media = reads === 'texts' && asked.judgesMedia ? this.#media(call, asked) : undefined;
    return new Question({
      ...{ reads, growing, others, media, isShown, isThrifty, policyEnds },
      remember: (passed, judged) => {
        for (const name of passed) this.#allowed.set(name, true);
        if (stream !== undefined) this.#growing.put(stream, judged);
      },
    });
  }

  /** New passages, those that are alike together. @param first those before it may grow */
  #others(call: GuardrailCall, { name }: AskedBackend, first: number): Map<string, [Passage, ...Passage[]]> {
    const alike = new Map<string, [Passage, ...Passage[]]>();
    const hashes = this.#hashes.get(call) ?? [];
    if (hashes.length === 0) this.#hashes.set(call, hashes);
    const { all } = call.passages;
    for (let i = first; i < all.length; i++) {
      const passage = all[i]!;
      if (!isJudged(passage)) continue;
      hashes[i] ??= hashOf(passage.text);
      const key = `${name}\0${call.input_type}\0${passage.author}\0${hashes[i]}`;
      if (this.#allowed.get(key)) continue;
      const others = alike.get(key);
      if (others === undefined) alike.set(key, [passage]);
      else others.push(passage);
    }
    return alike;
  }

  /** The name of the media of a call; undefined if there are none, or they are known. */
  #media(
    { passages, images, structured_messages, input_type }: GuardrailCall,
    { name }: AskedBackend,
  ): string | undefined {
    if (passages.media === 0) return undefined;
    const contents = structured_messages.map((message) => fieldsOf(message).content).filter(Array.isArray);
    const key = `${name}\0${input_type}\0media\0${hashOf(JSON.stringify([images, contents.flatMap(mediaPartsIn)]))}`;
    return this.#allowed.get(key) ? undefined : key;
  }
}

const hashOf = (text: string) => hash('sha256', text, 'base64');
