import { inject, test } from 'vitest';
import { isAtLeast, type Release as Numbers } from '../../src/litellm/releases.ts';

/** A LiteLLM release under test. */
export interface Release {
  version: string;
  /** The folder with its `python` and `litellm`. */
  bin: string;
  /** The version of `capsule-litellm` beside it, null when left out. */
  capsule: string | null;
}

/**
 * Differences between releases of LiteLLM: the first one of each trait; 1.106.2 stands where nobody looked for it
 * between it and 1.83.14.
 */
const SINCE = {
  /** A blocked call ends with status 400 for its client, before with 500. */
  'blocks with 400': [1, 90],
  /** An error has the `type` `invalid_request_error` and no `param`, before both are the word "None"; in a stream of
   * `/v1/responses` it has the form of that endpoint, before that of a chat. */
  'types its errors': [1, 101],
  /** In a stream of `/v1/messages` an error has the form of that endpoint. */
  'ends messages in their form': [1, 106],
  /** Errors of `/v1/completions`, and those in streams of chats, have that type too. */
  'types all its errors': [1, 109],
  /** Judges a streamed text completion, at its end. */
  'judges streamed completions': [1, 109],
  /** Text that `incremental_diff` holds back at a tool call comes in the chunk with the finish reason, before in one of its own. */
  'ends a text with its stream': [1, 110],
  /** Shows outputs of functions of `/v1/responses` among the texts and rewrites them in place. Before, a rewritten row could
   * make it build the input anew, without reasoning and ids. */
  'sends outputs as texts': [1, 109],
  /** Holds the end of a streamed chat back, with `streaming_end_of_stream_only`, until it is judged. */
  'holds the end of chats': [1, 103],
  /** A stream of `/v1/responses` that fails ends with `response.failed`, before the connection breaks. */
  'ends failed streams': [1, 109],
  /** Starts without a guardrail whose entry is wrong, before it does not start. */
  'skips wrong entries': [1, 101],
  /** A call with a tool that is no function can be judged, before it ends with 500. */
  'sends built-in tools': [1, 95],
  /** Knows `streaming_sampling_rate`, `streaming_end_of_stream_only` and `streaming_transform_mode`. */
  'has stream settings': [1, 95],
  /** Sends log events again that were not acknowledged. */
  'retries its logs': [1, 85],
  /** Asks about a request of nothing but calls and outputs of functions. */
  'judges tool outputs alone': [1, 106, 2],
  /** Judges a stream of `/v1/responses` while it flows, before at its end only. */
  'samples responses': [1, 101],
  /** Logs streams of `/v1/messages` and `/v1/responses` when their last check has ended, before when the provider's stream has. */
  'logs streams that are judged': [1, 101],
  /** Logs a stream whose client hung up. */
  'logs streams that were left': [1, 106, 2],
  /** Redacts the response of `/v1/responses` in a log event under `turn_off_message_logging`. */
  'redacts responses': [1, 106, 2],
  /** Its own guardrail `akto` sends what the bridge sends. */
  'asks Akto as the bridge does': [1, 106, 2],
  /** Applies `structured_messages` of a reply. */
  'takes rows back': [1, 103],
  /** Knows the modes `pre_mcp_call` and `post_mcp_call`, before it starts without such a guardrail. */
  'judges MCP calls': [1, 109],
  /** Sends a check again whose reply does not come in time. */
  'retries its checks': [1, 109],
  /** Takes no fallback to a model that is not among those of the key, also with `custom_auth`; 1.106.12 takes it. */
  'limits fallbacks by key': [1, 108],
  /** Heeds the `timeout` of a guardrail. */
  'heeds timeout': [1, 106, 2],
  /** Knows `stream_scope`. */
  'scopes streams': [1, 106, 2],
  /** Knows `streaming_buffer_until_moderated`. */
  'buffers streams': [1, 108],
  /** Delivers redactions of streams that a policy pipeline judges. */
  'redacts by pipelines': [1, 103],
} as const satisfies Record<string, Numbers>;

export type Trait = keyof typeof SINCE;

/** True if this release does that; see {@link SINCE} above for traits and first releases. */
export function does({ version }: Pick<Release, 'version'>, trait: Trait): boolean {
  return isAtLeast(version, SINCE[trait]);
}

/** The releases under test that do something; a file that is left without any says so. */
export function releasesThat(trait: Trait): Release[] {
  const able = inject('releases').filter((release) => does(release, trait));
  if (able.length === 0) test.skip(`none of these releases ${trait}`, () => {});
  return able;
}

/** The newest of the releases under test, for a file to which the others add nothing; says that. */
export function newestAlone(releases: readonly Release[] = inject('releases')): readonly Release[] {
  const [newest, ...others] = releases;
  for (const { version } of others)
    console.log(`with litellm ${newest?.version} alone: ${version} adds nothing`);
  return releases.slice(0, 1);
}

/** The status with which a client sees a block. */
export const blockStatus = (release: Release): number => (does(release, 'blocks with 400') ? 400 : 500);
