import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { AuditRow } from '../audit/row.ts';
import type { BridgeReport } from '../bridge-parts.ts';
import type { Config } from '../config/config.ts';
import type { FromDecisions, ToDecisions } from '../decisions/protocol.ts';
import type { OtherProcesses } from '../http/health.ts';
import type { FromOtlp, ToOtlp } from '../otlp/protocol.ts';
import type { BlockedChange } from '../pipeline/blocked-hashes.ts';
import type { SharedBlocks } from '../pipeline/blocked-texts.ts';
import type { PolicySource } from '../policies/store.ts';
import type { CallEnd, FromWorker, RecordsHealth, ToWorker } from '../records/protocol.ts';
import type { StoreReply, StoreRequest } from '../state/remote-store.ts';
import type { PageAnswer, PageQuestion } from '../ui/remote-page.ts';

/** Plain data with which a worker starts. */
export type WorkerProcessStart = {
  readonly config: Config;
  /** The policies in force; undefined if there are none. */
  readonly policies: PolicySource | undefined;
  readonly overall: Overall;
  /** Texts that were blocked so far; undefined where the database tells of them. */
  readonly blocked: SharedBlocks | undefined;
};

/** The state of all that is not in the worker itself. */
export type Overall = OtherProcesses & {
  /** Undefined while no records are kept. */
  readonly records: RecordsHealth | undefined;
  /** True once LiteLLM logs calls. */
  readonly isListening: boolean;
  /** False while decisions cannot be written to the audit log. */
  readonly auditIsUp: boolean;
  /** False while its rows do not reach the database. */
  readonly auditIsShipping: boolean;
};

/** Metrics of a process, such as its memory. */
export type ProcessMetrics = readonly MetricObjectWithValues<MetricValue<string>>[];

/** How a worker is to end. */
export type DrainOrder = {
  /** True if all end: `/readyz` says so, and new connections are taken until `delayMs` is over. Otherwise others take them. */
  readonly isForAll: boolean;
  readonly delayMs: number;
  readonly timeoutMs: number;
};

/** Questions of the primary, each with the type of its answer. */
export type AskedOfWorkers = {
  /** Hands over the notes on calls that wait to go together. */
  flush: { readonly ask: undefined; readonly answer: true };
  /** Reports what it has counted, before it answers. */
  report: { readonly ask: undefined; readonly answer: ProcessMetrics };
  /** Reads policies, and leaves those before in force. The answer is false if it could not. */
  prepare: { readonly ask: PolicySource; readonly answer: boolean };
  /** Puts those in force that were read last. */
  take: { readonly ask: undefined; readonly answer: true };
};

/** Questions of workers. */
export type AskedOfPrimary = {
  page: { readonly ask: undefined; readonly answer: string };
  /** Answered once the rows are in the log, or counted as lost. */
  audit: { readonly ask: readonly AuditRow[]; readonly answer: true };
  ui: { readonly ask: PageQuestion; readonly answer: PageAnswer };
};

export type AskMessage<Questions> = {
  [Name in keyof Questions]: {
    readonly kind: 'ask';
    readonly n: number;
    readonly name: Name;
    readonly ask: Questions[Name] extends { readonly ask: infer Ask } ? Ask : never;
  };
}[keyof Questions];

export type AnswerMessage = { readonly kind: 'answer'; readonly n: number; readonly answer: unknown };

/** To a worker. */
export type ToWorkerProcess =
  | { readonly kind: 'start'; readonly start: WorkerProcessStart }
  | { readonly kind: 'overall'; readonly overall: Overall }
  /** From the records thread. */
  | { readonly kind: 'records'; readonly message: FromWorker }
  /** From the keeper of decisions. */
  | { readonly kind: 'decisions'; readonly message: FromDecisions }
  /** From the sender of OTLP. */
  | { readonly kind: 'otlp'; readonly message: FromOtlp }
  | { readonly kind: 'state'; readonly reply: StoreReply }
  /** A text was blocked in another worker, or is allowed again. */
  | { readonly kind: 'blocked'; readonly change: BlockedChange }
  /** LiteLLM has logged calls of the doctor. */
  | { readonly kind: 'canaries'; readonly ends: readonly CallEnd[] }
  | { readonly kind: 'drain'; readonly order: DrainOrder }
  /** What still runs is cut off. */
  | { readonly kind: 'cut' }
  | AskMessage<AskedOfWorkers>
  | AnswerMessage;

/** From a worker. */
export type FromWorkerProcess =
  /** It is there, of this release. */
  | { readonly kind: 'hello'; readonly release: string }
  | { readonly kind: 'up'; readonly port: number }
  /** It cannot listen. */
  | { readonly kind: 'unusable'; readonly code: string | undefined }
  /** To the records thread. */
  | { readonly kind: 'records'; readonly message: ToWorker }
  /** To the keeper of decisions. */
  | { readonly kind: 'decisions'; readonly message: ToDecisions & { readonly kind: 'put' } }
  /** To the sender of OTLP. */
  | { readonly kind: 'otlp'; readonly message: ToOtlp & { readonly kind: 'put' } }
  | { readonly kind: 'state'; readonly request: StoreRequest }
  | { readonly kind: 'blocked'; readonly change: BlockedChange }
  /** Calls to be kept, packed. */
  | { readonly kind: 'kept'; readonly packed: Uint8Array; readonly calls: number }
  /** Lines of the log, each with its end. */
  | { readonly kind: 'log'; readonly lines: readonly string[] }
  /** @param lostLines lines of the log that could not be handed over */
  | { readonly kind: 'report'; readonly report: BridgeReport; readonly lostLines: number }
  | AskMessage<AskedOfPrimary>
  | AnswerMessage;
