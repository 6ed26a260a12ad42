import type { Http } from '../backends/http.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import type { CheckResult } from '../guardrail/decision.ts';
import { shownEnds } from '../guardrail/edit.ts';
import { withTexts } from '../guardrail/passages.ts';
import type { SharedState } from '../state/shared-state.ts';
import { type CheckOptions, checkBackend, isUnasked, type JudgingBackend } from './check-backend.ts';
import { blocks } from './decide.ts';
import { DefinitionChecks, definitionOf } from './definition-checks.ts';
import { LateVerdicts, lateKey } from './late-verdicts.ts';
import { backendRedaction } from './merge.ts';
import { NewTexts } from './new-texts.ts';
import type { Question } from './question.ts';
import { TrailingChecks } from './trailing-checks.ts';
import { type Need, VerdictCache } from './verdict-cache.ts';
import { WatchingChecks } from './watching-checks.ts';

/** Told of checks when they end, to count and log them. */
export type CheckObserver = {
  /** A check has ended, of an observing backend too. */
  checked(call: GuardrailCall, result: CheckResult): void;
  /** A check of a response that was delivered before has ended. */
  trailed(call: GuardrailCall, result: CheckResult): void;
  /** A mistake of ours ended a check that nobody waits for. */
  failed(error: unknown, call: GuardrailCall): void;
  /** A backend was not asked: there was nothing that it judges and had not allowed before. */
  unasked(call: GuardrailCall, backend: string): void;
};

/** A call that backends are asked about. */
export type CheckedCall = {
  /** The call as the policies left it. */
  readonly call: GuardrailCall;
  /** Size of the body it came in. */
  readonly bytes: number;
  /** Name of policies and caller rule: a verdict under one is none under another. */
  readonly rule: string;
  /** True for a response that is shown as far as it is judged for good: nothing of it may wait. */
  readonly isShown: boolean;
  /** Number of characters at the end of each of `texts` that policies may still change. */
  readonly holdback: readonly number[];
  /** For a response: reads the request it belongs to, if this instance still remembers it. */
  readonly request: () => GuardrailCall | undefined;
};

/** Why a backend is not asked: it has allowed all of the call, or the response has not grown enough. */
export type Unasked = Exclude<Need['kind'], 'check'>;

/** Where a check stands among others. */
export type CheckPlace = Pick<CheckOptions, 'handsOver' | 'within'> & {
  /** Ends it when nobody waits any more. */
  readonly signal?: AbortSignal | undefined;
  /** Place in each text of a response from which on those before it in a sequence may still change it. */
  readonly ends?: readonly number[] | undefined;
};

/** All that is known of a call to one backend. `key` names backend, rule and call; undefined where nothing is kept. */
type Standing = {
  readonly key: string | undefined;
  /** A verdict against the beginning of the same response. */
  readonly stopped: CheckResult | undefined;
  readonly need: Need;
};

const NEW: Standing = { key: undefined, stopped: undefined, need: { kind: 'check', continues: false } };

/** Asks backends: now, after the end of a response, or not at all where they have allowed it before. */
export class BackendChecks {
  readonly #http: Http;
  readonly #growth: number;
  readonly #observer: CheckObserver;
  readonly #cache: VerdictCache;
  readonly #trailing: TrailingChecks;
  readonly #definitions = new DefinitionChecks();
  readonly #texts = new NewTexts();
  /** Those of backends that nobody waits for. */
  readonly watching = new WatchingChecks();

  /** Undefined where nobody shares any, or no check waits. */
  readonly #late: LateVerdicts | undefined;

  /**
   * @param growth by how much a response has to have grown before a backend is asked again; 1 for each time
   * @param state that replicas share
   */
  constructor(http: Http, growth: number, observer: CheckObserver, state?: SharedState) {
    this.#http = http;
    this.#growth = growth;
    this.#observer = observer;
    this.#cache = new VerdictCache(growth);
    this.#trailing = new TrailingChecks((error, call) => observer.failed(error, call));
    this.#late = state && growth > 1 ? new LateVerdicts(state, this.#trailing) : undefined;
  }

  /** Learns what was said of a response elsewhere; undefined where there is nothing to wait for. */
  fetch(call: GuardrailCall): Promise<void> | undefined {
    return this.#late?.fetch(call);
  }

  /** The result to come of one backend; if there is nothing to ask it now, why. */
  check(backend: JudgingBackend, checked: CheckedCall, place: CheckPlace): Promise<CheckResult> | Unasked {
    const standing = this.#standing(backend, checked);
    switch (standing.need.kind) {
      case 'known':
        return 'known';
      case 'wait':
        this.#wait(standing.key, [backend], checked, checked.call);
        return 'wait';
      case 'check':
        return this.#askNow(backend, checked, standing, place, checked.call);
    }
  }

  /** Tells what {@link check} would do. */
  need(backend: JudgingBackend, checked: CheckedCall): Need['kind'] {
    return this.#standing(backend, checked).need.kind;
  }

  /**
   * Asks a backend now, though it may wait.
   *
   * @param left the call as the backends before this one left it
   */
  ask(
    backend: JudgingBackend,
    checked: CheckedCall,
    place: CheckPlace,
    left: GuardrailCall,
  ): Promise<CheckResult> | Unasked {
    return this.#askNow(backend, checked, this.#standing(backend, checked), place, left);
  }

