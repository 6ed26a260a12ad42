import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import type { Hono } from 'hono';
import type pino from 'pino';
import { Auditor } from './audit/auditor.ts';
import { openAuditLog } from './audit/open-log.ts';
import type { BridgeReport, GivenParts } from './bridge-parts.ts';
import { Canaries } from './calls/canaries.ts';
import { blocksOfAll } from './calls/given-blocks.ts';
import { createGround, createJudging } from './calls/judging.ts';
import { LARGE_NODES, LargeCalls } from './calls/large-calls.ts';
import { reloadPolicies, takePolicies } from './calls/policies.ts';
import { RequestMemory } from './calls/request-memory.ts';
import { requestStateOf } from './calls/request-state.ts';
import type { Config } from './config/config.ts';
import { DecisionRows } from './decisions/decision-rows.ts';
import { keepDecisions } from './decisions/keeper.ts';
import { openReplay } from './decisions/open-replay.ts';
import { SideCounter } from './findings/asked-sides.ts';
import { WatchedTraffic } from './findings/watched-traffic.ts';
import type { BackendConfig } from './guardrail/backend-config.ts';
import { ipList } from './guardrail/ip-list.ts';
import { within } from './guardrail/within.ts';
import { createApp } from './http/app.ts';
import { type BridgeState, ownReadiness, readyRoute, standingsOf } from './http/health.ts';
import type { BridgeEnv } from './http/refusal.ts';
import { Releases } from './litellm/releases.ts';
import type { Log } from './observability/log.ts';
import type { Metrics } from './observability/metrics.ts';
import type { Observer } from './observability/observer.ts';
import { LogTap } from './otlp/log-tap.ts';
import { sendOtlp } from './otlp/sender.ts';
import type { PolicyFile } from './policies/file/policy-file.ts';
import { recordRulesOf } from './policies/receivers.ts';
import type { PolicyStore } from './policies/store.ts';
import type { CallEnd, ComparedCall, RecordsSetup } from './records/protocol.ts';
import type { RecordsThread } from './records/records-thread.ts';
import { startRecords } from './records/start-records.ts';
import { openStore } from './state/open-state.ts';
import { DecisionRing } from './ui/decision-ring.ts';
import { PageOwner } from './ui/page-owner.ts';
import type { PageSource } from './ui/page-source.ts';
import { placeOps } from './ui/placed-ops.ts';

