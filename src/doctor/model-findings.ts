import { fieldsOf, textOf } from '../guardrail/json.ts';
import { DROPPED_BY_EXAMPLES } from '../litellm/coverage-hidden.ts';
import { quotedValue } from '../policies/file/nearest.ts';
import { listOf, textsOf } from './guardrail-runs.ts';
import type { WiringReport } from './wiring.ts';

/** Kinds of models whose requests have none of these parameters. */
const OTHER_MODES = [
  'embedding',
  'rerank',
  'image_generation',
  'audio_transcription',
  'audio_speech',
  'moderation',
];
/** Models that one message names. */
const MAX_NAMED = 5;

type Undropped = { readonly index: number; readonly name: string; readonly missing: readonly string[] };

/**
 * Finds models to whose provider LiteLLM passes on what it shows nobody. One finding names all models that lack the same.
 *
 * @see LiteLLM 1.110.2, `additional_drop_params` in utils.py: it is read from a model's litellm_params, router_settings'
 *   default_litellm_params and the request, and not from litellm_settings
 */
export function findUndropped(report: WiringReport): void {
  const { value } = report.config;
  const common = textsOf(
    fieldsOf(fieldsOf(value.router_settings).default_litellm_params).additional_drop_params,
  );
  const models = listOf(value.model_list).flatMap((model, index) => undropped(model, index, common));
  for (const [, alike] of Map.groupBy(models, ({ missing }) => missing.join())) {
    const [{ index, missing }] = alike as [Undropped];
    const names = alike.slice(0, MAX_NAMED).map(({ name }) => name);
    const more = alike.length > MAX_NAMED ? ` and ${alike.length - MAX_NAMED} more` : '';
    report.add('drop_params_unsafe', ['model_list', index, 'litellm_params', 'additional_drop_params'], {
      ...(alike.length === 1 && { subject: names[0] as string }),
      message: `LiteLLM passes on ${missing.join(', ')} and shows them to no guardrail${missing.includes('extra_body') ? '; extra_body can replace the whole prompt' : ''}: ${names.join(', ')}${more}`,
      advice:
        misplaced(value) ??
        'Put them under litellm_params of each model; apps with structured output need response_format.',
      paste: `additional_drop_params: [${DROPPED_BY_EXAMPLES.join(', ')}]`,
    });
  }
}

function undropped(model: unknown, index: number, common: readonly string[]): readonly Undropped[] {
  const { model_name, litellm_params, model_info } = fieldsOf(model);
  if (OTHER_MODES.includes(textOf(fieldsOf(model_info).mode) ?? '')) return [];
  const { additional_drop_params } = fieldsOf(litellm_params);
  // A text in place of a list is searched for parts by Python, and drops by luck
  const dropped = Array.isArray(additional_drop_params) ? textsOf(additional_drop_params) : common;
  const missing = DROPPED_BY_EXAMPLES.filter((name) => !dropped.includes(name));
  if (missing.length === 0) return [];
  const name = quotedValue(model_name)?.replaceAll('"', '') ?? `model ${index + 1}`;
  return [{ index, name, missing }];
}

function misplaced(value: Readonly<Record<string, unknown>>): string | undefined {
  const there = fieldsOf(value.litellm_settings).additional_drop_params;
  return there === undefined
    ? undefined
    : 'LiteLLM does not read additional_drop_params under litellm_settings: put it under litellm_params of each model.';
}