  /**
   * Asks backends after the end of a response, one after the other.
   *
   * @param left the call as the backends before them left it
   */
  wait(backends: readonly JudgingBackend[], checked: CheckedCall, left: GuardrailCall): void {
    const keys = backends.map((backend) => this.#standing(backend, checked).key);
    for (const key of keys) if (key !== undefined) this.#trailing.cancel(key);
    this.#wait(keys[0], backends, checked, left);
  }

  /**
   * Asks a backend that nobody waits for: a mistake of ours changes no reply.
   *
   * @param told is given its result, or why it was not asked
   * @returns its end; it never rejects
   */
  async observe(
    backend: JudgingBackend,
    checked: CheckedCall,
    place: CheckPlace,
    told: (result: CheckResult | Unasked) => void | Promise<void>,
  ): Promise<void> {
    try {
      const result = await this.check(backend, checked, place);
      await told(result);
    } catch (error) {
      this.#observer.failed(error, checked.call);
    }
  }

  /** Resolves when the checks that nobody waits for have ended: those of observing backends, and trailing ones. */
  async settled(): Promise<void> {
    await Promise.all([this.#trailing.settled(), this.watching.settled()]);
  }

  #standing({ name, memory, mode }: JudgingBackend, { call, rule, isShown }: CheckedCall): Standing {
    const id = call.input_type === 'response' ? stateKey(call) : undefined;
    if (id === undefined) return NEW;
    const key = `${memory}\0${rule}\0${id}`;
    const here = this.#trailing.against(key, call);
    const stopped = here ?? (this.#late && this.#trailing.against(lateKey(`${name}\0${rule}`, id), call));
    const isAsked = stopped !== undefined || (isShown && mode === 'enforce');
    return { key, stopped, need: isAsked ? NEW.need : this.#cache.need(key, call) };
  }

  #askNow(
    backend: JudgingBackend,
    checked: CheckedCall,
    { key, stopped, need }: Standing,
    place: CheckPlace,
    left: GuardrailCall,
  ): Promise<CheckResult> | Unasked {
    const { call, rule } = checked;
    // A backend of texts remembers each of them
    const definition = backend.reads === 'texts' ? undefined : definitionOf(left);
    if (definition !== undefined) {
      const ask = () => this.#check(backend, checked, left, place);
      return this.#definitions.check(`${backend.memory}\0${rule}\0${definition}`, left, ask) ?? 'known';
    }
    if (stopped !== undefined) return Promise.resolve(stopped);
    if (key !== undefined) {
      // Another response under the same id: the rest of the one before is judged all the same
      if (need.kind === 'check' && !need.continues) this.#trailing.run(key);
      else this.#trailing.cancel(key);
    }
    const question = this.#question(backend, checked, left, key, place.ends);
    if (question?.isKnown) {
      this.#observer.unasked(left, backend.name);
      const known = question.known(backend);
      return known === undefined ? 'known' : Promise.resolve(known);
    }
    const asked = this.#check(backend, checked, left, place, question);
    // An allow of what others had redacted is none of what they may let pass next time
    if (key === undefined || left !== call) return asked;
    return asked.then((result) => {
      if ('verdict' in result) this.#cache.put(key, call, result.verdict);
      return result;
    });
  }

  /** @returns undefined for a backend that judges whole calls, unless it may redact what is shown meanwhile */
  #question(
    { memory, mode, reads, judges }: JudgingBackend,
    { rule, isShown, holdback }: CheckedCall,
    left: GuardrailCall,
    stream: string | undefined,
    ends?: readonly number[],
  ): Question | undefined {
    const isHeldBack = isShown && mode === 'enforce';
    if (reads === 'conversation' && (!isHeldBack || stream === undefined)) return undefined;
    return this.#texts.of(left, {
      ...{ reads, stream, judgesMedia: judges.media, name: `${memory}\0${rule}` },
      isShown: isHeldBack,
      isThrifty: !isHeldBack && this.#growth > 1,
      policyEnds: stream === undefined ? [] : (ends ?? shownEnds(left.texts, holdback)),
    });
  }

  async #check(
    backend: JudgingBackend,
    { request }: Pick<CheckedCall, 'request'>,
    left: GuardrailCall,
    { signal, handsOver, within }: CheckPlace,
    question?: Question,
  ): Promise<CheckResult> {
    const options = { http: this.#http, request, handsOver, within, texts: question?.texts };
    const result = await checkBackend(backend, question?.call ?? left, options, signal);
    if (isUnasked(result)) this.#observer.unasked(left, backend.name);
    else this.#observer.checked(left, result);
    return question?.concluded(result) ?? result;
  }

  #wait(
    key: string | undefined,
    backends: readonly JudgingBackend[],
    checked: CheckedCall,
    left: GuardrailCall,
  ): void {
    if (key === undefined) return;
    // A client can send another request under the same id meanwhile
    const asked = checked.request();
    const { call, rule } = checked;
    this.#trailing.schedule(
      key,
      call,
      (signal) => this.#trail(backends, { ...checked, request: () => asked }, left, signal),
      this.#late && ((stopped) => this.#late!.tell(`${backends[0]!.name}\0${rule}`, call, stopped)),
    );
  }

  /** The result against the response, if it goes on: a block, or the first redaction. */
  async #trail(
    backends: readonly JudgingBackend[],
    checked: CheckedCall,
    call: GuardrailCall,
    signal: AbortSignal,
  ): Promise<CheckResult | undefined> {
    const { request } = checked;
    let against: CheckResult | undefined;
    let left = call;
    for (const backend of backends) {
      const question = this.#question(backend, checked, left, this.#standing(backend, checked).key);
      if (question?.isKnown) continue;
      const options = { http: this.#http, request, texts: question?.texts };
      const said = await checkBackend(backend, question?.call ?? left, options, signal);
      this.#observer.trailed(checked.call, said);
      const result = question?.concluded(said) ?? said;
      if (blocks(result)) return 'verdict' in result ? result : against;
      const redaction = backendRedaction(result);
      if (redaction === undefined) continue;
      if ('verdict' in result) against ??= result;
      if (redaction === null) break;
      left = withTexts(left, redaction.texts);
    }
    return against;
  }
}
