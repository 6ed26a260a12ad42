import { type Fields, fieldsOf, scalarText, textOf } from '../guardrail/json.ts';
import type { Path } from '../policies/file/problems.ts';
import { addressIn, isBridgeAt } from './address.ts';
import { GuardrailRunners, type GuardrailRuns, listOf, type Runs, textsOf } from './guardrail-runs.ts';
import type { LitellmConfig } from './litellm-file.ts';
import { type ToldText, toldText } from './told-text.ts';
import type { WiringContext } from './wiring.ts';

/** LiteLLM's guardrails that the bridge can serve. */
export const SERVED_GUARDRAILS = ['generic_guardrail_api', 'akto'] as const;
export type ServedGuardrail = (typeof SERVED_GUARDRAILS)[number];

/** The modes of a guardrail, in lower case. */
export type GuardrailModes = {
  /** All that are written. */
  readonly all: readonly string[];
  /** Those for calls without a tag that is named. */
  readonly untagged: readonly string[];
  /** Those for calls with each tag; undefined if it is not written by tags. */
  readonly byTag: readonly (readonly string[])[] | undefined;
  /** True if it is written as no form that LiteLLM takes. */
  readonly isOdd: boolean;
};

/** A guardrail entry that asks the bridge. */
export type WiredGuardrail = {
  readonly name: string;
  /** Of the entry. */
  readonly path: Path;
  readonly kind: ServedGuardrail;
  /** Its `litellm_params`. */
  readonly params: Fields;
  readonly modes: GuardrailModes;
  readonly base: ToldText | undefined;
  readonly key: ToldText | undefined;
  readonly isDefaultOn: boolean;
  readonly runsBy: GuardrailRuns;
  /** By whatever it runs. */
  readonly runs: Runs;
};

/** The place of one of its parameters, or of all. */
export function paramPath({ path }: WiredGuardrail, ...steps: Path): Path {
  return [...path, 'litellm_params', ...steps];
}

/**
 * A parameter about streams.
 *
 * @see LiteLLM 1.110.2, `_get_config_value` in generic_guardrail_api/__init__.py: they may stand in `optional_params` too
 */
export function streamOption({ params }: WiredGuardrail, name: string): unknown {
  return fieldsOf(params.optional_params)[name] ?? params[name];
}

/** True as pydantic reads a boolean. */
export function isTrue(value: unknown): boolean {
  return value === true || /^(?:true|yes|on|y|t|1)$/i.test(scalarText(value) ?? '');
}

/**
 * The guardrails that ask the bridge, among those that can: the ones at its address, or whose address is not known here. If there
 * is none, all of them, since it is more likely that the address is wrong.
 */
export function findGuardrails(config: LitellmConfig, context: WiringContext): readonly WiredGuardrail[] {
  const runners = new GuardrailRunners(config);
  const all = listOf(config.value.guardrails).flatMap((entry, index) => {
    const wired = readGuardrail(entry, ['guardrails', index], context, runners);
    return wired === undefined ? [] : [wired];
  });
  const surely = all.filter(({ base }) => base?.text !== undefined && isOurs(base.text, context));
  const perhaps = all.filter(({ base }) => base === undefined || base.text === undefined);
  const known = surely.length > 0 ? surely : perhaps;
  if (known.length === 0) return all.filter(({ kind }) => kind === 'generic_guardrail_api');
  return all.filter(
    (one) => known.includes(one) || perhaps.includes(one) || known.some((ours) => isAkin(one, ours)),
  );
}

function isOurs(text: string, context: WiringContext): boolean {
  const url = addressIn(text);
  return url !== undefined && isBridgeAt(url, context);
}

/** True for two guardrails with the same key or host: one of their addresses is a slip. */
function isAkin(one: WiredGuardrail, ours: WiredGuardrail): boolean {
  if (one.key !== undefined && one.key.written === ours.key?.written) return true;
  const [host, other] = [one, ours].map(({ base }) => addressIn(base?.text ?? '')?.hostname);
  return host !== undefined && host === other;
}

