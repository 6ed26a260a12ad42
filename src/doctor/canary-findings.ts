import type { BridgeFinding, FindingCode } from '../findings/finding.ts';
import { oneLine } from '../guardrail/one-line.ts';
import { isAtLeast, OLDEST_SUPPORTED } from '../litellm/releases.ts';
import type { RefusedCounts } from './bridge-client.ts';
import { type CanaryResult, MAX_ERROR_CHARS, storyOf } from './canary-story.ts';
import type { CanaryKind } from './proxy-client.ts';

export type CanaryWorld = {
  /** Where the doctor asked the bridge. */
  readonly bridge: string;
  readonly model: string;
  /** Names of those that there are. */
  readonly models: string;
  /** Of the bridge. @see CanaryReply */
  readonly reads_events: boolean;
  readonly takes_records: boolean;
  /** Requests that the bridge refused meanwhile, other traffic included. */
  readonly refused: RefusedCounts;
  /** Of LiteLLM; null if nothing told it. */
  readonly release: string | null;
};

const CALLBACK = 'callback_settings, endpoint and headers of the callback';

/** Faults of the wiring that show in what came of the calls of the doctor. */
export function canaryFindings(
  results: readonly CanaryResult[],
  world: CanaryWorld,
): readonly BridgeFinding[] {
  return [
    ...guardrailFindings(results, world),
    ...streamFindings(results),
    ...callbackFindings(results, world),
    ...releaseFindings(world),
  ];
}

function guardrailFindings(results: readonly CanaryResult[], world: CanaryWorld): readonly BridgeFinding[] {
  const { bridge, model, models, refused } = world;
  const stories = results.map((result) => ({ ...result, ...storyOf(result) }));
  const answered = stories.filter(({ isAnswered }) => isAnswered);
  const unasked = answered.filter(({ request }) => request.length === 0);
  const unanswered = answered.filter(({ response }) => response.length === 0);
  // LiteLLM's words for a guardrail that it could not ask
  const failed = stories.find(({ error = '', isBlocked }) => !isBlocked && /guardrail/i.test(error));
  if (refused.senders > 0 && (failed !== undefined || unasked.length + unanswered.length > 0))
    return [senderRefused(refused.senders)];
  if (refused.callKeys > 0 && (failed !== undefined || unasked.length + unanswered.length > 0)) {
    const message = `the bridge refused ${refused.callKeys} guardrail calls for their key while the doctor called`;
    const advice =
      'set api_key of each guardrail that asks the bridge to one of its BRIDGE_API_KEYS, and restart LiteLLM';
    return [{ code: 'guardrail_key_wrong', message, advice, paste: 'api_key: os.environ/BRIDGE_API_KEY' }];
  }
  const findings: BridgeFinding[] = [];
  if (failed !== undefined) {
    findings.push({
      code: 'guardrail_url_wrong',
      message: `LiteLLM cannot ask a guardrail: ${oneLine(failed.error ?? '', MAX_ERROR_CHARS)}`,
      advice: `set api_base of the guardrail to the address at which LiteLLM reaches the bridge, without a path; the doctor reaches it at ${bridge}`,
      paste: 'api_base: os.environ/BRIDGE_URL',
    });
  }
  const missing = (code: FindingCode, calls: readonly { kind: CanaryKind }[], side: string, mode: string) => {
    if (calls.length === 0) return;
    findings.push({
      code,
      message: `LiteLLM asked ${bridge} about no ${side} of: ${calls.map(({ kind }) => kind).join(', ')}`,
      advice: `add a guardrail with mode: ${mode} and default_on: true whose api_base is the bridge; one with unreachable_fallback: fail_open and a wrong address passes calls too. doctor --litellm config.yaml finds the line, litellm-config prints all`,
      paste: `mode: ${mode}\ndefault_on: true`,
    });
  };
  missing('pre_call_missing', unasked, 'request', 'pre_call');
  missing('post_call_missing', unanswered, 'response', 'post_call');
  if (answered.length > 0 || findings.length > 0) return findings;
  const [first] = stories;
  if (first === undefined) return findings;
  const blocked = stories.find(({ isBlocked }) => isBlocked);
  findings.push({
    code: 'canary_failed',
    subject: model,
    message:
      blocked !== undefined
        ? `the bridge blocked the calls of the doctor, so no response was to be judged: ${oneLine(blocked.error ?? '', MAX_ERROR_CHARS)}`
        : `no call of the doctor to ${model} was answered: ${oneLine(first.error ?? 'the model said nothing', MAX_ERROR_CHARS)}`,
    advice:
      blocked !== undefined
        ? 'use a key whose calls the policies let pass, or another --model'
        : `name a model that works with --model, or give a key that may use it; there are: ${models}`,
  });
  return findings;
}

