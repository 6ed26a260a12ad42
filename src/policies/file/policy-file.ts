import type { BackendConfig } from '../../guardrail/backend-config.ts';
import type { InputType } from '../../guardrail/call.ts';
import type { UnreachableFallback } from '../../guardrail/failure.ts';
import type { OnError, Orchestration } from '../../guardrail/orchestration.ts';
import type { Policy } from '../policy.ts';

/** Findings act on the call, or are only counted. */
export type Enforcement = {
  /** `sample` enforces on a share of the calls and observes the others. */
  readonly mode: 'enforce' | 'observe' | 'sample';
  /** Percent of the calls, 0 to 100, on which `sample` enforces. */
  readonly sample: number;
  /** Unix milliseconds from which it enforces whatever `mode` says. */
  readonly until?: number;
};

/** A policy of the chain with its options applied. */
export type ConfiguredPolicy = {
  /** Its name in `policies.chain`. */
  readonly kind: string;
  readonly policy: Policy;
  readonly mode: Enforcement;
  /** The same for the same options and the same files that they name, whatever the mode. */
  readonly fingerprint: string;
};

/**
 * The calls to which a rule applies: every given field must match one of its globs. A field of the caller matches if one of
 * its names does, such as id or alias.
 */
export type RuleMatch = {
  readonly team?: readonly string[];
  /** Hash of the virtual key. */
  readonly key?: readonly string[];
  /** Chosen by whoever makes the key. */
  readonly keyAlias?: readonly string[];
  /** User id or e-mail address. */
  readonly user?: readonly string[];
  /** Chosen by the client. */
  readonly endUser?: readonly string[];
  readonly model?: readonly string[];
  readonly inputType?: readonly InputType[];
  /** Names in lower case. */
  readonly headers?: ReadonlyMap<string, readonly string[]>;
};

/** An entry of `rules:`. The first that matches a call decides how it is judged; fields it leaves out are as for everybody. */
export type CallerRule = {
  readonly name: string;
  /** Empty for everybody. */
  readonly match: RuleMatch;
  /** Kinds in order. */
  readonly chain?: readonly string[];
  /** Vendors that are asked, in order; an empty list for none. */
  readonly backends?: readonly string[];
  /** Backends to which records of such calls go, an empty list for none; left out for all that take records. */
  readonly records?: readonly string[];
  /** In place of what the policies and backends have of their own. */
  readonly enforcement?: Enforcement;
  readonly unreachableFallback?: UnreachableFallback;
  readonly orchestration?: Orchestration;
  readonly onError?: OnError;
  /** Kinds that the caller may switch off. */
  readonly callerMaySkip: readonly string[];
};

/** A policy file that was read and can be used. */
export type PolicyFile = {
  /** First 12 hexadecimal digits of the SHA-256 of its text. */
  readonly version: string;
  /** `pack.name`, or `default`. */
  readonly name: string;
  /** The kinds that judge a call to which no rule applies, in order. Empty if `pack.enabled` is false. */
  readonly chain: readonly string[];
  /** Every policy that the chain or a rule names, made once. */
  readonly policies: ReadonlyMap<string, ConfiguredPolicy>;
  /** Vendors of its own, beside those of the environment. */
  readonly backends: readonly BackendConfig[];
  /** Files that were read for them: secrets and presets. */
  readonly files: readonly string[];
  /** First to last. */
  readonly rules: readonly CallerRule[];
  /** How several vendors are asked where no rule says it. */
  readonly orchestration: Orchestration;
  readonly onError: OnError;
  /** Remarks that are worth a line at start: `line 12: policy.rbac.data_access: ...`. */
  readonly warnings: readonly string[];
};
