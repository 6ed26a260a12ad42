import { commandLine } from '../config/command-line.ts';
import { type Fields, fieldsOf, scalarText, textOf } from '../guardrail/json.ts';
import {
  BUFFERS_STREAMS,
  DELIVERS_BY_PIPELINE,
  isAtLeast,
  TAKES_INCREMENTAL_DIFF,
  TAKES_STREAM_SCOPE,
  TELLS_CHATS_APART,
} from '../litellm/releases.ts';
import type { ResponseRedaction } from '../litellm/response-wiring.ts';
import { isInScope } from './stream-scopes.ts';
import { isTrue, paramPath, streamOption, type WiredGuardrail } from './wired-guardrails.ts';
import type { WiringReport } from './wiring.ts';

/** A way by which a response is delivered, as the bridge takes it from the parameters. */
type ToldWay = 'plain' | 'pipeline' | 'incremental_diff' | 'block_only' | 'unknown';

/** The way of a stream through LiteLLM, and as the bridge is told of it. */
type StreamFacts = {
  readonly told: ToldWay;
  /** True if a pipeline that delivers redactions runs it, and nothing else. */
  readonly isPipeline: boolean;
  /** True if LiteLLM delivers redactions of streamed chats. */
  readonly isTransformed: boolean;
};

/**
 * Finds where the bridge would redact a stream, and LiteLLM drops it; where it blocks what LiteLLM would redact; and streams that
 * are shown before they are judged, where this release can do better.
 *
 * @see LiteLLM 1.110.2, `async_post_call_streaming_iterator_hook` in unified_guardrail.py, pipeline_executor.py; our response-wiring.ts
 */
export function findStreams(guardrail: WiredGuardrail, report: WiringReport): void {
  const { release, settings } = report.context;
  if (guardrail.kind === 'akto' || !guardrail.modes.all.includes('post_call')) return;
  const facts = factsOf(guardrail, release);
  const streams = isInScope(guardrail, 'post_call', { release, streamed: true });
  const isDropped =
    streams && rewrites(facts.told, release, settings.responseRedaction) && !delivers(facts, release);
  if (isDropped) addDropped(guardrail, facts, report);
  else findBlockedRedaction(guardrail, facts, report);
  if (streams && !facts.isPipeline && !isDropped) findShownEarly(guardrail, report);
}

function factsOf(guardrail: WiredGuardrail, release: string): StreamFacts {
  const { params, runsBy, isDefaultOn } = guardrail;
  const post = runsBy.steps.filter(({ mode }) => mode === 'post_call');
  const transform = scalarText(streamOption(guardrail, 'streaming_transform_mode'));
  return {
    told: toldWay(fieldsOf(params.additional_provider_specific_params), release),
    isPipeline: post.length > 0 && !isDefaultOn,
    isTransformed: transform === 'incremental_diff' && isAtLeast(release, TAKES_INCREMENTAL_DIFF),
  };
}

/** The same as `wiringOf` of response-wiring.ts. */
function toldWay(told: Fields, release: string): ToldWay {
  const transform = (textOf(told.streaming_transform_mode) ?? textOf(told.transform) ?? '').toLowerCase();
  const stream = isAtLeast(release, TAKES_STREAM_SCOPE) ? flagIn(told.stream) : undefined;
  if (stream === false) return 'plain';
  if (transform === 'pipeline' || flagIn(told.pipeline) === true) return 'pipeline';
  if (transform === 'incremental_diff') return 'incremental_diff';
  return stream === true || transform === 'block_only' ? 'block_only' : 'unknown';
}

function flagIn(value: unknown): boolean | undefined {
  const word = typeof value === 'boolean' ? String(value) : textOf(value)?.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : undefined;
}

/** True if the bridge redacts a response of which it is told this. */
function rewrites(told: ToldWay, release: string, setting: ResponseRedaction): boolean {
  if (setting === 'block') return false;
  switch (told) {
    case 'plain':
      return true;
    case 'pipeline':
      return isAtLeast(release, DELIVERS_BY_PIPELINE);
    case 'incremental_diff':
      return isAtLeast(release, setting === 'auto' ? TELLS_CHATS_APART : TAKES_INCREMENTAL_DIFF);
    case 'block_only':
      return false;
    case 'unknown':
      return setting === 'rewrite';
  }
}

/** True if LiteLLM delivers the redaction of a stream of which the bridge is told this. */
function delivers({ told, isPipeline, isTransformed }: StreamFacts, release: string): boolean {
  if (isPipeline && isAtLeast(release, DELIVERS_BY_PIPELINE)) return true;
  // Told so, the bridge blocks the streams that are no chats; otherwise it would redact these too
  return told === 'incremental_diff' && isTransformed;
}

