import { type Edit, editedText, heldBackChars } from '../detectors/edit.ts';
import type { Finding, TextRule } from '../detectors/rule.ts';
import { firstOf, withoutCut } from '../detectors/scan/scanner.ts';
import type { GuardrailCall, InputType } from '../guardrail/call.ts';
import { type Caller, callerOf, callName } from '../guardrail/caller.ts';
import { passagesOf } from '../guardrail/words.ts';
import { type Budget, createBudget } from './budget.ts';
import type { PolicyFile } from './file/policy-file.ts';
import { createFinder, type Found } from './finder.ts';
import { createPlanner, type Plan, type PlannedPolicy } from './plan.ts';
import type { Action, AuditOptions, Refusal, Subject, TextPolicy } from './policy.ts';
import type { createVaults, Vault } from './vault.ts';

/** What one policy found in a call, and whether that counts. */
export type PolicyNote = {
  readonly kind: string;
  readonly enforced: boolean;
  readonly verdict: 'allow' | Action;
  readonly reasonCode: string;
  /** Ids of what was found, without content. */
  readonly rules: readonly string[];
};

/** What all policies together say of a call. */
export type Ruling = {
  readonly plan: Plan;
  readonly caller: Caller;
  readonly policyVersion: string;
  readonly verdict: 'allow' | Action;
  /** Of the policy that blocks, or of the first that redacts. */
  readonly by?: PolicyNote;
  /** The operator's words for the caller. */
  readonly message?: string;
  /** One entry for every policy that judged, in order. */
  readonly notes: readonly PolicyNote[];
  /** Whole strings of the call and what shall stand in their place. */
  readonly rewrites: ReadonlyMap<string, string>;
  /** Whether it is an answer that goes on where an earlier call about it ended. */
  readonly goesOn: boolean;
  /** How many characters at the end of each of `texts`, once rewritten, may not be shown yet; for answers. */
  readonly holdback: readonly number[];
  /** The call may only pass if a backend that judges media has judged it. */
  readonly mediaPolicy: string | undefined;
  readonly audit: AuditOptions | undefined;
};

export type Engine = {
  readonly version: string;
  /** How decisions are to be logged, where some chain has an audit-logger. */
  readonly audit: AuditOptions | undefined;
  /** @throws OutOfTime */
  judge(call: GuardrailCall, options: JudgeOptions): Promise<Ruling>;
};

export type JudgeOptions = {
  /** Size of the body. */
  readonly bytes: number;
  /** Milliseconds of work after which it gives up. */
  readonly timeoutMs: number;
};

export type EngineOptions = {
  readonly vaults: ReturnType<typeof createVaults>;
  /** Whether answers may be rewritten, and so what was redacted in their requests put back. */
  readonly restores: boolean;
  /** Unix milliseconds. */
  readonly now?: () => number;
};

/** Judges calls by a policy file, here and now, without asking anybody. */
export function createEngine(file: PolicyFile, { vaults, restores, now = Date.now }: EngineOptions): Engine {
  const plan = createPlanner(file);
  const policies = [...file.policies.values()].map(({ policy }) => policy);
  const rules = new Map(
    policies.map((policy) => [
      policy,
      new Set([...(policy.texts?.rules ?? []), ...(policy.texts?.rulesForPlain ?? [])]),
    ]),
  );
  const finders = {
    request: createFinder(policies, 'request'),
    response: createFinder(policies, 'response'),
  };

  /** What stands in each text of the call; an answer may be one that still grows. */
  async function found({ call, budget }: Work): Promise<Texts> {
    const finder = finders[call.input_type];
    const all = new Map<string, Found>();
    const name = call.input_type === 'response' ? callName(call) : undefined;
    for (const [index, text] of passagesOf(call).entries()) {
      if (all.has(text)) continue;
      const grows = call.input_type === 'response' && index < call.texts.length;
      const stream = grows ? `${name} ${index}` : undefined;
      all.set(
        text,
        await (stream === undefined ? finder.find(text, budget) : finder.findOn(stream, text, budget)),
      );
    }
    return all;
  }

  return {
    version: file.version,
    audit: policies.find(({ audit }) => audit !== undefined)?.audit,
    async judge(call, { bytes, timeoutMs }) {
      const caller = callerOf(call);
      const subject: Subject = { call, caller, bytes, now: now() };
      const planned = plan(call, caller, subject.now);
      const refusals = planned.policies.map(({ policy }) => policy.check?.(subject));
      const isRefused = planned.policies.some(({ enforced }, i) => enforced && refusals[i] !== undefined);
      const texts: Texts = isRefused ? new Map() : await found({ call, budget: createBudget(timeoutMs) });
      const notes = planned.policies.map((policy, i) =>
        noteOf(policy, rules.get(policy.policy) ?? NO_RULES, refusals[i], texts, call.input_type),
      );
      const enforced = notes.filter((note) => note.enforced);
      const by =
        enforced.find(({ verdict }) => verdict === 'block') ??
        enforced.find(({ verdict }) => verdict === 'redact');
      const redacting = planned.policies.filter(
        (_, i) => notes[i]!.enforced && notes[i]!.verdict === 'redact',
      );
      const vault = vaultOf(call, redacting);
      const acting = planned.policies.flatMap(({ enforced, policy }) =>
        enforced && policy.texts !== undefined ? (rules.get(policy) ?? NO_RULES) : [],
      );
      const { rewrites, holdback } = redact(call, texts, redacting, acting, vault);
      const blocking = planned.policies.find(({ kind }) => kind === by?.kind && by.verdict === 'block');
      return {
        plan: planned,
        caller,
        policyVersion: file.version,
        verdict: by?.verdict ?? (rewrites.size > 0 ? 'redact' : 'allow'),
        ...(by !== undefined && { by }),
        ...(blocking?.policy.message !== undefined && { message: blocking.policy.message }),
        notes,
        rewrites,
        holdback,
        goesOn: [...texts.values()].some(({ goesOn }) => goesOn),
        mediaPolicy: planned.policies.find(
          ({ enforced, policy }) => enforced && policy.needsMediaBackend?.(subject),
        )?.kind,
        audit: planned.policies.find(({ policy }) => policy.audit !== undefined)?.policy.audit,
      };
    },
  };

  function vaultOf(call: GuardrailCall, redacting: readonly PlannedPolicy[]) {
    const name = callName(call);
    if (!restores || name === undefined) return undefined;
    if (call.input_type === 'response') return vaults.of(name);
    return redacting.some(({ policy }) => policy.texts?.isReversible) ? vaults.open(name) : undefined;
  }
}

