import fs from 'node:fs';
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type pino from 'pino';
import { Auditor } from './audit/auditor.ts';
import { AuditLog, auditAdvice } from './audit/log.ts';
import { createHttp } from './backends/http.ts';
import { checkerOf } from './backends/index.ts';
import { type Config, ConfigError } from './config/config.ts';
import { ipList } from './guardrail/ip-list.ts';
import { MAX_ID_CHARS } from './guardrail/record.ts';
import { createApp } from './http/app.ts';
import { createAuth } from './http/middleware/auth.ts';
import { createLog, type Log } from './observability/log.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { createWitness } from './observability/witness.ts';
import type { Answer, JudgingBackend } from './pipeline/ask.ts';
import { createBreaker } from './pipeline/breaker.ts';
import { createJudge, type Witness } from './pipeline/judge.ts';
import type { PolicyFile } from './policies/file/policy-file.ts';
import { PolicyFileError } from './policies/file/problems.ts';
import { createPolicyStore, defaultPolicy, type PolicyStore } from './policies/store.ts';
import { checkNoteOf } from './records/note.ts';
import { RecordsThread } from './records/records-thread.ts';

export type Bridge = {
  readonly app: Hono<{ Bindings: Partial<HttpBindings> }>;
  readonly log: Log;
  /** The policies in force; undefined if there are none. */
  readonly policies: (() => PolicyFile) | undefined;
  /** Reads the policy file again; one that cannot be used is logged and counted, and what was in force stays so. */
  reloadPolicies(): void;
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
    ...checkerOf(backend),
    breaker: createBreaker(),
  }));
  const policies = policiesOf(config);
  const metrics = createMetrics(
    { backends: backends.map(({ name }) => name), policies: [...(policies?.file().policies.keys() ?? [])] },
    (name) => backends.find((backend) => backend.name === name)?.breaker.state() ?? 'closed',
  );
  const log = createLog(config.logLevel, () => metrics.logDrops.inc(), destination);
  const { access, bodies, proxy, records } = config;
  const http = createHttp({ maxReplyBytes: bodies.maxBodyBytes * REPLY_TO_BODY, proxy });
  if (backends.length > 0) http.open();
  const telemetry =
    records &&
    new RecordsThread({ backends: config.backends, bodies, proxy, records }, log, {
      restarted: () => metrics.telemetryRestarts.inc(),
      lost: () => metrics.telemetryLost.inc(),
    });
  const audit = new Auditor({
    openLog: () => openAuditLog(config.audit, log),
    wanted: () => policies?.engine().audit,
    onLost: () => metrics.auditLost.inc(),
  });
  audit.prepare();
  const judge = createJudge({
    ...config.judging,
    engine: () => policies?.engine(),
    backends,
    http,
    witness: withNotes(createWitness(metrics, log), telemetry),
  });
  let draining = false;
  const isDraining = () => draining;
  const app = createApp({
    ...bodies,
    ...config.replies,
    backends,
    judge,
    telemetry,
    audit,
    metrics,
    log,
    isDraining,
    isAuthorized: createAuth(access.apiKeys),
    isAllowedAddress: access.allowedIps.length > 0 ? ipList(access.allowedIps) : () => true,
  });
  return {
    app,
    log,
    isDraining,
    policies: policies?.file,
    reloadPolicies() {
      if (policies === undefined || config.policies.file === undefined) return;
      reload(policies, metrics, log);
      audit.prepare();
    },
    startDraining() {
      draining = true;
    },
    async close(drainMs = 0) {
      await judge.settled();
      await telemetry?.close(drainMs);
      await audit.close();
      await http.close();
    },
  };
}

/** What observing backends say comes after the answer, as late checks do, and belongs on the record of the call. */
function withNotes(witness: Witness, telemetry: RecordsThread | undefined): Witness {
  if (telemetry === undefined) return witness;
  const note = (answer: Answer) => {
    const { litellm_call_id, input_type } = answer.call;
    if (litellm_call_id === null) return;
    const id = litellm_call_id.slice(0, MAX_ID_CHARS);
    telemetry.note({ litellm_call_id: id, input_type, check: checkNoteOf(answer) });
  };
  return {
    ...witness,
    answer(answer) {
      witness.answer(answer);
      if (answer.backend.mode === 'observe') note(answer);
    },
    late(answer) {
      witness.late(answer);
      note(answer);
    },
  };
}

/** The policies that the configuration names. @throws PolicyFileError */
export function policiesOf({
  policies,
  replies,
  backends,
}: Pick<Config, 'policies' | 'replies' | 'backends'>) {
  const { file, builtin, bannedKeywords } = policies;
  if (file === undefined && !builtin) return undefined;
  return createPolicyStore(() => (file === undefined ? defaultPolicy(bannedKeywords) : textOf(file)), {
    backends: backends.map(({ name }) => name),
    restores: replies.responseRedaction === 'rewrite',
  });
}

/** @throws ConfigError */
function textOf(policyFile: string): string {
  try {
    return fs.readFileSync(policyFile, 'utf8');
  } catch (error) {
    const { code = 'no file' } = error as NodeJS.ErrnoException;
    throw new ConfigError([
      `POLICY_FILE: cannot be read (${code}); write the path of a policy file; it is ${JSON.stringify(policyFile)}`,
    ]);
  }
}

function reload(policies: PolicyStore, metrics: Metrics, log: Log): void {
  try {
    const changed = policies.reload();
    metrics.policyReloads.inc({ result: changed ? 'changed' : 'unchanged' });
    if (!changed) return;
    const { name, version, warnings } = policies.file();
    log.info({ policy_file: name, policy_version: version }, 'policies read again');
    for (const warning of warnings) log.warn(warning);
  } catch (error) {
    metrics.policyReloads.inc({ result: 'failed' });
    const isKnown = error instanceof PolicyFileError || error instanceof ConfigError;
    const problems = isKnown ? error.problems : [(error as Error).name];
    log.error(
      { problems, policy_version: policies.file().version },
      'the policy file cannot be used; the last good one stays',
    );
  }
}

function openAuditLog({ dir, keys: [key] }: Config['audit'], log: Log): AuditLog {
  return new AuditLog({
    dir,
    key,
    onError: (code) => log.error({ code, advice: auditAdvice(code) }, 'the audit log cannot be written'),
    onRecovered: (lost) => log.warn({ lost }, 'the audit log is written again'),
    onHead: (head) => log.info(head, 'head of the audit log'),
  });
}
