import type { GuardrailCall } from '../guardrail/call.ts';
import type { Deadline } from '../guardrail/deadline.ts';
import type { UnreachableFallback } from '../guardrail/failure.ts';
import type { Settings, Values } from '../guardrail/fields.ts';
import type { CallRecord } from '../guardrail/record.ts';
import type { Mode, Verdict } from '../guardrail/verdict.ts';
import type { Http } from './http.ts';

/** What a backend can look at; the rest is counted as unjudged, never as allowed. */
export type Judges = {
  readonly request: boolean;
  readonly response: boolean;
  readonly media: boolean;
  /**
   * `texts`: each text alone, so it is sent those that are new, and of a growing answer what is new with some of what was
   * before. `conversation`: all of a call together.
   */
  readonly unit: 'texts' | 'conversation';
};

/** What a check is given beside the call. It translates, nothing else: no retry, timeout, fallback or `try`. */
export type CheckContext<Config> = {
  readonly config: Config;
  readonly http: Http;
  /** For `http`. It ends the check when its time is up and when the caller leaves. */
  readonly deadline: Deadline;
  /** For an answer: the request it belongs to, if this instance saw it and still remembers it. */
  readonly request: GuardrailCall | undefined;
};

/** How many records one delivery takes, and how many bytes of them as stored. */
export type Batch = { readonly records: number; readonly bytes: number };

/** What an `ingest` is given beside the records. It translates, nothing else: no retry, timeout or `try`. */
export type IngestContext<Config> = {
  readonly config: Config;
  /** `observe`: the vendor only watches, so what it has not judged may be judged now. */
  readonly mode: Mode;
  readonly http: Http;
  readonly signal: AbortSignal;
};

/** How a backend takes records of calls. */
export type Telemetry<Config> = {
  batch(mode: Mode): Batch;
  /** Whether there is something to tell this backend about a call; without it, everything. */
  wants?(record: Pick<CallRecord, 'outcome' | 'event' | 'block'>): boolean;
  /** Hands records over. Throws if they were not taken. Resolves with what the vendor said of them, if it judged. */
  ingest(records: readonly CallRecord[], context: IngestContext<Config>): Promise<readonly Verdict[]>;
};

/** A way to hand over records bound to its configuration. */
export type Sink = {
  readonly batch: Batch;
  wants(record: Pick<CallRecord, 'outcome' | 'event' | 'block'>): boolean;
  ingest(
    records: readonly CallRecord[],
    context: { http: Http; signal: AbortSignal },
  ): Promise<readonly Verdict[]>;
};

/** How the vendor's settings say that the backend is to run; the bridge's own names for it win over these. */
export type Setup<Config> = {
  /** What `check` and `ingest` are given: plain data, which another thread can be given too. */
  readonly config: Config;
  /** Where the checks go, for the startup line and to warn of plain http. */
  readonly url: string;
  readonly mode?: Mode | undefined;
  readonly timeoutMs?: number | undefined;
  readonly unreachableFallback?: UnreachableFallback | undefined;
  /** The vendor's own choice where neither its settings nor the bridge's say anything. */
  readonly defaults?: { readonly timeoutMs?: number; readonly unreachableFallback?: UnreachableFallback };
};

type Definition<Config, Own extends Settings, Shared extends Settings> = {
  /** Lower case; also the prefix of `<NAME>_MODE`, `<NAME>_GUARDRAIL_TIMEOUT`, `<NAME>_UNREACHABLE_FALLBACK`. */
  readonly name: string;
  readonly judges: Judges;
  /** The vendor's settings. One of them set means that the backend is wanted. */
  readonly settings: Own;
  /** Settings whose names others use too: read only when the backend is on. */
  readonly sharedSettings: Shared;
  /** The setup, or the name of the setting that is missing. */
  configure(set: Values<Own> & Values<Shared>): Setup<Config> | { readonly missing: string };
  /** Asks the backend. Returns a verdict or throws. */
  check(call: GuardrailCall, context: CheckContext<Config>): Promise<Verdict>;
  /** For a backend that also takes records of calls. */
  readonly telemetry?: Telemetry<Config>;
};

/** A definition whose configuration type nobody else needs to know. */
export type Backend = Definition<unknown, Settings, Settings>;

/** A backend as configured: plain data. */
export type BackendConfig = {
  readonly name: string;
  readonly url: string;
  readonly mode: Mode;
  readonly timeoutMs: number;
  readonly unreachableFallback: UnreachableFallback;
  /** True if nobody chose `fail_open`: it is the vendor's default. */
  readonly failsOpenByDefault: boolean;
  readonly takesRecords: boolean;
  /** The `config` of its {@link Setup}. */
  readonly options: unknown;
};

/** A check bound to its configuration. */
export type Check = (call: GuardrailCall, context: Omit<CheckContext<unknown>, 'config'>) => Promise<Verdict>;

/** A backend that can be asked, without the settings that are secret. */
export type Checker = Pick<BackendConfig, 'name' | 'mode' | 'timeoutMs' | 'unreachableFallback'> & {
  readonly judges: Judges;
  readonly check: Check;
};

/** Checks the types of a definition against one another. */
export function defineBackend<Config, Own extends Settings, Shared extends Settings>(
  definition: Definition<Config, Own, Shared>,
): Backend {
  return definition as unknown as Backend;
}
