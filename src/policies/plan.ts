import { randomInt } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type GuardrailCall, modelsOf } from '../guardrail/call.ts';
import { type Caller, stateKey } from '../guardrail/caller.ts';
import type { AuditOptions, PolicyNote } from '../guardrail/decision.ts';
import type { UnreachableFallback } from '../guardrail/failure.ts';
import type { Mode } from '../guardrail/verdict.ts';
import type { CallerRule, ConfiguredPolicy, Enforcement, PolicyFile, RuleMatch } from './file/policy-file.ts';
import { globs, MAX_NAME } from './glob.ts';

export type PlannedPolicy = ConfiguredPolicy & { readonly enforced: boolean };

/** How one call is judged. */
export class Plan {
  /** Name of the caller rule, `default` where none applies. */
  readonly rule: string;
  readonly policies: readonly PlannedPolicy[];
  /** Vendors that are asked; undefined for all. */
  readonly backends: readonly string[] | undefined;
  /** In place of the backends' own. */
  readonly backendMode: Mode | undefined;
  readonly unreachableFallback: UnreachableFallback | undefined;
  readonly audit: AuditOptions | undefined;
  /** The notes of a call in which no policy found anything. */
  readonly cleanNotes: readonly PolicyNote[];

  constructor(rule: CallerRule | undefined, policies: readonly PlannedPolicy[], backendMode?: Mode) {
    this.rule = rule?.name ?? 'default';
    this.policies = policies;
    this.backends = rule?.backends;
    this.backendMode = backendMode;
    this.unreachableFallback = rule?.unreachableFallback;
    this.audit = policies.find(({ policy }) => policy.audit !== undefined)?.policy.audit;
    this.cleanNotes = policies.map(({ kind, enforced }) => cleanNote(kind, enforced));
  }
}

/** The plan for a call that several rules match: what one of them judges is judged, and what one of them enforces is enforced. */
function strictest(plans: readonly Plan[]): Plan {
  const policies = new Map<string, PlannedPolicy>();
  for (const policy of plans.flatMap((plan) => plan.policies)) {
    if (policy.enforced || !policies.has(policy.kind)) policies.set(policy.kind, policy);
  }
  const backends = plans.map((plan) => plan.backends);
  const fallbacks = new Set(plans.map(({ unreachableFallback }) => unreachableFallback));
  const [fallback] = fallbacks;
  const unreachableFallback = fallbacks.size === 1 ? fallback : 'fail_closed';
  const rule: CallerRule = {
    name: plans.map((plan) => plan.rule).join('+'),
    match: {},
    callerMaySkip: [],
    ...(backends.every((names) => names !== undefined) && { backends: [...new Set(backends.flat())] }),
    ...(unreachableFallback !== undefined && { unreachableFallback }),
  };
  const modes = new Set(plans.map(({ backendMode }) => backendMode));
  const isObserved = modes.size === 1 && modes.has('observe');
  return new Plan(
    rule,
    [...policies.values()],
    isObserved ? 'observe' : modes.has('enforce') ? 'enforce' : undefined,
  );
}

/** The note of a policy that found nothing. */
export function cleanNote(kind: string, enforced: boolean): PolicyNote {
  return { kind, enforced, verdict: 'allow', reasonCode: 'all_policies_passed', rules: [] };
}

/** Wishes of a caller, as an entry of `additional_provider_specific_params` or as a header. */
const WISHES = {
  add: { parameter: 'policies', header: 'x-litellm-guardrail-policies' },
  skip: { parameter: 'skip_policies', header: 'x-litellm-guardrail-skip' },
  enforce: { parameter: 'enforce', header: 'x-litellm-guardrail-enforce' },
} as const;

const MODEL_AGE_MS = 15 * 60_000;

/**
 * Finds the plan of a call: the first rule that matches it, else the chain of the file.
 *
 * A caller can make its protection stronger: `policies` adds configured ones, `enforce` makes those that only observe
 * act. `skip_policies` is heeded for the kinds that the rule names in `caller_may_skip`, and for nothing else.
 */
