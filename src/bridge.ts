import fs from 'node:fs';
import type { Hono } from 'hono';
import type pino from 'pino';
import { Auditor } from './audit/auditor.ts';
import { AuditLog, auditAdvice } from './audit/log.ts';
import { createHttp } from './backends/http.ts';
import { checkerOf } from './backends/index.ts';
import { type Config, ConfigError } from './config/config.ts';
import type { GuardrailCall } from './guardrail/call.ts';
import type { CheckResult, Decision } from './guardrail/decision.ts';
import { ipList } from './guardrail/ip-list.ts';
import { createApp } from './http/app.ts';
import type { BridgeEnv } from './http/refusal.ts';
import { refusalTest } from './http/reply.ts';
import { isRedactionApplied } from './litellm/coverage.ts';
import { Releases } from './litellm/releases.ts';
import { rewriteForm } from './litellm/reply.ts';
import { ResponseWiring } from './litellm/response-wiring.ts';
import { createLog, type Log } from './observability/log.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { Observer } from './observability/observer.ts';
import { Breaker } from './pipeline/breaker.ts';
import type { JudgingBackend } from './pipeline/check-backend.ts';
import { Judge, type JudgeObserver } from './pipeline/judge.ts';
import { unseenCause } from './pipeline/unseen.ts';
import type { PolicyFile } from './policies/file/policy-file.ts';
import { PolicyFileError } from './policies/file/problems.ts';
import { globs } from './policies/glob.ts';
import { defaultPolicy, PolicyStore } from './policies/store.ts';
import { checkNoteOf, notedCall, recordDecision } from './records/record-decision.ts';
import { RecordsThread } from './records/records-thread.ts';
import { StreamedTexts } from './records/streamed-texts.ts';

export type Bridge = {
  readonly app: Hono<BridgeEnv>;
  readonly log: Log;
  /** The policies in force; undefined if there are none. */
  readonly policies: (() => PolicyFile) | undefined;
  /** Reads the policy file again; one that cannot be used is logged and counted, and the last good one stays in force. */
  reloadPolicies(): void;
  /** From now on `/readyz` reports that the bridge is going. */
  startDraining(): void;
  isDraining(): boolean;
  /**
   * Ends background work, then the connections to backends.
   *
   * @param drainMs how long records may still be delivered
   */
  close(drainMs?: number): Promise<void>;
};

/** A vendor may echo the whole call, with every quote escaped twice. */
const REPLY_TO_BODY = 4;

/**
 * Puts all parts together by a configuration; it does not listen.
 *
 * @param destination where log lines go instead of standard output
 */
export function createBridge(config: Config, destination?: pino.DestinationStream): Bridge {
  const backends: readonly JudgingBackend[] = config.backends.map((backend) => ({
    ...checkerOf(backend),
    breaker: new Breaker(),
  }));
  const wiring = new ResponseWiring(config.replies.responseRedaction);
  const policies = policiesOf(config, wiring);
  const metrics = createMetrics(
    { backends: backends.map(({ name }) => name), policies: [...(policies?.file.policies.keys() ?? [])] },
    (name) => backends.find((backend) => backend.name === name)?.breaker.state() ?? 'closed',
  );
  const log = createLog(config.logLevel, () => metrics.log_lines_dropped_total.inc(), destination);
  const observer = new Observer(metrics, log);
  const releases = new Releases();
  const { access, bodies, proxy, replies } = config;
  const http = createHttp({ maxReplyBytes: bodies.maxBodyBytes * REPLY_TO_BODY, proxy });
  if (backends.length > 0) http.open();
  const records = startRecords(config, metrics, log);
  const audit = new Auditor({
    openLog: () => openAuditLog(config.audit, log),
    wanted: () => policies?.engine.audit,
    onLost: () => metrics.audit_lost_total.inc(),
  });
  audit.prepare();
  const isRedactable = globs(replies.redactableModels);
  const judge = new Judge({
    ...config.judging,
    engine: () => policies?.engine,
    backends,
    http,
    observer: records === undefined ? observer : withNotes(observer, records),
    rewriteForm: (call, texts) => (isRedactionApplied(call, isRedactable) ? rewriteForm(call, texts) : null),
    wired: (call) => wiring.of(call),
    unseen: (call, caller) =>
      unseenCause(call, caller, {
        ...config.unseen,
        hidden: (hiding, who, bytes) => observer.hidden(hiding, who, bytes),
      }),
    isRefusal: refusalTest(replies.blockedMessage),
  });
  /** Told of each decision. A mistake of ours in one of them changes no reply, and keeps the others from nothing. */
  const listeners: readonly Listener[] = [
    (decision) => observer.decided(decision),
    ({ call }) => {
      const warning = releases.seen(call.litellm_version);
      if (warning !== undefined) log.warn(warning);
    },
    ({ call }) => wiring.seen(call),
    (decision) => audit.decided(decision),
    ...(records === undefined ? [] : [recorder(records)]),
  ];
  let draining = false;
  const isDraining = () => draining;
  const app = createApp({
    ...{ judge, backends, records, audit, releases, observer, metrics, log, isDraining },
    decided(decision: Decision, request: () => GuardrailCall | undefined) {
      for (const listener of listeners) {
        try {
          listener(decision, request);
        } catch (error) {
          observer.failed(error, decision.call);
        }
      }
    },
    apiKeys: access.apiKeys,
    isAllowedAddress: access.allowedIps.length > 0 ? ipList(access.allowedIps) : () => true,
    ...bodies,
    blockedMessage: replies.blockedMessage,
  });
  return {
    app,
    log,
    isDraining,
    policies: policies && (() => policies.file),
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
      await records?.close(drainMs);
      await audit.close();
      await http.close();
    },
  };
}

