import { randomInt } from 'node:crypto';
import { fieldsOf, type GuardrailCall } from '../guardrail/call.ts';
import { type Caller, callName } from '../guardrail/caller.ts';
import type { UnreachableFallback } from '../guardrail/failure.ts';
import type { Mode } from '../guardrail/verdict.ts';
import { createCleared } from './cleared.ts';
import type { ConfiguredPolicy, Enforcement, PolicyFile, RuleMatch } from './file/policy-file.ts';
import { globs, MAX_NAME } from './glob.ts';

/** How one call is judged. */
export type Plan = {
  /** Name of the caller's rule, `default` where none applies. */
  readonly rule: string;
  readonly policies: readonly PlannedPolicy[];
  /** Vendors that are asked; undefined for all. */
  readonly backends: readonly string[] | undefined;
  /** In place of the backends' own. */
  readonly backendMode: Mode | undefined;
  readonly unreachableFallback: UnreachableFallback | undefined;
};

export type PlannedPolicy = ConfiguredPolicy & { readonly enforced: boolean };

export type Planner = (call: GuardrailCall, caller: Caller, now: number) => Plan;

/** What a caller may ask for itself, as an entry of `additional_provider_specific_params` or as a header. */
const WISHES = {
  add: { parameter: 'policies', header: 'x-litellm-guardrail-policies' },
  skip: { parameter: 'skip_policies', header: 'x-litellm-guardrail-skip' },
  enforce: { parameter: 'enforce', header: 'x-litellm-guardrail-enforce' },
} as const;

/**
 * Finds the plan of a call: the first rule that matches it, else the chain of the file.
 *
 * A caller can make its protection stronger: `policies` adds configured ones, `enforce` makes those that only observe
 * act. `skip_policies` is heeded for what the rule names in `caller_may_skip`, and for nothing else.
 */
export function createPlanner({ rules, chain, policies }: PolicyFile): Planner {
  const matchers = rules.map((rule) => ({ rule, matches: matcherOf(rule.match) }));
  const others = [...policies.keys()];
  const modelOf = rules.some(({ match }) => match.model !== undefined)
    ? createModels()
    : ({ model }: GuardrailCall) => model;

  return (call, caller, now) => {
    const asked = { ...call, model: modelOf(call) };
    const rule = matchers.find(({ matches }) => matches(asked, caller))?.rule;
    const wish = wishesOf(call, caller);
    const skipped = wish('skip').filter((kind) => rule?.callerMaySkip.includes(kind));
    const own = (rule?.chain ?? chain).filter((kind) => !skipped.includes(kind));
    const wanted = wish('add');
    const added = others.filter((kind) => wanted.includes(kind) && !own.includes(kind));
    const enforce = wish('enforce').includes('true');
    const percent = call.litellm_call_id === null ? Math.random() * 100 : percentOf(call.litellm_call_id);
    const acts = (mode: Enforcement) => enforce || isEnforced(rule?.enforcement ?? mode, percent, now);
    const planned = [...own, ...added].flatMap((kind) => policies.get(kind) ?? []);
    return {
      rule: rule?.name ?? 'default',
      policies: planned.map((policy) => ({
        ...policy,
        enforced: added.includes(policy.kind) || acts(policy.mode),
      })),
      backends: rule?.backends,
      backendMode: rule?.enforcement && (acts(rule.enforcement) ? 'enforce' : 'observe'),
      unreachableFallback: rule?.unreachableFallback,
    };
  };
}

/** The models that were asked for: an answer says what the provider calls it. */
function createModels() {
  const models = createCleared<string>();
  return (call: GuardrailCall): string | null => {
    const { model } = call;
    const name = callName(call);
    if (name === undefined) return model;
    if (call.input_type === 'response') return models.get(name) ?? model;
    if (model !== null) models.set(name, model.slice(0, MAX_NAME));
    return model;
  };
}

function wishesOf({ additional_provider_specific_params }: GuardrailCall, caller: Caller) {
  const parameters = fieldsOf(additional_provider_specific_params);
  return (name: keyof typeof WISHES): readonly string[] => {
    const { parameter, header } = WISHES[name];
    const value = parameters[parameter];
    const listed = Array.isArray(value) ? value : [value];
    // Anything else is no wish, and as text it could be made to throw
    return [...listed, caller.header(header)].flatMap((item) =>
      typeof item === 'string' || typeof item === 'boolean'
        ? String(item)
            .split(',')
            .map((word) => word.trim())
        : [],
    );
  };
}

function matcherOf(match: RuleMatch): (call: GuardrailCall, caller: Caller) => boolean {
  const tests: ((call: GuardrailCall, caller: Caller) => boolean)[] = [];
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

/** @param percent where the call stands among all, from 0 to 100: all that belongs to one call is judged alike */
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
