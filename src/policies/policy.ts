import type * as v from 'valibot';
import type { Encoding } from '../detectors/normalize/view.ts';
import type { Finding, TextRule } from '../detectors/rule.ts';
import type { GuardrailCall, InputType } from '../guardrail/call.ts';
import type { Caller } from '../guardrail/caller.ts';
import type { AuditOptions } from '../guardrail/decision.ts';
import type { SharedState } from '../state/shared-state.ts';

/** The consequence of findings for the call. */
export type PolicyAction = 'block' | 'redact';

/** Everything a policy is told about a call. */
export type Subject = {
  readonly call: GuardrailCall;
  readonly caller: Caller;
  /** Size of the request's body. */
  readonly bytes: number;
  /** Unix milliseconds. */
  readonly now: number;
};

/** Why a call as such is refused; texts have their findings instead. */
export type PolicyRefusal = {
  /** Kebab-case, for metrics and golden cases: `path-traversal`. Never content. */
  readonly rule: string;
  /** As Keeptrusts writes it: `tool_denied`. */
  readonly reasonCode: string;
};

/** How a policy judges texts. */
export type TextPolicy = {
  readonly rules: readonly TextRule[];
  /** Disguises that are undone before its rules look. */
  readonly encoding: Encoding;
  /** Those of `rules` that look into runs of base64 and hex, where these are decoded; all by default. */
  readonly rulesInRuns?: readonly TextRule[];
  /** Looked for also without accents, and where words are spelled with digits or apart; these can block, not redact. */
  readonly rulesForPlain?: readonly TextRule[];
  /** Results of MCP tools are judged by those of either direction. */
  readonly on: readonly InputType[];
  /** As Keeptrusts writes it: `pii_detected`. */
  readonly reasonCode: string;
  /** The consequence of all findings of this policy in one call; with `judgesMeaning`, of those in one utterance. */
  decide(findings: readonly Finding[]): PolicyAction | 'allow';
  /**
   * The replacement of a redacted finding.
   *
   * @param index which of the different values of this rule in the call it is, from 1; only if `isReversible`
   */
  replace(rule: TextRule, value: string, index: number): string;
  /** True if the response is given back what was redacted in its request. */
  readonly isReversible?: boolean;
  /**
   * True if a finding is a sign of what its text means to the model. Each utterance is judged by itself and is no better
   * in the rest of its text; those of the operator, whose words the others are not to override, are not judged.
   */
  readonly judgesMeaning?: boolean;
};

/** One policy as configured. */
export type Policy = {
  readonly texts?: TextPolicy;
  /** Judges the call itself: who, which tools, how large. Only one that asks what replicas share returns a promise. */
  check?(subject: Subject): PolicyRefusal | undefined | Promise<PolicyRefusal | undefined>;
  /** True if the call may only pass once a backend that judges media has judged it. */
  needsMediaBackend?(subject: Subject): boolean;
  /** True if the model of a response could not be compared with those that its caller may use; once for each call. */
  isUncompared?(subject: Subject): boolean;
  /** True if the model of a response is compared with the one that its request asked for. */
  readonly comparesModels?: boolean;
  readonly audit?: AuditOptions;
  /** The operator's message for a caller who is blocked. */
  readonly message?: string;
};

export type CreateContext = {
  /** Reports an option that cannot be applied here, once when the file is read: `policy.rbac.data_access: ...`. */
  warn(key: string, message: string): void;
  /** Reports a mistake that no schema can find, such as a pattern that cannot run in linear time. */
  fail(key: string, message: string): void;
  /** Reads a text file that the options name. */
  readFile(path: string): string;
  /** State that outlives a reload of the file, such as counts by session: made once for each name. */
  keep<T>(name: string, make: () => T): T;
  /** The state that replicas share; undefined where nobody does. */
  readonly state?: SharedState | undefined;
};

/** A kind in words, for `policy kinds` and the guide. */
type About = {
  /** The parts of calls that it judges: `requests, responses`. */
  readonly judges: string;
  /** One line, in lower case: what it does. */
  readonly about: string;
  /** Some of its options as YAML with comments, as they stand under `policy.<kind>`. */
  readonly example: string;
};

/** One kind of policy: the name in `policies.chain`, its options under `policy.<kind>`, what it does. */
export type Kind = About & {
  readonly kind: string;
  readonly options: v.GenericSchema;
  create(options: unknown, context: CreateContext): Policy;
};

/** A kind with its options' type closed over. Unknown keys are refused by `v.strictObject`, which also lists the known ones. */
export function defineKind<Options extends v.GenericSchema>(
  definition: About & {
    kind: string;
    options: Options;
    create(options: v.InferOutput<Options>, context: CreateContext): Policy;
  },
): Kind {
  return definition as unknown as Kind;
}
