import { isLoopback } from '../config/backend.ts';
import { scalarText } from '../guardrail/json.ts';
import { GUARDRAIL_PATHS, LOGS_PATH } from '../http/app.ts';
import {
  AKTO_JUDGES_RESPONSES,
  CHECKS_GUARDRAIL_NUMBERS,
  isAtLeast,
  TAKES_FAIL_ON_ERROR,
  TAKES_TIMEOUT,
} from '../litellm/releases.ts';
import { addressIn, isElsewhere } from './address.ts';
import { startsWithout } from './mode-findings.ts';
import { DEFAULT_BASE, DEFAULT_KEY, timeoutAbove } from './paste-lines.ts';
import { shownText, type ToldText } from './told-text.ts';
import { isTrue, paramPath, type WiredGuardrail } from './wired-guardrails.ts';
import type { WiringContext, WiringReport } from './wiring.ts';

const NAMES = {
  generic_guardrail_api: { base: 'api_base', key: 'api_key', timeout: 'timeout', defaultSeconds: undefined },
  akto: { base: 'akto_base_url', key: 'akto_api_key', timeout: 'guardrail_timeout', defaultSeconds: 5 },
} as const;

const [GUARDRAIL_PATH = ''] = GUARDRAIL_PATHS;

/** Finds a wrong address or key of a guardrail, wrong times, and settings by which calls pass unjudged. */
export function findReach(guardrail: WiredGuardrail, report: WiringReport): void {
  findAddress(guardrail, report);
  findKey(guardrail, report);
  findTimeout(guardrail, report);
  findOpenness(guardrail, report);
}

/** @see LiteLLM 1.110.2, generic_guardrail_api.py: the path is added unless the address ends with it */
function findAddress(guardrail: WiredGuardrail, report: WiringReport): void {
  const { name: subject, base, kind } = guardrail;
  const { base: parameter } = NAMES[kind];
  const path = paramPath(guardrail, parameter);
  const paste = `${parameter}: ${report.context.bridge ?? DEFAULT_BASE}`;
  if (base === undefined) {
    report.add('guardrail_skipped', path, {
      ...{ subject, message: `${parameter} is missing: ${startsWithout(report.context.release)}`, paste },
      advice: 'Write the address of the bridge, such as http://bridge:8787.',
    });
    return;
  }
  if (base.text === undefined) return;
  const problem = addressProblem(base.text, kind === 'akto' ? '' : GUARDRAIL_PATH, report.context);
  if (problem === undefined) return;
  report.add('guardrail_url_wrong', path, {
    ...{ subject, message: `${parameter} is ${shownText(base)}: ${problem}` },
    advice: `Write the address of the bridge without a path, such as http://bridge:${report.context.settings.port}; LiteLLM adds the path.`,
    ...(base.variable === undefined && { paste }),
  });
}

/** @param ownPath the path that LiteLLM would not add again */
function addressProblem(text: string, ownPath: string, context: WiringContext): string | undefined {
  const url = addressIn(text);
  if (url === undefined)
    return text.includes('://') ? 'it is no http or https address' : 'http:// or https:// is missing';
  const path = url.pathname.replace(/\/$/, '');
  const isWhole = ownPath !== '' && text.trim().endsWith(ownPath);
  if (url.search !== '' || url.hash !== '') return 'LiteLLM adds the path behind the ? or #';
  if (!isWhole && path.endsWith(GUARDRAIL_PATH))
    return 'LiteLLM adds the path a second time, behind the slash at the end';
  if (path.endsWith(LOGS_PATH)) return 'that is the address for log events';
  if (!isWhole && /^\/(?:v1|beta|api|healthz|readyz|metrics)\b/.test(path))
    return 'LiteLLM adds the path to one that is there already';
  if (isElsewhere(url, context)) return elsewhere(context);
  return undefined;
}

/** Where the bridge is instead. */
export function elsewhere({ bridge, settings }: WiringContext): string {
  const told = bridge === undefined ? undefined : addressIn(bridge);
  return `the bridge is at ${told === undefined ? `port ${settings.port}` : told.host}`;
}

function findKey(guardrail: WiredGuardrail, report: WiringReport): void {
  const { name: subject, kind, key, base } = guardrail;
  const { key: parameter } = NAMES[kind];
  const problem = keyProblem(key, base, report.context);
  if (problem === undefined) return;
  report.add('guardrail_key_wrong', paramPath(guardrail, parameter), {
    ...{
      subject,
      message: `${parameter} ${problem}: the bridge refuses every call with 401, and LiteLLM fails it`,
    },
    advice: `Give LiteLLM one of the bridge's BRIDGE_API_KEYS${key?.variable === undefined ? '' : ` in ${key.variable}`}.`,
    ...(key?.variable === undefined && { paste: `${parameter}: ${DEFAULT_KEY}` }),
  });
}

