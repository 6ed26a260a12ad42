import { LRUCache } from 'lru-cache';
import { type Fields, fieldsOf, type GuardrailCall, textOf } from '../guardrail/call.ts';
import { stateKey } from '../guardrail/caller.ts';
import type { UnappliedReason, Wired, Wiring } from '../guardrail/decision.ts';
import { boundedBy } from '../guardrail/memory.ts';
import {
  DELIVERS_BY_PIPELINE,
  isAtLeast,
  TAKES_INCREMENTAL_DIFF,
  TAKES_STREAM_SCOPE,
  TELLS_CHATS_APART,
  TELLS_ITS_VERSION,
} from './releases.ts';

/**
 * The fate of responses that would be redacted: `auto` rewrites where LiteLLM is known to deliver it and blocks elsewhere;
 * `rewrite` also rewrites where LiteLLM does not tell; `block` blocks all.
 */
export type ResponseRedaction = 'auto' | 'block' | 'rewrite';

/** Each setting in a sentence, for the start. */
export const REDACTION_SENTENCES: Record<ResponseRedaction, string> = {
  auto: 'responses are redacted where parameters of the guardrail say that LiteLLM delivers it, and blocked elsewhere',
  block: 'responses that would be redacted are blocked',
  rewrite:
    'responses are redacted also where no parameter says how LiteLLM delivers them: it drops redactions of most streams silently',
};

/** Streams that are no recognised chat: of texts, or of a chat by another path. */
export type ToldKind = 'texts' | 'chat';

/** The parameters of a guardrail of LiteLLM that tell how it delivers responses. */
type Told = {
  readonly stream: boolean | undefined;
  readonly transform: string;
  readonly isPipeline: boolean;
};

/**
 * Finds out if a redaction of a response reaches its client. LiteLLM drops those of most streams silently, and nothing in a
 * call says that it is streamed, or by which endpoint: the operator says the first by parameters of the guardrail
 * (`stream`, `streaming_transform_mode`, `pipeline`), and the second shows in what calls lack.
 *
 * `incremental_diff` is for streamed chats, whose calls all name a model. Streams of `/v1/messages` and Gemini never do, and
 * those of `/v1/responses` only in their last call, where tool calls have an `index`. Those of `/v1/completions` do: their
 * request is remembered. A model with a slash in its name can be asked for by a path that LiteLLM does not recognise as a
 * chat, where it drops redactions.
 *
 * @see LiteLLM 1.110.2, `_resolve_transform_call_type` in unified_guardrail.py, `_StreamRewriteObserver` in pipeline_executor.py
 */
