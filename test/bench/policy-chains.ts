/** The chains that the benchmark measures, and the expressions that a plain loop would run in their place. */

import { FAKE_BOUNDARIES, FAKE_DELIMITERS, INJECTIONS } from '../../src/detectors/injection/index.ts';
import { MENTION } from '../../src/detectors/injection/rule.ts';
import { PERSONAL_DATA } from '../../src/detectors/personal/index.ts';
import type { AnchoredRule } from '../../src/detectors/rule.ts';
import { SECRETS, TOKENS } from '../../src/detectors/secrets/index.ts';
import type { CallFields, GuardrailCall } from '../../src/guardrail/call.ts';
import { withPassages } from '../../src/guardrail/read-passages.ts';
import type { Engine } from '../../src/policies/engine.ts';
import { defaultPolicy, PolicyStore } from '../../src/policies/store.ts';

export type Chain = {
  readonly name: string;
  /** The policy file. */
  readonly file: string;
  /** The expression of each rule, with the flag `g`. */
  readonly expressions: readonly RegExp[];
};

const PATTERNS = ['PRJ-[0-9]{4,6}', '(?i)confidential until \\d{4}', '\\bEMP\\d{7}\\b'];
const TERMS = Array.from({ length: 20 }, (_, i) => `project ${codeName(i + 200)}`);
const KEYWORDS = Array.from({ length: 100 }, (_, i) => codeName(i));

/** A name such as `vokari` that stands in no text. */
function codeName(number: number): string {
  const syllables = ['vok', 'zar', 'quib', 'nyx', 'brol', 'jurr', 'plix', 'dwem', 'fyrr', 'goth'];
  return [number, Math.floor(number / 10) + 3, number * 7 + 1]
    .map((i) => syllables[i % syllables.length])
    .join('');
}

const LARGER = JSON.stringify({
  pack: { name: 'larger', version: '1.0.0', enabled: true },
  policies: { chain: ['banned-keywords', 'prompt-injection', 'secrets', 'pii-detector', 'dlp-filter'] },
  policy: {
    secrets: { action: 'redact' },
    'banned-keywords': { keywords: KEYWORDS },
    'dlp-filter': { detect_patterns: PATTERNS, blocked_terms: TERMS },
  },
});

let chains: Promise<readonly Chain[]> | undefined;

export function readChains(): Promise<readonly Chain[]> {
  chains ??= makeChains();
  return chains;
}

async function makeChains(): Promise<readonly Chain[]> {
  const injections = expressionsOf(
    [...INJECTIONS, ...FAKE_DELIMITERS, ...FAKE_BOUNDARIES]
      .map(({ rule }) => rule)
      .filter(({ id }) => id !== MENTION),
  );
  const words = [...KEYWORDS, ...TERMS].map((word) => new RegExp(word, 'gi'));
  const patterns = PATTERNS.map((source) =>
    source.startsWith('(?i)') ? new RegExp(source.slice(4), 'gi') : new RegExp(source, 'g'),
  );
  return [
    { name: 'default', file: defaultPolicy([]), expressions: [...injections, ...secretsOf(TOKENS)] },
    {
      name: 'larger',
      file: LARGER,
      expressions: [...words, ...injections, ...secretsOf(SECRETS), ...personalData(), ...patterns],
    },
  ];
}

function expressionsOf(rules: readonly AnchoredRule[]): RegExp[] {
  return rules.flatMap(({ sources = [] }) =>
    sources.map(({ pattern, flags = '' }) => new RegExp(pattern, `g${flags}`)),
  );
}

function secretsOf(rules: readonly AnchoredRule[]): RegExp[] {
  const blocks = [/-{4,5}[ ]?BEGIN (?:[A-Z0-9]{2,12} ){0,4}PRIVATE KEY/g, /PuTTY-User-Key-File-\d:/g];
  return [...blocks, ...expressionsOf(rules)];
}

function personalData(): RegExp[] {
  const email = /[\p{L}\p{N}._%+'-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/gu;
  return [email, ...expressionsOf(PERSONAL_DATA)];
}

/** Number of matches that a loop over the expressions finds. */
export function plainLoop(expressions: readonly RegExp[], text: string): number {
  let matches = 0;
  for (const expression of expressions) {
    expression.lastIndex = 0;
    while (expression.exec(text) !== null) matches += 1;
  }
  return matches;
}

export function engineOf({ file }: Chain): Engine {
  return new PolicyStore(() => file, { backends: [], restores: () => true }).engine;
}

/** A call with one text, or with several. */
export function callOf(texts: string | readonly string[], fields: Partial<CallFields> = {}): GuardrailCall {
  return withPassages({
    input_type: 'request',
    shape: fields.input_type === 'response' ? 'response' : 'texts',
    litellm_call_id: null,
    litellm_trace_id: null,
    litellm_version: null,
    model: null,
    texts: [texts].flat(),
    structured_messages: [],
    images: [],
    tools: [],
    tool_calls: [],
    request_data: {},
    request_headers: {},
    additional_provider_specific_params: {},
    guardrail_bridge_hops: [],
    ...fields,
  });
}

/** As the bridge sets it by default. */
export const TIMEOUT_MS = 5_000;

let calls = 0;

/** Eight digits that no other call has: what was seen before is not looked at again. */
export function fresh(): string {
  calls += 1;
  return `${String(calls).padStart(8, '0')} `;
}
