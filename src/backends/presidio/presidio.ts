import * as v from 'valibot';
import type { Passage } from '../../guardrail/call.ts';
import { ALLOW, modified, type Verdict } from '../../guardrail/verdict.ts';
import { askEach } from '../ask-each.ts';
import { defineBackend, type NewText } from '../backend.ts';
import { editsOf, requireWithin, utf16Spans } from '../spans.ts';
import { findingsIn, joinedFindings, type PresidioFinding } from './findings.ts';
import { requestsOf } from './pieces.ts';

const name = v.pipe(
  v.string(),
  v.regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an entity in capitals, such as EMAIL_ADDRESS'),
);
const score = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const scores = v.record(name, score);
/** As the policy file of the bridge and as the configuration of LiteLLM spell it. */
const action = v.pipe(
  v.picklist(['mask', 'block', 'MASK', 'BLOCK'], 'must be mask or block'),
  v.transform((word) => word.toLowerCase() as 'mask' | 'block'),
);

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
    language: v.pipe(
      v.optional(
        v.pipe(v.string(), v.regex(/^[a-z]{2,3}$/, 'must be the code of a language, such as en')),
        'en',
      ),
      v.description('Language of the texts, such as en.'),
    ),
    score_threshold: v.pipe(
      v.optional(
        v.lazy((value): typeof score | typeof scores => (typeof value === 'object' ? scores : score)),
      ),
      v.description('Least score, of all entities or by entity.'),
    ),
    entities: v.pipe(
      v.optional(v.record(name, action)),
      v.description('`mask` or `block` by entity; without it all are masked.'),
    ),
    allow_list: v.pipe(
      v.optional(v.array(v.pipe(v.string(), v.nonEmpty()))),
      v.description('Texts that are no finding.'),
    ),
    allow_list_match: v.pipe(
      v.optional(v.picklist(['exact', 'regex'])),
      v.description('How the texts of `allow_list` are compared.'),
    ),
    ad_hoc_recognizers: v.pipe(
      v.optional(v.array(v.looseObject({}))),
      v.description('Recognizers of your own, as Presidio takes them.'),
    ),
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
    const { url, headers, fields, thresholds, blocked } = config;
    let found: readonly Placed[] = [];
    const verdict = await askEach(requestsOf(texts), async (pieces) => {
      const own = await http.post(
        url,
        `{"text":${JSON.stringify(pieces.map(({ text }) => text))},${fields}`,
        {
          headers,
          deadline,
          read: (reply) => findingsIn(reply, pieces.length).flatMap((list, i) => placed(pieces[i]!, list)),
        },
      );
      const counted = own.filter(({ entity, score }) => score >= (thresholds[entity] ?? thresholds.ALL ?? 0));
      found = [...found, ...counted];
      return blockOn(counted, blocked);
    });
    return found.length === 0 || verdict.kind === 'block' ? verdict : redactionOf(found);
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

function blockOn(found: readonly Placed[], blocked: readonly string[]): Verdict {
  const denied = blocked.filter((name) => found.some(({ entity }) => entity === name));
  if (denied.length === 0) return ALLOW;
  return { kind: 'block', reason: `Blocked entity detected: ${denied.join(', ')}`, categories: denied };
}

function redactionOf(found: readonly Placed[]): Verdict {
  const edits = [...Map.groupBy(found, ({ passage }) => passage)].map(([passage, findings]) => {
    const whole = { from: 0, text: passage.text };
    return [passage, editsOf(whole, joinedFindings(findings), ({ entity }) => `<${entity}>`)] as const;
  });
  return modified(new Map(edits));
}
