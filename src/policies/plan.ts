import { randomInt } from 'node:crypto';
import type { GuardrailCall } from '../guardrail/call.ts';
import { type Caller, stateKey } from '../guardrail/caller.ts';
import type { AuditOptions, PolicyNote } from '../guardrail/decision.ts';
import type { UnreachableFallback } from '../guardrail/failure.ts';
import type { OnError, Orchestration } from '../guardrail/orchestration.ts';
import type { Mode } from '../guardrail/verdict.ts';
import { askingOf, strictestAsking } from './file/orchestration.ts';
import type { CallerRule, ConfiguredPolicy, Enforcement, PolicyFile } from './file/policy-file.ts';
import { PlanMemory } from './plan-memory.ts';
import { common, type Receivers, receiversBy } from './receivers.ts';
import type { RequestedModels } from './requested-models.ts';
import { matcherOf, type RuleMatcher } from './rule-matcher.ts';

export type PlannedPolicy = ConfiguredPolicy & { readonly enforced: boolean };

/** How one call is judged. */
export class Plan {
  /** Name of the caller rule, `default` where none applies. */
  readonly rule: string;
  readonly policies: readonly PlannedPolicy[];
  /** Vendors that are asked, in order; undefined for all. */
  readonly backends: readonly string[] | undefined;
  /** In place of the backends' own. */
  readonly backendMode: Mode | undefined;
  readonly unreachableFallback: UnreachableFallback | undefined;
  readonly orchestration: Orchestration;
  readonly onError: OnError;
  readonly audit: AuditOptions | undefined;
  /** The notes of a call in which no policy found anything. */
  readonly cleanNotes: readonly PolicyNote[];

  constructor({
    rule,
    policies,
    backends,
    backendMode,
    unreachableFallback,
    orchestration,
    onError,
  }: Omit<Plan, 'audit' | 'cleanNotes'>) {
    this.rule = rule;
    this.policies = policies;
    this.backends = backends;
    this.backendMode = backendMode;
    this.unreachableFallback = unreachableFallback;
    this.orchestration = orchestration;
    this.onError = onError;
    this.audit = policies.find(({ policy }) => policy.audit !== undefined)?.policy.audit;
    this.cleanNotes = policies.map(({ kind, enforced }) => cleanNote(kind, enforced));
  }

  /** The plan under which everything is found, asked and blocked that is so under one of these. */
  static strictest(plans: readonly Plan[]): Plan {
    const [first] = plans;
    if (first !== undefined && plans.length === 1) return first;
    const policies = new Map<string, PlannedPolicy>();
    for (const planned of plans.flatMap((plan) => plan.policies)) {
      const known = policies.get(planned.kind);
      if (known === undefined || planned.enforced) policies.set(planned.kind, planned);
    }
    const lists = plans.map(({ backends }) => backends);
    const modes = plans.map(({ backendMode }) => backendMode);
    return new Plan({
      rule: plans.map(({ rule }) => rule).join('+'),
      policies: [...policies.values()],
      backends: lists.includes(undefined) ? undefined : [...new Set(lists.flatMap((list) => list ?? []))],
      backendMode: modes.includes('enforce') ? 'enforce' : modes.includes(undefined) ? undefined : 'observe',
      unreachableFallback: plans.every((plan) => plan.unreachableFallback === first?.unreachableFallback)
        ? first?.unreachableFallback
        : 'fail_closed',
      ...strictestAsking(plans),
    });
  }
}

/** The note of a policy that found nothing. */
export function cleanNote(kind: string, enforced: boolean): PolicyNote {
  return { kind, enforced, verdict: 'allow', reasonCode: 'all_policies_passed', rules: [] };
}

/** All that the plan of a response goes by which its calls before told. */
export type ToldPlan = {
  readonly models: readonly string[] | undefined;
  readonly place: number | undefined;
  readonly isUnrecorded: boolean;
};

