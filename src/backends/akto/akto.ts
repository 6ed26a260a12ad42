import * as v from 'valibot';
import { BRIDGE_MARK } from '../../guardrail/bridge-mark.ts';
import { fieldsOf } from '../../guardrail/call.ts';
import { BackendError } from '../../guardrail/failure.ts';
import {
  baseUrl,
  commaList,
  flag,
  jsonObject,
  oneOf,
  seconds,
  secret,
  text,
} from '../../guardrail/fields.ts';
import type { CheckNote } from '../../guardrail/record.ts';
import { VERDICT_KINDS, type Verdict } from '../../guardrail/verdict.ts';
import { defineBackend } from '../backend.ts';
import { isMcpListing } from '../recorded-call.ts';
import { askedOf } from './asked.ts';
import { checkTemplate, type Envelope } from './envelope.ts';
import { bodiesOf, isWithin, type Limits, recordEnvelope } from './record.ts';
import { resultIn, verdictOf } from './verdict.ts';

/** The receipt for records: a 200 that does not say so is none, whatever else it says. */
const Taken = v.object({ success: v.literal(true) });
const Recorded = v.object({ ...Taken.entries, data: v.optional(v.unknown()) });

const MIB = 1024 * 1024;
/** Akto's own limits for `/api/ingestData`, with room for what stands round the envelopes. */
const BATCH_LIMITS: Limits = { string: 5 * MIB, body: 9.5 * MIB };
/** Defaults of the JSON reader of Apache Struts; Akto raised them for `/api/ingestData` alone. */
const PROXY_LIMITS: Limits = { string: 256 * 1024, body: 2 * MIB };

const OPTIONS = {
  account_id: v.pipe(v.optional(v.string(), '1000000'), v.description('Account of Akto.')),
  vxlan_id: v.pipe(v.optional(v.string(), '0'), v.description('Sent as `akto_vxlan_id`.')),
  context_source: v.pipe(
    v.optional(v.picklist(['AGENTIC', 'ENDPOINT']), 'AGENTIC'),
    v.description('Sent as `contextSource`.'),
  ),
  metadata: v.pipe(
    v.optional(v.record(v.string(), v.unknown()), {}),
    v.description('Such as `{ policy_name: pii }` for the policies to apply.'),
  ),
  blocking_behaviours: v.pipe(
    v.optional(v.array(v.string()), []),
    v.description('Behaviours of a violation that block besides `block`.'),
  ),
  flatten_content: v.pipe(
    v.optional(v.boolean(), true),
    v.description('Joins the text parts of a message in what is checked.'),
  ),
  drop_body_keys: v.pipe(
    v.optional(v.array(v.string()), ['stream', 'tools']),
    v.description('Left out of what is checked.'),
  ),
};

/**
 * Akto: checks requests and responses on `/api/http-proxy`, which records nothing (`ingest_data` is left out), and takes
 * whole calls in batches on `/api/ingestData`. Where it only observes, a call that it has not judged yet is judged and
 * recorded in one, as by its own hook with `SYNC_MODE=false`; no verdict in that reply is no failure of recording.
 *
 * `Behaviour` decides what a violation does, as in LiteLLM's own integration: empty and `block` block, the others
 * are reported; `AKTO_BLOCKING_BEHAVIOURS` names more. A reply without a verdict, or with Akto's own `failOpen`,
 * is a failure.
 *
 * @see LiteLLM 1.106.2, litellm/proxy/guardrails/guardrail_hooks/akto/akto.py; Akto's custom_hooks.py for its variables
 */