function readGuardrail(
  entry: unknown,
  path: Path,
  { env, release }: WiringContext,
  runners: GuardrailRunners,
): WiredGuardrail | undefined {
  const fields = fieldsOf(entry);
  const params = fieldsOf(fields.litellm_params);
  const kind = SERVED_GUARDRAILS.find((served) => served === (params.guardrail ?? fields.guardrail));
  if (kind === undefined || !('mode' in params || 'guardrail' in params)) return undefined;
  const name = textOf(fields.guardrail_name) ?? `entry ${Number(path[1]) + 1} of guardrails`;
  const modes = modesOf(params.mode);
  const isDefaultOn = isTrue(params.default_on);
  const runsBy = runners.of(name, release, modes.all);
  return {
    ...{ name, path, kind, params, modes, isDefaultOn, runsBy },
    base: toldText(kind === 'akto' ? params.akto_base_url : params.api_base, env) ?? baseIn(kind, env),
    key: kind === 'akto' ? aktoKey(params, env) : genericKey(params, env),
    runs: isDefaultOn ? 'always' : bestOf(runsBy),
  };
}

function bestOf({ byPolicy, byModels }: GuardrailRuns): Runs {
  const all = [byPolicy, byModels];
  return all.includes('always') ? 'always' : all.includes('partly') ? 'partly' : 'on_request';
}

const BASE_VARIABLES = {
  generic_guardrail_api: 'GENERIC_GUARDRAIL_API_BASE',
  akto: 'AKTO_GUARDRAIL_API_BASE',
};

/** The variable that LiteLLM reads where the entry names no address. */
function baseIn(kind: ServedGuardrail, env: WiringContext['env']): ToldText | undefined {
  const variable = BASE_VARIABLES[kind];
  return env[variable] === undefined ? undefined : toldText(`os.environ/${variable}`, env);
}

/** @see LiteLLM 1.110.2, generic_guardrail_api.py: `api_key` takes the place of a header of its name */
function genericKey({ api_key, headers }: Fields, env: WiringContext['env']): ToldText | undefined {
  return toldText(api_key, env) ?? keyInHeaders(headers, env);
}

function aktoKey({ akto_api_key }: Fields, env: WiringContext['env']): ToldText | undefined {
  const written = toldText(akto_api_key, env);
  if (written !== undefined || env.AKTO_API_KEY === undefined) return written;
  return toldText('os.environ/AKTO_API_KEY', env);
}

/** The key in headers, as `x-api-key` or `Authorization: Bearer`. */
export function keyInHeaders(headers: unknown, env: WiringContext['env']): ToldText | undefined {
  const named = (wanted: string) =>
    Object.entries(fieldsOf(headers)).find(([name]) => name.toLowerCase() === wanted)?.[1];
  const key = toldText(named('x-api-key'), env);
  if (key !== undefined) return key;
  const bearer = toldText(named('authorization'), env);
  if (bearer?.text === undefined) return bearer;
  return { ...bearer, text: /^Bearer +(\S+)\s*$/i.exec(bearer.text)?.[1] ?? '' };
}

/** @see LiteLLM 1.110.2, `mode: str | list[str] | Mode` in types/guardrails.py, of which texts are read in lower case */
export function modesOf(mode: unknown): GuardrailModes {
  const fields = fieldsOf(mode);
  const isTagged = 'tags' in fields;
  const lower = (value: unknown) => textsOf(value).map((one) => one.toLowerCase());
  const byTag = isTagged ? Object.values(fieldsOf(fields.tags)).map(lower) : undefined;
  const untagged = lower(isTagged ? fields.default : mode);
  const all = [...new Set([...untagged, ...(byTag ?? []).flat()])];
  const isText = typeof mode === 'string' && mode !== '';
  const isList = all.length > 0 && textsOf(mode).length === listOf(mode).length;
  return { all, untagged, byTag, isOdd: !(isTagged || isText || isList) };
}
