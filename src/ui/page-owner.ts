import { hostname } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { backends } from '../backends/index.ts';
import type { Config } from '../config/config.ts';
import { effectiveSettings } from '../config/effective.ts';
import { envSources } from '../config/read.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { BridgeState, Standing } from '../http/health.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ConfiguredPolicy } from '../policies/file/policy-file.ts';
import type { PolicyStore } from '../policies/store.ts';
import type { DecisionRing } from './decision-ring.ts';
import { LookUpThread } from './look-up-thread.ts';
import type { JudgedPaste, LintProblem, PageSource, Pasted, Picture } from './page-source.ts';
import { remembered } from './remembered.ts';
import { TrafficHistory, type TrafficMetrics } from './traffic-history.ts';
import { WatchedBacklogs } from './watched-backlogs.ts';

/** Counts of days are counted again after that. */
const COUNTED_MS = 60_000;

export type PageOwnerOptions = {
  /** The configuration in force. */
  readonly config: () => Config;
  readonly metrics: TrafficMetrics & Pick<Metrics, 'ui_failures_total'>;
  readonly log: Log;
  /** Of all processes. */
  readonly ring: DecisionRing;
  readonly standings: () => readonly Standing[];
  readonly readiness: () => BridgeState;
  /** The policies in force; undefined if there are none. */
  readonly policies: () => PolicyStore | undefined;
  /** The backends in force. */
  readonly backends: () => readonly BackendConfig[];
};

/**
 * Tells the page all that it shows, in the one process that counts for all. Nothing is opened before somebody looks, and nothing that takes long
 * is done in the thread that judges.
 */
export class PageOwner implements PageSource {
  readonly #options: PageOwnerOptions;
  readonly #history: TrafficHistory;
  readonly #backlogs: WatchedBacklogs;
  readonly #kept: LookUpThread<'kept'>;
  /** Counts that take seconds, beside it: lists and stories do not wait for them. */
  readonly #counted: LookUpThread<'kept'>;
  /** By days. */
  readonly #counts = new Map<number, () => ReturnType<PageSource['counts']>>();
  readonly #pasted: LookUpThread<'pasted'>;
  readonly #startedAt = Date.now();

  constructor(options: PageOwnerOptions) {
    this.#options = options;
    const { config, metrics, log, readiness } = options;
    this.#history = new TrafficHistory(metrics);
    this.#kept = new LookUpThread({ topic: 'kept', config, log, metrics });
    this.#counted = new LookUpThread({ topic: 'kept', config, log, metrics });
    this.#pasted = new LookUpThread({ topic: 'pasted', config, log, metrics });
    this.#backlogs = new WatchedBacklogs({
      health: () => readiness().outbox,
      receivers: () => options.backends().flatMap(({ name, takesRecords }) => (takesRecords ? [name] : [])),
      read: () => this.#counted.ask('backlogs'),
    });
  }

  async picture(): Promise<Picture> {
    const { status, unhappy, findings, workers } = this.#options.readiness();
    const standings = this.#options.standings();
    const { minutes, lastMinute, backends } = this.#history.picture(standings.map(({ name }) => name));
    return {
      at: Date.now(),
      release: packageJson.version,
      replica: hostname(),
      startedAt: this.#startedAt,
      ...{ status, unhappy, findings, workers },
      ...{ minutes, ...lastMinute },
      backends: standings.map(({ timeoutMs: _, ...standing }) => ({
        ...standing,
        ...(backends.get(standing.name) as NonNullable<ReturnType<typeof backends.get>>),
      })),
      backlogs: await this.#backlogs.now(),
      policies: this.#policies(),
    };
  }

  async decisions(after: number) {
    return this.#options.ring.after(after);
  }

  list: PageSource['list'] = (...asked) => this.#kept.ask('list', ...asked);
  counts: PageSource['counts'] = (days) => {
    const known = this.#counts.get(days) ?? remembered(() => this.#counted.ask('counts', days), COUNTED_MS);
    this.#counts.set(days, known);
    return known();
  };
  story: PageSource['story'] = (...asked) => this.#kept.ask('story', ...asked);

  judge(pasted: Pasted): Promise<JudgedPaste> {
    return this.#pasted.ask('judge', pasted, this.#options.policies()?.source);
  }

  lint(policies: string): Promise<readonly LintProblem[]> {
    return this.#pasted.ask('lint', policies, this.#options.policies()?.source);
  }

  async policyText() {
    const { file } = this.#options.config().policies;
    return file === undefined ? undefined : this.#options.policies()?.source.text;
  }

  async settings() {
    const { policies, server } = this.#options.config();
    return effectiveSettings(policies.env, envSources(), backends).flatMap(([, rows]) =>
      rows.map(({ name, value, otherwise, source }) => ({
        ...{ name, source },
        // Its default depends on others
        value: value ?? (name === 'HOST' ? server.host : otherwise),
      })),
    );
  }

  close(): void {
    this.#kept.close();
    this.#counted.close();
    this.#pasted.close();
    this.#history.close();
  }

  #policies(): Picture['policies'] {
    const file = this.#options.policies()?.file;
    if (file === undefined) return undefined;
    const { version, chain, policies, rules } = file;
    return {
      file: this.#options.config().policies.file ?? file.name,
      version,
      chain: chain.map((kind) => ({ kind, enforced: isEnforced(policies.get(kind)) })),
      rules: rules.length,
    };
  }
}

/** True for one that acts on some calls at least. */
function isEnforced(policy: ConfiguredPolicy | undefined): boolean {
  if (policy === undefined) return false;
  const { mode, until } = policy.mode;
  return mode !== 'observe' || (until !== undefined && until <= Date.now());
}
