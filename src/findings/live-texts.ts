import type { BridgeFinding, FindingCode } from './finding.ts';

/** Findings that calls show, each with what is wrong and what to do. */
export const SHOWN_BY_CALLS = {
  pre_call_missing: {
    message: 'LiteLLM has responses judged, and not the requests before them',
    advice: 'add pre_call to the mode of the guardrail, and restart LiteLLM',
  },
  post_call_missing: {
    message: 'requests are judged, and LiteLLM never asks about their responses',
    advice: 'add post_call to the mode of the guardrail, for streams too, and restart LiteLLM',
  },
  calls_unjudged: {
    message: 'LiteLLM logs calls that succeed and were never judged, unlike those before',
    advice:
      'see that the guardrail is in the config of each LiteLLM with default_on: true, that its mode has pre_call, and that its api_base is right: with fail_open calls pass where it is not',
  },
  guardrail_key_wrong: {
    message: 'guardrail calls are refused: none of them brings one of BRIDGE_API_KEYS',
    advice: 'set the api_key of the guardrail in LiteLLM to one of BRIDGE_API_KEYS',
  },
  address_refused: {
    message: 'calls or log events of LiteLLM are refused: their address is not in ALLOWED_IPS',
    advice: 'add the addresses from which LiteLLM calls to ALLOWED_IPS',
  },
  guardrail_url_wrong: {
    message: 'guardrail calls come to an address that is not one of the bridge',
    advice: 'set the api_base of the guardrail to the address of the bridge without a path: http://HOST:8787',
  },
  callback_key_wrong: {
    message: 'log events are refused: their key is none of BRIDGE_API_KEYS',
    advice: 'set x-api-key under headers of the callback in LiteLLM to one of BRIDGE_API_KEYS',
  },
  callback_headers_missing: {
    message: 'log events are refused: they bring no key',
    advice: 'set headers of the callback in LiteLLM: x-api-key is one of BRIDGE_API_KEYS',
  },
  callback_url_wrong: {
    message: 'log events come to an address that is not one of the bridge',
    advice: 'set the endpoint of the callback to http://HOST:8787/v1/litellm/logs',
  },
  log_posts_refused: {
    message: 'log events are refused: their bodies are too large, cannot be read, or cannot be stored',
    advice: 'see log_posts_total and the log for the reason, and the room of the outbox',
  },
  release_unsupported: {
    message: 'calls come from a LiteLLM that is older than the oldest supported release',
    advice: 'upgrade LiteLLM to 1.83.14 or newer',
  },
} as const satisfies Partial<Record<FindingCode, Pick<BridgeFinding, 'message' | 'advice'>>>;

export type ShownCode = keyof typeof SHOWN_BY_CALLS;
