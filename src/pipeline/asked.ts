import type { GuardrailCall } from '../guardrail/call.ts';
import { callName } from '../guardrail/caller.ts';
import type { Verdict } from '../guardrail/verdict.ts';
import { mediaOf, passagesOf } from '../guardrail/words.ts';
import { createCleared } from '../policies/cleared.ts';
import type { JudgingBackend } from './ask.ts';

/** What a backend is still to be asked about a call. */
export type Question =
  | {
      readonly kind: 'ask';
      readonly call: GuardrailCall;
      /** Whether it is an answer that goes on with what was asked about before. */
      readonly goesOn: boolean;
      /** To be told what the backend said; what it allowed is not asked again. */
      answered(verdict: Verdict): Verdict;
    }
  /** All of it has been allowed before. */
  | { readonly kind: 'known' }
  /** A growing answer: asked when it has grown enough, or about this once it has stopped growing. */
  | { readonly kind: 'later'; readonly call: GuardrailCall };

/** So many characters of what was judged before go with what is new, for a backend that judges texts. */
const OVERLAP = 200;

/** After this a vendor may think otherwise. */
const MAX_AGE_MS = 10 * 60_000;

/** What a backend has allowed of one answer. */
type Stream = { readonly lengths: readonly number[]; readonly key: string };

/**
 * Keeps in mind what each backend has allowed: LiteLLM sends the whole conversation with every turn, and the whole answer
 * every few chunks of a stream. Failures, redactions and blocks are never kept.
 *
 * @param growth by how much an answer has to have grown before a backend that judges conversations is asked again. With 6 that
 *   is 1.2 times the length of the answer until the last such time, and all of it once more at the end; with 1 all of it each
 *   time. For one that judges texts, so many times the overlap less one has to be new
 */
export function createAsked({ growth }: { growth: number }) {
  const cleared = createCleared<number>({ max: 50_000, minChars: 0 });
  const isKnown = (key: string | undefined) =>
    key !== undefined && performance.now() - (cleared.get(key) ?? Number.NEGATIVE_INFINITY) < MAX_AGE_MS;
  const streams = createCleared<Stream>({ max: 5000, minChars: 0 });

  function texts(scope: string, call: GuardrailCall): Question {
    const fresh = passagesOf(call).flatMap((text) => {
      const key = cleared.keyOf(scope + text);
      return text === '' || isKnown(key) ? [] : [{ text, key }];
    });
    if (fresh.length === 0 && mediaOf(call) === 0) return { kind: 'known' };
    return {
      kind: 'ask',
      call: onlyTexts(
        call,
        fresh.map(({ text }) => text),
      ),
      goesOn: false,
      answered(verdict) {
        if (isClear(verdict))
          for (const { key } of fresh) if (key !== undefined) cleared.set(key, performance.now());
        return verdict;
      },
    };
  }

  function answer(scope: string, call: GuardrailCall, unit: 'texts' | 'conversation'): Question {
    const id = callName(call);
    const name = `${scope}${id}`;
    const before = id === undefined ? undefined : streams.get(name);
    const chars = sum(call.texts.map(({ length }) => length));
    // Asked each time, it only matters whether it is the same answer
    const matters = growth > 1 || unit === 'texts' || (before !== undefined && sum(before.lengths) === chars);
    const goesOn = before !== undefined && matters && extendsIt(call, before);
    const judged = goesOn ? sum(before.lengths) : 0;
    const cuts =
      goesOn && unit === 'texts' ? before.lengths.map((length) => Math.max(0, length - OVERLAP)) : [];
    const asked =
      cuts.length === 0 ? call : { ...call, texts: call.texts.map((text, i) => text.slice(cuts[i] ?? 0)) };
    if (goesOn && call.tool_calls.length === 0) {
      if (chars === judged) return { kind: 'known' };
      const enough = unit === 'texts' ? judged + OVERLAP * (growth - 1) : judged * growth;
      if (growth > 1 && chars < enough) return { kind: 'later', call: asked };
    }
    return {
      kind: 'ask',
      call: asked,
      goesOn,
      answered(verdict) {
        if (isClear(verdict) && id !== undefined) {
          const key = streams.keyOf([...call.images, ...call.texts].join('\0'));
          if (key !== undefined) streams.set(name, { lengths: call.texts.map(({ length }) => length), key });
        }
        return asked === call ? verdict : onWhole(verdict, asked.texts, call.texts);
      },
    };
  }

  function extendsIt({ texts, images }: GuardrailCall, { lengths, key }: Stream): boolean {
    if (texts.length < lengths.length) return false;
    const beginnings = lengths.map((length, i) => texts[i]!.slice(0, length));
    return streams.keyOf([...images, ...beginnings].join('\0')) === key;
  }

  /** @param rule the caller's rule: what one kind of caller may say another may not */
  return ({ name, judges }: JudgingBackend, call: GuardrailCall, rule: string): Question => {
    const isRequest = call.input_type === 'request';
    if (isRequest && judges.unit === 'conversation')
      return { kind: 'ask', call, goesOn: false, answered: (verdict) => verdict };
    const scope = `${name}\0${rule}\0`;
    return isRequest ? texts(scope, call) : answer(scope, call, judges.unit);
  };
}

function isClear(verdict: Verdict): boolean {
  return verdict.kind === 'allow' && verdict.flagged === undefined;
}

function onlyTexts(call: GuardrailCall, texts: readonly string[]): GuardrailCall {
  return { ...call, texts, structured_messages: [], tools: [], tool_calls: [] };
}

/** A redaction of what was cut off the end of some texts, as one of the texts. */
function onWhole(verdict: Verdict, parts: readonly string[], wholes: readonly string[]): Verdict {
  if (verdict.kind !== 'modify' || verdict.rewrites === null) return verdict;
  const rewrites = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const rewrite = verdict.rewrites.get(part);
    const whole = wholes[i]!;
    if (rewrite !== undefined) rewrites.set(whole, whole.slice(0, whole.length - part.length) + rewrite);
  }
  return rewrites.size === verdict.rewrites.size
    ? { ...verdict, rewrites }
    : { kind: 'modify', rewrites: null };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