export class ResponseWiring {
  readonly #setting: ResponseRedaction;
  /** Calls whose streams are known to be no recognised chat: by their request, or by an earlier round. */
  readonly #others = new LRUCache<string, ToldKind>({
    ttl: 15 * 60_000,
    ...boundedBy('state of calls', () => 0),
  });

  constructor(setting: ResponseRedaction) {
    this.#setting = setting;
  }

  /** Remembers what a judged call tells about the calls that follow it. */
  seen(call: GuardrailCall): void {
    if (this.#setting === 'block' || call.door !== undefined) return;
    if (call.input_type === 'request') {
      if (call.shape === 'texts' || call.shape === 'document') this.#remember(call, 'texts');
      else if (call.model?.includes('/')) this.#remember(call, 'chat');
    } else if (call.model === null && toldBy(call).transform === 'incremental_diff') {
      this.#remember(call, 'chat');
    }
  }

  /** Tells if the redaction of a response would be delivered, and if not, why. */
  of(call: GuardrailCall): Wired {
    if (call.door !== undefined) return this.#atDoor(call);
    const told = toldBy(call);
    const wiring = wiringOf(call, told);
    const unapplied = this.#setting === 'block' ? 'setting' : this.#lossOf(call, told, wiring);
    return { wiring, unapplied };
  }

  /** True if what was redacted in a request may be put back: in its response, as far as that is rewritten. */
  restores(call: GuardrailCall): boolean {
    return call.input_type === 'request' ? this.#setting !== 'block' : this.of(call).unapplied === undefined;
  }

  /** True if it depends on other calls under its id how a response is delivered; of a request, if that of its response may. */
  goesByOthers(call: GuardrailCall): boolean {
    if (this.#setting === 'block' || call.door !== undefined) return false;
    const wiring = wiringOf(call, toldBy(call));
    if (call.input_type === 'request') return wiring === 'pipeline' || wiring === 'incremental_diff';
    return call.model === null ? wiring === 'pipeline' : wiring === 'incremental_diff';
  }

  /** The state of the calls under a state key, for another thread; undefined for none. */
  told(key: string): ToldKind | undefined {
    return this.#others.get(key);
  }

  /** Takes over what another thread was told. */
  tell(key: string, kind: ToldKind): void {
    this.#others.set(key, kind);
  }

  /** Akto's integration puts new texts into a whole response, and into none of a stream. */
  #atDoor({ additional_provider_specific_params: { stream, masks } }: GuardrailCall): Wired {
    const wiring = stream === true ? 'block_only' : 'plain';
    if (this.#setting === 'block') return { wiring, unapplied: 'setting' };
    return { wiring, unapplied: stream === true ? 'stream' : masks === true ? undefined : 'release' };
  }

  #lossOf(call: GuardrailCall, told: Told, wiring: Wiring): UnappliedReason | undefined {
    if (!isAtLeast(call.litellm_version, TELLS_ITS_VERSION)) return 'release';
    switch (wiring) {
      case 'plain':
        return undefined;
      case 'incremental_diff':
        if (
          !isAtLeast(
            call.litellm_version,
            this.#setting === 'auto' ? TELLS_CHATS_APART : TAKES_INCREMENTAL_DIFF,
          )
        )
          return 'release';
        return this.#isOtherThanChat(call, told) ? 'endpoint' : undefined;
      case 'pipeline':
        if (!isAtLeast(call.litellm_version, DELIVERS_BY_PIPELINE)) return 'release';
        return this.#isGemini(call) ? 'endpoint' : undefined;
      case 'block_only':
        return 'stream';
      case 'unknown':
        return this.#setting === 'rewrite' ? undefined : 'unknown';
    }
  }

  #isOtherThanChat(call: GuardrailCall, { stream }: Told): boolean {
    if (call.model === null || this.#recalled(call) !== undefined) return true;
    // A plain response has it too, and would be delivered: without `stream` the two are one
    return call.tool_calls.some((toolCall) => fieldsOf(toolCall).index !== undefined) && stream !== false;
  }

  /** A stream of Gemini's own endpoint, for which pipelines discard redactions. Plain responses name a model. */
  #isGemini(call: GuardrailCall): boolean {
    if (call.model !== null) return false;
    return this.#recalled(call) === 'texts' || Object.keys(call.request_headers).some(isGoogles);
  }

  #recalled(call: GuardrailCall): ToldKind | undefined {
    const key = stateKey(call);
    return key === undefined ? undefined : this.#others.get(key);
  }

  #remember(call: GuardrailCall, kind: ToldKind): void {
    const key = stateKey(call);
    if (key !== undefined) this.#others.set(key, kind);
  }
}

/** True for a response of a stream, false for a plain one, as far as the call tells; undefined for a request too. */
export function isStreamed(call: GuardrailCall): boolean | undefined {
  if (call.input_type === 'request') return undefined;
  const { stream } = call.door === undefined ? toldBy(call) : call.additional_provider_specific_params;
  return typeof stream === 'boolean' ? stream : undefined;
}

const isGoogles = (header: string) => header.toLowerCase().startsWith('x-goog-');

function wiringOf({ shape }: GuardrailCall, { stream, transform, isPipeline }: Told): Wiring {
  // A tool's result is never streamed
  if (stream === false || shape === 'mcp_result') return 'plain';
  if (isPipeline) return 'pipeline';
  if (transform === 'incremental_diff') return 'incremental_diff';
  return stream === true || transform === 'block_only' ? 'block_only' : 'unknown';
}

function toldBy({ additional_provider_specific_params: params, litellm_version }: GuardrailCall): Told {
  const transform = (textOf(params.streaming_transform_mode) ?? textOf(params.transform) ?? '').toLowerCase();
  // Older releases ask the guardrails of both scopes about each response
  const stream = isAtLeast(litellm_version, TAKES_STREAM_SCOPE) ? flagOf(params, 'stream') : undefined;
  return { stream, transform, isPipeline: transform === 'pipeline' || flagOf(params, 'pipeline') === true };
}

function flagOf(params: Fields, name: string): boolean | undefined {
  const told = params[name];
  if (typeof told === 'boolean') return told;
  const word = textOf(told)?.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : undefined;
}
