import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Log } from '../observability/log.ts';
import type { LOG_RESULTS, Metrics } from '../observability/metrics.ts';
import type { LogsRefusal } from '../records/protocol.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { createBodyReader } from './middleware/body.ts';

export type LogsRouteOptions = {
  /** Undefined when no backend takes records, or telemetry is off. */
  readonly telemetry: RecordsThread | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly maxLogBodyBytes: number;
  readonly isAuthorized: (header: (name: string) => string | undefined) => boolean;
};

type Result = (typeof LOG_RESULTS)[number];

const JSON_TYPE = { 'content-type': 'application/json' };

const REFUSALS: Record<LogsRefusal, { status: 400 | 413 | 503; message: string }> = {
  full: {
    status: 503,
    message: 'the outbox is full; raise OUTBOX_MAX_MB, or see why its backends take nothing',
  },
  unavailable: { status: 503, message: 'records cannot be stored now; see the log for the reason' },
  not_gzip: { status: 400, message: 'content-encoding says gzip and the body is not' },
  invalid: {
    status: 400,
    message: 'no row is a log event: send StandardLoggingPayload objects as json_array, ndjson or single',
  },
  too_large: { status: 413, message: 'the body is too large; raise MAX_LOG_BODY_MB' },
};

/** `POST /v1/litellm/logs`: log events of LiteLLM's `callback_type: generic_api`, answered when they are durable. */
export function logsRoute(
  options: LogsRouteOptions,
): (c: Context<{ Bindings: Partial<HttpBindings> }>) => Promise<Response> {
  const { telemetry, metrics, log } = options;
  // Read, a body takes several times its size: they share the room of one, and LiteLLM sends a refused one again
  const readBody = createBodyReader(options.maxLogBodyBytes, 1);

  return async (c) => {
    const startedAt = performance.now();
    function refuse(status: 400 | 401 | 413 | 415 | 503, type: Result, message: string, field?: string) {
      metrics.logPosts.inc({ result: type });
      log.warn({ reason: type, ...(field && { field }) }, 'log events refused');
      const headers = status === 503 ? { 'retry-after': '5' } : undefined;
      return c.json({ error: { type, ...(field && { field }), message } }, status, headers);
    }

    if (!options.isAuthorized((name) => c.req.header(name))) {
      const message = 'send one of BRIDGE_API_KEYS as x-api-key, in LiteLLM under headers of the callback';
      return refuse(401, 'unauthorized', message, 'x-api-key');
    }
    const encoding = c.req.header('content-encoding')?.toLowerCase() ?? 'identity';
    if (!/^(?:identity|gzip|x-gzip)?$/.test(encoding)) {
      return refuse(415, 'content_encoding', 'send the body uncompressed or as gzip', 'content-encoding');
    }
    const body = await readBody(c);
    if ('refused' in body) {
      if (body.refused === 'aborted') {
        metrics.logPosts.inc({ result: 'aborted' });
        return c.body(null, 400);
      }
      if (body.refused === 'too_large') return refuse(413, 'too_large', REFUSALS.too_large.message, 'body');
      return refuse(503, 'overloaded', 'too many log events at once; send fewer or later');
    }
    try {
      if (telemetry === undefined) {
        metrics.logPosts.inc({ result: 'no_backend' });
        return c.json({ accepted: 0, dropped: 'no backend takes records, or TELEMETRY is off' });
      }
      const result = await telemetry.logs(body.bytes, encoding.endsWith('gzip'));
      if (typeof result !== 'string') {
        const { status, message } = REFUSALS[result.refused];
        return refuse(status, result.refused, message);
      }
      metrics.logPosts.inc({ result: 'accepted' });
      metrics.logSeconds.observe({}, (performance.now() - startedAt) / 1000);
      return c.body(result, 200, JSON_TYPE);
    } finally {
      body.release();
    }
  };
}
