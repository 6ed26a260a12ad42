import { isDeepStrictEqual } from 'node:util';
import type { Checker } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { withPassages } from '../guardrail/read-passages.ts';
import { Access } from './access.ts';
import { Breaker } from './breaker.ts';
import { checkBackend, type JudgingBackend } from './check-backend.ts';

/** Asked where no call is at hand, to see if a backend accepts our token. */
const HARMLESS = withPassages({
  input_type: 'request',
  shape: 'texts',
  ...{ litellm_call_id: null, litellm_trace_id: null, litellm_version: null, model: null },
  texts: ['When does the library open?'],
  ...{ structured_messages: [], images: [], tools: [], tool_calls: [] },
  ...{ request_data: {}, request_headers: {}, additional_provider_specific_params: {} },
  guardrail_bridge_hops: [],
});

type Configured = { readonly config: BackendConfig; readonly judging: JudgingBackend };

/** The backends in force. One that changes takes over between two calls, and keeps the breaker of its name. */
export class ConfiguredBackends {
  readonly #checkerOf: (config: BackendConfig) => Checker;
  #http: Http | undefined;
  #configured: readonly Configured[] = [];
  #all: readonly JudgingBackend[] = [];
  /** Number of backends that were made so far. */
  #made = 0;

  constructor(checkerOf: (config: BackendConfig) => Checker) {
    this.#checkerOf = checkerOf;
  }

  /** In the order in which redactions are merged. */
  get all(): readonly JudgingBackend[] {
    return this.#all;
  }

  get configs(): readonly BackendConfig[] {
    return this.#configured.map(({ config }) => config);
  }

  /** Lets backends that refuse our token be tried again. */
  open(http: Http): void {
    this.#http = http;
  }

  /** Puts other backends in force. Calls that are under way end with those they began with. */
  update(configs: readonly BackendConfig[]): void {
    const before = new Map(this.#configured.map((one) => [one.config.name, one]));
    this.#configured = configs.map((config) => {
      const known = before.get(config.name);
      before.delete(config.name);
      if (known === undefined) return { config, judging: this.#judging(config, new Breaker()) };
      if (isDeepStrictEqual(known.config, config)) return known;
      const { breaker, access } = known.judging;
      const judging = this.#judging(config, breaker, access);
      access.retry();
      return { config, judging };
    });
    this.#all = this.#configured.map(({ judging }) => judging);
    for (const { judging } of before.values()) judging.access.close();
  }

  close(): void {
    for (const { access } of this.#all) access.close();
  }

  #judging(config: BackendConfig, breaker: Breaker, access?: Access): JudgingBackend {
    const checker = this.#checkerOf(config);
    return {
      ...{ ...checker, breaker, memory: `${config.name}\0${this.#made++}` },
      access: access ?? new Access(() => this.#tryAgain(config.name)),
    };
  }

  async #tryAgain(name: string): Promise<void> {
    const backend = this.#all.find((one) => one.name === name);
    if (backend === undefined || this.#http === undefined) return;
    await checkBackend({ ...backend, breaker: new Breaker() }, HARMLESS, {
      http: this.#http,
      request: () => undefined,
    });
  }
}
