import * as v from 'valibot';
import { fieldsOf, textOf } from '../guardrail/call.ts';
import { BackendError } from '../guardrail/failure.ts';
import { baseUrl, commaList, flag, seconds, secret } from '../guardrail/fields.ts';
import { ALLOW, type Verdict } from '../guardrail/verdict.ts';
import { envelope } from './akto-envelope.ts';
import { answerPayload, type CheckedPayload, requestPayload } from './akto-payload.ts';
import { defineBackend } from './backend.ts';

const jsonObject = v.pipe(
  v.string(),
  v.parseJson(undefined, 'write a JSON object'),
  v.check(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'write a JSON object',
  ),
);

const Reply = v.object({
  data: v.nullish(v.object({ guardrailsResult: v.nullish(v.record(v.string(), v.unknown())) })),
});

/**
 * Akto, the check of requests and answers on `/api/http-proxy`. Nothing is recorded by it (`ingest_data` is left out).
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
  variables: {
    AKTO_GUARDRAIL_API_BASE: baseUrl,
    AKTO_API_KEY: secret,
    AKTO_ACCOUNT_ID: v.string(),
    AKTO_VXLAN_ID: v.string(),
    AKTO_CONTEXT_SOURCE: v.picklist(['AGENTIC', 'ENDPOINT'], 'write AGENTIC or ENDPOINT'),
    AKTO_METADATA: jsonObject,
    AKTO_BLOCKING_BEHAVIOURS: commaList,
    DATA_INGESTION_SERVICE_URL: baseUrl,
    AKTO_API_TOKEN: secret,
  },
  sharedVariables: {
    SYNC_MODE: flag,
    TIMEOUT: seconds,
    VERDICT_FLATTEN_CONTENT: flag,
    VERDICT_DROP_BODY_KEYS: commaList,
  },
  configure(set) {
    const base = set.AKTO_GUARDRAIL_API_BASE ?? set.DATA_INGESTION_SERVICE_URL;
    if (base === undefined) return { missing: 'AKTO_GUARDRAIL_API_BASE' };
    const token = set.AKTO_API_KEY ?? set.AKTO_API_TOKEN;
    // Akto's hook needs no token, its integration in LiteLLM does
    if (token === undefined && set.AKTO_GUARDRAIL_API_BASE !== undefined) return { missing: 'AKTO_API_KEY' };
    return {
      url: base,
      config: {
        url: `${base}/api/http-proxy?akto_connector=litellm`,
        token,
        accountId: set.AKTO_ACCOUNT_ID ?? '1000000',
        vxlanId: set.AKTO_VXLAN_ID ?? '0',
        contextSource: set.AKTO_CONTEXT_SOURCE ?? 'AGENTIC',
        metadata: JSON.stringify(set.AKTO_METADATA ?? {}),
        blocking: new Set([
          '',
          'block',
          ...(set.AKTO_BLOCKING_BEHAVIOURS ?? []).map((word) => word.toLowerCase()),
        ]),
        flatten: set.VERDICT_FLATTEN_CONTENT ?? true,
        drop: new Set(set.VERDICT_DROP_BODY_KEYS ?? ['stream', 'tools']),
      },
      mode: set.SYNC_MODE === false ? 'observe' : undefined,
      timeoutMs: set.TIMEOUT,
    };
  },
  async check(call, { config, http, signal, request }) {
    const isAnswer = call.input_type === 'response';
    const asked = requestPayload(isAnswer ? request : call, config);
    const answered = isAnswer ? answerPayload(call) : undefined;
    const flagName = isAnswer ? 'response_guardrails' : 'guardrails';
    const reply = await http.post(
      `${config.url}&${flagName}=true`,
      envelope(call, config, asked.json, answered?.json),
      {
        headers: config.token === undefined ? {} : { authorization: config.token },
        schema: Reply,
        signal,
      },
    );
    return readVerdict(reply.data?.guardrailsResult, answered ?? asked, config.blocking);
  },
});

/** Field names are read without regard to case: Akto's clients and its README do not agree on it. */
function readVerdict(result: unknown, sent: CheckedPayload, blocking: ReadonlySet<string>): Verdict {
  if (result === null || result === undefined) throw new BackendError({ kind: 'no_verdict' });
  const outer = lowerKeys(result);
  const request = lowerKeys(outer.requestresult);
  const response = lowerKeys(outer.responseresult);
  const inner = [request, response].filter((part) => part.allowed === false);
  const denials = inner.length > 0 ? inner : outer.allowed === false ? [outer] : [];
  const blocks = denials.find((part) => blocking.has(behaviourOf(part)));
  if (blocks !== undefined) {
    return {
      kind: 'block',
      reason: textOf(blocks.reason) ?? textOf(outer.reason) ?? 'Blocked by Akto Guardrails',
    };
  }
  if (typeof outer.allowed !== 'boolean') {
    throw new BackendError({ kind: 'wrong_shape', field: 'data.guardrailsResult.Allowed' });
  }
  if ([outer, request, response].some((part) => part.failopen === true)) {
    throw new BackendError({ kind: 'no_verdict' });
  }
  // Without `Modified` a payload in the reply is an echo, or an extract of what was sent
  const side = sent.isAnswer ? response : request;
  // Outer fields repeat the request's side
  const judged = sent.isAnswer && 'modified' in side ? side : side.modified === true ? side : outer;
  if (judged.modified === true) return { kind: 'modify', rewrites: sent.mapBack(judged.modifiedpayload) };
  const [denial] = denials;
  return denial === undefined ? ALLOW : { kind: 'allow', flagged: behaviourOf(denial) };
}

function behaviourOf(part: Record<string, unknown>): string {
  return (textOf(part.behaviour) ?? '').trim().toLowerCase();
}

function lowerKeys(value: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([key, item]) => [key.toLowerCase(), item]));
}