export const akto = defineBackend({
  kind: 'akto',
  judges: { request: true, response: true, media: false },
  reads: 'conversation',
  isIdempotent: true,
  environment: {
    settings: {
      AKTO_GUARDRAIL_API_BASE: {
        schema: baseUrl,
        sentence: "Address of Akto's guardrail service, as in LiteLLM's own integration.",
        secret: true,
      },
      AKTO_API_KEY: {
        schema: secret,
        sentence: 'Token that is sent as `Authorization`, without a scheme.',
        secret: true,
      },
      AKTO_ACCOUNT_ID: {
        schema: text('id'),
        default: '1000000',
        sentence: 'Sent as `akto_account_id`.',
      },
      AKTO_VXLAN_ID: { schema: text('id'), default: '0', sentence: 'Sent as `akto_vxlan_id`.' },
      AKTO_CONTEXT_SOURCE: {
        schema: oneOf(['AGENTIC', 'ENDPOINT']),
        default: 'AGENTIC',
        sentence: 'Sent as `contextSource`.',
      },
      AKTO_METADATA: {
        schema: jsonObject,
        default: '{}',
        sentence: 'Sent with each call, such as `{"policy_name":"pii"}` for the policies to apply.',
      },
      AKTO_BLOCKING_BEHAVIOURS: {
        schema: commaList,
        otherwise: '`block`',
        sentence:
          'Behaviours of a violation that block besides `block`, such as `warn`, `alert`, `approval`; others count as `flagged`.',
      },
      DATA_INGESTION_SERVICE_URL: {
        schema: baseUrl,
        sentence: "`AKTO_GUARDRAIL_API_BASE` under the name of Akto's hook.",
        secret: true,
      },
      AKTO_API_TOKEN: {
        schema: secret,
        sentence: "`AKTO_API_KEY` under the name of Akto's hook, which needs none.",
        secret: true,
      },
    },
    sharedSettings: {
      SYNC_MODE: { schema: flag, default: 'true', sentence: '`false` is `AKTO_MODE=observe`.' },
      TIMEOUT: {
        schema: seconds,
        sentence: '`AKTO_GUARDRAIL_TIMEOUT` under the name of the hook.',
      },
      VERDICT_FLATTEN_CONTENT: {
        schema: flag,
        default: 'true',
        sentence: 'Joins the text parts of a message in what Akto checks, as it reads only plain strings.',
      },
      VERDICT_DROP_BODY_KEYS: {
        schema: commaList,
        default: 'stream,tools',
        sentence: 'Keys of the body that are left out of what Akto checks, as violations hide behind them.',
      },
    },
    configure(set) {
      const url = set.AKTO_GUARDRAIL_API_BASE ?? set.DATA_INGESTION_SERVICE_URL;
      if (url === undefined) return { missing: 'AKTO_GUARDRAIL_API_BASE' };
      const token = set.AKTO_API_KEY ?? set.AKTO_API_TOKEN;
      // Akto's hook needs no token, its integration in LiteLLM does
      if (token === undefined && set.AKTO_GUARDRAIL_API_BASE !== undefined)
        return { missing: 'AKTO_API_KEY' };
      return {
        url,
        config: aktoAt(url, token, {
          account_id: set.AKTO_ACCOUNT_ID,
          vxlan_id: set.AKTO_VXLAN_ID,
          context_source: set.AKTO_CONTEXT_SOURCE,
          metadata: set.AKTO_METADATA,
          blocking_behaviours: set.AKTO_BLOCKING_BEHAVIOURS ?? [],
          flatten_content: set.VERDICT_FLATTEN_CONTENT,
          drop_body_keys: set.VERDICT_DROP_BODY_KEYS,
        }),
        mode: set.SYNC_MODE ? undefined : 'observe',
        timeoutMs: set.TIMEOUT,
      };
    },
  },
  options: OPTIONS,
  variables: {
    url: ['AKTO_GUARDRAIL_API_BASE', 'DATA_INGESTION_SERVICE_URL'],
    secret: ['AKTO_API_KEY', 'AKTO_API_TOKEN'],
  },
  setup: ({ url, secret, options }) => aktoAt(url, secret, options),
  check(call, { config, http, deadline, request }) {
    const side = call.input_type;
    const { urls, headers, blocking } = config;
    const { json, redaction } = askedOf(call, config, request);
    return http.post(urls[side], json, {
      headers,
      deadline,
      read(reply) {
        const read = verdictOf(resultIn(reply), { side, blocking, redaction });
        if ('failure' in read) throw new BackendError(read.failure);
        return read.verdict;
      },
    });
  },
  telemetry: {
    // No text grows to more than four times its stored length, so that one body takes such a batch
    batch: (mode) => (mode === 'enforce' ? { records: 100, bytes: 2 * MIB } : { records: 1, bytes: MIB }),
    wants: ({ event }) => !isMcpListing(event),
    async ingest(records, { name, config, mode, http, deadline }) {
      const { urls, headers, envelopes } = config;
      const options = { headers, deadline };
      const verdicts: Verdict[] = [];
      const batch: Envelope[] = [];
      for (const record of records) {
        const sent = recordEnvelope(record, envelopes, BATCH_LIMITS);
        if (mode === 'enforce' || !isWithin(sent, PROXY_LIMITS)) {
          batch.push(sent);
          continue;
        }
        const isJudged = record.verdicts.some(({ checks }) =>
          checks.some((check) => check.backend === name && isVerdict(check)),
        );
        const url = isJudged ? urls.record : urls.judgedRecord;
        const { data } = await http.deliver(url, sent, { ...options, schema: Recorded });
        const result = fieldsOf(data).guardrailsResult;
        const read = verdictOf(result, { side: 'request', blocking: config.blocking, redaction: () => null });
        if (!isJudged && 'verdict' in read) verdicts.push(read.verdict);
      }
      for (const batchData of bodiesOf(batch, BATCH_LIMITS.body)) {
        await http.deliver(urls.batch, { batchData }, { ...options, schema: Taken });
      }
      return verdicts;
    },
  },
});

type Options = {
  readonly account_id: string;
  readonly vxlan_id: string;
  readonly context_source: 'AGENTIC' | 'ENDPOINT';
  readonly metadata: unknown;
  readonly blocking_behaviours: readonly string[];
  readonly flatten_content: boolean;
  readonly drop_body_keys: readonly string[];
};

function aktoAt(url: string, token: string | undefined, options: Options) {
  const proxy = `${url}/api/http-proxy?akto_connector=litellm`;
  const envelopes = {
    accountId: options.account_id,
    vxlanId: options.vxlan_id,
    contextSource: options.context_source,
    metadata: JSON.stringify(options.metadata),
  };
  const { flatten_content: flatten, drop_body_keys: drop } = options;
  return {
    urls: {
      request: `${proxy}&guardrails=true`,
      response: `${proxy}&response_guardrails=true`,
      record: `${proxy}&ingest_data=true`,
      judgedRecord: `${proxy}&guardrails=true&ingest_data=true`,
      batch: `${url}/api/ingestData`,
    },
    headers: { ...BRIDGE_MARK, ...(token !== undefined && { authorization: token }) },
    envelopes,
    template: checkTemplate(envelopes),
    blocking: new Set(['', 'block', ...options.blocking_behaviours.map((word) => word.toLowerCase())]),
    flatten,
    drop: new Set(drop),
    settings: JSON.stringify([envelopes, flatten, drop]),
  };
}

function isVerdict({ result }: CheckNote): boolean {
  return (VERDICT_KINDS as readonly string[]).includes(result);
}
