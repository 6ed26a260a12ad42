import type * as v from 'valibot';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import type { Fields, GuardrailCall, Passage } from '../guardrail/call.ts';
import type { Deadline } from '../guardrail/deadline.ts';
import type { UnreachableFallback } from '../guardrail/failure.ts';
import type { Settings, Values } from '../guardrail/fields.ts';
import type { CallRecord } from '../guardrail/record.ts';
import type { Mode, Verdict } from '../guardrail/verdict.ts';
import type { Path } from '../policies/file/problems.ts';
import type { FileReport } from '../policies/file/report.ts';
import type { Http } from './http.ts';

/** Content that a backend judges; the rest is counted as unjudged, never as allowed. */
export type Judges = {
  readonly request: boolean;
  readonly response: boolean;
  readonly media: boolean;
};

export type Reads = 'texts' | 'conversation';

/** A text that a backend has not judged yet: a passage, or the end of one that has grown. */
export type NewText = {
  readonly passage: Passage;
  /** UTF-16 place in the passage at which `text` begins. */
  readonly from: number;
  readonly text: string;
};

/** Second argument of a check, which only translates: no retry, timeout, fallback or `try`. */
export type CheckContext<Config, State = unknown> = {
  readonly config: Config;
  /** Made by `open`, once for each thread. */
  readonly state: State;
  readonly http: Http;
  /** For a backend that reads texts: those to judge. There are none where only media are new. */
  readonly texts: readonly NewText[];
  /** For `http`. It ends the check when its time is up and when the caller leaves. */
  readonly deadline: Deadline;
  /** For a response: reads its request, if this instance saw it and still remembers it. */
  readonly request: () => GuardrailCall | undefined;
};

/** Most records of one delivery, and most bytes of them as stored. */
export type Batch = { readonly records: number; readonly bytes: number };

/** Second argument of an `ingest`, which only translates: no retry, timeout or `try`. */
export type IngestContext<Config> = {
  /** Name of the configured backend. */
  readonly name: string;
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
  wants?(record: Pick<CallRecord, 'outcome' | 'event' | 'block'>, name: string): boolean;
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
};

/** How a backend is set up by variables of the environment alone. */
export type EnvironmentSetup<Config, Own extends Settings, Shared extends Settings> = {
  /** The vendor's settings. One of them set means that the backend is wanted. */
  readonly settings: Own;
  /** Settings whose names others use too: read only when the backend is on. */
  readonly sharedSettings: Shared;
  /** The setup, or the name of the setting that is missing. */
  configure(set: Values<Own> & Values<Shared>): Setup<Config> | { readonly missing: string };
};

/** A backend as an entry of the policy file describes it. */
export type BackendEntry<Options> = {
  /** Base address, without a slash at its end. */
  readonly url: string;
  readonly secret: string | undefined;
  /** Where tokens are fetched, if not at the vendor's own address. */
  readonly tokenUrl: string | undefined;
  readonly options: Options;
  /** A variable of the environment by the vendor's own name. */
  variable(name: string): string | undefined;
  /** Reads a file; a relative path is relative to the policy file. The bridge reads the policy file again when it changes. */
  readFile(path: string): string;
};

/** An entry before its address is known. */
export type UnplacedEntry<Options> = Pick<BackendEntry<Options>, 'options' | 'variable'>;

/** Thrown by `setup` for an option that does not fit the others. `field` is its key in the entry. */
export class SetupError extends Error {
  override readonly name: string = 'SetupError';
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** A {@link SetupError} about a variable or a file that is not there: it may be where the bridge runs, so lint only warns. */
export class NotHereError extends SetupError {
  override readonly name = 'NotHereError';
}

/** For a kind whose definition depends on the entry: where mistakes go, and the files beside the policy file. */
export type EntryFiles = {
  readonly report: FileReport;
  /** Of the entry. */
  readonly path: Path;
  /** As in {@link BackendEntry}. @throws SetupError */
  readFile(path: string): string;
};

type Definition<
  Config,
  Own extends Settings = Settings,
  Shared extends Settings = Settings,
  Options extends v.ObjectEntries = v.ObjectEntries,
  State = unknown,
> = {
  /** Its word in the policy file. Of one that the environment sets up also its name, and the prefix of `<KIND>_MODE` and the like. */
  readonly kind: string;
  readonly judges: Judges | ((config: Config) => Judges);
  /** `texts`: it judges texts one by one, and is given new ones only. `conversation`: it judges whole calls. */
  readonly reads: Reads | ((config: Config) => Reads);
  /** True if it can be asked twice about one call without harm. */
  readonly isIdempotent: boolean | ((config: Config) => boolean);
  /** The vendor's own choice where nobody says anything. */
  readonly defaults?: { readonly timeoutMs?: number; readonly unreachableFallback?: UnreachableFallback };
  /** Undefined if it can only be set up in the policy file. */
  readonly environment?: EnvironmentSetup<Config, Own, Shared>;
  /** Keys of its entry in the policy file, beside those that all have. */
  readonly options: Options;
  /** The vendor's address, for an entry without `url`. @throws SetupError */
  readonly defaultUrl?:
    | string
    | ((entry: UnplacedEntry<v.InferOutput<v.StrictObjectSchema<Options, undefined>>>) => string);
  /** `required`: an entry without it is a mistake. `document`: optional, and may be the text of a whole file. Optional if left out. */
  readonly secret?: 'required' | 'document';
  /** The vendor's own variables, the first that is set for an entry without the key. Only those of `environment` switch something on. */
  readonly variables?: {
    readonly url?: readonly string[] | undefined;
    readonly secret?: readonly string[] | undefined;
  };
  /** The definition for one entry, where entries differ by more than their options; undefined once a mistake is reported. */
  ofEntry?(entry: Fields, files: EntryFiles): Backend | undefined;
  /** Plain data of an entry. @throws SetupError */
  setup(entry: BackendEntry<v.InferOutput<v.StrictObjectSchema<Options, undefined>>>): Config;
  /** State for one thread, such as a token that is fetched. */
  open?(config: Config, http: Http): State;
  /** Asks the backend. Returns a verdict or throws. */
  check(call: GuardrailCall, context: CheckContext<Config, State>): Promise<Verdict>;
  /** For a backend that also takes records of calls. */
  readonly telemetry?: Recording<Config>;
};

/** A definition with its configuration type hidden. */
export type Backend = Definition<unknown>;

/** Kinds of backends by name. */
export type BackendKinds = {
  readonly names: readonly string[];
  find(kind: string): Backend | undefined;
};

/** A check bound to its configuration. */
export type Check = (
  call: GuardrailCall,
  context: Omit<CheckContext<unknown>, 'config' | 'state'>,
) => Promise<Verdict>;

/** A backend that can be asked, without its secrets. */
export type Checker = Pick<
  BackendConfig,
  'name' | 'mode' | 'timeoutMs' | 'unreachableFallback' | 'sample' | 'hedgeAfterMs'
> & {
  readonly reads: Reads;
  readonly isIdempotent: boolean;
  readonly judges: Judges;
  readonly check: Check;
};

/** Checks the parts of a definition against one another, then hides its configuration type. */
export function defineBackend<
  Config,
  Own extends Settings,
  Shared extends Settings,
  Options extends v.ObjectEntries,
  State,
>(definition: Definition<Config, Own, Shared, Options, State>): Backend {
  return definition as unknown as Backend;
}