export type Bridge = {
  readonly app: Hono<BridgeEnv>;
  /** Routes of the listener for those who operate the bridge; undefined for none. */
  readonly ops: Hono<BridgeEnv> | undefined;
  readonly log: Log;
  /** All that the page shows. */
  readonly page: PageSource;
  /** The body of `/readyz`. */
  readiness(): BridgeState;
  /** The policies in force; undefined if there are none. */
  readonly policies: (() => PolicyFile) | undefined;
  /** Files beside the policy file that are to be watched: one that it names may only come later. */
  readonly policyFiles: () => readonly string[];
  /** The backends in force. */
  readonly backends: () => readonly BackendConfig[];
  /** Reads the policy file again; one that cannot be used is logged and counted, and the last good one stays in force. */
  reloadPolicies(): void;
  /**
   * Reads the policies anew, and leaves those before in force.
   *
   * @returns puts them in force
   * @throws PolicyFileError, ConfigError
   */
  preparePolicies(): () => void;
  /** Takes what was counted, for another process. */
  report(): BridgeReport;
  /** Hands over the notes on calls that wait to go together. */
  flushRecords(): void;
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
 * @param given where it is one of several processes
 */
export function composeBridge(
  config: Config,
  destination?: pino.DestinationStream,
  given?: GivenParts,
): Bridge {
  const tap = new LogTap();
  const store = given?.store ?? openStore(config.database, config.state);
  const ground = createGround(config, {
    ...{ destination, store },
    ...(given?.blocked && { blocked: given.blocked.known }),
    givenPolicies: given?.policies,
    showsMetrics: given === undefined,
    logged: config.otlp && given === undefined ? tap.line : undefined,
  });
  const { backends, policies, metrics, log, observer, blockedTexts, shared } = ground;
  const releases = new Releases();
  const recordsSetup = (): RecordsSetup => ({
    backends: backends.configs,
    rules: recordRulesOf(policies?.file.rules ?? []),
  });
  const decisions = keepDecisions(config, log, metrics, given?.openDecisions);
  const ring = new DecisionRing(Date.now());
  const rows = new DecisionRows(
    decisions === undefined ? [ring] : [ring, decisions],
    decisions === undefined && config.otlp?.addresses.traces === undefined ? () => ring.hasRoom() : undefined,
  );
  const allMetrics = given?.metricsPage ?? (() => metricsPage(metrics, records));
  const otlp = sendOtlp(config, { log, tap, metrics, page: allMetrics, open: given?.openOtlp });
  const ended = (ends: readonly CallEnd[]) => {
    decisions?.ended(ends);
    canaries.ended(ends);
  };
  const compared = (calls: readonly ComparedCall[]) => traffic?.compared(calls);
  const told = { metrics, log, ended, compared };
  const records = startRecords(config, recordsSetup(), told, given?.openRecords);
  const audit = new Auditor({
    openLog:
      given?.openAudit ?? (() => openAuditLog({ ...config.audit, database: config.database }, log, metrics)),
    wanted: () => policies?.engine.audit,
    onLost: () => metrics.audit_lost_total.inc(),
  });
  audit.prepare();
  const release = (version: string | null) => {
    const warning = releases.seen(version);
    if (warning !== undefined) log.warn(warning);
    if (version !== null && releases.isOld) metrics.finding_calls_total.inc({ code: 'release_unsupported' });
  };
  const replay = given === undefined ? openReplay(config, log, metrics) : undefined;
  const keptSink = given?.replay ?? replay;
  const sides = new SideCounter();
  const traffic =
    given === undefined
      ? new WatchedTraffic({
          ...{ metrics, log, sides: () => sides.take(), records: () => records },
          standings: () => standingsOf(backends),
          releases: () => releases.report(),
          policyFile: config.policies.file,
          policies: () => policies?.source,
        })
      : undefined;
  const requests = new RequestMemory();
  const canaries = new Canaries({
    shared,
    wired: ({ call }) => ground.wiring.of(call),
    failed: (error) => observer.failed(error, undefined),
  });
  given?.onCanariesEnded((ends) => canaries.ended(ends));
  const { handler, refuse, judge, http, sharedCalls, kept } = createJudging(config, ground, {
    ...{ records, audit, decisions: rows, traced: otlp?.calls, release, requests, canaries, sides },
    large: (...call) => largeCalls.ofNodes(...call),
    maxNodes: LARGE_NODES,
    replay: keptSink,
    other: {
      judge: (...call) => largeCalls.judge(...call),
      decided: (key) => largeCalls.decided(key),
    },
  });
  const largeCalls: LargeCalls = new LargeCalls({
    start: () => ({
      ...{ config, policies: policies?.source, blocked: blockedTexts.share() },
      isShared: store !== undefined,
      compileCache: compileCacheFolder(),
    }),
    longestCheckMs: () => Math.max(0, ...backends.all.map(({ timeoutMs }) => timeoutMs)),
    stateOf: (key) => ({ body: requests.bytesOf(key), ...requestStateOf(ground, key) }),
    keep: (key, json) => requests.keep(key, json),
    store,
    ...{ config, backends, log, metrics, refuse, records, audit, otlp, release, replay: keptSink },
    decisions: rows,
    blockedTexts: given?.blocked === undefined ? blockedTexts : blocksOfAll(blockedTexts, given.blocked),
  });
  const policiesChanged = (changed: PolicyStore) => {
    records?.configure(recordsSetup());
    largeCalls.policiesChanged(changed.source);
    audit.prepare();
  };
  let draining = false;
  const isDraining = () => draining;
  const { access, bodies } = config;
  const isStateUp = () => config.database === undefined || shared?.isUp !== false;
  const readiness = () =>
    ownReadiness({
      ...{ backends, records, audit, decisions, releases, isStateUp, isDraining },
      others: given?.others,
      findings: () => traffic?.findings ?? [],
    });
  const owner =
    given === undefined
      ? new PageOwner({
          ...{ config: () => config, metrics, log, ring, readiness },
          standings: () => standingsOf(backends),
          policies: () => policies,
          backends: () => backends.configs,
        })
      : undefined;
  const page = given?.page ?? (owner as PageOwner);
  const ops = placeOps({
    ...{ config, metrics, log, page, isDraining, ready: readyRoute(readiness) },
    metricsPage: allMetrics,
  });
  const app = createApp({
    ...{ handler, largeCalls, refuse, records, metrics, log, isDraining, ops: ops.beside },
    async requestOf(key) {
      await sharedCalls?.fetchRequest(key);
      return requests.bytesOf(key);
    },
    apiKeys: access.apiKeys,
    canaries,
    responseRedaction: config.replies.responseRedaction,
    isAllowedAddress: access.allowedIps.length > 0 ? ipList(access.allowedIps) : () => true,
    ...bodies,
  });
  return {
    app,
    ops: given === undefined ? ops.apart : undefined,
    log,
    page,
    readiness,
    isDraining,
    cutPipeline: () => metrics.cut_connections_total.inc({ reason: 'pipelining' }),
    async ready() {
      await Promise.all([records?.ready(), shared && within(READY_MS, shared.start())]);
    },
    policies: policies && (() => policies.file),
    policyFiles: () => policies?.files ?? [],
    backends: () => backends.configs,
    reloadPolicies() {
      if (policies === undefined || config.policies.file === undefined) return;
      reloadPolicies({ policies, backends, own: config.backends, metrics, log });
      policiesChanged(policies);
    },
    preparePolicies() {
      if (policies === undefined) return () => {};
      const prepared = policies.prepare();
      return () => {
        takePolicies(prepared, { policies, backends, own: config.backends, metrics });
        policiesChanged(policies);
      };
    },
    report: () => ({
      counts: metrics.take(),
      standings: standingsOf(backends),
      litellm: releases.report(),
      sides: sides.take(),
      decided: ring.take(),
      isStateUp: isStateUp(),
    }),
    flushRecords: () => records?.flush(),
    uncaught: (error, kind) => observer.uncaught(error, kind),
    startDraining() {
      draining = true;
      ops.close();
    },
    async close(drainMs) {
      const endsAt = drainMs === undefined ? undefined : performance.now() + drainMs;
      traffic?.close();
      owner?.close();
      backends.close();
      await Promise.all([judge.settled(), largeCalls.close()]);
      kept?.flush();
      await records?.close(drainMs ?? 0);
      await Promise.all([audit.close(), decisions?.close(), replay?.close()]);
      await shared?.close();
      await http.close();
      await otlp?.close(endsAt && endsAt - performance.now());
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

/** All metrics of this process: those of judging, then those of its records thread. */
async function metricsPage(metrics: Metrics, records: RecordsThread | undefined): Promise<string> {
  return (await Promise.all([metrics.text(), records?.metrics() ?? ''])).join('\n');
}
