import { replyOf } from '../calls/reply.ts';
import type { Config } from '../config/config.ts';
import { type Fields, fieldsOf, type GuardrailCall, type Passage } from '../guardrail/call.ts';
import type { PolicyNote } from '../guardrail/decision.ts';
import { Engine } from '../policies/engine.ts';
import { readPolicyFile } from '../policies/file/load.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import type { Found } from '../policies/finder.ts';
import { kinds } from '../policies/kinds/index.ts';
import { MarkerStore } from '../policies/markers.ts';
import type { PolicySource } from '../policies/store.ts';
import type { PlacedFinding } from '../policies/utterances.ts';
import { createBareJudge } from './bare-judge.ts';
import { type CallFrame, deliveryOf, oneCall } from './one-call.ts';
import { readPolicyText } from './policy-engine.ts';

/** A text or messages that somebody wants to have judged. */
export type PastedCall = Pick<CallFrame, 'team' | 'model'> & {
  readonly text: string;
  readonly isResponse: boolean;
  readonly isStreamed: boolean;
};

/** A place in one of the texts that were judged. */
export type FindingSpan = {
  readonly text: number;
  readonly start: number;
  readonly end: number;
  readonly policy: string;
  readonly rule: string;
};

/** Verdict of the policies on it. */
export type PasteVerdict = {
  readonly verdict: 'allow' | 'block' | 'redact';
  readonly callerRule: string;
  readonly policies: readonly Pick<PolicyNote, 'kind' | 'enforced' | 'verdict' | 'reasonCode' | 'rules'>[];
  readonly texts: readonly string[];
  readonly spans: readonly FindingSpan[];
  /** The body of the reply to LiteLLM. */
  readonly reply: unknown;
};

/** A longer one is no text that somebody pastes. */
const MAX_CHARS = 1_000_000;

/**
 * Reads policies that somebody has pasted: of the files that they name only those are read that the policies in force have already.
 *
 * @throws PolicyFileError
 */
export function readPastedPolicy(text: string, known: ReadonlyMap<string, string>): PolicyFile {
  return readPolicyText(text, '.', {}, (path) => {
    const content = known.get(path);
    if (content === undefined)
      throw Object.assign(new Error('not read here'), { code: 'a pasted policy reads no files' });
    return content;
  });
}

/** Reads the policies in force again. @throws PolicyFileError */
export function readPoliciesInForce({ text, files, backends }: PolicySource): PolicyFile {
  return readPolicyFile(text, kinds, (_, make) => make(), {
    readBackends: () => ({ backends, files: [] }),
    readFile: (path) => files.get(path) ?? '',
  });
}

/**
 * Judges a text or messages by policies, as the bridge judges them; no vendor is asked.
 *
 * @throws Error that says what to mend
 */
export async function judgePaste(
  file: PolicyFile,
  pasted: PastedCall,
  { replies, judging }: Pick<Config, 'replies' | 'judging'>,
): Promise<PasteVerdict> {
  const { isResponse, isStreamed: isStream, team, model } = pasted;
  const call = oneCall(contentOf(pasted), isResponse, { team, model, isStream: isResponse && isStream });
  const spans = new FoundSpans(call);
  const engine = new Engine(file, {
    ...{ markers: new MarkerStore(), restores: () => true },
    explain: (...found) => spans.add(...found),
  });
  const judge = createBareJudge({
    ...{ engine, timeoutMs: TIMEOUT_MS },
    wiring: { of: (response) => deliveryOf(response, replies.responseRedaction) },
    replies: { ...replies, removesHistory: judging.removesHistory },
  });
  const { passages: _, ...fields } = call;
  const bytes = Buffer.byteLength(JSON.stringify(fields));
  const decision = await judge.judge({
    ...{ call, bytes, request: () => undefined },
    scope: { signal: new AbortController().signal, abort() {} },
  });
  const { outcome, policies } = decision;
  if (policies === undefined) throw new Error('the policies made no verdict: it takes them too long');
  return {
    verdict: outcome.kind === 'block' ? 'block' : outcome.kind === 'modify' ? 'redact' : 'allow',
    callerRule: policies.callerRule,
    policies: policies.notes.map(({ kind, enforced, verdict, reasonCode, rules }) => ({
      ...{ kind, enforced, verdict, reasonCode, rules },
    })),
    texts: spans.texts,
    spans: spans.all,
    reply: replyOf(decision, replies.blockedMessage) ?? null,
  };
}

