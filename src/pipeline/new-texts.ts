import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Checker, NewText } from '../backends/backend.ts';
import { fieldsOf, type GuardrailCall, type Passage } from '../guardrail/call.ts';
import { callerNames, stateKey } from '../guardrail/caller.ts';
import { mcpToolOf } from '../guardrail/mcp-tool.ts';
import { boundedBy } from '../guardrail/memory.ts';
import { mediaPartsIn } from '../guardrail/opaque.ts';
import { type GrowingOptions, GrowingTexts } from './growing-texts.ts';
import { Question } from './question.ts';
import { type UnescapedText, unescapedTexts } from './unescaped-text.ts';

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

/** True if a call has something that a backend is to judge, seen before or not. */
export function hasShare(
  { reads, judges }: Pick<Checker, 'reads' | 'judges'>,
  { passages }: GuardrailCall,
): boolean {
  return reads === 'conversation' || (judges.media && passages.media > 0) || passages.all.some(isJudged);
}

/**
 * Finds what is new for a backend in a call. LiteLLM sends a conversation again with each turn, and a response every few chunks
 * of a stream: a backend that reads texts is asked about none that it has allowed before, and of one that has grown only about
 * its end, see {@link GrowingTexts}. Only what passes without reservation is remembered, by a hash.
 */
export class NewTexts {
  /** By backend, caller rule, circumstances of the call, author and text. */
  readonly #allowed = new LRUCache<string, true>({
    ttl: MAX_AGE_MS,
    ...boundedBy('allowed texts', () => 0),
  });
  readonly #growing = new GrowingTexts();
  /** All backends are asked about the same texts. */
  readonly #hashes = new WeakMap<GuardrailCall, Hashes>();

  of(call: GuardrailCall, asked: AskedBackend): Question {
    const { reads, stream, isShown, isThrifty, policyEnds } = asked;
    const growing = stream === undefined ? [] : this.#growing.of(call, stream);
    const others = reads === 'texts' ? this.#others(call, asked, growing.length) : new Map();
    const media = reads === 'texts' && asked.judgesMedia ? this.#media(call, asked) : undefined;
    return new Question({
      // Allowed media are not shown again
      call: reads === 'texts' && media === undefined ? withoutMedia(call) : call,
      ...{ reads, growing, others, media, isShown, isThrifty, policyEnds },
      unescaped: this.#hashes.get(call)?.unescaped ?? new Map(),
      remember: (passed, judged) => {
        for (const name of passed) this.#allowed.set(name, true);
        if (stream !== undefined) this.#growing.put(stream, judged);
      },
    });
  }

  /** New passages, those that are alike together. @param first those before it may grow */
  #others(call: GuardrailCall, { name }: AskedBackend, first: number): Map<string, [Passage, ...Passage[]]> {
    const alike = new Map<string, [Passage, ...Passage[]]>();
    const { circumstances, texts, unescaped } = this.#hashesOf(call);
    const { all } = call.passages;
    for (let i = first; i < all.length; i++) {
      const passage = unescaped.get(i)?.passage ?? all[i]!;
      if (!isJudged(passage)) continue;
      texts[i] ??= hashOf(passage.text);
      const key = `${name}\0${circumstances}${passage.author}\0${texts[i]}`;
      if (this.#allowed.get(key)) continue;
      const others = alike.get(key);
      if (others === undefined) alike.set(key, [passage]);
      else others.push(passage);
    }
    return alike;
  }

  /** The name of the media of a call; undefined if there are none, or they are known. */
  #media(call: GuardrailCall, { name }: AskedBackend): string | undefined {
    const { passages, images, structured_messages } = call;
    if (passages.media === 0) return undefined;
    const { circumstances } = this.#hashesOf(call);
    const contents = structured_messages.map((message) => fieldsOf(message).content).filter(Array.isArray);
    const key = `${name}\0${circumstances}media\0${hashOf(JSON.stringify([images, contents.flatMap(mediaPartsIn)]))}`;
    return this.#allowed.get(key) ? undefined : key;
  }

  #hashesOf(call: GuardrailCall): Hashes {
    const known = this.#hashes.get(call);
    if (known !== undefined) return known;
    const circumstances = hashOf(circumstancesOf(call));
    const made = { circumstances, texts: [], unescaped: unescapedTexts(call) };
    this.#hashes.set(call, made);
    return made;
  }
}

/** Of a call and, by their places, of its passages as they are shown. */
type Hashes = {
  readonly circumstances: string;
  readonly texts: string[];
  readonly unescaped: ReadonlyMap<number, UnescapedText>;
};

/**
 * All that a vendor may be told beside a text, and judge it by: who calls, which model or tool; of a response its request. What one
 * caller may say another may not.
 */
function circumstancesOf(call: GuardrailCall): string {
  const { input_type, model, shape } = call;
  const asked = input_type === 'response' ? stateKey(call) : undefined;
  const tool = shape === 'mcp_tool' ? mcpToolOf(call)?.name : undefined;
  return JSON.stringify([input_type, model, asked, tool, ...callerNames(call)]);
}

function withoutMedia(call: GuardrailCall): GuardrailCall {
  const { passages } = call;
  return passages.media === 0 ? call : { ...call, images: [], passages: { ...passages, media: 0 } };
}

const hashOf = (text: string) => hash('sha256', text, 'base64');
