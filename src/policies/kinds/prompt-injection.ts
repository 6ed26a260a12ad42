import * as v from 'valibot';
import {
  FAKE_BOUNDARIES,
  FAKE_DELIMITERS,
  INJECTIONS,
  WRITTEN_PLAINLY,
} from '../../detectors/injection/index.ts';
import type { Finding, SweepingRule, TextRule } from '../../detectors/rule.ts';
import { userPattern } from '../../detectors/scan/user-pattern.ts';
import { type CreateContext, defineKind } from '../policy.ts';
import { encodingOption } from './encoding.ts';
import { madeOr, Names } from './patterns.ts';

const DEFAULT_THRESHOLD = 0.8;

const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const InjectionAction = v.picklist(['block', 'log', 'escalate']);

/**
 * Blocks attacks on the operator's instructions: overrides in fifteen languages, extraction of the system prompt, changed
 * roles, made-up turns and delimiters, stolen data, hijacked tools; encoded and disguised ones too.
 *
 * Each rule has a weight, and the score of an utterance is `1 - (1 - w1)(1 - w2)...` over the different rules found in it
 * within 3,000 characters. A call is blocked whose worst utterance has a score of `threshold` or more. A phrase that is quoted
 * or reported weighs 0.25.
 *
 * @see https://docs.keeptrusts.com (policy kind `prompt-injection`, its short form and its single-policy form)
 */
export const promptInjection = defineKind({
  kind: 'prompt-injection',
  judges: 'requests, MCP results',
  about: 'blocks attacks on your instructions to the model',
  example: `
mode: observe            # counts what it would block, to begin with
threshold: 0.8           # the score from which a call is blocked
`,
  options: v.strictObject({
    threshold: v.pipe(
      v.optional(Share),
      v.description(
        'The score from which a call is blocked. No embeddings are computed: `embedding_threshold` is the same threshold.',
      ),
      v.metadata({ default: DEFAULT_THRESHOLD }),
    ),
    embedding_threshold: v.pipe(v.optional(Share), v.description('The same as `threshold`.')),
    action: v.pipe(
      v.optional(InjectionAction),
      v.description(
        '`escalate` blocks too, as there is nobody to ask; `log` lets pass. `response.action` wins.',
      ),
      v.metadata({ default: 'block' }),
    ),
    attack_patterns: v.pipe(
      v.optional(Names, []),
      v.description("The operator's own patterns, capitals ignored. One of them is enough to block."),
    ),
    detection: v.pipe(
      v.optional(
        v.strictObject({ embedding_threshold: v.optional(Share), attack_patterns: v.optional(Names, []) }),
        {},
      ),
      v.description("The same options in Keeptrusts' longer form."),
    ),
    encoding: encodingOption(true),
    boundaries: v.pipe(
      v.optional(
        v.strictObject({
          enforce_delimiters: v.pipe(
            v.optional(v.boolean(), true),
            v.description('Marks of chat templates, such as `<|im_start|>` and `[INST]`.'),
          ),
          reject_fake_boundaries: v.pipe(
            v.optional(v.boolean(), true),
            v.description('Made-up turns and ends of instructions, such as `### System:` and `</system>`.'),
          ),
        }),
        {},
      ),
      v.description('Made-up boundaries between messages.'),
    ),
    response: v.pipe(
      v.optional(
        v.strictObject({
          action: v.optional(InjectionAction),
          message: v.pipe(v.optional(v.string()), v.description('Message for the caller who is blocked.')),
          log_level: v.pipe(
            v.optional(v.string()),
            v.description('Without effect: these findings are logged like all others.'),
          ),
        }),
        {},
      ),
      v.description("What happens, in Keeptrusts' longer form."),
    ),
  }),
  create(options, context) {
    const { detection, encoding, boundaries, response } = options;
    const threshold =
      options.threshold ?? options.embedding_threshold ?? detection.embedding_threshold ?? DEFAULT_THRESHOLD;
    const logsOnly = (response.action ?? options.action) === 'log';
    const weighted = [
      ...INJECTIONS,
      ...(boundaries.enforce_delimiters ? FAKE_DELIMITERS : []),
      ...(boundaries.reject_fake_boundaries ? FAKE_BOUNDARIES : []),
    ];
    const custom = [
      ...customPatterns(options.attack_patterns, 'attack_patterns', context),
      ...customPatterns(detection.attack_patterns, 'detection.attack_patterns', context),
    ];
    // Where rules share an id, as all mentions do, the highest weight counts
    const weights = new Map(
      [...weighted, ...custom.map((rule) => ({ rule, weight: 1 }))]
        .sort((a, b) => a.weight - b.weight)
        .map(({ rule, weight }) => [rule.id, weight]),
    );
    const rules: readonly TextRule[] = [...weighted.map(({ rule }) => rule), ...custom];
    return {
      texts: {
        rules,
        rulesForPlain: rules.filter((rule) => !WRITTEN_PLAINLY.has(rule)),
        encoding,
        on: ['request'],
        reasonCode: 'prompt_injection_detected',
        decide: (findings) =>
          findings.length > 0 && !logsOnly && scoreOf(findings, weights) >= threshold ? 'block' : 'allow',
        replace: (_rule, value) => value,
        judgesMeaning: true,
      },
      ...(response.message !== undefined && { message: response.message }),
    };
  },
});

/** UTF-16 units within which signs add up: a long text has a few by chance, an attack has them together. */
const TOGETHER = 3000;

/** 0 to 1, for the worst stretch of a text. Each rule counts once in it, however often it was found. */
function scoreOf(findings: readonly Finding[], weights: ReadonlyMap<string, number>): number {
  const placed = findings.filter(({ end }) => end > 0).sort((a, b) => a.start - b.start);
  const placedIds = new Set(placed.map(({ rule }) => rule.id));
  const anywhere = findings.map(({ rule }) => rule.id).filter((id) => !placedIds.has(id));
  const counts = new Map(anywhere.map((id) => [id, 1]));
  let worst = probabilityOf(counts, weights);
  let first = 0;
  for (const { rule, start } of placed) {
    while (placed[first]!.start + TOGETHER <= start) {
      const { id } = placed[first++]!.rule;
      const count = counts.get(id)! - 1;
      if (count > 0) counts.set(id, count);
      else counts.delete(id);
    }
    const count = counts.get(rule.id) ?? 0;
    counts.set(rule.id, count + 1);
    if (count === 0) worst = Math.max(worst, probabilityOf(counts, weights));
  }
  return worst;
}

function probabilityOf(ids: ReadonlyMap<string, unknown>, weights: ReadonlyMap<string, number>): number {
  let innocence = 1;
  for (const id of ids.keys()) innocence *= 1 - (weights.get(id) ?? 0);
  // Two of 0.6 and 0.5 are 0.8, whatever binary fractions make of it
  return Number((1 - innocence).toFixed(9));
}

function customPatterns(sources: readonly string[], key: string, context: CreateContext): SweepingRule[] {
  return sources.flatMap((source, index) => {
    const id = `${key.replaceAll(/[._]/g, '-')}-${index + 1}`;
    const pattern = /^\(\?[ims]{1,3}\)/.test(source) ? source : `(?i)${source}`;
    return madeOr(context, `${key}[${index}]`, () => userPattern(id, pattern));
  });
}
