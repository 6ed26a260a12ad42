import packageJson from '../../package.json' with { type: 'json' };
import { Auditor } from '../audit/auditor.ts';
import { openAuditLog } from '../audit/open-log.ts';
import type { Config } from '../config/config.ts';
import { type DecisionKeeper, keepDecisions } from '../decisions/keeper.ts';
import { openReplay } from '../decisions/open-replay.ts';
import type { ReplayThread } from '../decisions/replay-thread.ts';
import { FINDING_CODES } from '../findings/finding.ts';
import { WatchedTraffic } from '../findings/watched-traffic.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { isCanaryId } from '../guardrail/canary.ts';
import type { BridgeState } from '../http/health.ts';
import type { Ports } from '../http/listeners.ts';
import { createLog, type Log } from '../observability/log.ts';
import { Observer } from '../observability/observer.ts';
import { LogTap } from '../otlp/log-tap.ts';
import { type OtlpSender, sendOtlp } from '../otlp/sender.ts';
import { BlockedTexts } from '../pipeline/blocked-texts.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { recordRulesOf } from '../policies/receivers.ts';
import type { CallEnd, RecordsSetup } from '../records/protocol.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { startRecords } from '../records/start-records.ts';
import { DecisionRing } from '../ui/decision-ring.ts';
import { PageOwner } from '../ui/page-owner.ts';
import type { PageSource } from '../ui/page-source.ts';
import { AllMetrics } from './all-metrics.ts';
import { Inbox } from './inbox.ts';
import { OverallState } from './overall.ts';
import { WorkerPool } from './pool.ts';
import { PrimaryOps } from './primary-ops.ts';
import { RecordsRelay } from './records-relay.ts';
import { RollingRestart } from './rolling-restart.ts';
import { SettingsInForce, type SettingsInForceOptions } from './settings-in-force.ts';
import { StateDesk } from './state-desk.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Share of the time of a shutdown that is left for the delivery of records. */
const DELIVERY_SHARE = 0.8;
/** Time between two looks at the state of all. */
const OVERALL_MS = 250;

/**
 * The process that owns what there is once: records, the audit log, the policy file, signals and metrics. It judges no call. Workers are
 * processes of their own, which it starts, tells what is in force, and replaces.
 */
export class Primary {
  readonly log: Log;
  readonly #inForce: SettingsInForce;
  readonly #changes: SettingsInForceOptions;
  readonly #metrics: AllMetrics;
  readonly #observer: Observer;
  readonly #records: RecordsThread | undefined;
  readonly #relay: RecordsRelay | undefined;
  readonly #audit: Auditor;
  readonly #decisions: DecisionKeeper | undefined;
  readonly #replay: ReplayThread | undefined;
  readonly #otlp: OtlpSender | undefined;
  readonly #pool: WorkerPool;
  readonly #restarts: RollingRestart;
  readonly #ops: PrimaryOps;
  /** Undefined where workers share what is in the database. */
  readonly #state: StateDesk | undefined;
  readonly #overall: OverallState;
  readonly #traffic: WatchedTraffic;
  /** Decisions of all workers. */
  readonly #ring = new DecisionRing(Date.now());
  readonly #page: PageOwner;
  readonly #inbox: Inbox;
  /** Texts that were blocked in any worker, for those that start. */
  readonly #blocked = new BlockedTexts();
  #timer: NodeJS.Timeout | undefined;