type Texts = ReadonlyMap<string, Found>;
type Work = { readonly call: GuardrailCall; readonly budget: Budget };

/** What one policy says of a call: of the call itself first, then of its texts. */
function noteOf(
  { kind, enforced, policy }: PlannedPolicy,
  own: ReadonlySet<TextRule>,
  refusal: Refusal | undefined,
  texts: Texts,
  direction: InputType,
): PolicyNote {
  if (refusal !== undefined) {
    return { kind, enforced, verdict: 'block', reasonCode: refusal.reasonCode, rules: [refusal.rule] };
  }
  const findings = policy.texts?.on.includes(direction) ? findingsOf(own, texts) : [];
  if (policy.texts === undefined || findings.length === 0) {
    return { kind, enforced, verdict: 'allow', reasonCode: 'all_policies_passed', rules: [] };
  }
  const verdict = policy.texts.decide(findings);
  const rules = [...new Set(findings.map(({ rule }) => rule.id))];
  return { kind, enforced, verdict, reasonCode: policy.texts.reasonCode, rules };
}

const NO_RULES: ReadonlySet<TextRule> = new Set();
const NOWHERE = { start: 0, end: 0, from: 0 };

function findingsOf(own: ReadonlySet<TextRule>, texts: Texts): Finding[] {
  const all: Finding[] = [];
  for (const { findings, plain } of texts.values()) {
    for (const finding of findings) if (own.has(finding.rule)) all.push(finding);
    for (const rule of plain) if (own.has(rule)) all.push({ rule, ...NOWHERE });
  }
  return all;
}

/** The texts as they shall be shown, and how much at the end of each of `texts` not yet. */
function redact(
  call: GuardrailCall,
  texts: Texts,
  redacting: readonly PlannedPolicy[],
  acting: readonly ReadonlySet<TextRule>[],
  vault: Vault | undefined,
): Pick<Ruling, 'rewrites' | 'holdback'> {
  // Of an answer that grows only what the request says is known from the beginning
  const taken =
    call.input_type === 'response' ? (vault?.highest() ?? 0) : vault ? highestIn(texts.keys()) : 0;
  const replacements = createReplacements(
    redacting,
    taken,
    call.input_type === 'request' ? vault : undefined,
  );
  const rewrites = new Map<string, string>();
  const held = new Map<string, number>();
  const shown = new Set(call.texts);
  for (const [text, { findings, opens }] of texts) {
    // What a model gives to a tool cannot be rewritten
    const restored = call.input_type === 'response' && shown.has(text) ? vault?.restore(text) : undefined;
    const edits = findings.flatMap((finding) => replacements(finding, text));
    const all =
      restored === undefined ? edits : [...edits, ...restored.edits].sort((a, b) => a.start - b.start);
    if (all.length > 0) rewrites.set(text, editedText(text, all));
    if (call.input_type === 'request') continue;
    const own = opens.filter(({ rule }) =>
      rule === undefined ? acting.length > 0 : acting.some((own) => own.has(rule)),
    );
    const open = Math.min(firstOf(own, text.length), restored?.open ?? text.length);
    const decided = withoutCut(text, all, open);
    held.set(text, heldBackChars(text, all, decided));
  }
  return { rewrites, holdback: call.texts.map((text) => held.get(text) ?? 0) };
}

type PlacedEdit = Edit & { readonly from: number };

const NUMBERED = /_(\d{1,6})\b/g;

/** The highest number that could be one of a marker: somebody may have written it, or an earlier turn left it. */
function highestIn(texts: Iterable<string>): number {
  let highest = 0;
  for (const text of texts) {
    for (const [, number] of text.matchAll(NUMBERED)) highest = Math.max(highest, Number(number));
  }
  return highest;
}

/**
 * What stands in place of a finding; the same value has the same number throughout a call.
 *
 * @param taken the last number that means something else already
 */
function createReplacements(redacting: readonly PlannedPolicy[], taken: number, vault: Vault | undefined) {
  const owners = new Map<TextRule, TextPolicy>();
  for (const { policy } of redacting) {
    for (const rule of policy.texts?.rules ?? [])
      if (!owners.has(rule)) owners.set(rule, policy.texts as TextPolicy);
  }
  const numbers = new Map<string, Map<string, number>>();
  return ({ rule, start, end, from }: Finding, text: string): PlacedEdit[] => {
    const policy = owners.get(rule);
    if (policy === undefined) return [];
    const value = text.slice(start, end);
    // Two kinds of data can have one label, and what is undone by a marker must be one value
    const name = policy.isReversible ? policy.replace(rule, value, 0) : rule.id;
    const known = numbers.get(name) ?? new Map<string, number>();
    numbers.set(name, known);
    const number = known.get(value) ?? taken + known.size + 1;
    known.set(value, number);
    const marker = policy.replace(rule, value, number);
    if (policy.isReversible) vault?.put(marker, value, number);
    return [{ start, end, from, text: marker }];
  };
}
