import * as v from 'valibot';
import { type Fields, fieldsOf, textOf } from '../../guardrail/call.ts';
import { BackendError, type Failure } from '../../guardrail/failure.ts';
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
import { ALLOW, VERDICT_KINDS, type Verdict } from '../../guardrail/verdict.ts';
import { defineBackend } from '../backend.ts';
import { checkEnvelope, checkTemplate, type Envelope } from './envelope.ts';
import { answerPayload, type CheckedPayload, requestPayload } from './payload.ts';
import { bodiesOf, isWithin, type Limits, recordEnvelope } from './record.ts';

/** Of what was sent to be recorded: a 200 that does not say so is no receipt, whatever else it says. */
const Taken = v.object({ success: v.literal(true) });
const Recorded = v.object({ ...Taken.entries, data: v.optional(v.unknown()) });

const MIB = 1024 * 1024;
/** Akto's own limits for `/api/ingestData`, with room for what stands round the envelopes. */
const BATCH_LIMITS: Limits = { string: 5 * MIB, body: 9.5 * MIB };
/** What the JSON reader of Apache Struts takes by default; Akto raised it for `/api/ingestData` alone. */
const PROXY_LIMITS: Limits = { string: 256 * 1024, body: 2 * MIB };

/** A recorded payload is not judged to be changed any more. */
const UNMAPPED = { isAnswer: false, mapBack: () => null };

/**
 * Akto: checks requests and answers on `/api/http-proxy`, which records nothing (`ingest_data` is left out), and takes
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
  name: 'akto',
  judges: { request: true, response: true, media: false },
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
    const base = set.AKTO_GUARDRAIL_API_BASE ?? set.DATA_INGESTION_SERVICE_URL;
    if (base === undefined) return { missing: 'AKTO_GUARDRAIL_API_BASE' };
    const token = set.AKTO_API_KEY ?? set.AKTO_API_TOKEN;
    // Akto's hook needs no token, its integration in LiteLLM does
    if (token === undefined && set.AKTO_GUARDRAIL_API_BASE !== undefined) return { missing: 'AKTO_API_KEY' };
    const proxy = `${base}/api/http-proxy?akto_connector=litellm`;
    const envelopes = {
      accountId: set.AKTO_ACCOUNT_ID,
      vxlanId: set.AKTO_VXLAN_ID,
      contextSource: set.AKTO_CONTEXT_SOURCE,
      metadata: JSON.stringify(set.AKTO_METADATA),
    };
    return {
      url: base,
      config: {
        urls: {
          request: `${proxy}&guardrails=true`,
          response: `${proxy}&response_guardrails=true`,
          record: `${proxy}&ingest_data=true`,
          judgedRecord: `${proxy}&guardrails=true&ingest_data=true`,
          batch: `${base}/api/ingestData`,
        },
        headers: token === undefined ? {} : { authorization: token },
        envelopes,
        template: checkTemplate(envelopes),
        blocking: new Set([
          '',
          'block',
          ...(set.AKTO_BLOCKING_BEHAVIOURS ?? []).map((word) => word.toLowerCase()),
        ]),
        flatten: set.VERDICT_FLATTEN_CONTENT,
        drop: new Set(set.VERDICT_DROP_BODY_KEYS),
      },
      mode: set.SYNC_MODE ? undefined : 'observe',
      timeoutMs: set.TIMEOUT,
    };
  },
  check(call, { config, http, deadline, request }) {
    const isAnswer = call.input_type === 'response';
    const asked = requestPayload(isAnswer ? request() : call, config);
    const answered = isAnswer ? answerPayload(call) : undefined;
    const json = checkEnvelope(call, config.template, asked.body, answered?.body);
    // Kept until the reply is there, and so without the texts
    const { mapBack } = answered ?? asked;
    return http.post(config.urls[call.input_type], json, {
      headers: config.headers,
      deadline,
      read(reply) {
        const read = readVerdict(resultIn(reply), { isAnswer, mapBack }, config.blocking);
        if ('failure' in read) throw new BackendError(read.failure);
        return read.verdict;
      },
    });
  },
  telemetry: {
    // No text grows to more than four times its stored length, so that one body takes such a batch
    batch: (mode) => (mode === 'observe' ? { records: 1, bytes: MIB } : { records: 100, bytes: 2 * MIB }),
    async ingest(records, { config, mode, http, signal }) {
      const { urls, headers, envelopes } = config;
      const options = { headers, signal };
      const verdicts: Verdict[] = [];
      const batch: Envelope[] = [];
      for (const record of records) {
        const sent = recordEnvelope(record, envelopes, BATCH_LIMITS);
        if (mode === 'enforce' || !isWithin(sent, PROXY_LIMITS)) {
          batch.push(sent);
          continue;
        }
        const isJudged = record.verdicts.some(({ checks }) => checks.some(isVerdictOfAkto));
        const url = isJudged ? urls.record : urls.judgedRecord;
        const { data } = await http.deliver(url, sent, { ...options, schema: Recorded });
        const result = fieldsOf(data).guardrailsResult;
        const read = isJudged ? undefined : readVerdict(result, UNMAPPED, config.blocking);
        if (read !== undefined && 'verdict' in read) verdicts.push(read.verdict);
      }
      for (const batchData of bodiesOf(batch, BATCH_LIMITS.body)) {
        await http.deliver(urls.batch, { batchData }, { ...options, schema: Taken });
      }
      return verdicts;
    },
  },
});

function isVerdictOfAkto({ backend, result }: CheckNote): boolean {
  return backend === 'akto' && (VERDICT_KINDS as readonly string[]).includes(result);
}

/** What a reply says of a call: read by hand, as a schema costs as much as the rest of the reading. @throws BackendError */
function resultIn(reply: unknown): unknown {
  if (typeof reply !== 'object' || reply === null) throw wrongShape('body');
  const { data } = reply as Fields;
  if (data === undefined || data === null) return undefined;
  if (typeof data !== 'object') throw wrongShape('data');
  const { guardrailsResult } = data as Fields;
  if (typeof guardrailsResult !== 'object' && guardrailsResult !== undefined) {
    throw wrongShape('data.guardrailsResult');
  }
  return guardrailsResult;
}

