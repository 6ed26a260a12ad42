import type pino from 'pino';
import type { Auditor, AuditSink } from '../audit/auditor.ts';
import { createHttp, type Http } from '../backends/http.ts';
import { checkerOf } from '../backends/index.ts';
import type { Config } from '../config/config.ts';
import type { DecisionRows } from '../decisions/decision-rows.ts';
import { KeptCalls, type KeptSink } from '../decisions/kept-calls.ts';
import type { SideCounter } from '../findings/asked-sides.ts';
import { FINDING_CODES } from '../findings/finding.ts';
import { aktoRewriteForm } from '../litellm/akto-call.ts';
import { isRedactionApplied } from '../litellm/coverage.ts';
import { rewriteForm } from '../litellm/reply.ts';
import { ResponseWiring } from '../litellm/response-wiring.ts';
import { createLog, type Log } from '../observability/log.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { Observer } from '../observability/observer.ts';
import type { CallLines } from '../otlp/call-lines.ts';
import { ConfiguredBackends, type StandingListeners } from '../pipeline/backends.ts';
import { BlockedTexts, type SharedBlocks } from '../pipeline/blocked-texts.ts';
import { Judge } from '../pipeline/judge.ts';
import { type UnseenOptions, unseenCause } from '../pipeline/unseen.ts';
import { globs } from '../policies/glob.ts';
import type { PolicySource, PolicyStore } from '../policies/store.ts';
import { sharedIn } from '../state/open-state.ts';
import type { SharedValues } from '../state/shared-values.ts';
import { stateObserver } from '../state/state-observer.ts';
import type { StateStore } from '../state/state-store.ts';
import { CallHandler, type CallHandlerOptions, type KeptRequests, type OtherThread } from './call-handler.ts';
import type { Canaries } from './canaries.ts';
import {
  type CallRecords,
  type IsRecorded,
  keeper,
  type Listener,
  noteTo,
  recorder,
  rowTo,
  withNotes,
} from './listeners.ts';
import { policiesOf } from './policies.ts';
import { createRefuseCall, type RefuseCall } from './refusal.ts';
import { refusalTest } from './reply.ts';
import { SharedCalls } from './shared-calls.ts';

/** All that judging calls goes by, and all that is told of it. */
export type Ground = {
  readonly backends: ConfiguredBackends;
  readonly wiring: ResponseWiring;
  readonly policies: PolicyStore | undefined;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly observer: Observer;
  readonly blockedTexts: BlockedTexts;
  /** Undefined for a bridge that is alone. */
  readonly shared: SharedValues | undefined;
};

export type GroundOptions = {
  /** Where log lines go instead of standard output. */
  readonly destination?: pino.DestinationStream | undefined;
  /** Gives the policies, where not from the files that are configured. */
  readonly givenPolicies?: (() => PolicySource) | undefined;
  /** False in a thread whose metrics another shows. */
  readonly showsMetrics?: boolean;
  /** Told of each result of a check, where another thread keeps the standings. */
  readonly settled?: StandingListeners['settled'];
  /** Texts that were blocked in another thread. */
  readonly blocked?: SharedBlocks;
  /** Keeps what several bridges share. */
  readonly store?: StateStore | undefined;
  /** Called with each line of the log. */
  readonly logged?: ((line: string) => void) | undefined;
};

/** @throws PolicyFileError, ConfigError */
export function createGround(
  config: Config,
  { destination, givenPolicies, showsMetrics = true, settled, blocked, store, logged }: GroundOptions,
): Ground {
  const wiring = new ResponseWiring(config.replies.responseRedaction);
  // Policies ask what is shared, and what fails of it is counted beside them
  const shared =
    store &&
    sharedIn(
      store,
      config.state,
      stateObserver({
        count: (labels) => metrics.state_failures_total.inc(labels),
        log: (level, fields, message) => log[level](fields, message),
        lines: {
          lost: 'what replicas share is not known: calls are judged without, and none waits for it',
          known: 'what replicas share is known again',
        },
      }),
    );
  const policies = policiesOf(config, wiring, { given: givenPolicies, state: shared });
  const backends = new ConfiguredBackends(checkerOf, {
    settled,
    breakerChanged: (...change) => observer.breakerChanged(...change),
  });
  backends.update([...config.backends, ...(policies?.file.backends ?? [])]);
  const metrics = createMetrics(
    {
      backends: backends.all.map(({ name }) => name),
      policies: [...(policies?.file.policies.keys() ?? [])],
      findings: FINDING_CODES,
    },
    () =>
      backends.all.map(({ name, breaker, access, timeoutMs }) => ({
        ...{ name, breaker: breaker.state(), isRefused: access.isRefused, timeoutMs },
      })),
    showsMetrics,
  );
  const dropped = () => metrics.log_lines_dropped_total.inc();
  const log = createLog(config.logLevel, dropped, destination, logged);
  const observer = new Observer(metrics, log);
  // An outage can be told of from here on
  shared?.start().catch(() => {});
  return {
    backends,
    wiring,
    policies,
    metrics,
    log,
    observer,
    blockedTexts: new BlockedTexts(blocked),
    shared,
  };
}

/** Those who are told of decisions. */
export type Outlets = {
  /** Undefined where nothing is recorded. */
  readonly records: CallRecords | undefined;
  readonly audit: Pick<Auditor, 'decided'> & Pick<AuditSink, 'writing'>;
  readonly decisions: Pick<DecisionRows, 'decided' | 'checked' | 'unread'>;
  /** Makes lines of calls that are traced; undefined where none are. */
  readonly traced?: CallLines | undefined;
  readonly requests: KeptRequests;
  /** Counts the sides that are judged; undefined in the thread of large calls. */
  readonly sides?: SideCounter;
  /** Called with the version that a call tells. */
  readonly release: (version: string | null) => void;
  /** Told of calls of the doctor. */
  readonly canaries?: Pick<Canaries, 'decided'>;
  readonly large?: CallHandlerOptions['large'];
  /** Most nodes of a call that is judged here: what vendors say of one is bounded by them. */
  readonly maxNodes?: number;
  readonly other: OtherThread;
  /** Takes calls that are kept to be judged again; undefined where none are. */
  readonly replay?: KeptSink | undefined;
};

