import { fieldsOf, textOf } from '../guardrail/json.ts';
import { LOGS_PATH } from '../http/app.ts';
import type { Path } from '../policies/file/problems.ts';
import { addressIn, isElsewhere } from './address.ts';
import { elsewhere, keyProblem } from './guardrail-findings.ts';
import { listOf, textsOf } from './guardrail-runs.ts';
import { DEFAULT_KEY } from './paste-lines.ts';
import { shownText } from './told-text.ts';
import { isNamedLikeUs, listedCallbacks, type WiredCallback } from './wired-callbacks.ts';
import { isTrue, type WiredGuardrail } from './wired-guardrails.ts';
import type { WiringReport } from './wiring.ts';

const DEFAULT_ENDPOINT = 'os.environ/BRIDGE_LOGS_URL';
const EVENT_TYPES = ['llm_api_success', 'llm_api_failure'];
const LOG_FORMATS = ['json_array', 'ndjson', 'single'];
/** Fields of an event by which the bridge knows its call. */
const JOINING_FIELDS = ['litellm_call_id', 'id', 'metadata', 'status', 'startTime', 'trace_id'];

/**
 * Finds what keeps log events from the bridge.
 *
 * @see LiteLLM 1.110.2 and 1.83.14, `add_custom_callback_generic_api_str` in logging_callback_manager.py,
 *   `initialize_callbacks_on_proxy` in proxy/common_utils/callback_utils.py, generic_api_callback.py. Tried with both: a logger in
 *   `success_callback` is told of successes by 1.110.2 and of nothing by 1.83.14, one in `failure_callback` of nothing by either
 */
export function findCallback(
  callback: WiredCallback,
  guardrail: WiredGuardrail | undefined,
  report: WiringReport,
): void {
  const isMade = findMaking(callback, report);
  if (isMade) findListing(callback, report);
  findEndpoint(callback, guardrail, report);
  if (isMade) findHeaders(callback, report);
  findPart(callback, report);
}

const pathOf = ({ name }: WiredCallback, ...steps: Path): Path => ['callback_settings', name, ...steps];

/** The effect of a name that LiteLLM cannot make a logger of. */
function unmade({ lists }: WiredCallback): string {
  return lists.length === 0 || lists.includes('callbacks')
    ? 'LiteLLM takes the name for a Python module and does not start'
    : 'LiteLLM starts, and logs nothing there';
}

/** True if LiteLLM makes a logger of it. */
function findMaking(callback: WiredCallback, report: WiringReport): boolean {
  const { name: subject, settings } = callback;
  const { callback_type: type, log_format: format } = settings;
  if (type !== 'generic_api') {
    const said = type === undefined ? 'callback_type is missing' : 'callback_type is not generic_api';
    report.add('callback_missing', pathOf(callback, 'callback_type'), {
      ...{ subject, message: `${said}: ${unmade(callback)}` },
      ...{ advice: 'Set it.', paste: 'callback_type: generic_api' },
    });
    return false;
  }
  if (format !== undefined && format !== null && !LOG_FORMATS.includes(String(format))) {
    report.add('callback_missing', pathOf(callback, 'log_format'), {
      ...{ subject, message: `log_format is none of ${LOG_FORMATS.join(', ')}: LiteLLM does not start` },
      ...{ advice: 'Leave it out.', paste: 'log_format: json_array' },
    });
    return false;
  }
  return true;
}

function findListing(callback: WiredCallback, report: WiringReport): void {
  const { name: subject, lists } = callback;
  if (lists.includes('callbacks')) {
    if (typeof fieldsOf(report.config.value.litellm_settings).callbacks !== 'string') return;
    report.add('callback_missing', ['litellm_settings', 'callbacks'], {
      ...{
        subject,
        message: 'callbacks is no list: LiteLLM takes the name for a Python module and does not start',
      },
      ...{ advice: 'Write a list.', paste: `callbacks: [${subject}]` },
    });
    return;
  }
  if (lists.length === 0) {
    const why = misplaced(report, subject) ?? 'LiteLLM never uses it';
    report.add('callback_missing', pathOf(callback), {
      subject,
      message: `callback_settings has it, and litellm_settings.callbacks does not name it: ${why}`,
      advice: 'Name it, beside your other callbacks.',
      paste: pasteCallbacks(report, subject),
    });
    return;
  }
  const logsSuccesses = lists.includes('success_callback');
  report.add(
    logsSuccesses ? 'callback_partial' : 'callback_missing',
    ['litellm_settings', lists[0] as string],
    {
      subject,
      message: logsSuccesses
        ? `${lists.join(' and ')}: LiteLLM logs successes at most, older releases nothing, and none logs a failure`
        : 'failure_callback: LiteLLM logs nothing there',
      advice: 'Name it in callbacks instead.',
      paste: pasteCallbacks(report, subject),
    },
  );
}

