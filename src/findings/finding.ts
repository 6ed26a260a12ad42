/** `fault`: calls pass unjudged, are blocked, or lose their records. `warning`: they can. */
export type Severity = 'fault' | 'warning';

type FindingKind = { readonly severity: Severity; readonly title: string };

/** Everything that the doctor and live traffic can find wrong with the wiring, by its code. README.md of this folder explains each. */
export const FINDINGS = {
  pre_call_missing: { severity: 'fault', title: 'requests are not judged' },
  post_call_missing: { severity: 'fault', title: 'requests are judged, and their responses are not' },
  mode_wrong: { severity: 'fault', title: 'a guardrail has a mode in which LiteLLM never asks the bridge' },
  mcp_mode_too_old: { severity: 'fault', title: 'this LiteLLM starts without a guardrail of this mode' },
  not_default_on: { severity: 'warning', title: 'a guardrail judges only calls that ask for it' },
  calls_unjudged: { severity: 'fault', title: 'calls succeed that were never judged' },
  guardrail_key_wrong: { severity: 'fault', title: 'guardrail calls come with a wrong key' },
  guardrail_url_wrong: { severity: 'fault', title: 'a guardrail has the address of something else' },
  fail_open: { severity: 'warning', title: 'calls pass while the bridge cannot be reached' },
  timeout_missing: { severity: 'warning', title: 'LiteLLM waits ten minutes for a bridge that hangs' },
  timeout_short: { severity: 'fault', title: 'LiteLLM gives up before the bridge does' },
  stream_redaction_dropped: { severity: 'fault', title: 'LiteLLM drops redactions of streams' },
  drop_params_unsafe: {
    severity: 'warning',
    title: 'LiteLLM passes on parts of requests that it shows nobody',
  },
  callback_missing: { severity: 'fault', title: 'LiteLLM does not log calls to the bridge' },
  callback_headers_missing: { severity: 'fault', title: 'LiteLLM logs without a key' },
  callback_url_wrong: { severity: 'fault', title: 'LiteLLM logs to a wrong address' },
  callback_key_wrong: { severity: 'fault', title: 'log events come with a wrong key' },
  log_posts_refused: { severity: 'fault', title: 'log events are refused' },
  callbacks_limit: { severity: 'fault', title: 'LiteLLM drops callbacks beyond its limit' },
  fail_on_error_off: { severity: 'fault', title: 'LiteLLM passes calls on when a guardrail fails' },
  config_unreadable: { severity: 'fault', title: 'LiteLLM cannot read its configuration' },
  guardrail_skipped: { severity: 'fault', title: 'LiteLLM starts without a guardrail, or does not start' },
  option_ignored: { severity: 'warning', title: 'LiteLLM ignores a part of its configuration' },
  during_call_untold: {
    severity: 'fault',
    title: 'redactions of requests come too late, and the bridge is not told',
  },
  redaction_dropped: { severity: 'fault', title: 'LiteLLM drops redactions of requests' },
  redaction_untold: { severity: 'warning', title: 'responses are blocked that could be redacted' },
  stream_shown_early: { severity: 'warning', title: 'streams are shown before they are judged' },
  verdict_ignored: { severity: 'fault', title: 'blocked calls go on' },
  messages_hidden: { severity: 'warning', title: 'LiteLLM shows the bridge a part of the messages' },
  integration_limited: { severity: 'warning', title: "a vendor's own integration has less judged" },
  only_recorded: { severity: 'warning', title: 'calls are recorded, and none is judged' },
  callback_partial: { severity: 'fault', title: 'LiteLLM logs a part of the calls, or of what they need' },
  calls_unlogged: { severity: 'warning', title: 'how calls end is not known' },
  content_withheld: { severity: 'warning', title: 'LiteLLM keeps content out of records' },
  release_unsupported: { severity: 'warning', title: 'this release of LiteLLM is too old' },
  backend_unreachable: { severity: 'fault', title: 'a backend cannot be reached' },
  backend_unauthorized: { severity: 'fault', title: 'a backend refuses our token' },
  backend_failing: { severity: 'fault', title: 'a backend gives no verdicts' },
  records_stopped: { severity: 'fault', title: 'records are not delivered' },
  policy_file_differs: { severity: 'fault', title: 'the policy file on disk is not the one in force' },
  bridge_unreachable: { severity: 'fault', title: 'the bridge does not answer' },
  bridge_key_wrong: { severity: 'fault', title: 'the bridge refuses the key of the doctor' },
  settings_wrong: { severity: 'fault', title: 'the settings of the bridge cannot be used' },
  database_unreachable: { severity: 'fault', title: 'the database that replicas share cannot be used' },
  proxy_unreachable: { severity: 'fault', title: 'LiteLLM does not answer' },
  proxy_key_wrong: { severity: 'fault', title: 'LiteLLM refuses the key of the doctor' },
  canary_failed: {
    severity: 'fault',
    title: 'a call of the doctor came to no end, so part of the wiring is not known',
  },
  bridge_degraded: { severity: 'fault', title: 'a part of the bridge is in trouble' },
} as const satisfies Record<string, FindingKind>;

export type FindingCode = keyof typeof FINDINGS;

export const FINDING_CODES = Object.keys(FINDINGS) as FindingCode[];

/** One thing that is wrong, without content and secrets. */
export type BridgeFinding = {
  readonly code: FindingCode;
  /** The backend, guardrail, callback or file that it is about; left out if it is about all calls. */
  readonly subject?: string;
  /** A sentence: what is wrong, with the value and the place. */
  readonly message: string;
  /** A sentence: what to do. */
  readonly advice: string;
  /** Lines to paste into the configuration. */
  readonly paste?: string;
  /** Since when, as ISO time; of live traffic. */
  readonly since?: string;
};
