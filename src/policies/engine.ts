import { lazily } from '../detectors/lazily.ts';
import type { TextRule } from '../detectors/rule.ts';
import type { GuardrailCall, InputType } from '../guardrail/call.ts';
import { type Caller, stateKey } from '../guardrail/caller.ts';
import type { AuditOptions, PolicyNote, PolicyResult } from '../guardrail/decision.ts';
import { isUsualId } from '../guardrail/opaque.ts';
import { Budget, inTurns, Turns, type Work } from './budget.ts';
import type { PolicyFile } from './file/policy-file.ts';
import { Finder, type Found } from './finder.ts';
import { foundPlaces } from './found-places.ts';
import { withJoints } from './joints.ts';
import { MIN_KNOWN_CHARS } from './known-texts.ts';
import type { MarkerStore, Markers } from './markers.ts';
import { blocksForOlder, OlderTurns, type Removals } from './older-turns.ts';
import { cleanNote, type Plan, type PlannedPolicy, Planner, type ToldPlan } from './plan.ts';
import type { PlanMemory } from './plan-memory.ts';
import type { Policy, PolicyRefusal, Subject } from './policy.ts';
import type { Receivers } from './receivers.ts';
import { refusalsBy } from './refusals.ts';
import { type Redaction, redact } from './replacements.ts';
import { certain, isNumericId } from './structure.ts';
import { consequenceOf, findingsOf, type PlacedFinding } from './utterances.ts';

export type EngineOptions = {
  readonly markers: MarkerStore;
  /** By default an empty one. */
  readonly plans?: PlanMemory;
  /** True for a request if its response may be given back what was redacted, and for a response that can be rewritten. */
  readonly restores: (call: GuardrailCall) => boolean;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Told of the findings for which a policy objects, and of all that was found in each passage. */
  readonly explain?:
    | ((kind: string, causes: readonly PlacedFinding[], found: readonly Found[]) => void)
    | undefined;
};

/** Kinds of state by which responses are judged, and that other calls told. */
export type PolicyNeeds = {
  /** Models that were asked for, the place in a sample, and that nothing is recorded. */
  readonly plan: boolean;
  readonly markers: boolean;
  /** The one model that was asked for, to compare that of a response with. */
  readonly asked: boolean;
  /** True if texts of responses are judged. */
  readonly judgesResponses: boolean;
};

/** The results for the passages of a call by their index. */
type Findings = readonly Found[];

const NOTHING: Findings = [];
const NO_RULES: ReadonlySet<TextRule> = new Set();
const NO_TEXTS: Redaction['texts'] = new Map();
const NO_REMOVALS: Removals = new Map();
const NO_PASSAGES: PolicyResult['offending'] = new Set();

/** Judges calls by a policy file, here and now, without asking anybody. */
export class Engine {
  readonly version: string;
  /** How decisions are to be logged, where some chain has an audit-logger. */
  readonly audit: AuditOptions | undefined;
  readonly needs: PolicyNeeds;
  readonly #planner: Planner;
  readonly #finders: Readonly<Record<InputType, Finder>>;
  /** For results of MCP tools: what the model reads next, as it reads those in a request. */
  readonly #resultFinder: () => Finder;
  /** All rules of each policy, those for disguised text included. */
  readonly #rules = new Map<Policy, ReadonlySet<TextRule>>();
  readonly #markers: MarkerStore;
  readonly #restores: EngineOptions['restores'];
  readonly #now: () => number;
  readonly #explain: EngineOptions['explain'];
  readonly #turns = new Turns();

