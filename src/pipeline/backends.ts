import { isDeepStrictEqual } from 'node:util';
import type { Checker } from '../backends/backend.ts';
import type { Http } from '../backends/http.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import type { Failure } from '../guardrail/failure.ts';
import { withPassages } from '../guardrail/read-passages.ts';
import { Access, type CheckFailure, ReportedAccess } from './access.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { checkBackend, isUnasked, type JudgingBackend } from './check-backend.ts';

/** Asked where no call is at hand, to see if a backend accepts our token. */
const harmless = (input_type: 'request' | 'response', roles: readonly string[] = []) =>
  withPassages({
    input_type,
    shape: 'texts',
    ...{ litellm_call_id: null, litellm_trace_id: null, litellm_version: null, model: null },
    texts: roles.length > 0 ? [] : ['When does the library open?'],
    structured_messages: roles.map((role) => ({ role, content: 'The library opens at nine.' })),
    ...{ images: [], tools: [], tool_calls: [] },
    ...{ request_data: {}, request_headers: {}, additional_provider_specific_params: {} },
    guardrail_bridge_hops: [],
  });
const QUESTION = harmless('request');
/** For one that judges no users. */
const BY_OTHERS = harmless('request', ['system', 'assistant', 'tool']);
const ANSWER = harmless('response');

type Configured = { readonly config: BackendConfig; readonly judging: JudgingBackend };

/** Those who are told of backends. */
export type StandingListeners = {
  /** Where another thread keeps the standings: told of each result of a check; null is a verdict. */
  readonly settled?: ((backend: string, failure: CheckFailure | null) => void) | undefined;
  readonly breakerChanged?: (backend: string, state: BreakerState, failure: Failure | undefined) => void;
};

/** The backends in force. One that changes takes over between two calls, and keeps the breaker of its name. */
export class ConfiguredBackends {
  readonly #checkerOf: (config: BackendConfig) => Checker;
  readonly #listeners: StandingListeners;
  #http: Http | undefined;
  #configured: readonly Configured[] = [];
  #all: readonly JudgingBackend[] = [];
  /** Number of backends that were made so far. */
  #made = 0;

  constructor(checkerOf: (config: BackendConfig) => Checker, listeners: StandingListeners = {}) {
    this.#checkerOf = checkerOf;
    this.#listeners = listeners;
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
      if (known === undefined) return { config, judging: this.#judging(config, this.#breaker(config.name)) };
      if (isDeepStrictEqual(known.config, config)) return known;
      const { breaker, access } = known.judging;
      const judging = this.#judging(config, breaker, access);
      access.retry();
      return { config, judging };
    });
    this.#all = this.#configured.map(({ judging }) => judging);
    for (const { judging } of before.values()) judging.access.close();
  }

  /** Another thread has asked a backend. @param failure null for a verdict */
  settled(name: string, failure: CheckFailure | null): void {
    const backend = this.#all.find((one) => one.name === name);
    backend?.access.settle(failure ?? undefined);
  }

  close(): void {
    for (const { access } of this.#all) access.close();
  }

  #judging(config: BackendConfig, breaker: Breaker, access?: Access): JudgingBackend {
    const checker = this.#checkerOf(config);
    return {
      ...{ ...checker, breaker, memory: `${config.name}\0${this.#made++}` },
      access: access ?? this.#access(config.name),
    };
  }

  #breaker(name: string): Breaker {
    return new Breaker({ onChange: (...change) => this.#listeners.breakerChanged?.(name, ...change) });
  }

  #access(name: string): Access {
    const { settled } = this.#listeners;
    if (settled !== undefined) return new ReportedAccess((failure) => settled(name, failure));
    return new Access(() => this.#tryAgain(name));
  }

  async #tryAgain(name: string): Promise<void> {
    const backend = this.#all.find((one) => one.name === name);
    if (backend === undefined || this.#http === undefined) return;
    const options = { http: this.#http, request: () => undefined };
    const ask = (call: GuardrailCall) => checkBackend({ ...backend, breaker: new Breaker() }, call, options);
    const result = await ask(backend.judges.request ? QUESTION : ANSWER);
    if (isUnasked(result)) await ask(BY_OTHERS);
  }
}
