import * as v from 'valibot';
import { fieldsOf } from '../../guardrail/call.ts';
import { BackendError } from '../../guardrail/failure.ts';
import { ALLOW, UNASKED, type Verdict } from '../../guardrail/verdict.ts';
import { defineBackend, SetupError } from '../backend.ts';
import { completionsUrl } from '../completions-url.ts';
import { HAZARDS, promptOf } from './prompt.ts';
import { turnsOf } from './turns.ts';

const code = v.pipe(v.string(), v.regex(/^S[1-9]\d?$/, 'must be a code such as S1'));
const codes = v.pipe(v.array(code), v.nonEmpty());
const meanings = v.record(code, v.pipe(v.string(), v.nonEmpty()));

/**
 * Llama Guard behind any OpenAI-compatible endpoint. It judges the newest turn of a conversation, a response with its question.
 *
 * `unsafe` without a code denies; anything but `safe` and `unsafe` is a failure. Codes that are ignored, or not among the chosen
 * categories, do not count.
 *
 * @see meta-llama/PurpleLlama 4be64c3a, model cards of Llama Guard 3 and 4; llama-stack d1b66329, llama_guard.py
 */
export const llamaGuard = defineBackend({
  kind: 'llama-guard',
  judges: { request: true, response: true, media: false },
  reads: 'conversation',
  isIdempotent: true,
  options: {
    model: v.pipe(
      v.optional(v.pipe(v.string(), v.nonEmpty()), 'meta-llama/Llama-Guard-3-8B'),
      v.description('Model of the endpoint.'),
    ),
    prompt: v.pipe(
      v.optional(v.picklist(['server', 'own'])),
      v.description(
        "`server`: the endpoint's chat template makes the prompt. `own`: it is sent as one message.",
      ),
    ),
    categories: v.pipe(
      v.optional(
        v.lazy((value): typeof codes | typeof meanings => (Array.isArray(value) ? codes : meanings)),
      ),
      v.description('Codes that count, or what your own codes mean.'),
    ),
    ignore: v.pipe(v.optional(v.array(code), []), v.description('Codes that do not count.')),
  },
  setup({ url, secret, options: { model, prompt, categories, ignore } }) {
    const isChosen = Array.isArray(categories);
    const isOwn = categories !== undefined && !isChosen;
    if (isOwn && prompt === 'server')
      throw new SetupError('prompt', 'write own: the template of the server has categories of its own');
    const known = isOwn ? categories : HAZARDS;
    const codes = (isChosen ? categories : Object.keys(known)).filter((code) => !ignore.includes(code));
    const unknown = codes.find((code) => known[code] === undefined);
    if (unknown !== undefined)
      throw new SetupError('categories', `${unknown} is none of S1 to S14: write what it stands for`);
    if (codes.length === 0) throw new SetupError('ignore', 'leave some category, all are ignored');
    return {
      url: completionsUrl(url),
      headers: secret === undefined ? {} : { authorization: `Bearer ${secret}` },
      model,
      // A code that nobody knows counts
      uncounted: [
        ...ignore,
        ...Object.keys({ ...HAZARDS, ...known }).filter((code) => !codes.includes(code)),
      ],
      categories:
        (prompt ?? (categories === undefined ? 'server' : 'own')) === 'own'
          ? Object.fromEntries(codes.map((code) => [code, known[code]!]))
          : undefined,
    };
  },
  async check(call, { config, http, deadline, request }) {
    const turns = turnsOf(call, call.input_type === 'response' ? request() : undefined);
    if (turns.length === 0) return UNASKED;
    const { url, headers, model, categories, uncounted } = config;
    const messages =
      categories === undefined ? turns : [{ role: 'user', content: promptOf(categories, turns) }];
    return http.post(url, JSON.stringify({ model, messages, ...SETTINGS }), {
      headers,
      deadline,
      read: (reply) => verdictIn(reply, uncounted),
    });
  },
});

/** A verdict takes some ten tokens. */
const SETTINGS = { temperature: 0, max_tokens: 64, stream: false };

function verdictIn(reply: unknown, uncounted: readonly string[]): Verdict {
  const { choices } = fieldsOf(reply);
  const [choice, ...others] = Array.isArray(choices) ? choices.map(fieldsOf) : [];
  const { content } = fieldsOf(choice?.message);
  if (typeof content !== 'string' || others.length > 0)
    throw new BackendError({ kind: 'wrong_shape', field: 'choices.0.message.content' });
  const said = content.trim();
  if (said === 'safe') return ALLOW;
  if (!/^unsafe(?:\s|$)/.test(said)) throw new BackendError({ kind: 'no_verdict' });
  const codes = said.match(/\b[A-Z]\d{1,2}\b/g) ?? [];
  const categories = codes.filter((code) => !uncounted.includes(code));
  // Of a list that was cut off, the rest may count
  const isWhole = choice?.finish_reason !== 'length';
  if (codes.length > 0 && categories.length === 0 && isWhole) return ALLOW;
  return { kind: 'block', reason: ['unsafe', categories.join(', ')].filter(Boolean).join(': '), categories };
}