  constructor(file: PolicyFile, { markers, plans, restores, explain, now = Date.now }: EngineOptions) {
    const policies = [...file.policies.values()].map(({ policy }) => policy);
    for (const policy of policies) {
      this.#rules.set(
        policy,
        new Set([...(policy.texts?.rules ?? []), ...(policy.texts?.rulesForPlain ?? [])]),
      );
    }
    this.version = file.version;
    this.audit = policies.find(({ audit }) => audit !== undefined)?.audit;
    this.#planner = new Planner(file, plans);
    this.needs = {
      plan: this.#planner.remembers,
      markers: policies.some(({ texts }) => texts?.isReversible),
      asked: policies.some(({ comparesModels }) => comparesModels),
      judgesResponses: policies.some(({ texts }) => texts?.on.includes('response')),
    };
    this.#finders = { request: new Finder(policies, 'request'), response: new Finder(policies, 'response') };
    this.#resultFinder = lazily(() => new Finder(policies, 'request', 'response'));
    this.#markers = markers;
    this.#restores = restores;
    this.#now = now;
    this.#explain = explain;
  }

  /**
   * Judges a call: at once if it is short, in turns with other calls if it is not.
   *
   * @param bytes size of the body
   * @param timeoutMs milliseconds of work after which it gives up
   * @param removesHistory false if what was blocked blocks again in an older turn of a conversation
   * @throws OutOfTime
   */
  judge(
    call: GuardrailCall,
    caller: Caller,
    {
      bytes,
      timeoutMs,
      removesHistory = true,
    }: { bytes: number; timeoutMs: number; removesHistory?: boolean },
  ): PolicyResult | Promise<PolicyResult> {
    const subject = { call, caller, bytes, now: this.#now() };
    const keepsTurnsApart = removesHistory && call.input_type === 'request' && call.shape === 'conversation';
    return inTurns(this.#judge(subject, new Budget(this.#turns, timeoutMs), keepsTurnsApart));
  }

  /** See {@link Planner.receivers}. */
  receivers(call: GuardrailCall, caller: Caller): Receivers {
    return this.#planner.receivers(call, caller);
  }

  /** See {@link Planner.told}. */
  told(key: string): ToldPlan {
    return this.#planner.told(key);
  }

  /** See {@link Planner.tell}. */
  tell(key: string, told: ToldPlan): void {
    this.#planner.tell(key, told);
  }

  *#judge(subject: Subject, budget: Budget, keepsTurnsApart: boolean): Work<PolicyResult> {
    const { call, caller, now } = subject;
    const startedAt = performance.now();
    const plan = this.#planner.plan(call, caller, now);
    const refusals = yield* refusalsBy(plan, subject, budget);
    const isRefused = plan.policies.some(({ enforced }, i) => enforced && refusals[i] !== undefined);
    const found = isRefused ? NOTHING : yield* this.#find(call, budget);
    const isClean = refusals.every((refusal) => refusal === undefined) && found.every(isEmpty);
    const older = isClean || !keepsTurnsApart ? undefined : new OlderTurns(call);
    const notes = isClean
      ? plan.cleanNotes
      : plan.policies.map((one, i) => this.#note(one, refusals[i], found, call, older));
    const by = decisive(notes);
    const removals = older?.removals ?? NO_REMOVALS;
    const { texts, holdback } = yield* this.#redact(plan, notes, found, call, removals, budget);
    const blocking =
      by?.verdict === 'redact' ? undefined : plan.policies.find(({ kind }) => kind === by?.kind);
    return {
      version: this.version,
      callerRule: plan.rule,
      backends: plan.backends,
      backendMode: plan.backendMode,
      unreachableFallback: plan.unreachableFallback,
      orchestration: plan.orchestration,
      onError: plan.onError,
      verdict: by?.verdict === 'block' ? 'block' : by !== undefined || texts.size > 0 ? 'redact' : 'allow',
      by,
      message: blocking?.policy.message,
      notes,
      texts,
      removed: older?.kinds ?? [],
      offending: older?.offending ?? NO_PASSAGES,
      holdback,
      continues: found.some((one) => one.continues),
      mediaPolicy: plan.policies.find(
        ({ enforced, policy }) => enforced && policy.needsMediaBackend?.(subject),
      )?.kind,
      isUncompared: plan.policies.some(({ policy }) => policy.isUncompared?.(subject)),
      audit: plan.audit,
      startedAt,
      ms: performance.now() - startedAt,
    };
  }

  /** Looks at each text of a call; one of a response may still grow. */
  *#find(call: GuardrailCall, budget: Budget): Work<Findings> {
    const { input_type, shape, passages } = call;
    const finder = shape === 'mcp_result' ? this.#resultFinder() : this.#finders[input_type];
    const isGrowing = input_type === 'response' && shape !== 'mcp_result';
    const round = isGrowing ? finder.round(stateKey(call)) : undefined;
    /** Texts that are too short to be remembered, such as the words of a schema. */
    const short = new Map<string, Found>();
    const ids = new Map<string, Found>();
    const results: Found[] = [];
    for (const { text, place } of passages.all) {
      if (round !== undefined && place === 'text') {
        results.push(yield* round.find(text, budget));
        continue;
      }
      if (place === 'structure' && isUsualId(text)) {
        const known = ids.get(text);
        const found = known ?? certain(yield* finder.findInId(text, budget));
        if (known === undefined) ids.set(text, found);
        results.push(found);
        continue;
      }
      const isShort = text.length < MIN_KNOWN_CHARS;
      const known = isShort ? short.get(text) : finder.known(text);
      if (known !== undefined) {
        budget.found(known.findings.length);
        const turn = budget.spend(0);
        if (turn !== undefined) yield turn;
      }
      const found = known ?? (yield* finder.find(text, budget));
      if (isShort) short.set(text, found);
      results.push(found);
    }
    round?.keep();
    return yield* withJoints(call, finder, results, budget);
  }

  /** The result of one policy: for the call itself first, then for its texts. */
  #note(
    { kind, enforced, policy }: PlannedPolicy,
    refusal: PolicyRefusal | undefined,
    found: Findings,
    call: GuardrailCall,
    older: OlderTurns | undefined,
  ): PolicyNote {
    if (refusal !== undefined) {
      return { kind, enforced, verdict: 'block', reasonCode: refusal.reasonCode, rules: [refusal.rule] };
    }
    const { texts } = policy;
    const { input_type, shape, passages } = call;
    if (texts === undefined || (shape !== 'mcp_result' && !texts.on.includes(input_type)))
      return cleanNote(kind, enforced);
    const own = this.#rules.get(policy) ?? NO_RULES;
    const all = findingsOf(texts, own, passages, found);
    const verdict = consequenceOf(texts, all);
    const findings = verdict === 'redact' ? all.filter(({ passage }) => !isNumericId(passage)) : all;
    if (findings.length === 0) return cleanNote(kind, enforced);
    const rules = [...new Set(findings.map(({ rule }) => rule.id))];
    const judged =
      verdict === 'block' && older !== undefined
        ? older.judge({ kind, enforced }, texts, all)
        : { verdict, causes: findings };
    const note = { kind, enforced, verdict: judged.verdict, reasonCode: texts.reasonCode, rules };
    if (judged.verdict === 'allow') return note;
    this.#explain?.(kind, judged.causes, found);
    const isOlder = verdict === 'block' && older === undefined && blocksForOlder(call, texts, all);
    return { ...note, places: foundPlaces(call, texts, judged), ...(isOlder && { older: true }) };
  }

  *#redact(
    plan: Plan,
    notes: readonly PolicyNote[],
    found: Findings,
    call: GuardrailCall,
    removals: Removals,
    budget: Budget,
  ): Work<Redaction> {
    const redacting = plan.policies.filter((_, i) => notes[i]!.enforced && notes[i]!.verdict === 'redact');
    const markers = this.#markersFor(call, redacting);
    const isRequest = call.input_type === 'request';
    const isClean = redacting.length === 0 && removals.size === 0 && found.every(isDecided);
    if (isClean && (isRequest || markers === undefined)) {
      return { texts: NO_TEXTS, holdback: call.texts.map(() => 0) };
    }
    const acting = plan.policies.flatMap(({ enforced, policy }) =>
      enforced && policy.texts !== undefined ? (this.#rules.get(policy) ?? NO_RULES) : [],
    );
    return yield* redact(call, found, { redacting, acting, markers, removals }, budget);
  }

  #markersFor(call: GuardrailCall, redacting: readonly PlannedPolicy[]): Markers | undefined {
    if (call.input_type === 'request') {
      const isReversible = redacting.some(({ policy }) => policy.texts?.isReversible) && this.#restores(call);
      const key = isReversible ? stateKey(call) : undefined;
      return key === undefined ? undefined : this.#markers.open(key);
    }
    const key = stateKey(call);
    const markers = key === undefined ? undefined : this.#markers.of(key);
    return markers !== undefined && this.#restores(call) ? markers : undefined;
  }
}

const isEmpty = ({ findings, plain }: Found) => findings.length === 0 && plain.length === 0;

const isDecided = ({ opens }: Found) => opens.length === 0;

/** The policy that blocks, else the first that redacts, else the first that removes. */
function decisive(notes: readonly PolicyNote[]): PolicyNote | undefined {
  const find = (wanted: PolicyNote['verdict']) =>
    notes.find(({ enforced, verdict }) => enforced && verdict === wanted);
  return find('block') ?? find('redact') ?? find('remove');
}