export class Planner {
  readonly #file: PolicyFile;
  readonly #matchers: readonly {
    readonly rule: CallerRule;
    matches(call: GuardrailCall, caller: Caller): boolean;
  }[];
  readonly #matchesModels: boolean;
  /** Models that were asked for, by call: a response names the provider's model. */
  readonly #models = new LRUCache<string, string>({ max: 20_000, ttl: MODEL_AGE_MS });
  /** The plan of each rule for which nothing depends on the call. */
  readonly #fixed = new Map<CallerRule | undefined, Plan>();

  constructor(file: PolicyFile) {
    this.#file = file;
    this.#matchers = file.rules.map((rule) => ({ rule, matches: matcherOf(rule.match) }));
    this.#matchesModels = file.rules.some(({ match }) => match.model !== undefined);
  }

  /** @param now Unix milliseconds */
  plan(call: GuardrailCall, caller: Caller, now: number): Plan {
    const [rule, ...others] = this.#rulesFor(call, caller);
    const plan = this.#planOf(rule, call, caller, now);
    return others.length === 0
      ? plan
      : strictest([plan, ...others.map((other) => this.#planOf(other, call, caller, now))]);
  }

  #planOf(rule: CallerRule | undefined, call: GuardrailCall, caller: Caller, now: number): Plan {
    const add = wish(call, caller, 'add');
    const skip = wish(call, caller, 'skip');
    const enforce = wish(call, caller, 'enforce');
    if (add.length + skip.length + enforce.length > 0) {
      return this.#make(rule, call, now, { add, skip, enforce: enforce.includes('true') });
    }
    const known = this.#fixed.get(rule);
    if (known !== undefined) return known;
    const plan = this.#make(rule, call, now, NO_WISHES);
    if (this.#isFixed(rule)) this.#fixed.set(rule, plan);
    return plan;
  }

  /** The rule of a call; of one for several models, the rules of all. */
  #rulesFor(call: GuardrailCall, caller: Caller): readonly (CallerRule | undefined)[] {
    if (this.#matchers.length === 0) return NO_RULE;
    if (!this.#matchesModels) return [this.#ruleOf(call, caller)];
    const model = this.#modelOf(call);
    const models = modelsOf({ model });
    if (models.length <= 1) return [this.#ruleOf({ ...call, model: models[0] ?? model }, caller)];
    return [...new Set(models.map((name) => this.#ruleOf({ ...call, model: name }, caller)))];
  }

  #ruleOf(call: GuardrailCall, caller: Caller): CallerRule | undefined {
    return this.#matchers.find(({ matches }) => matches(call, caller))?.rule;
  }

  #make(
    rule: CallerRule | undefined,
    call: GuardrailCall,
    now: number,
    { add, skip, enforce }: { add: readonly string[]; skip: readonly string[]; enforce: boolean },
  ): Plan {
    const { policies } = this.#file;
    const skipped = skip.filter((kind) => rule?.callerMaySkip.includes(kind));
    const chain = (rule?.chain ?? this.#file.chain).filter((kind) => !skipped.includes(kind));
    const added = [...policies.keys()].filter((kind) => add.includes(kind) && !chain.includes(kind));
    const percent = call.litellm_call_id === null ? Math.random() * 100 : percentOf(call.litellm_call_id);
    const acts = (mode: Enforcement) => enforce || isEnforced(rule?.enforcement ?? mode, percent, now);
    const planned = [...chain, ...added].flatMap((kind) => policies.get(kind) ?? []);
    return new Plan(
      rule,
      planned.map((policy) => ({ ...policy, enforced: added.includes(policy.kind) || acts(policy.mode) })),
      rule?.enforcement && (acts(rule.enforcement) ? 'enforce' : 'observe'),
    );
  }

  /** True if the same plan serves every call under a rule: nothing is sampled, and no date changes anything. */
  #isFixed(rule: CallerRule | undefined): boolean {
    const modes = rule?.enforcement
      ? [rule.enforcement]
      : [...this.#file.policies.values()].map(({ mode }) => mode);
    return modes.every(
      ({ mode, until }) => mode === 'enforce' || (mode === 'observe' && until === undefined),
    );
  }

  /** The model that was asked for. */
  #modelOf(call: GuardrailCall): string | null {
    const { model } = call;
    const key = stateKey(call);
    if (key === undefined) return model;
    if (call.input_type === 'response') return this.#models.get(key) ?? model;
    if (model !== null) this.#models.set(key, model.slice(0, MAX_NAME));
    return model;
  }
}

const NO_RULE = [undefined] as const;
const NO_WISHES = { add: [], skip: [], enforce: false };
const NONE: readonly string[] = [];

/** The words of one wish; anything but text and booleans is none, and as text it could be made to throw. */
function wish(call: GuardrailCall, caller: Caller, name: keyof typeof WISHES): readonly string[] {
  const { parameter, header } = WISHES[name];
  const value = call.additional_provider_specific_params[parameter];
  const sent = caller.header(header);
  if (value === undefined && sent === undefined) return NONE;
  return [...(Array.isArray(value) ? value : [value]), sent].flatMap((item) =>
    typeof item === 'string' || typeof item === 'boolean'
      ? String(item)
          .split(',')
          .map((word) => word.trim())
      : [],
  );
}

type Test = (call: GuardrailCall, caller: Caller) => boolean;

function matcherOf(match: RuleMatch): Test {
  const tests: Test[] = [];
  const some = (
    patterns: readonly string[] | undefined,
    names: (call: GuardrailCall, caller: Caller) => readonly string[],
  ) => {
    if (patterns === undefined) return;
    const isMatch = globs(patterns);
    // Nobody gets out of a rule by a name that is too long for it
    tests.push((call, caller) => names(call, caller).some((name) => isMatch(name.slice(0, MAX_NAME))));
  };
  some(match.team, (_, { team }) => team);
  some(match.key, (_, { key }) => key);
  some(match.user, (_, { user }) => user);
  some(match.endUser, (_, { endUser }) => endUser);
  some(match.model, ({ model }) => (model === null ? [] : [model]));
  for (const [name, patterns] of match.headers ?? []) {
    some(patterns, (_, caller) => [caller.header(name) ?? []].flat());
  }
  const { inputType } = match;
  if (inputType !== undefined) tests.push(({ input_type }) => inputType.includes(input_type));
  return (call, caller) => tests.every((test) => test(call, caller));
}

/** @param percent where the call stands among all, from 0 to 100: everything of one call is judged alike */
function isEnforced({ mode, sample, until }: Enforcement, percent: number, now: number): boolean {
  if (mode === 'enforce' || (until !== undefined && now >= until)) return true;
  return mode === 'sample' && percent < sample;
}

/** Nobody can choose an id that is always among the others. */
const SALT = randomInt(0x1_0000_0000);

/** A number from 0 to 100 that depends on every letter: FNV-1a, mixed as MurmurHash3 ends, so that counted ids spread evenly. */
function percentOf(text: string): number {
  let hash = SALT;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return ((hash >>> 0) / 0x1_0000_0000) * 100;
}
