import { hostname } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { backends } from '../backends/index.ts';
import type { Config } from '../config/config.ts';
import { effectiveSettings } from '../config/effective.ts';
import { envSources } from '../config/read.ts';
import type { BridgeState, Standing } from '../http/health.ts';
import type { ConfiguredPolicy } from '../policies/file/policy-file.ts';
import type { PolicyStore } from '../policies/store.ts';
import type { DecisionRing } from './decision-ring.ts';
import type { JudgedPaste, LintProblem, PageSource, Picture } from './page-source.ts';
import { TrafficHistory, type TrafficMetrics } from './traffic-history.ts';

export type PageOwnerOptions = {
  /** The configuration in force. */
  readonly config: () => Config;
  readonly metrics: TrafficMetrics;
  /** Of all processes. */
  readonly ring: DecisionRing;
  readonly standings: () => readonly Standing[];
  readonly readiness: () => BridgeState;
  /** The policies in force; undefined if there are none. */
  readonly policies: () => PolicyStore | undefined;
};

/** Tells the page all that it shows, in the one process that counts for all. */
export class PageOwner implements PageSource {
  readonly #options: PageOwnerOptions;
  readonly #history: TrafficHistory;
  readonly #startedAt = Date.now();

  constructor(options: PageOwnerOptions) {
    this.#options = options;
    this.#history = new TrafficHistory(options.metrics);
  }

  async picture(): Promise<Picture> {
    const { status, unhappy, findings, workers } = this.#options.readiness();
    return {
      at: Date.now(),
      release: packageJson.version,
      replica: hostname(),
      startedAt: this.#startedAt,
      ...{ status, unhappy, findings, workers },
      minutes: this.#history.minutes(),
      ...this.#history.lastMinute(),
      backends: this.#options.standings().map(({ timeoutMs: _, ...standing }) => ({
        ...standing,
        ...this.#history.backend(standing.name),
      })),
      backlogs: undefined,
      policies: this.#policies(),
    };
  }

  async decisions(after: number) {
    return this.#options.ring.after(after);
  }

  async list() {
    return undefined;
  }

  async wouldBlock() {
    return undefined;
  }

  async top() {
    return undefined;
  }

  async story() {
    return undefined;
  }

  async judge(): Promise<JudgedPaste> {
    throw new Error('not yet');
  }

  async lint(): Promise<readonly LintProblem[]> {
    throw new Error('not yet');
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