/** A key that the bridge refuses, in words that do not show it; undefined if it takes it or nobody can know. */
export function keyProblem(
  key: ToldText | undefined,
  base: ToldText | undefined,
  { settings: { apiKeys, isOpen } }: WiringContext,
): string | undefined {
  if (key === undefined) {
    const url = addressIn(base?.text ?? '');
    const isAsked = apiKeys.length > 0 || (!isOpen && !(url !== undefined && isLoopback(url.hostname)));
    return isAsked ? 'is missing' : undefined;
  }
  if (key.text === undefined) return undefined;
  if (key.text.includes('os.environ/'))
    return 'is the name of a variable, which LiteLLM reads only where the text begins with os.environ/';
  if (apiKeys.length === 0 || apiKeys.includes(key.text)) return undefined;
  return `${key.variable === undefined ? '' : `(${key.variable}) `}is none of BRIDGE_API_KEYS`;
}

/**
 * @see LiteLLM 1.110.2, `timeout` in types/guardrails.py; without it the shared client waits 600 s. 1.106.2 is the first to keep it.
 *   `DEFAULT_GUARDRAIL_TIMEOUT` in akto.py
 */
function findTimeout(guardrail: WiredGuardrail, report: WiringReport): void {
  const { name: subject, kind, params, modes } = guardrail;
  const { release, settings } = report.context;
  const { timeout: parameter, defaultSeconds } = NAMES[kind];
  // Akto's guardrail of old only records in post_call, and no call waits for that
  const recordsOnly = !isAtLeast(release, AKTO_JUDGES_RESPONSES) && !modes.all.includes('pre_call');
  const isHeeded = kind === 'akto' ? !recordsOnly : isAtLeast(release, TAKES_TIMEOUT);
  const path = paramPath(guardrail, parameter);
  const written = params[parameter];
  const paste = `${parameter}: ${timeoutAbove(settings.longestCheckMs)}`;
  const isMissing = written === undefined || written === null || written === '';
  const seconds = isMissing ? defaultSeconds : Number(scalarText(written));
  const longest = settings.longestCheckMs / 1000;
  if (seconds !== undefined && !Number.isFinite(seconds)) {
    const isVariable = String(written).startsWith('os.environ/');
    if (isVariable || (kind !== 'akto' && !isAtLeast(release, CHECKS_GUARDRAIL_NUMBERS))) return;
    report.add('guardrail_skipped', path, {
      ...{ subject, message: `${parameter} is no number: ${startsWithout(release)}`, paste },
      advice: 'Write seconds.',
    });
  } else if (!isHeeded) {
    return;
  } else if (seconds === undefined) {
    report.add('timeout_missing', path, {
      ...{ subject, message: 'no timeout: LiteLLM waits 600 seconds if the bridge hangs', paste },
      advice: `Set one above the ${longest} seconds that the bridge takes at most.`,
    });
  } else if (seconds <= longest) {
    const said = isMissing
      ? `no ${parameter}, so that LiteLLM waits ${seconds} seconds`
      : `${parameter}: ${seconds}`;
    report.add('timeout_short', path, {
      ...{ subject, message: `${said}, while the bridge may take ${longest} (GUARDRAIL_TIMEOUT)`, paste },
      advice: 'Set it above that, or LiteLLM fails calls that a slow vendor still judges.',
    });
  }
}

/** @see LiteLLM 1.110.2, generic_guardrail_api.py: with `fail_on_error: false` calls pass also on 401, 500 and unreadable replies */
function findOpenness(guardrail: WiredGuardrail, report: WiringReport): void {
  const { name: subject, kind, params } = guardrail;
  const { release } = report.context;
  const fallback = scalarText(params.unreachable_fallback)?.toLowerCase();
  if (fallback === 'fail_open') {
    report.add('fail_open', paramPath(guardrail, 'unreachable_fallback'), {
      ...{
        subject,
        message:
          'unreachable_fallback: fail_open: while the bridge cannot be reached, every call passes unjudged',
      },
      advice: 'Write fail_closed, unless calls matter more than their verdict.',
      paste: 'unreachable_fallback: fail_closed',
    });
  } else if (fallback !== undefined && fallback !== 'fail_closed' && !fallback.startsWith('os.environ/')) {
    report.add('guardrail_skipped', paramPath(guardrail, 'unreachable_fallback'), {
      ...{
        subject,
        message: `unreachable_fallback is neither fail_closed nor fail_open: ${startsWithout(release)}`,
      },
      ...{ advice: 'Write fail_closed.', paste: 'unreachable_fallback: fail_closed' },
    });
  }
  const { fail_on_error } = params;
  if (kind === 'akto' || fail_on_error === undefined || fail_on_error === null) return;
  if (isTrue(fail_on_error) || !isAtLeast(release, TAKES_FAIL_ON_ERROR)) return;
  report.add('fail_on_error_off', paramPath(guardrail, 'fail_on_error'), {
    subject,
    message:
      'fail_on_error is false: calls pass unjudged when the bridge refuses the key, and when LiteLLM cannot put them into words',
    ...{ advice: 'Leave it out.', paste: 'fail_on_error: true' },
  });
}