/** The line of `litellm_settings` with one more name. */
function pasteCallbacks({ config }: WiringReport, name: string): string {
  return `litellm_settings:\n  callbacks: [${[...listedCallbacks(config, 'callbacks'), name].join(', ')}]\n`;
}

function misplaced({ config: { value } }: WiringReport, name: string): string | undefined {
  const at = [
    ['general_settings', fieldsOf(value.general_settings).callbacks],
    ['the top level', value.callbacks],
  ].find(([, names]) => textsOf(names).includes(name));
  return at && `it stands under ${at[0]}, where LiteLLM does not look`;
}

function findEndpoint(
  callback: WiredCallback,
  guardrail: WiredGuardrail | undefined,
  report: WiringReport,
): void {
  const { name: subject, endpoint } = callback;
  const problem = endpointProblem(callback, guardrail, report);
  if (problem === undefined) return;
  report.add('callback_url_wrong', pathOf(callback, 'endpoint'), {
    ...{
      subject,
      message: endpoint === undefined ? problem : `endpoint is ${shownText(endpoint)}: ${problem}`,
    },
    advice: `Write the whole address, such as http://bridge:${report.context.settings.port}${LOGS_PATH}; LiteLLM adds nothing.`,
    ...(endpoint?.variable === undefined && { paste: `endpoint: ${DEFAULT_ENDPOINT}` }),
  });
}

function endpointProblem(
  { endpoint, lists }: WiredCallback,
  guardrail: WiredGuardrail | undefined,
  { context }: WiringReport,
): string | undefined {
  if (endpoint === undefined)
    return `endpoint is missing: ${lists.includes('callbacks') ? 'LiteLLM does not start' : 'LiteLLM logs nothing there'}`;
  if (endpoint.text === undefined) return undefined;
  const url = addressIn(endpoint.text);
  if (url === undefined)
    return endpoint.text.includes('://')
      ? 'it is no http or https address'
      : 'http:// or https:// is missing';
  if (!url.pathname.endsWith(LOGS_PATH))
    return url.pathname === '/' ? `${LOGS_PATH} is missing` : `its path is not ${LOGS_PATH}`;
  if (isElsewhere(url, context)) return elsewhere(context);
  const asked = addressIn(guardrail?.base?.text ?? '');
  const isOther = asked !== undefined && asked.hostname === url.hostname && asked.host !== url.host;
  return isOther ? `${guardrail?.name ?? 'the guardrail'} asks the bridge at ${asked.host}` : undefined;
}

function findHeaders(callback: WiredCallback, report: WiringReport): void {
  const { name: subject, settings, key, endpoint, lists } = callback;
  const paste = `headers:\n  x-api-key: ${DEFAULT_KEY}\n`;
  const { headers } = settings;
  if (headers === undefined || headers === null) {
    const effect = lists.includes('callbacks') ? 'LiteLLM does not start' : 'LiteLLM logs nothing there';
    report.add('callback_headers_missing', pathOf(callback), {
      ...{ subject, message: `headers are missing: ${effect}`, paste },
      advice: "Send one of the bridge's BRIDGE_API_KEYS.",
    });
    return;
  }
  const problem = keyProblem(key, endpoint, report.context);
  if (problem === undefined) return;
  const isMissing = key === undefined;
  report.add(isMissing ? 'callback_headers_missing' : 'callback_key_wrong', pathOf(callback, 'headers'), {
    subject,
    message: `the key ${isMissing ? 'is missing in headers' : problem}: the bridge refuses every POST with 401, and LiteLLM drops the events`,
    advice: `Send one of the bridge's BRIDGE_API_KEYS${key?.variable === undefined ? '' : ` in ${key.variable}`}.`,
    ...(key?.variable === undefined && { paste }),
  });
}

/** Finds events, or fields of them, that are left out. */
function findPart(callback: WiredCallback, report: WiringReport): void {
  const { name: subject, settings } = callback;
  const { event_types: types } = settings;
  const lacking = EVENT_TYPES.filter((type) => !textsOf(types).includes(type));
  if (types !== undefined && types !== null && lacking.length > 0) {
    report.add('callback_partial', pathOf(callback, 'event_types'), {
      ...{ subject, message: `event_types leave out ${lacking.join(' and ')}: those calls have no record` },
      advice: 'Leave event_types out.',
      paste: `event_types: [${EVENT_TYPES.join(', ')}]`,
    });
  }
}