/** Wishes of a caller, as an entry of `additional_provider_specific_params` or as a header. */
const WISHES = {
  add: { parameter: 'policies', header: 'x-litellm-guardrail-policies' },
  skip: { parameter: 'skip_policies', header: 'x-litellm-guardrail-skip' },
  enforce: { parameter: 'enforce', header: 'x-litellm-guardrail-enforce' },
} as const;

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
    readonly records: Receivers;
    readonly matches: RuleMatcher;
  }[];
  /** False where all records go to everybody. */
  readonly #routesRecords: boolean;
  /** Undefined where no rule is about models. */
  readonly #models: RequestedModels | undefined;
  readonly #memory: PlanMemory;
  /** The plan of each rule for which nothing depends on the call. */
  readonly #fixed = new Map<CallerRule | undefined, Plan>();

  /** @param memory of the planners before; by default an empty one */
  constructor(file: PolicyFile, memory = new PlanMemory()) {
    this.#file = file;
    this.#memory = memory;
    this.#matchers = file.rules.map((rule) => ({
      ...{ rule, records: rule.records },
      matches: matcherOf(rule.match),
    }));
    this.#routesRecords = file.rules.some(({ records }) => records !== undefined);
    const models = file.rules.flatMap(({ match }) => (match.model === undefined ? [] : [match.model]));
    this.#models = models.length > 0 ? memory.modelsBy(models) : undefined;
  }

  /** @param now Unix milliseconds */
  plan(call: GuardrailCall, caller: Caller, now: number): Plan {
    const add = wish(call, caller, 'add');
    const skip = wish(call, caller, 'skip');
    const enforce = wish(call, caller, 'enforce');
    const isPlain = add.length + skip.length + enforce.length === 0;
    const wishes = isPlain ? NO_WISHES : { add, skip, enforce: enforce.includes('true') };
    let place: number | undefined;
    const plans = this.#rulesFor(call, caller).map((rule) => {
      const known = isPlain ? this.#fixed.get(rule) : undefined;
      if (known !== undefined) return known;
      place ??= this.#placeOf(call);
      const plan = this.#make(rule, place, now, wishes);
      if (isPlain && this.#isFixed(rule)) this.#fixed.set(rule, plan);
      return plan;
    });
    return Plan.strictest(plans);
  }

  /** True if the plan of a response goes by what other calls under its state key told. */
  get remembers(): boolean {
    const { rules, policies } = this.#file;
    const modes = [
      ...rules.map(({ enforcement }) => enforcement),
      ...[...policies.values()].map(({ mode }) => mode),
    ];
    return this.#models !== undefined || this.#routesRecords || modes.some((one) => one?.mode === 'sample');
  }

  /** The state of the calls under a state key, for another thread. */
  told(key: string): ToldPlan {
    const { places, unrecorded } = this.#memory;
    return { models: this.#models?.told(key), place: places.get(key), isUnrecorded: unrecorded.has(key) };
  }

  /** Adds what they told in another thread. */
  tell(key: string, { models, place, isUnrecorded }: ToldPlan): void {
    const { places, unrecorded } = this.#memory;
    if (isUnrecorded) unrecorded.set(key, true);
    if (models !== undefined) this.#models?.tell(key, models);
    if (place !== undefined) places.set(key, Math.min(place, places.get(key) ?? place));
  }

  /** The rule of a call; the rules of all models where one names several, or nothing tells which a response is of. */
  #rulesFor(call: GuardrailCall, caller: Caller): readonly (CallerRule | undefined)[] {
    if (this.#matchers.length === 0) return NO_RULE;
    const models = this.#models?.of(call) ?? [call.model];
    const inputType = call.input_type;
    const rules = models.map((model) => {
      const subject = { caller, model, isModelTold: true, inputType };
      return this.#matchers.find(({ matches }) => matches(subject))?.rule;
    });
    return rules.length === 1 ? rules : [...new Set(rules)];
  }

  /** The backends that a record of a call may go to. What is not told of it is told of none: its event may know more. */
  receivers(call: GuardrailCall, caller: Caller): Receivers {
    if (!this.#routesRecords) return undefined;
    const key = stateKey(call);
    const { unrecorded } = this.#memory;
    // A request that names its caller tells all: another one under the same ids can be for the record
    const tellsAll = call.input_type === 'request' && caller.isNamed;
    if (!tellsAll && key !== undefined && unrecorded.has(key)) return [];
    const receivers = this.#receiversOf(call, caller);
    if (key !== undefined && receivers?.length === 0) unrecorded.set(key, true);
    return receivers;
  }

  #receiversOf(call: GuardrailCall, caller: Caller): Receivers {
    const told = this.#models === undefined ? [null] : this.#models.askedFor(call);
    const subject = { caller, isModelTold: told !== undefined, inputType: undefined };
    const models = told ?? [call.model];
    return models.map((model) => receiversBy(this.#matchers, { ...subject, model })).reduce(common);
  }

  #make(
    rule: CallerRule | undefined,
    place: number,
    now: number,
    { add, skip, enforce }: { add: readonly string[]; skip: readonly string[]; enforce: boolean },
  ): Plan {
    const { policies } = this.#file;
    const skipped = skip.filter((kind) => rule?.callerMaySkip.includes(kind));
    const chain = (rule?.chain ?? this.#file.chain).filter((kind) => !skipped.includes(kind));
    const added = [...policies.keys()].filter((kind) => add.includes(kind) && !chain.includes(kind));
    const acts = (mode: Enforcement) => enforce || isEnforced(rule?.enforcement ?? mode, place, now);
    const planned = [...chain, ...added].flatMap((kind) => policies.get(kind) ?? []);
    return new Plan({
      rule: rule?.name ?? 'default',
      policies: planned.map((policy) => ({
        ...policy,
        enforced: added.includes(policy.kind) || acts(policy.mode),
      })),
      backends: rule?.backends,
      backendMode: rule?.enforcement && (acts(rule.enforcement) ? 'enforce' : 'observe'),
      unreachableFallback: rule?.unreachableFallback,
      ...askingOf(rule, this.#file),
    });
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

  /**
   * Where a call stands among all, from 0 to 100: drawn for each request, whatever its ids, as a client can choose them. Requests
   * under the same ids stand where the strictest of them does so far, and so does a response, as nothing tells whose it is:
   * nobody loosens a call by repeating its ids.
   */
  #placeOf(call: GuardrailCall): number {
    const key = stateKey(call);
    const known = key === undefined ? undefined : this.#memory.places.get(key);
    if (known !== undefined && call.input_type === 'response') return known;
    const drawn = randomInt(1_000_000) / 10_000;
    const place = known === undefined ? drawn : Math.min(known, drawn);
    if (key !== undefined) this.#memory.places.set(key, place);
    return place;
  }
}

/** Of a call to which no rule applies. */
const NO_RULE = [undefined];
const NO_WISHES = { add: [], skip: [], enforce: false };
const NONE: readonly string[] = [];
/** UTF-16 units: far more than the names of all policies take. */
const MAX_WISH = 1000;

/** The words of one wish; anything but text and booleans is none, and as text it could be made to throw. */
function wish(call: GuardrailCall, caller: Caller, name: keyof typeof WISHES): readonly string[] {
  const { parameter, header } = WISHES[name];
  const value = call.additional_provider_specific_params[parameter];
  const sent = caller.header(header);
  if (value === undefined && sent === undefined) return NONE;
  return [...(Array.isArray(value) ? value : [value]), sent].flatMap((item) =>
    typeof item === 'string' || typeof item === 'boolean'
      ? String(item)
          .slice(0, MAX_WISH)
          .split(',')
          .map((word) => word.trim())
      : [],
  );
}

/** @param place where the call stands among all, from 0 to 100 */
function isEnforced({ mode, sample, until }: Enforcement, place: number, now: number): boolean {
  if (mode === 'enforce' || (until !== undefined && now >= until)) return true;
  return mode === 'sample' && place < sample;
}