function addDropped(guardrail: WiredGuardrail, { told }: StreamFacts, report: WiringReport): void {
  const { name: subject, params } = guardrail;
  const { settings } = report.context;
  const said = {
    plain: 'the parameter stream: false tells the bridge that it is asked about no stream, and it is',
    pipeline:
      'the parameter pipeline: true tells the bridge that a pipeline delivers redactions, and none does',
    incremental_diff:
      'the parameter streaming_transform_mode: incremental_diff tells the bridge that LiteLLM delivers redactions, and litellm_params do not have it',
    block_only: '',
    unknown: `RESPONSE_REDACTION=${settings.responseRedaction}, and no parameter says that this guardrail is asked about streams`,
  }[told];
  const paste = {
    plain: 'stream_scope: non_streaming',
    pipeline: 'default_on: false',
    incremental_diff: 'streaming_transform_mode: incremental_diff',
    block_only: '',
    unknown: 'stream_scope: streaming\nadditional_provider_specific_params: { stream: true }',
  }[told];
  const advice = {
    plain: `Ask about streams by a guardrail of its own (${commandLine('litellm-config')} prints one).`,
    pipeline:
      'Have a post_call pipeline of policies run it, and nothing else; examples/streaming/pipeline.yaml is one.',
    incremental_diff: 'Set it for LiteLLM too.',
    block_only: '',
    unknown: 'Say it, in a guardrail for streams alone, or set RESPONSE_REDACTION=auto.',
  }[told];
  const at =
    'additional_provider_specific_params' in params ? ['additional_provider_specific_params'] : ['mode'];
  report.add('stream_redaction_dropped', paramPath(guardrail, ...at), {
    ...{ subject, message: `${said}: LiteLLM shows streams as they are`, advice, paste },
  });
}

/** Where streams can be told apart, nothing has to be blocked for not knowing. */
function findBlockedRedaction(guardrail: WiredGuardrail, facts: StreamFacts, report: WiringReport): void {
  const { release, settings } = report.context;
  if (settings.responseRedaction !== 'auto' || !isAtLeast(release, DELIVERS_BY_PIPELINE)) return;
  const plain = isInScope(guardrail, 'post_call', { release, streamed: false });
  if (!plain || (facts.told !== 'unknown' && facts.told !== 'block_only')) return;
  const isOnlyPlain = !isInScope(guardrail, 'post_call', { release, streamed: true });
  const isScoped = isAtLeast(release, TAKES_STREAM_SCOPE);
  const said =
    facts.told === 'unknown'
      ? 'no parameter tells the bridge which responses are streamed'
      : 'the parameter stream: true is said of responses that are not streamed';
  const at =
    'additional_provider_specific_params' in guardrail.params
      ? 'additional_provider_specific_params'
      : 'mode';
  report.add('redaction_untold', paramPath(guardrail, at), {
    ...{ subject: guardrail.name, message: `${said}: it blocks all that it would redact` },
    advice: isScoped
      ? `Have two guardrails, one for each (${commandLine('litellm-config')} prints them).`
      : 'Have a pipeline run it, as examples/streaming/pipeline.yaml does, or use LiteLLM 1.106.2.',
    paste: `${isOnlyPlain ? '' : 'stream_scope: non_streaming\n'}additional_provider_specific_params: { stream: false }`,
  });
}

/**
 * Where a stream can be held back, or a pipeline be used, it need not be shown before. A rate or a transformation is a choice.
 *
 * @see LiteLLM 1.108.0, the first whose unified_guardrail.py knows `streaming_buffer_until_moderated`
 */
function findShownEarly(guardrail: WiredGuardrail, report: WiringReport): void {
  const { release } = report.context;
  const isBuffered = isTrue(streamOption(guardrail, 'streaming_buffer_until_moderated'));
  const isAtEnd = isTrue(streamOption(guardrail, 'streaming_end_of_stream_only'));
  const canBuffer = isAtLeast(release, BUFFERS_STREAMS);
  const isChosen = ['streaming_sampling_rate', 'streaming_transform_mode'].some(
    (name) => streamOption(guardrail, name) !== undefined,
  );
  const add = (at: string, message: string) =>
    report.add('stream_shown_early', paramPath(guardrail, at), {
      ...{ subject: guardrail.name, message },
      advice: canBuffer
        ? 'Hold it back until it is judged.'
        : 'Use LiteLLM 1.108 or newer; from 1.103 on examples/streaming/pipeline.yaml shows nothing before.',
      ...(canBuffer && { paste: 'streaming_buffer_until_moderated: true' }),
    });
  if (isBuffered && !canBuffer) {
    const ignored = `LiteLLM ${release} ignores streaming_buffer_until_moderated`;
    add('streaming_buffer_until_moderated', `${ignored}: streams are shown before their verdict`);
  } else if (isAtEnd && !isBuffered && isAtLeast(release, DELIVERS_BY_PIPELINE)) {
    const message = 'streaming_end_of_stream_only: a stream is judged when all of it was shown';
    add('streaming_end_of_stream_only', message);
  } else if (canBuffer && !isBuffered && !isAtEnd && !isChosen) {
    const shown = 'a client sees up to four chunks of a stream before it is blocked';
    add('mode', `${shown}, and LiteLLM fails some streams of /v1/responses with tool calls`);
  }
}
