import type { Http } from '../backends/http.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { checkBackend, type JudgingBackend } from './check-backend.ts';
import { DefinitionChecks, definitionOf } from './definition-checks.ts';
import { TrailingChecks } from './trailing-checks.ts';
import { VerdictCache } from './verdict-cache.ts';

/** Told of checks when they end, to count and log them. */
export type CheckObserver = {
  /** A check has ended, of an observing backend too. */
  checked(call: GuardrailCall, result: CheckResult): void;
  /** A check of a response that was delivered before has ended. */
  trailed(call: GuardrailCall, result: CheckResult): void;
  /** A mistake of ours ended a check that nobody waits for. */
  failed(error: unknown, call: GuardrailCall): void;
};

/** A call that backends are asked about. */
export type CheckedCall = {
  /** The call as the policies left it. */
  readonly call: GuardrailCall;
  /** Name of policies and caller rule: a verdict under one is none under another. */
  readonly rule: string;
  /** For a response: reads the request it belongs to, if this instance still remembers it. */
  readonly request: () => GuardrailCall | undefined;
};

/** Asks backends: now, after the end of a response, or not at all where they have allowed it before. */
export class BackendChecks {
  readonly #http: Http;
  readonly #observer: CheckObserver;
  readonly #cache: VerdictCache;
  readonly #trailing: TrailingChecks;
  readonly #definitions = new DefinitionChecks();
  /** Checks of observing backends that run. */
  readonly #observing = new Set<Promise<void>>();

  /** @param growth by how much a response has to have grown before a backend is asked again; 1 for each time */
  constructor(http: Http, growth: number, observer: CheckObserver) {
    this.#http = http;
    this.#observer = observer;
    this.#cache = new VerdictCache(growth);
    this.#trailing = new TrailingChecks((error, call) => observer.failed(error, call));
  }

  /** The result to come of one backend, or undefined if there is nothing to ask it now. */
  check(
    backend: JudgingBackend,
    checked: CheckedCall,
    signal?: AbortSignal,
  ): Promise<CheckResult> | undefined {
    const { call, rule } = checked;
    const definition = definitionOf(call);
    if (definition !== undefined) {
      const ask = () => this.#ask(backend, checked, undefined, signal);
      return this.#definitions.check(`${backend.name}\0${rule}\0${definition}`, call, ask);
    }
    const id = call.input_type === 'response' ? stateKey(call) : undefined;
    if (id === undefined) return this.#ask(backend, checked, undefined, signal);
    const key = `${backend.name}\0${rule}\0${id}`;
    const stopped = this.#trailing.against(key, call);
    if (stopped !== undefined) return Promise.resolve(stopped);
    const need = this.#cache.need(key, call);
    switch (need.kind) {
      case 'known':
        return undefined;
      case 'wait': {
        // A client can send another request under the same id meanwhile
        const asked = checked.request();
        this.#trailing.schedule(key, call, () => this.#trail(backend, { ...checked, request: () => asked }));
        return undefined;
      }
      case 'check':
        if (need.continues) this.#trailing.cancel(key);
        // Another response under the same id: the rest of the one before is judged all the same
        else this.#trailing.run(key);
        return this.#ask(backend, checked, key, signal);
    }
  }

  /**
   * Asks a backend that nobody waits for: a mistake of ours changes no reply.
   *
   * @returns its end; it never rejects
   */
  observe(backend: JudgingBackend, checked: CheckedCall): Promise<void> {
    const check = this.#observe(backend, checked);
    this.#observing.add(check);
    return check.finally(() => this.#observing.delete(check));
  }

  async #observe(backend: JudgingBackend, checked: CheckedCall): Promise<void> {
    try {
      await this.check(backend, checked);
    } catch (error) {
      this.#observer.failed(error, checked.call);
    }
  }

  /** Resolves when the checks that nobody waits for have ended: those of observing backends, and trailing ones. */
  async settled(): Promise<void> {
    await this.#trailing.settled();
    while (this.#observing.size > 0) await Promise.all(this.#observing);
  }

  /** @param key where the cache keeps the verdict; undefined for not at all */
  #ask(
    backend: JudgingBackend,
    { call, request }: CheckedCall,
    key: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CheckResult> {
    return checkBackend(backend, call, { http: this.#http, request }, signal).then((result) => {
      if (key !== undefined && 'verdict' in result) this.#cache.put(key, call, result.verdict);
      this.#observer.checked(call, result);
      return result;
    });
  }

  async #trail(backend: JudgingBackend, { call, request }: CheckedCall): Promise<CheckResult> {
    const result = await checkBackend(backend, call, { http: this.#http, request });
    this.#observer.trailed(call, result);
    return result;
  }
}
