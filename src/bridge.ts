import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import type { Hono } from 'hono';
import type pino from 'pino';
import { Auditor } from './audit/auditor.ts';
import { openAuditLog } from './audit/open-log.ts';
import { createGround, createJudging } from './calls/judging.ts';
import { LARGE_NODES, LargeCalls } from './calls/large-calls.ts';
import { reloadPolicies } from './calls/policies.ts';
import { RequestMemory } from './calls/request-memory.ts';
import { requestStateOf } from './calls/request-state.ts';
import type { Config } from './config/config.ts';
import type { BackendConfig } from './guardrail/backend-config.ts';
import { ipList } from './guardrail/ip-list.ts';
import { within } from './guardrail/within.ts';
import { createApp } from './http/app.ts';
import type { BridgeEnv } from './http/refusal.ts';
import { Releases } from './litellm/releases.ts';
import type { Log } from './observability/log.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Observer } from './observability/observer.ts';
import type { PolicyFile } from './policies/file/policy-file.ts';
import { recordRulesOf } from './policies/receivers.ts';
import type { RecordsSetup } from './records/protocol.ts';
import { RecordsThread } from './records/records-thread.ts';
import { openStore } from './state/open-state.ts';

export type Bridge = {
  readonly app: Hono<BridgeEnv>;
  readonly log: Log;
  /** The policies in force; undefined if there are none. */
  readonly policies: (() => PolicyFile) | undefined;
  /** Files beside the policy file that are to be watched: one that it names may only come later. */
  readonly policyFiles: () => readonly string[];
  /** The backends in force. */
  readonly backends: () => readonly BackendConfig[];
  /** Reads the policy file again; one that cannot be used is logged and counted, and the last good one stays in force. */
  reloadPolicies(): void;
  /** Resolves once blocked calls can wait for their records, or after some seconds in any case. */
  ready(): Promise<void>;
  /** Counts and logs what nothing caught. */
  uncaught: Observer['uncaught'];
  /** From now on `/readyz` reports that the bridge is going. */
  startDraining(): void;
  isDraining(): boolean;
  /** Counts a connection that was closed because too many calls came on it at once. */
  cutPipeline(): void;
  /**
   * Ends background work, then the connections to backends.
   *
   * @param drainMs how long records may still be delivered
   */
  close(drainMs?: number): Promise<void>;
};

/**
 * Puts all parts together by a configuration; it does not listen.
 *
 * @param destination where log lines go instead of standard output
 */
export function createBridge(config: Config, destination?: pino.DestinationStream): Bridge {
  const store = openStore(config.database, config.state);
  const ground = createGround(config, { destination, store });
  const { backends, policies, metrics, log, observer, blockedTexts, shared } = ground;
  const releases = new Releases();
  const recordsSetup = (): RecordsSetup => ({
    backends: backends.configs,
    rules: recordRulesOf(policies?.file.rules ?? []),
  });
  const records = startRecords(config, recordsSetup(), metrics, log);
  const audit = new Auditor({
    openLog: () => openAuditLog({ ...config.audit, database: config.database }, log, metrics),
    wanted: () => policies?.engine.audit,
    onLost: () => metrics.audit_lost_total.inc(),
  });
  audit.prepare();
  const release = (version: string | null) => {
    const warning = releases.seen(version);
    if (warning !== undefined) log.warn(warning);
  };
  const requests = new RequestMemory();
  const { handler, refuse, judge, http, sharedCalls } = createJudging(config, ground, {
    ...{ records, audit, release, requests },
    large: (...call) => largeCalls.ofNodes(...call),
    maxNodes: LARGE_NODES,
    other: {
      judge: (...call) => largeCalls.judge(...call),
      decided: (key) => largeCalls.decided(key),
    },
  });
  const largeCalls = new LargeCalls({
    start: () => ({
      ...{ config, policies: policies?.source, blocked: blockedTexts.share() },
      isShared: store !== undefined,
      compileCache: compileCacheFolder(),
    }),
    longestCheckMs: () => Math.max(0, ...backends.all.map(({ timeoutMs }) => timeoutMs)),
    stateOf: (key) => ({ body: requests.bytesOf(key), ...requestStateOf(ground, key) }),
    keep: (key, json) => requests.keep(key, json),
    store,
    ...{ config, backends, blockedTexts, log, metrics, refuse, records, audit, release },
  });
  let draining = false;
  const isDraining = () => draining;
  const { access, bodies } = config;
  const app = createApp({
    ...{ handler, largeCalls, refuse, backends, records, audit, releases, metrics, log, isDraining },
    async requestOf(key) {
      await sharedCalls?.fetchRequest(key);
      return requests.bytesOf(key);
    },
    apiKeys: access.apiKeys,
    isAllowedAddress: access.allowedIps.length > 0 ? ipList(access.allowedIps) : () => true,
    ...bodies,
  });
  return {
    app,
    log,
    isDraining,
    cutPipeline: () => metrics.cut_connections_total.inc({ reason: 'pipelining' }),
    async ready() {
      await Promise.all([records?.ready(), shared && within(READY_MS, shared.started)]);
    },
    policies: policies && (() => policies.file),
    policyFiles: () => policies?.files ?? [],
    backends: () => backends.configs,
    reloadPolicies() {
      if (policies === undefined || config.policies.file === undefined) return;
      reloadPolicies(policies, { own: config.backends, inForce: backends }, metrics, log);
      records?.configure(recordsSetup());
      largeCalls.policiesChanged(policies.source);
      audit.prepare();
    },
    uncaught: (error, kind) => observer.uncaught(error, kind),
    startDraining() {
      draining = true;
    },
    async close(drainMs = 0) {
      backends.close();
      await Promise.all([judge.settled(), largeCalls.close()]);
      await records?.close(drainMs);
      await audit.close();
      await shared?.close();
      await http.close();
    },
  };
}

/** A database may take so long to answer before the first call comes. */
const READY_MS = 5000;

/** Node.js tells it with a folder for its own version within. */
function compileCacheFolder(): string | undefined {
  const folder = getCompileCacheDir();
  return folder && dirname(folder);
}

function startRecords(
  { bodies, proxy, database, records }: Config,
  setup: RecordsSetup,
  metrics: Metrics,
  log: Log,
): RecordsThread | undefined {
  if (records === undefined) return undefined;
  return new RecordsThread({ ...setup, bodies, proxy, database, records }, log, {
    restarted: () => metrics.telemetry_restarts_total.inc(),
    lost: () => metrics.telemetry_lost_total.inc(),
    lostNotes: (notes) => metrics.telemetry_lost_notes_total.inc({}, notes),
    unrecorded(result) {
      metrics.log_posts_total.inc({ result });
      log.warn({ reason: result }, 'a judged call could not be recorded');
    },
    unstored: (reason) => metrics.telemetry_unstored_blocks_total.inc({ reason }),
  });
}
