import * as v from 'valibot';
import type { Passage } from '../../guardrail/call.ts';

import { ALLOW, modified, type Verdict } from '../../guardrail/verdict.ts';
import { defineBackend, type NewText } from '../backend.ts';
import { editsOf, requireWithin, utf16Spans } from '../spans.ts';
import { findingsIn, joinedFindings, type PresidioFinding } from './findings.ts';
import { requestsOf } from './pieces.ts';

const NAME = v.pipe(
  v.string(),
  v.regex(/^[A-Z][A-Z0-9_]*$/, 'write the name of an entity in capitals, like EMAIL_ADDRESS'),
);
const score = v.pipe(
  v.number('write a number from 0 to 1'),
  v.minValue(0, 'write a number from 0 to 1'),
  v.maxValue(1, 'write a number from 0 to 1'),
);
/** As the policy file of the bridge and as the configuration of LiteLLM spell it. */
const action = v.pipe(
  v.picklist(['mask', 'block', 'MASK', 'BLOCK'], 'write mask or block'),
  v.transform((word) => word.toLowerCase() as 'mask' | 'block'),
);
const words = v.array(v.pipe(v.string(), v.nonEmpty('write a text, it is empty')), 'write a list of texts');

type Thresholds = Readonly<Record<string, number>>;

/**
 * Microsoft Presidio: its analyzer finds personal data in texts, and the bridge puts `<ENTITY>` in its place; its anonymizer is not
 * asked.
 *
 * Thresholds are applied to the reply, as LiteLLM does; one number for all entities is sent too. An entity that is blocked denies
 * the call. A secret is sent as `Authorization: Bearer`, for a proxy before the analyzer: it knows none itself.
 *
 * @see microsoft/presidio 0aa9f8e4, presidio-analyzer/app.py; LiteLLM 1.110.2, litellm/proxy/guardrails/guardrail_hooks/presidio.py
 */
export const presidio = defineBackend({
  kind: 'presidio',
  judges: { request: true, response: true, media: false },
  reads: 'texts',
  isIdempotent: true,
  variables: { url: ['PRESIDIO_ANALYZER_API_BASE'] },
  options: {
    language: v.optional(v.pipe(v.string(), v.regex(/^[a-z]{2,3}$/, 'write a language like en')), 'en'),
    score_threshold: v.optional(
      v.union(
        [score, v.record(v.union([v.literal('ALL'), NAME]), score)],
        'write a number from 0 to 1, or one for each entity',
      ),
    ),
    entities: v.optional(v.record(NAME, action, 'write mask or block for each entity')),
    allow_list: v.optional(words),
    allow_list_match: v.optional(v.picklist(['exact', 'regex'], 'write exact or regex')),
    ad_hoc_recognizers: v.optional(v.array(v.looseObject({}), 'write a list of recognizers')),
  },
  setup({ url, secret, options }) {
    const { score_threshold: threshold, entities = {}, ...sent } = options;
    const names = Object.keys(entities);
    const fields = {
      ...sent,
      ...(names.length > 0 && { entities: names }),
      ...(typeof threshold === 'number' && { score_threshold: threshold }),
    };
    return {
      url: `${url}/analyze`,
      headers: secret === undefined ? {} : { authorization: `Bearer ${secret}` },
      /** The fields of a request that follow its texts, as JSON. */
      fields: JSON.stringify(fields).slice(1),
      thresholds: (typeof threshold === 'number' ? { ALL: threshold } : (threshold ?? {})) as Thresholds,
      blocked: names.filter((name) => entities[name] === 'block'),
    };
  },
  async check(_, { config, http, deadline, texts }) {
    const { url, headers, fields } = config;
    const found = await Promise.all(
      requestsOf(texts).map((pieces) =>
        http.post(url, `{"text":${JSON.stringify(pieces.map(({ text }) => text))},${fields}`, {
          headers,
          deadline,
          read: (reply) => findingsIn(reply, pieces.length).map((list, i) => placed(pieces[i]!, list)),
        }),
      ),
    );
    return verdictOn(found.flat(2), config);
  },
});

/** A finding by its place in a passage. */
type Placed = PresidioFinding & { readonly passage: Passage };

function placed({ passage, from, text }: NewText, findings: readonly PresidioFinding[]): readonly Placed[] {
  return utf16Spans(text, findings).map((finding) => {
    requireWithin(text, finding);
    return { ...finding, passage, start: from + finding.start, end: from + finding.end };
  });
}

function verdictOn(
  found: readonly Placed[],
  { thresholds, blocked }: { readonly thresholds: Thresholds; readonly blocked: readonly string[] },
): Verdict {
  const counted = found.filter(({ entity, score }) => score >= (thresholds[entity] ?? thresholds.ALL ?? 0));
  if (counted.length === 0) return ALLOW;
  const denied = blocked.filter((name) => counted.some(({ entity }) => entity === name));
  if (denied.length > 0)
    return { kind: 'block', reason: `Blocked entity detected: ${denied.join(', ')}`, categories: denied };
  const edits = [...Map.groupBy(counted, ({ passage }) => passage)].map(([passage, findings]) => {
    const whole = { from: 0, text: passage.text };
    return [passage, editsOf(whole, joinedFindings(findings), ({ entity }) => `<${entity}>`)] as const;
  });
  return modified(new Map(edits));
}
