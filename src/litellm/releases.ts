/** A release of LiteLLM by its numbers; those that are left out are 0. */
export type Release = readonly [major: number, minor?: number, patch?: number];

/**
 * Since this release each log event carries `litellm_call_id`. An event of an older one cannot be joined with what the
 * bridge said about its call, and becomes a record of its own.
 */
export const OLDEST_SUPPORTED: Release = [1, 83, 14];

/**
 * Since this release each guardrail call carries `litellm_version`. Releases before drop the rewrite of some responses
 * silently.
 */
export const TELLS_ITS_VERSION: Release = [1, 81, 12];

/** Since this release `structured_messages` in a reply are read. Older ones ignore them, and the original would pass. */
export const READS_MESSAGES_IN_REPLIES: Release = [1, 103];

/** Since this release a guardrail can be asked about streams alone, or about all but streams. Older ones ignore `stream_scope`. */
export const TAKES_STREAM_SCOPE: Release = [1, 106, 2];

/** Since this release `streaming_transform_mode: incremental_diff` delivers redactions of streamed chats. Older ones ignore it. */
export const TAKES_INCREMENTAL_DIFF: Release = [1, 95];

/**
 * Since this release streams of `/v1/responses` are judged while they flow. Before they are judged once, at their end, and look
 * like a chat.
 */
export const TELLS_CHATS_APART: Release = [1, 101];

/** Since this release a policy pipeline delivers redactions of streams; the bridge cannot tell plain responses of older ones. */
export const DELIVERS_BY_PIPELINE: Release = [1, 103];

/**
 * Since this release streams of `/v1/messages` and `/v1/responses` are logged when their last check has ended. Older ones
 * log them when the provider's stream has.
 */
export const LOGS_JUDGED_STREAMS: Release = [1, 101];

/**
 * Since this release the logged text of a streamed chat is mixed up where a `post_call` guardrail samples it: 1.106.2 does it,
 * 1.103.0 does not, and nobody has looked at 1.104.
 */
export const MIXES_UP_CHATS: Release = [1, 104];

/** Since this release LiteLLM starts without a guardrail whose entry is wrong, and says so only in its log. Older ones do not start. */
export const STARTS_WITHOUT_WRONG: Release = [1, 101];

/** Since this release the `guardrails` of a model judge its requests too. Older ones have them judge its responses alone. */
export const MODELS_HAVE_JUDGED_REQUESTS: Release = [1, 95];

/** Since this release `fail_on_error` is read. Older ones fail a call whenever its guardrail does. */
export const TAKES_FAIL_ON_ERROR: Release = [1, 95];

/** Since this release the `timeout` of a guardrail is kept. Older ones wait 600 seconds, whatever it says. */
export const TAKES_TIMEOUT: Release = [1, 106, 2];

/** Since this release a guardrail whose `timeout` or `streaming_sampling_rate` makes no sense is refused. Older ones read neither. */
export const CHECKS_GUARDRAIL_NUMBERS: Release = [1, 95];

/** Since this release a guardrail in `logging_only` is asked, when the client has its response. Older ones refuse it. */
export const ASKS_AFTERWARDS: Release = [1, 103];

/** Since this release `streaming_buffer_until_moderated` shows nothing of a stream before its verdict. Older ones ignore it. */
export const BUFFERS_STREAMS: Release = [1, 108];

/** Since this release the generic guardrail takes the modes of MCP. */
export const TAKES_MCP_MODES: Release = [1, 109];

/** Since this release LiteLLM's own guardrail `akto` judges responses. Before, its `post_call` only records. */
export const AKTO_JUDGES_RESPONSES: Release = [1, 106, 2];

/** The newest release that was tested. */
export const NEWEST_TESTED: Release = [1, 110, 2];

/**
 * True if a version as LiteLLM writes it (`1.106.2`, `1.83.14.rc1`) is that release or a newer one.
 *
 * @param version null, or a text without numbers, is older than any release
 */
export function isAtLeast(version: string | null, release: Release): boolean {
  const parsed = parseRelease(version);
  return parsed !== undefined && compare(parsed, release) >= 0;
}

function parseRelease(version: string | null): Release | undefined {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version ?? '') ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor), Number(patch ?? 0)];
}

function compare([a, b = 0, c = 0]: Release, [x, y = 0, z = 0]: Release): number {
  return a - x || b - y || c - z;
}

/** The oldest release that calls came from, as `/readyz` tells it. */
export type ReleasesReport = {
  /** `1.83.14`, or `before 1.81.12` for one that does not tell its version; null before the first call. */
  readonly oldest_seen: string | null;
  readonly supported: boolean;
};

/** Remembers the oldest LiteLLM that sent a guardrail call, and names an unsupported one once. */
export class Releases {
  /** Version of the latest call: as a rule all calls tell the same. */
  #latest: string | null | undefined;
  /** Oldest release seen; `[0]` stands for one that does not tell its version. */
  #oldest: Release | undefined;
  #isOld = false;

  /** True if the latest call came from a release that is not supported. */
  get isOld(): boolean {
    return this.#isOld;
  }

  /**
   * Notes the version of a guardrail call.
   *
   * @returns a sentence for the log, the first time that an unsupported release is seen
   */
  seen(version: string | null): string | undefined {
    if (version === this.#latest) return undefined;
    this.#latest = version;
    const release = parseRelease(version) ?? [0];
    this.#isOld = compare(release, OLDEST_SUPPORTED) < 0;
    if (this.#oldest !== undefined && compare(release, this.#oldest) >= 0) return undefined;
    const wasSupported = this.report().supported;
    this.#oldest = release;
    const { oldest_seen, supported } = this.report();
    if (!wasSupported || supported) return undefined;
    if (release[0] === 0)
      return `a call names no LiteLLM version: it comes from a tool, or from LiteLLM ${oldest_seen}`;
    return `LiteLLM ${oldest_seen} is older than ${OLDEST_SUPPORTED.join('.')}, the oldest supported release: its calls are judged, and its log events become records of their own`;
  }

  /** @param hasOldEvents true if log events of an unsupported release came, which do not name it */
  report(hasOldEvents = false): ReleasesReport {
    const oldest = this.#oldest;
    const name = oldest?.[0] === 0 ? `before ${TELLS_ITS_VERSION.join('.')}` : oldest?.join('.');
    const supported = !hasOldEvents && (oldest === undefined || compare(oldest, OLDEST_SUPPORTED) >= 0);
    return { oldest_seen: name ?? null, supported };
  }
}
