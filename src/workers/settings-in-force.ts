import { checkerOf } from '../backends/index.ts';
import { policiesOf, type ReloadedPolicies } from '../calls/policies.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { ConfiguredBackends } from '../pipeline/backends.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import type { PolicyStore } from '../policies/store.ts';
import { configAnew } from './config-anew.ts';
import { othersThan, reloadForAll } from './policies-for-all.ts';
import type { WorkerProcess } from './worker-process.ts';

export type SettingsInForceOptions = Pick<ReloadedPolicies, 'metrics' | 'log'> & {
  readonly workers: () => readonly WorkerProcess[];
  /** Called once all workers judge by other policies. */
  readonly changed: () => void;
};

type Settings = { readonly config: Config; readonly policies: PolicyStore | undefined };

/** The configuration, policies and backends in force for all workers. Only one thing changes them at a time. */
export class SettingsInForce {
  readonly #backends = new ConfiguredBackends(checkerOf);
  #settings: Settings;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws PolicyFileError, ConfigError */
  constructor(config: Config) {
    this.#settings = { config, policies: policiesOf(config) };
    this.#update();
  }

  get config(): Config {
    return this.#settings.config;
  }

  get policies(): PolicyStore | undefined {
    return this.#settings.policies;
  }

  get backends(): readonly BackendConfig[] {
    return this.#backends.configs;
  }

  /** Reads the policy file again, for all workers at once. */
  reload(options: SettingsInForceOptions): Promise<void> {
    return this.#inTurn(() => this.#reload(options));
  }

  /**
   * Reads the configuration again, for workers that start from now on. Its policies those that run judge by at once: nobody judges by the old
   * ones until it is replaced, or if it is not.
   *
   * @returns takes it back; undefined if it cannot be used
   */
  readAnew(options: SettingsInForceOptions): Promise<(() => Promise<void>) | undefined> {
    return this.#inTurn(async () => {
      const before = this.#settings;
      try {
        const { config, ignored } = configAnew(before.config);
        await this.#put({ config, policies: policiesOf(config) }, options);
        if (ignored.length > 0)
          options.log.warn(
            { settings: ignored },
            'these settings change when the whole process is started again',
          );
      } catch (error) {
        if (!(error instanceof ConfigError || error instanceof PolicyFileError)) throw error;
        options.log.error(
          { problems: error.problems },
          'the configuration cannot be used; no worker is restarted',
        );
        return undefined;
      }
      return () => this.#inTurn(() => this.#put(before, options));
    });
  }

  close(): void {
    this.#backends.close();
  }

  async #put(settings: Settings, options: SettingsInForceOptions): Promise<void> {
    this.#settings = settings;
    this.#update();
    options.metrics.addBackends(this.backends.map(({ name }) => name));
    options.changed();
    const { policies } = settings;
    if (policies !== undefined && othersThan(policies.source, options.workers()).length > 0)
      await this.#reload(options);
  }

  async #reload({ workers, changed, metrics, log }: SettingsInForceOptions): Promise<void> {
    const { config, policies } = this.#settings;
    if (policies === undefined) return;
    const reloaded = { policies, backends: this.#backends, own: config.backends, metrics, log };
    await reloadForAll(reloaded, workers, changed);
  }

  #update(): void {
    const { config, policies } = this.#settings;
    this.#backends.update([...config.backends, ...(policies?.file.backends ?? [])]);
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }
}