/** Nobody waits here but who has pasted. */
const TIMEOUT_MS = 60_000;

/** A text as it is, or messages: a list of them, or a request or a response that has some. @throws Error */
function contentOf({ text, isResponse }: PastedCall): string | Fields | readonly Fields[] {
  if (text.length > MAX_CHARS)
    throw new Error(
      `the text is longer than ${MAX_CHARS.toLocaleString('en')} characters; paste a part of it`,
    );
  const value = parsed(text);
  const { messages, choices, role } = fieldsOf(value);
  if (isResponse && (choices !== undefined || role !== undefined)) return fieldsOf(value);
  const list = messages ?? value;
  if (!Array.isArray(list) || !list.some((one) => fieldsOf(one).role !== undefined)) return text;
  const place = list.findIndex((one) => typeof fieldsOf(one).role !== 'string');
  if (place >= 0)
    throw new Error(`message ${place + 1} has no role: write {"role": "user", "content": "…"} for each`);
  if (!isResponse) return list as Fields[];
  return fieldsOf(list.at(-1));
}

/** The JSON that a text is; undefined for any other. @throws Error for messages that cannot be read */
function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    if (/^\s*(?:\[\s*\{[\s\S]{0,200}"role"|\{\s*"messages")\s*:/.test(text))
      throw new Error(
        'these messages are no JSON: paste a whole list, such as [{"role": "user", "content": "…"}]',
      );
    return undefined;
  }
}

/** Where policies have found something, by the passages of a call. */
class FoundSpans {
  readonly texts: string[] = [];
  readonly all: FindingSpan[] = [];
  /** The place of each passage among the texts. */
  readonly #places = new Map<Passage, number>();

  constructor({ passages }: GuardrailCall) {
    for (const passage of passages.all) if (passage.place !== 'structure') this.#placeOf(passage);
  }

  add(policy: string, causes: readonly PlacedFinding[], found: readonly Found[]): void {
    const seen = new Set<string>();
    for (const { passage, rule } of causes) {
      const name = `${passage.index} ${rule.id}`;
      if (seen.has(name)) continue;
      seen.add(name);
      for (const { rule: own, start, end } of found[passage.index]?.findings ?? []) {
        if (own === rule && end > start)
          this.all.push({ text: this.#placeOf(passage), start, end, policy, rule: rule.id });
      }
    }
  }

  #placeOf(passage: Passage): number {
    const known = this.#places.get(passage);
    if (known !== undefined) return known;
    const place = this.texts.push(passage.text) - 1;
    this.#places.set(passage, place);
    return place;
  }
}

/** A mistake of a policy file, or a warning about it. */
export type LintedLine = {
  /** From 1; null where the whole file is meant. */
  readonly line: number | null;
  readonly message: string;
  readonly isWarning?: true;
};

/** Every mistake of a policy file that somebody has pasted, else the warnings about it. */
export function lintPaste(text: string, known: ReadonlyMap<string, string>): readonly LintedLine[] {
  try {
    return readPastedPolicy(text, known).warnings.map((warning) => ({
      ...lintedLine(warning),
      isWarning: true,
    }));
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    return error.problems.map((problem) => lintedLine(problem));
  }
}

function lintedLine(text: string): LintedLine {
  const [, line, message] = /^line (\d+): (.*)$/s.exec(text) ?? [];
  return line === undefined || message === undefined
    ? { line: null, message: text }
    : { line: Number(line), message };
}
