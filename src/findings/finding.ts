/** `fault`: calls pass unjudged, are blocked, or lose their records. `warning`: they can. */
export type Severity = 'fault' | 'warning';

/** Everything that the doctor and live traffic can find wrong with the wiring: each code with its severity. README.md of this folder explains them. */
export const FINDINGS = {
  pre_call_missing: 'fault',
  post_call_missing: 'fault',
  mode_wrong: 'fault',
  mcp_mode_too_old: 'fault',
  not_default_on: 'warning',
  calls_unjudged: 'fault',
  guardrail_key_wrong: 'fault',
  address_refused: 'fault',
  guardrail_url_wrong: 'fault',
  fail_open: 'warning',
  timeout_missing: 'warning',
  timeout_short: 'fault',
  stream_redaction_dropped: 'fault',
  drop_params_unsafe: 'warning',
  callback_missing: 'fault',
  callback_headers_missing: 'fault',
  callback_url_wrong: 'fault',
  callback_key_wrong: 'fault',
  log_posts_refused: 'fault',
  callbacks_limit: 'fault',
  fail_on_error_off: 'fault',
  config_unreadable: 'fault',
  guardrail_skipped: 'fault',
  option_ignored: 'warning',
  during_call_untold: 'fault',
  redaction_dropped: 'fault',
  redaction_untold: 'warning',
  stream_shown_early: 'warning',
  verdict_ignored: 'fault',
  messages_hidden: 'warning',
  integration_limited: 'warning',
  only_recorded: 'warning',
  callback_partial: 'fault',
  calls_unlogged: 'warning',
  content_withheld: 'warning',
  release_unsupported: 'warning',
  backend_unreachable: 'fault',
  backend_unauthorized: 'fault',
  backend_failing: 'fault',
  records_stopped: 'fault',
  policy_file_differs: 'fault',
  bridge_unreachable: 'fault',
  bridge_key_wrong: 'fault',
  settings_wrong: 'fault',
  settings_doubtful: 'warning',
  database_unreachable: 'fault',
  proxy_unreachable: 'fault',
  proxy_key_wrong: 'fault',
  canary_failed: 'fault',
  bridge_degraded: 'fault',
} as const satisfies Record<string, Severity>;

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
