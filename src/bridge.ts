import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type pino from 'pino';
import { createApp } from './app.ts';
import { createHttp } from './backends/http.ts';
import type { Config } from './config/config.ts';
import { MAX_ID_CHARS } from './guardrail/record.ts';
import { createAuth } from './http/auth.ts';
import type { JudgingBackend } from './pipeline/ask.ts';
import { createBreaker } from './pipeline/breaker.ts';
import { createJudge, type Witness } from './pipeline/judge.ts';
import { createBuiltinPolicy } from './policies/builtin.ts';
import { createLog, type Log } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { checkOf } from './telemetry/note-of.ts';
import { startTelemetry, type Telemetry } from './telemetry/telemetry.ts';
import { createWitness } from './telemetry/witness.ts';

export type Bridge = {
  readonly app: Hono<{ Bindings: Partial<HttpBindings> }>;
  readonly log: Log;
  /** From now on `/readyz` says that the bridge is going. */
  startDraining(): void;
  isDraining(): boolean;
  /**
   * Ends what still runs in the background, then the connections to backends.
   *
   * @param drainMs how long records may still be delivered
   */
  close(drainMs?: number): Promise<void>;
};

/** A vendor may echo the whole call, with every quote escaped twice. */
const REPLY_TO_BODY = 4;

/**
 * All parts put together by a configuration; it does not listen.
 *
 * @param destination where log lines go instead of standard output
 */
export function createBridge(config: Config, destination?: pino.DestinationStream): Bridge {
  const backends: readonly JudgingBackend[] = config.backends.map((backend) => ({
    ...backend,
    breaker: createBreaker(),
  }));
  const policies = config.builtinPolicy ? [createBuiltinPolicy(config)] : [];
  const metrics = createMetrics(
    { backends: backends.map(({ name }) => name), policies: policies.map(({ name }) => name) },
    (name) => backends.find((backend) => backend.name === name)?.breaker.state() ?? 'closed',
  );
  const log = createLog(config.logLevel, () => metrics.logDrops.inc(), destination);
  const http = createHttp({ maxReplyBytes: config.maxBodyBytes * REPLY_TO_BODY, proxy: config.proxy });
  const telemetry =
    config.telemetry &&
    startTelemetry(config.env, log, {
      restarted: () => metrics.telemetryRestarts.inc(),
      lost: () => metrics.telemetryLost.inc(),
    });
  const witness = withNotes(createWitness(metrics, log), telemetry);
  const judge = createJudge({ policies, backends, http, witness });
  let draining = false;
  const isDraining = () => draining;
  const app = createApp({
    ...config,
    backends,
    judge,
    telemetry,
    metrics,
    log,
    isDraining,
    isAuthorized: createAuth(config.apiKeys),
  });
  return {
    app,
    log,
    isDraining,
    startDraining() {
      draining = true;
    },
    async close(drainMs = 0) {
      await judge.settled();
      await telemetry?.close(drainMs);
      await http.close();
    },
  };
}

/** What observing backends say comes after the answer, and belongs on the record of the call. */
function withNotes(witness: Witness, telemetry: Telemetry | undefined): Witness {
  if (telemetry === undefined) return witness;
  return {
    ...witness,
    answer(answer) {
      witness.answer(answer);
      const { litellm_call_id, input_type } = answer.call;
      if (answer.backend.mode !== 'observe' || litellm_call_id === null) return;
      telemetry.note({
        litellm_call_id: litellm_call_id.slice(0, MAX_ID_CHARS),
        input_type,
        check: checkOf(answer),
      });
    },
  };
}