  /** @throws PolicyFileError, ConfigError */
  constructor(config: Config) {
    this.#inForce = new SettingsInForce(config);
    const file = this.policies?.();
    const names = { backends: this.backends().map(({ name }) => name), findings: FINDING_CODES };
    const labels = { ...names, policies: [...(file?.policies.keys() ?? [])] };
    this.#metrics = new AllMetrics(labels, () => this.#overall.standings());
    const { counts } = this.#metrics;
    const tap = new LogTap();
    const dropped = () => counts.log_lines_dropped_total.inc();
    this.log = createLog(config.logLevel, dropped, undefined, config.otlp && tap.line);
    this.#observer = new Observer(counts, this.log);
    this.#state = config.database === undefined ? new StateDesk(config.state.maxBytes) : undefined;
    this.#decisions = keepDecisions(config, this.log, counts);
    this.#records = startRecords(config, this.#recordsSetup(), {
      ...{ metrics: counts, log: this.log },
      ended: (ends) => {
        this.#decisions?.ended(ends);
        this.#tellOfCanaries(ends);
      },
      compared: (calls) => this.#traffic.compared(calls),
    });
    this.#audit = new Auditor({
      openLog: () => openAuditLog({ ...config.audit, database: config.database }, this.log, counts),
      wanted: () => this.#inForce.policies?.engine.audit,
      onLost: () => counts.audit_lost_total.inc(),
    });
    this.#audit.prepare();
    this.#replay = openReplay(config, this.log, counts);
    const page = () => this.metricsPage();
    this.#otlp = sendOtlp(config, { log: this.log, tap, metrics: counts, page });
    this.#pool = new WorkerPool({
      ...{ size: config.workers, server: config.server, log: this.log },
      receive: (worker, message) => this.#inbox.receive(worker, message),
      ended: (worker) => this.#ended(worker),
      replaced: () => this.#metrics.replaced(),
    });
    this.#overall = new OverallState({
      ...{ wanted: config.workers, pool: this.#pool },
      ...{ records: this.#records, audit: this.#audit, decisions: this.#decisions },
      findings: () => this.#traffic.findings,
    });
    this.#traffic = new WatchedTraffic({
      ...{ metrics: counts, log: this.log, records: () => this.#records },
      sides: () => this.#inbox.takeSides(),
      standings: () => this.#overall.standings(),
      releases: () => this.#overall.releases(),
      policyFile: config.policies.file,
      policies: () => this.#inForce.policies?.source,
    });
    this.#page = new PageOwner({
      ...{ config: () => this.#inForce.config, metrics: counts, log: this.log, ring: this.#ring },
      backends: this.backends,
      standings: () => this.#overall.standings(),
      readiness: () => this.readiness(),
      policies: () => this.#inForce.policies,
    });
    const workers = () => this.#pool.all;
    this.#relay = this.#records && new RecordsRelay(this.#records, workers);
    this.#inbox = new Inbox({
      ...{ metrics: this.#metrics, log: this.log, audit: this.#audit, decisions: this.#decisions },
      ...{
        state: this.#state,
        replay: this.#replay,
        relay: this.#relay,
        blocked: this.#blocked,
        otlp: this.#otlp,
      },
      ...{ ring: this.#ring, page: this.#page, workers, metricsPage: () => this.metricsPage() },
      greet: (worker, release) => this.#greet(worker, release),
      changed: () => this.#overall.tell(),
      failed: (error) => this.#failed(error),
    });
    this.#changes = { metrics: counts, log: this.log, workers, changed: () => this.#policiesChanged() };
    this.#restarts = new RollingRestart({
      ...{ inForce: this.#inForce, changes: this.#changes, pool: this.#pool, log: this.log },
      failed: (error) => this.#failed(error),
    });
    this.#ops = new PrimaryOps({
      ...{ config, metrics: counts, log: this.log, readiness: this.readiness, page: this.#page },
      metricsPage: () => this.metricsPage(),
      isOpen: () => this.#pool.isOpen,
      isDraining: () => this.#pool.isClosing,
      failed: (error) => this.uncaught(error, 'accept'),
    });
  }

  /** The policies in force; undefined if there are none. */
  get policies(): (() => PolicyFile) | undefined {
    const { policies } = this.#inForce;
    return policies && (() => policies.file);
  }

  /** All that the page shows. */
  get page(): PageSource {
    return this.#page;
  }

  /** The body of `/readyz`. */
  readiness = (): BridgeState => this.#overall.readiness(this.#pool.isClosing);

  /** Files beside the policy file that are to be watched. */
  policyFiles = (): readonly string[] => this.#inForce.policies?.files ?? [];

  backends = (): readonly BackendConfig[] => this.#inForce.backends;

  uncaught: Observer['uncaught'] = (error, kind) => this.#observer.uncaught(error, kind);

  /**
   * Starts all workers.
   *
   * @throws Error that an operator can read
   */
  async open(): Promise<Ports> {
    await this.#records?.ready();
    this.#timer = setInterval(() => this.#overall.tell(), OVERALL_MS);
    try {
      const opsPort = await this.#ops.open();
      return { port: await this.#pool.open(), opsPort };
    } catch (error) {
      await this.#close(0);
      throw error;
    }
  }

  /** Reads the policy file again, for all workers at once. */
  reloadPolicies(): void {
    this.#inForce.reload(this.#changes).catch((error) => this.#failed(error));
  }

  /** Reads the configuration again, and replaces one worker after the other without failing a call. */
  restart(): void {
    this.#restarts.restart();
  }

  /**
   * Ends all workers, and then itself.
   *
   * @returns false if work was cut off
   */
  async drain(delayMs: number, impatient: Promise<unknown>): Promise<boolean> {
    const { shutdownTimeoutMs: timeoutMs } = this.#inForce.config.server;
    const endsAt = performance.now() + delayMs + timeoutMs;
    this.#ops.stopWaiting();
    const finished = await this.#pool.close({ delayMs, timeoutMs }, impatient);
    const leftMs = finished ? Math.max(0, endsAt - performance.now()) : 0;
    await Promise.race([this.#close(DELIVERY_SHARE * leftMs), impatient]);
    return finished;
  }

  async #close(deliverMs: number): Promise<void> {
    const endsAt = performance.now() + deliverMs;
    clearInterval(this.#timer);
    this.#traffic.close();
    this.#page.close();
    this.#inForce.close();
    await this.#records?.close(deliverMs);
    await Promise.all([this.#audit.close(), this.#decisions?.close(), this.#replay?.close()]);
    await this.#otlp?.close(endsAt - performance.now());
    this.#ops.close();
  }

  #recordsSetup(): RecordsSetup {
    return { backends: this.backends(), rules: recordRulesOf(this.#inForce.policies?.file.rules ?? []) };
  }

  #greet(worker: WorkerProcess, release: string): void {
    if (release !== packageJson.version) {
      const advice = 'restart the whole process: the primary still is of the release before';
      this.log.error(
        { worker: worker.n, release, primary: packageJson.version, advice },
        'a worker of another release',
      );
      worker.kill();
      return;
    }
    const { config, policies } = this.#inForce;
    worker.policies = policies?.source;
    const blocked = config.database === undefined ? this.#blocked.share() : undefined;
    const start = { config, policies: worker.policies, overall: this.#overall.now(), blocked };
    worker.send({ kind: 'start', start });
  }

  /** All metrics in Prometheus' text format. */
  metricsPage(): Promise<string> {
    return this.#metrics.page(this.#pool.all, this.#overall.workers, this.#records?.metrics() ?? '');
  }

  /** One worker shares it with the others. */
  #tellOfCanaries(all: readonly CallEnd[]): void {
    const ends = all.filter(({ callId }) => isCanaryId(callId));
    if (ends.length > 0) this.#pool.all.find(({ isUp }) => isUp)?.send({ kind: 'canaries', ends });
  }

  #ended(worker: WorkerProcess): void {
    this.#metrics.ended(worker);
    this.#relay?.forget(worker);
    this.#overall.tell();
  }

  #policiesChanged(): void {
    this.#records?.configure(this.#recordsSetup());
    this.#audit.prepare();
  }

  #failed(error: unknown): void {
    this.uncaught(error, 'rejection');
  }
}
