import type { DecisionFilter } from '../decisions/filter.ts';
import { oneLine } from '../guardrail/one-line.ts';
import type { LiveRow } from './decision-ring.ts';

/** Verdicts by which decisions can be asked for, in words. The command line says `unjudged` for `bypassed`. */
export const VERDICT_WORDS = {
  block: 'blocked',
  redact: 'redacted',
  remove: 'older text removed',
  bypassed: 'bypassed',
  observed: 'would block or redact',
  defer: 'left to LiteLLM',
  cancelled: 'given up by LiteLLM',
  allow: 'allowed',
} as const satisfies Record<Exclude<DecisionFilter['verdict'], 'unjudged' | undefined> | 'bypassed', string>;

/** Names of a decision by which the page filters, each a field of its form. */
export const FILTER_NAMES = ['team', 'model', 'policy', 'backend', 'key', 'user'] as const;

/** Spans of time that the form offers. */
export const SPANS = { '15m': '15 minutes', '1h': '1 hour', '24h': '24 hours', '7d': '7 days' } as const;

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const MAX_NAME = 256;

/** Decisions that the address of a page asks for. */
export type AskedFilter = {
  readonly filter: DecisionFilter;
  /** As they stand in the address, so that the form shows them and a link repeats them. */
  readonly words: ReadonlyMap<string, string>;
  /** Parts that cannot be read, each as a sentence. */
  readonly mistakes: readonly string[];
};

/** Reads a filter out of an address. What it does not have, or is empty, filters nothing. */
export function askedFilter(query: (name: string) => string | undefined, now: number): AskedFilter {
  const words = new Map<string, string>();
  const mistakes: string[] = [];
  const wordOf = (name: string): string | undefined => {
    const text = query(name)?.trim().slice(0, MAX_NAME) ?? '';
    if (text === '') return undefined;
    words.set(name, text);
    return text;
  };
  const names = Object.fromEntries(FILTER_NAMES.map((name) => [name, wordOf(name)]));
  const word = wordOf('verdict');
  const verdict = word === undefined ? undefined : verdictOf(word);
  if (word !== undefined && verdict === undefined)
    mistakes.push(`“${oneLine(word, 40)}” is no verdict: write ${Object.keys(VERDICT_WORDS).join(', ')}.`);
  const span = wordOf('since');
  const since = span === undefined ? undefined : sinceOf(span, now);
  if (span !== undefined && since === undefined)
    mistakes.push(
      `“${oneLine(span, 40)}” is no time: write a span like 90m, 24h or 7d, or a time like 2026-11-21T10:00:00Z.`,
    );
  return { filter: { ...names, verdict, since }, words, mistakes };
}

function verdictOf(word: string): DecisionFilter['verdict'] {
  if (word === 'bypassed' || word === 'unjudged') return 'unjudged';
  return Object.hasOwn(VERDICT_WORDS, word) ? (word as DecisionFilter['verdict']) : undefined;
}

function sinceOf(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return now - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** The filter as the query of an address. */
export const queryOf = (words: Iterable<readonly [string, string]>): string =>
  new URLSearchParams([...words].map(([name, word]): [string, string] => [name, word])).toString();

/** Live decisions do not name their users: one who asks for them gets kept ones alone. */
export const canBeLive = ({ filter, mistakes }: AskedFilter): boolean =>
  filter.user === undefined && mistakes.length === 0;

/** True for a live decision that is asked for. Of its policies and backends it has the names of those that did something. */
export function isAskedLive(
  decision: LiveRow,
  { verdict, team, key, model, policy, backend }: DecisionFilter,
): boolean {
  const acted = (name: string) =>
    decision.by?.split(',').includes(name) === true ||
    decision.bypassed.includes(name) ||
    decision.observed.some((text) => text.startsWith(`${name} would `));
  return (
    isOfVerdict(decision, verdict) &&
    (team === undefined || decision.team === team) &&
    (key === undefined || decision.key === key) &&
    (model === undefined || decision.model === model) &&
    (policy === undefined || acted(policy)) &&
    (backend === undefined || acted(backend))
  );
}

function isOfVerdict({ verdict, bypassed, observed }: LiveRow, asked: DecisionFilter['verdict']): boolean {
  if (asked === undefined) return true;
  if (asked === 'unjudged') return bypassed.length > 0;
  return asked === 'observed' ? observed.length > 0 : verdict === asked;
}
