import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { BRIDGE_MARK } from '../../guardrail/bridge-mark.ts';
import { textOf } from '../../guardrail/call.ts';
import { baseUrl, flag, milliseconds, secret } from '../../guardrail/fields.ts';
import { ALLOW } from '../../guardrail/verdict.ts';
import { defineBackend } from '../backend.ts';
import { isPosted, postHook } from './post-hook.ts';
import { preHook } from './pre-hook.ts';

const HOOKS = '/v1/litellm/hooks';

const Reply = v.object({ decision: v.picklist(['allow', 'deny', 'block']), reason: v.optional(v.unknown()) });

/**
 * Capsule Security: the pre hook judges requests and knows no redaction, the post hook takes records one by one.
 *
 * A reply without a known `decision` is a failure; the plugin lets it pass. A post counts as taken when its reply is
 * any JSON.
 *
 * @see capsule-litellm 0.1.7 on PyPI (types and transport), https://docs.capsulesecurity.io/guides/litellm
 */
export const capsule = defineBackend({
  kind: 'capsule',
  judges: { request: true, response: false, media: false },
  reads: 'conversation',
  isIdempotent: true,
  // 20 s since plugin 0.1.x, as judging a prompt that matches a detection can take most of it
  defaults: { timeoutMs: 20_000, unreachableFallback: 'fail_open' },
  environment: {
    settings: {
      CAPSULE_LITELLM_ENDPOINT: {
        schema: baseUrl,
        sentence: "Address of Capsule's hooks.",
        secret: true,
      },
      CAPSULE_LITELLM_TOKEN: {
        schema: secret,
        sentence: 'Token (JWT) of Capsule.',
        secret: true,
      },
      CAPSULE_LITELLM_BLOCK_ON_RISK: {
        schema: flag,
        default: 'true',
        sentence: '`false` is `CAPSULE_MODE=observe`.',
      },
      CAPSULE_LITELLM_FAIL_OPEN: {
        schema: flag,
        otherwise: '`true`',
        sentence: '`true` is `CAPSULE_UNREACHABLE_FALLBACK=fail_open`, `false` is `fail_closed`.',
      },
      CAPSULE_LITELLM_TIMEOUT_MS: {
        schema: milliseconds,
        otherwise: '`20000`',
        sentence: '`CAPSULE_GUARDRAIL_TIMEOUT` in milliseconds.',
      },
    },
    sharedSettings: {},
    configure(set) {
      const endpoint = set.CAPSULE_LITELLM_ENDPOINT;
      if (endpoint === undefined) return { missing: 'CAPSULE_LITELLM_ENDPOINT' };
      if (set.CAPSULE_LITELLM_TOKEN === undefined) return { missing: 'CAPSULE_LITELLM_TOKEN' };
      const config = capsuleAt(endpoint, set.CAPSULE_LITELLM_TOKEN);
      return {
        config,
        url: config.hooks,
        mode: set.CAPSULE_LITELLM_BLOCK_ON_RISK ? undefined : 'observe',
        timeoutMs: set.CAPSULE_LITELLM_TIMEOUT_MS,
        unreachableFallback:
          set.CAPSULE_LITELLM_FAIL_OPEN === undefined
            ? undefined
            : set.CAPSULE_LITELLM_FAIL_OPEN
              ? 'fail_open'
              : 'fail_closed',
      };
    },
  },
  options: {},
  secret: 'required',
  variables: { url: ['CAPSULE_LITELLM_ENDPOINT'], secret: ['CAPSULE_LITELLM_TOKEN'] },
  setup: ({ url, secret = '' }) => capsuleAt(url, secret),
  async check(call, { config, http, deadline }) {
    const requestId = call.litellm_call_id ?? randomUUID();
    const reply = await http.post(config.pre, JSON.stringify(preHook(call, requestId)), {
      headers: headers(config.token, requestId),
      read: (reply) => v.parse(Reply, reply),
      deadline,
    });
    return reply.decision === 'allow'
      ? ALLOW
      : { kind: 'block', reason: textOf(reply.reason) ?? 'policy violation' };
  },
  telemetry: {
    batch: () => ({ records: 1, bytes: 1024 * 1024 }),
    wants: isPosted,
    async ingest(records, { config, http, deadline }) {
      for (const record of records) {
        const { path, body } = postHook(record);
        await http.deliver(`${config.hooks}/${path}`, body, {
          headers: {
            ...headers(config.token, body.requestId),
            'idempotency-key': headerSafe(record.record_id),
          },
          schema: v.unknown(),
          deadline,
        });
      }
      return [];
    },
  },
});

function capsuleAt(endpoint: string, token: string) {
  const hooks = endpoint.endsWith(HOOKS) ? endpoint : endpoint + HOOKS;
  return { hooks, pre: `${hooks}/events/pre`, token };
}

function headers(token: string, requestId: string) {
  return { ...BRIDGE_MARK, authorization: `Bearer ${token}`, 'x-correlation-id': headerSafe(requestId) };
}

/** A client can choose its call id; a header cannot carry everything that a JSON string can. */
function headerSafe(id: string): string {
  return id.replace(/[^\x21-\x7e]/g, '').slice(0, 200);
}
