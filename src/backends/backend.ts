import type { GuardrailCall } from '../guardrail/call.ts';
import type { Deadline } from '../guardrail/deadline.ts';
import type { UnreachableFallback } from '../guardrail/failure.ts';
import type { Settings, Values } from '../guardrail/fields.ts';
import type { CallRecord } from '../guardrail/record.ts';
import type { Mode, Verdict } from '../guardrail/verdict.ts';
import type { Http } from './http.ts';

/** Content that a backend judges; the rest is counted as unjudged, never as allowed. */
export type Judges = {
  readonly request: boolean;
  readonly response: boolean;
  readonly media: boolean;
};

/** Second argument of a check, which only translates: no retry, timeout, fallback or `try`. */
export type CheckContext<Config> = {
  readonly config: Config;
  readonly http: Http;
  /** For `http`. It ends the check when its time is up and when the caller leaves. */
  readonly deadline: Deadline;
  /** For a response: reads its request, if this instance saw it and still remembers it. */
  readonly request: () => GuardrailCall | undefined;
};

/** Most records of one delivery, and most bytes of them as stored. */
export type Batch = { readonly records: number; readonly bytes: number };

/** Second argument of an `ingest`, which only translates: no retry, timeout or `try`. */
export type IngestContext<Config> = {
  readonly config: Config;
  /** `observe`: the vendor only watches, so what it has not judged may be judged now. */
  readonly mode: Mode;
  readonly http: Http;
  readonly deadline: Deadline;
};

/** The side of a backend that takes records of calls. */
type Recording<Config> = {
  batch(mode: Mode): Batch;
  /** True if the backend has a use for the record; without it, for every record. */
  wants?(record: Pick<CallRecord, 'outcome' | 'event' | 'block'>): boolean;
  /** Hands records over. Throws if they were not taken. Resolves with what the vendor said of them, if it judged. */
  ingest(records: readonly CallRecord[], context: IngestContext<Config>): Promise<readonly Verdict[]>;
};

/** Delivery to one backend, bound to its configuration. */
export type Sink = {
  readonly batch: Batch;
  /** Deliveries under way at once, at most. */
  readonly concurrency: number;
  wants(record: Pick<CallRecord, 'outcome' | 'event' | 'block'>): boolean;
  ingest(
    records: readonly CallRecord[],
    context: { http: Http; deadline: Deadline },
  ): Promise<readonly Verdict[]>;
};

/** A configuration by the vendor's own settings; the bridge's names for the same things win over these. */
export type Setup<Config> = {
  /** Handed to `check` and `ingest`: plain data, so that it reaches another thread. */
  readonly config: Config;
  /** Address of the checks, for the startup line and to warn of plain http. */
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
  readonly telemetry?: Recording<Config>;
};

/** A definition with its configuration type hidden. */
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
  /** Deliveries of records under way at once, at most. */
  readonly concurrency: number;
  /** The `config` of its {@link Setup}. */
  readonly options: unknown;
};

/** A check bound to its configuration. */
export type Check = (call: GuardrailCall, context: Omit<CheckContext<unknown>, 'config'>) => Promise<Verdict>;

/** A backend that can be asked, without its secrets. */
export type Checker = Pick<BackendConfig, 'name' | 'mode' | 'timeoutMs' | 'unreachableFallback'> & {
  readonly judges: Judges;
  readonly check: Check;
};

/** Checks the parts of a definition against one another, then hides its configuration type. */
export function defineBackend<Config, Own extends Settings, Shared extends Settings>(
  definition: Definition<Config, Own, Shared>,
): Backend {
  return definition as unknown as Backend;
}