function wrongShape(field: string): BackendError {
  return new BackendError({ kind: 'wrong_shape', field });
}

function readVerdict(
  result: unknown,
  sent: Pick<CheckedPayload, 'mapBack'> & { readonly isAnswer: boolean },
  blocking: ReadonlySet<string>,
): { verdict: Verdict } | { failure: Failure } {
  if (result === null || result === undefined) return { failure: { kind: 'no_verdict' } };
  const outer = saidIn(result);
  const request = saidIn(outer.requestresult);
  const response = saidIn(outer.responseresult);
  const inner = [request, response].filter((part) => part.allowed === false);
  const denials = inner.length > 0 ? inner : outer.allowed === false ? [outer] : [];
  const blocks = denials.find((part) => blocking.has(behaviourOf(part)));
  if (blocks !== undefined) {
    const reason = textOf(blocks.reason) ?? textOf(outer.reason) ?? 'Blocked by Akto Guardrails';
    return { verdict: { kind: 'block', reason } };
  }
  if (typeof outer.allowed !== 'boolean') {
    return { failure: { kind: 'wrong_shape', field: 'data.guardrailsResult.Allowed' } };
  }
  if ([outer, request, response].some((part) => part.failopen === true)) {
    return { failure: { kind: 'no_verdict' } };
  }
  // Without `Modified` a payload in the reply is an echo, or an extract of what was sent
  const side = sent.isAnswer ? response : request;
  // Outer fields repeat the request's side
  const judged = sent.isAnswer && side.modified !== undefined ? side : side.modified === true ? side : outer;
  if (judged.modified === true) {
    return { verdict: { kind: 'modify', texts: sent.mapBack(judged.modifiedpayload) } };
  }
  const [denial] = denials;
  return { verdict: denial === undefined ? ALLOW : { kind: 'allow', flagged: behaviourOf(denial) } };
}

function behaviourOf(part: Said): string {
  return (textOf(part.behaviour) ?? '').trim().toLowerCase();
}

const NOTHING = {
  allowed: undefined,
  modified: undefined,
  modifiedpayload: undefined,
  reason: undefined,
  behaviour: undefined,
  failopen: undefined,
  requestresult: undefined,
  responseresult: undefined,
};
type Said = { [Name in keyof typeof NOTHING]: unknown };

/** The fields of a result that mean something. Names are read without regard to case: Akto's clients and its README do not agree on it. */
function saidIn(result: unknown): Said {
  const said: Said = { ...NOTHING };
  const fields = fieldsOf(result);
  for (const key in fields) {
    const name = key.toLowerCase();
    if (Object.hasOwn(NOTHING, name)) said[name as keyof Said] = fields[key];
  }
  return said;
}