const senderRefused = (requests: number): BridgeFinding => ({
  code: 'address_refused',
  message: `the bridge refused ${requests} requests while the doctor called, as their senders are not in ALLOWED_IPS`,
  advice: 'add the addresses from which LiteLLM calls to ALLOWED_IPS of the bridge, and restart it',
});

function streamFindings(results: readonly CanaryResult[]): readonly BridgeFinding[] {
  const sights = results.flatMap((result) =>
    result.kind === 'streamed chat' ? storyOf(result).response : [],
  );
  const dropped = sights.find(
    ({ wiring, unapplied }) => unapplied === null && (wiring === 'plain' || wiring === 'unknown'),
  );
  if (dropped === undefined) return [];
  const isPlain = dropped.wiring === 'plain';
  return [
    {
      code: 'stream_redaction_dropped',
      message: isPlain
        ? 'a guardrail says stream: false of responses that are streamed, so the bridge redacts what LiteLLM does not'
        : 'the bridge redacts streams of which it does not know that LiteLLM does (RESPONSE_REDACTION=rewrite)',
      advice: isPlain
        ? 'give the guardrail stream_scope: non_streaming, and streams one of their own with stream: true'
        : 'set RESPONSE_REDACTION=auto, and tell the bridge by additional_provider_specific_params how streams are delivered',
      paste: isPlain
        ? 'stream_scope: non_streaming'
        : 'additional_provider_specific_params: { stream: true }',
    },
  ];
}

function callbackFindings(
  results: readonly CanaryResult[],
  { bridge, reads_events, takes_records, refused }: CanaryWorld,
): readonly BridgeFinding[] {
  const stories = results.map(storyOf);
  const ended = stories.filter(({ isAnswered }) => isAnswered);
  if (!reads_events || ended.length === 0 || stories.some(({ isLogged }) => isLogged)) return [];
  // Told already where guardrail calls are refused so, too
  if (refused.senders > 0) {
    const areJudged = ended.every(({ request, response }) => request.length > 0 && response.length > 0);
    return areJudged ? [senderRefused(refused.senders)] : [];
  }
  if (refused.logKeys > 0) {
    const message = `the bridge refused ${refused.logKeys} posts of log events for their key while the doctor called`;
    const advice = `set the headers of the callback to one of the BRIDGE_API_KEYS, and restart LiteLLM`;
    const paste = 'headers: { x-api-key: os.environ/BRIDGE_API_KEY }';
    return [{ code: 'callback_key_wrong', message, advice, paste }];
  }
  if (refused.addresses > 0) {
    const message = `no log event came, and the bridge refused ${refused.addresses} requests for a wrong path while the doctor called`;
    const paste = `endpoint: ${bridge}/v1/litellm/logs`;
    return [{ code: 'callback_url_wrong', message, advice: `mend ${CALLBACK}`, paste }];
  }
  return [
    {
      // A warning where nobody takes records
      code: takes_records ? 'callback_missing' : 'calls_unlogged',
      message: `no log event of ${ended.length} calls came to ${bridge}${takes_records ? '' : ': it does not know how calls end, and cannot tell which are not judged'}`,
      advice: `add the callback under litellm_settings, and ${CALLBACK}: one with the address of something else logs there`,
      paste: CALLBACK_LINES,
    },
  ];
}

const CALLBACK_LINES = `litellm_settings:
  callbacks: [bridge]
callback_settings:
  bridge:
    callback_type: generic_api
    endpoint: os.environ/BRIDGE_LOGS_URL
    headers: { x-api-key: os.environ/BRIDGE_API_KEY }`;

function releaseFindings({ release }: CanaryWorld): readonly BridgeFinding[] {
  if (release === null || isAtLeast(release, OLDEST_SUPPORTED)) return [];
  const oldest = OLDEST_SUPPORTED.join('.');
  return [
    {
      code: 'release_unsupported',
      message: `LiteLLM ${release} is older than ${oldest}`,
      advice: `install LiteLLM ${oldest} or newer`,
    },
  ];
}