/** Finds settings of LiteLLM that take away what records need, whoever logs. */
export function findWithheld(report: WiringReport): void {
  const settings = fieldsOf(report.config.value.litellm_settings);
  const at = (name: string): Path => ['litellm_settings', name];
  if (isTrue(settings.generic_api_use_v1)) {
    report.add('callback_partial', at('generic_api_use_v1'), {
      message:
        'generic_api_use_v1: LiteLLM logs in a form of old that names no call, and the bridge cannot read it',
      ...{ advice: 'Leave it out.', paste: 'generic_api_use_v1: false' },
    });
  }
  if (isTrue(settings.turn_off_message_logging)) {
    report.add('content_withheld', at('turn_off_message_logging'), {
      message: 'turn_off_message_logging: records of vendors have neither prompts nor responses',
      advice:
        "Leave it out if vendors shall see them; the bridge's TELEMETRY_CONTENT takes them out of its own records alone.",
    });
  }
  const name = 'standard_logging_payload_excluded_fields';
  const excluded = textsOf(settings[name]);
  const joining = excluded.filter((field) => JOINING_FIELDS.includes(field));
  if (joining.length > 0) {
    report.add('callback_partial', at(name), {
      message: `${name} takes ${joining.join(', ')} out of events, by which the bridge knows their calls`,
      advice: 'Take them out of the list.',
    });
  } else if (excluded.some((field) => field === 'messages' || field === 'response')) {
    report.add('content_withheld', at(name), {
      message: `${name}: records of vendors lack ${excluded.filter((field) => /^(?:messages|response)$/.test(field)).join(' and ')}`,
      advice: 'Take them out of the list if vendors shall see them.',
    });
  }
}

/** Adds that no logger logs to the bridge. */
export function addNoCallback(report: WiringReport): void {
  const { settings } = report.context;
  const { value } = report.config;
  const listed = listedCallbacks(report.config, 'callbacks').find(isNamedLikeUs);
  const isBelow = fieldsOf(value.litellm_settings).callback_settings !== undefined;
  const said = isBelow
    ? 'callback_settings stand under litellm_settings, where LiteLLM does not look'
    : listed === undefined
      ? 'no generic_api callback logs to the bridge'
      : `callbacks names ${listed}, and callback_settings does not have it: LiteLLM takes the name for a Python module and does not start`;
  const isNeeded = settings.takesRecords || isBelow || listed !== undefined;
  const effect = isNeeded
    ? ''
    : ': how calls end is not known, and nobody notices calls that were not judged';
  const path: Path = isBelow ? ['litellm_settings', 'callback_settings'] : ['litellm_settings', 'callbacks'];
  const name = listed ?? 'bridge';
  const line = listed === undefined ? pasteCallbacks(report, name) : '';
  report.add(isNeeded ? 'callback_missing' : 'calls_unlogged', path, {
    message: said + effect,
    advice: 'Add this; callback_settings is a section of its own.',
    paste: `${line}callback_settings:\n  ${name}:\n    callback_type: generic_api\n    endpoint: ${DEFAULT_ENDPOINT}\n    headers:\n      x-api-key: ${DEFAULT_KEY}\n    max_retries: 5\n    retry_delay: 0.5\n`,
  });
}

/** Callbacks that LiteLLM adds by itself: its limits of rates and budgets, and others. */
const OWN_CALLBACKS = 12;
const DEFAULT_MAX_CALLBACKS = 100;

/**
 * Finds more guardrails and callbacks than LiteLLM keeps.
 *
 * @see LiteLLM 1.110.2 and 1.83.14, `_check_callback_list_size` in logging_callback_manager.py, `MAX_CALLBACKS` in constants.py
 */
export function findLimit(report: WiringReport): void {
  const { config, context } = report;
  const limit = Number(context.env.LITELLM_MAX_CALLBACKS) || DEFAULT_MAX_CALLBACKS;
  const callbacks = listedCallbacks(config, 'callbacks').length;
  const guardrails = listOf(config.value.guardrails).filter((one) =>
    textOf(fieldsOf(one).guardrail_name),
  ).length;
  const most = Math.max(0, limit - OWN_CALLBACKS - callbacks);
  if (guardrails <= most) return;
  report.add('callbacks_limit', ['guardrails', most], {
    message: `${guardrails} guardrails and ${callbacks} callbacks, beside some ${OWN_CALLBACKS} of LiteLLM's own: it drops those beyond ${limit}, and says so only in its log`,
    advice: `Set LITELLM_MAX_CALLBACKS=${guardrails + callbacks + 2 * OWN_CALLBACKS} in the environment of LiteLLM.`,
  });
}
