import { type Fields, fieldsOf } from '../guardrail/json.ts';
import { LOGS_PATH } from '../http/app.ts';
import { addressIn, isBridgeAt } from './address.ts';
import { textsOf } from './guardrail-runs.ts';
import type { LitellmConfig } from './litellm-file.ts';
import { type ToldText, toldText } from './told-text.ts';
import { keyInHeaders, type WiredGuardrail } from './wired-guardrails.ts';
import type { WiringContext } from './wiring.ts';

/** The lists of `litellm_settings` that name callbacks. */
const LISTS = ['callbacks', 'success_callback', 'failure_callback'] as const;
export type CallbackList = (typeof LISTS)[number];

/** A logger of LiteLLM that is meant to log to the bridge. */
export type WiredCallback = {
  readonly name: string;
  /** Its entry of `callback_settings`. */
  readonly settings: Fields;
  readonly endpoint: ToldText | undefined;
  readonly key: ToldText | undefined;
  readonly lists: readonly CallbackList[];
};

/** The logger that LiteLLM sets up by variables alone. */
const BY_VARIABLES = 'generic_api';

/** The names in each list. */
export function listedCallbacks({ value }: LitellmConfig, list: CallbackList): readonly string[] {
  return textsOf(fieldsOf(value.litellm_settings)[list]);
}

/**
 * The loggers that log to the bridge: those with its address, or one that is not known here; else those that were probably meant to,
 * by their name, host or key.
 */
export function findCallbacks(
  config: LitellmConfig,
  context: WiringContext,
  guardrails: readonly WiredGuardrail[],
): readonly WiredCallback[] {
  const all = Object.entries(fieldsOf(config.value.callback_settings)).flatMap(([name, value]) => {
    const settings = fieldsOf(value);
    const isLogger = settings.callback_type === BY_VARIABLES || 'endpoint' in settings || isNamedLikeUs(name);
    return isLogger ? [readCallback(name, settings, config, context)] : [];
  });
  const byVariables = callbackByVariables(config, context);
  if (byVariables !== undefined) all.push(byVariables);
  const known = all.filter(
    ({ endpoint }) => endpoint?.text !== undefined && isOurLog(endpoint.text, context),
  );
  if (known.length > 0) return known;
  const unknown = all.filter(({ endpoint }) => endpoint !== undefined && endpoint.text === undefined);
  if (unknown.length > 0) return unknown.filter(({ name }) => unknown.length === 1 || isNamedLikeUs(name));
  return all.filter(
    (one) => isNamedLikeUs(one.name) || guardrails.some((guardrail) => isAkinTo(one, guardrail)),
  );
}

/** True for a name such as those of the examples. */
export function isNamedLikeUs(name: string): boolean {
  return /bridge|guardrail/i.test(name);
}

function isOurLog(text: string, context: WiringContext): boolean {
  const url = addressIn(text);
  return url !== undefined && (url.pathname.includes(LOGS_PATH) || isBridgeAt(url, context));
}

function isAkinTo({ endpoint, key }: WiredCallback, { base, key: other }: WiredGuardrail): boolean {
  if (key !== undefined && key.written === other?.written) return true;
  const host = addressIn(endpoint?.text ?? '')?.hostname;
  return host !== undefined && host === addressIn(base?.text ?? '')?.hostname;
}

function readCallback(
  name: string,
  settings: Fields,
  config: LitellmConfig,
  { env }: WiringContext,
): WiredCallback {
  return {
    ...{ name, settings },
    endpoint: toldText(settings.endpoint, env),
    key: keyInHeaders(settings.headers, env),
    lists: LISTS.filter((list) => listedCallbacks(config, list).includes(name)),
  };
}

/** @see LiteLLM 1.110.2, generic_api_callback.py: `GENERIC_LOGGER_ENDPOINT`, and `GENERIC_LOGGER_HEADERS` as `a=b,c=d` */
function callbackByVariables(config: LitellmConfig, context: WiringContext): WiredCallback | undefined {
  const { env } = context;
  const isListed = LISTS.some((list) => listedCallbacks(config, list).includes(BY_VARIABLES));
  if (!isListed || fieldsOf(config.value.callback_settings)[BY_VARIABLES] !== undefined) return undefined;
  const headers = Object.fromEntries(
    (env.GENERIC_LOGGER_HEADERS ?? '').split(',').flatMap((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()]];
    }),
  );
  const isKnown = env.GENERIC_LOGGER_HEADERS !== undefined;
  const settings = { callback_type: BY_VARIABLES, endpoint: 'os.environ/GENERIC_LOGGER_ENDPOINT', headers };
  const read = readCallback(BY_VARIABLES, settings, config, context);
  const unknownKey = { text: undefined, variable: 'GENERIC_LOGGER_HEADERS', written: '' };
  return isKnown ? read : { ...read, key: unknownKey };
}