/** All that judges calls, in one thread. */
export type Judging = {
  readonly handler: CallHandler;
  readonly refuse: RefuseCall;
  readonly judge: Judge;
  readonly http: Http;
  /** Undefined for a bridge that is alone. */
  readonly sharedCalls: SharedCalls | undefined;
  /** Undefined where no calls are kept. */
  readonly kept: KeptCalls | undefined;
};

export function createJudging(config: Config, ground: Ground, outlets: Outlets): Judging {
  const { backends, wiring, policies, metrics, log, observer, blockedTexts, shared } = ground;
  const { records, audit, decisions, traced, canaries, requests, release } = outlets;
  const { maxNodes = Number.POSITIVE_INFINITY } = outlets;
  const { bodies, proxy, replies } = config;
  const maxJsonNodes = Math.min(bodies.limits.maxJsonNodes, maxNodes);
  const http = createHttp({ limits: { ...bodies.limits, maxJsonNodes }, proxy });
  backends.open(http);
  if (backends.all.length > 0) http.open();
  // Whose the result of a tool is only its log event tells: until then nothing of it is stored
  const isRecorded: IsRecorded = (call, caller) =>
    records?.takesNotes === true &&
    (call.shape === 'mcp_result' || policies?.engine.receivers(call, caller)?.length !== 0);
  const isRedactable = globs(replies.redactableModels);
  const unseen: UnseenOptions = {
    ...config.unseen,
    hidden: (call, caller, bytes) => observer.hidden(call, caller, bytes),
  };
  const judge = new Judge({
    ...config.judging,
    blockedTexts,
    state: shared,
    // Workers tell each other of the few that there are
    knowsAllBlocked: config.workers > 1 && config.database === undefined,
    engine: () => policies?.engine,
    backends: () => backends.all,
    http,
    observer: withNotes(observer, [
      decisions.checked.bind(decisions),
      ...(records === undefined ? [] : [noteTo(records, isRecorded)]),
      ...(traced === undefined ? [] : [traced.checked.bind(traced)]),
    ]),
    rewriteForm: (call, texts) => {
      if (call.door === 'akto') return aktoRewriteForm(call, texts);
      // Capsule's plugin knows no redaction
      return call.door === undefined && isRedactionApplied(call, isRedactable)
        ? rewriteForm(call, texts)
        : null;
    },
    wired: (call) => wiring.of(call),
    unseen: (call, caller) => unseenCause(call, caller, unseen),
    isRefusal: refusalTest(replies.blockedMessage),
  });
  const kept =
    config.replay &&
    outlets.replay &&
    new KeptCalls({
      policies: () => policies?.file,
      isUnrecorded: (call, caller) => policies?.engine.receivers(call, caller)?.length === 0,
      maxBytes: config.replay.maxBytes,
      sink: outlets.replay,
      lost: (calls) => metrics.replay_calls_total.inc({ result: 'lost' }, calls),
    });
  /** Told of each decision. A mistake of ours in one of them changes no reply, and keeps the others from nothing. */
  const listeners: readonly Listener[] = [
    (decision) => observer.decided(decision),
    (decision) => canaries?.decided(decision),
    ({ call }) => (call.door === undefined ? release(call.litellm_version) : undefined),
    ({ call }) => wiring.seen(call),
    (decision) => outlets.sides?.decided(decision),
    (decision) => {
      audit.decided(decision);
      return audit.writing;
    },
    rowTo(decisions, traced, () => backends.all.length > 0),
    ...(records === undefined
      ? []
      : [recorder(records, isRecorded, config.database !== undefined || config.workers > 1)]),
    ...(kept === undefined ? [] : [keeper(kept)]),
  ];
  const { blockedMessage } = replies;
  const refuse = createRefuseCall({
    metrics,
    log,
    blockedMessage,
    maxBodyBytes: bodies.maxBodyBytes,
    unread(ref, cause) {
      const packed = decisions.unread(ref, cause);
      traced?.unread(packed());
    },
  });
  const isRecording = () => records?.isOn === true;
  const wantsRequests = () => judge.wantsRequests;
  const sharedCalls =
    shared &&
    new SharedCalls({
      shared,
      wiring,
      policies,
      requests,
      wantsRequests,
      isRecording,
      failed: (error, call) => observer.failed(error, call),
    });
  const handler = new CallHandler({
    judge,
    decided(decision, request, body, connection) {
      let stored: Promise<unknown> | undefined;
      for (const listener of listeners) {
        try {
          const next = listener(decision, request, body, connection);
          if (next !== undefined) stored = stored === undefined ? next : Promise.all([stored, next]);
        } catch (error) {
          observer.failed(error, decision.call);
        }
      }
      return stored;
    },
    repeated: () => metrics.repeated_calls_total.inc(),
    failed: (error, call) => observer.failed(error, call),
    refuse,
    limits: bodies.limits,
    blockedMessage,
    requests,
    keepsRequests: () => judge.wantsRequests || isRecording(),
    sharedCalls,
    large: outlets.large,
    other: outlets.other,
    recorded: (body) => records?.recordCall(body),
  });
  return { handler, refuse, judge, http, sharedCalls, kept };
}
