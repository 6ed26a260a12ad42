import { createHttp } from '../backends/http.ts';
import { refusalTest } from '../calls/reply.ts';
import { aktoRewriteForm } from '../litellm/akto-call.ts';
import { isRedactionApplied } from '../litellm/coverage.ts';
import { rewriteForm } from '../litellm/reply.ts';
import type { ResponseWiring } from '../litellm/response-wiring.ts';
import { BlockedTexts } from '../pipeline/blocked-texts.ts';
import type { JudgingBackend } from '../pipeline/check-backend.ts';
import { Judge, type JudgeObserver } from '../pipeline/judge.ts';
import type { Engine } from '../policies/engine.ts';
import { globs } from '../policies/glob.ts';

export type BareJudgeOptions = {
  readonly engine: Engine;
  readonly wiring: Pick<ResponseWiring, 'of'>;
  /** Milliseconds that the policies may work on one call. */
  readonly timeoutMs: number;
  readonly backends?: () => readonly JudgingBackend[];
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly replies: {
    readonly redactableModels: readonly string[];
    readonly blockedMessage: string | undefined;
    /** False if what was blocked blocks again in an older turn of a conversation. */
    readonly removesHistory: boolean;
  };
};

/** Judges calls as the bridge does, by policies and by backends that are at hand; nobody is told. */
export function createBareJudge(options: BareJudgeOptions): Judge {
  const { engine, wiring, timeoutMs, backends = () => [], now = Date.now, replies } = options;
  const isRedactable = globs(replies.redactableModels);
  return new Judge({
    engine: () => engine,
    policyTimeoutMs: timeoutMs,
    backends,
    streamCheckGrowth: 1,
    http: createHttp(),
    observer: NOBODY,
    rewriteForm: (call, texts) => {
      if (call.door === 'akto') return aktoRewriteForm(call, texts);
      return call.door === undefined && isRedactionApplied(call, isRedactable)
        ? rewriteForm(call, texts)
        : null;
    },
    wired: (call) => wiring.of(call),
    // Says nothing of policies
    unseen: () => undefined,
    removesHistory: replies.removesHistory,
    blockedTexts: new BlockedTexts(undefined, now),
    isRefusal: refusalTest(replies.blockedMessage),
  });
}

const nothing = () => {};
const NOBODY: JudgeObserver = {
  checked: nothing,
  trailed: nothing,
  failed: nothing,
  unasked: nothing,
  unjudged: nothing,
  unsampled: nothing,
  compared: nothing,
  unwatched: nothing,
  policiesFailed: nothing,
};