function startRecords(
  { backends, bodies, proxy, records }: Config,
  metrics: Metrics,
  log: Log,
): RecordsThread | undefined {
  if (records === undefined) return undefined;
  return new RecordsThread({ backends, bodies, proxy, records }, log, {
    restarted: () => metrics.telemetry_restarts_total.inc(),
    lost: () => metrics.telemetry_lost_total.inc(),
  });
}

type Listener = (decision: Decision, request: () => GuardrailCall | undefined) => void;

function recorder(records: RecordsThread): Listener {
  const streams = new StreamedTexts();
  return (decision, request) => {
    recordDecision(records, decision, request);
    const line = streams.next(decision);
    if (line !== undefined) records.text(line);
  };
}

/** Results of observing backends and of trailing checks come after the decision, and belong on the record of the call. */
function withNotes(observer: Observer, records: RecordsThread): JudgeObserver {
  const note = (call: GuardrailCall, result: CheckResult) => {
    if (call.litellm_call_id !== null) records.note({ ...notedCall(call), check: checkNoteOf(result) });
  };
  return {
    checked(call, result) {
      observer.checked(call, result);
      if (result.mode === 'observe') note(call, result);
    },
    trailed(call, result) {
      observer.trailed(call, result);
      note(call, result);
    },
    unjudged: (call, backend, content) => observer.unjudged(call, backend, content),
    policiesFailed: (call, failure) => observer.policiesFailed(call, failure),
    failed: (error, call) => observer.failed(error, call),
  };
}

/** The policies that the configuration names; undefined for none. @throws PolicyFileError */
export function policiesOf(
  { policies, replies, backends }: Pick<Config, 'policies' | 'replies' | 'backends'>,
  wiring = new ResponseWiring(replies.responseRedaction),
): PolicyStore | undefined {
  const { file, builtin, bannedKeywords } = policies;
  if (file === undefined && !builtin) return undefined;
  return new PolicyStore(() => (file === undefined ? defaultPolicy(bannedKeywords) : readPolicies(file)), {
    backends: backends.map(({ name }) => name),
    restores: (call) => wiring.restores(call),
  });
}

/** @throws ConfigError */
function readPolicies(policyFile: string): string {
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
    metrics.policy_reloads_total.inc({ result: changed ? 'changed' : 'unchanged' });
    if (!changed) return;
    const { name, version, warnings } = policies.file;
    log.info({ policy_file: name, policy_version: version }, 'policies read again');
    for (const warning of warnings) log.warn(warning);
  } catch (error) {
    metrics.policy_reloads_total.inc({ result: 'failed' });
    const isKnown = error instanceof PolicyFileError || error instanceof ConfigError;
    const problems = isKnown ? error.problems : [(error as Error).name];
    log.error(
      { problems, policy_version: policies.file.version },
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
