import { type Fields, fieldsOf, textOf } from '../guardrail/json.ts';
import { isAtLeast, MODELS_HAVE_JUDGED_REQUESTS } from '../litellm/releases.ts';
import type { Path } from '../policies/file/problems.ts';
import type { LitellmConfig } from './litellm-file.ts';

/** The calls that a guardrail runs for: all, those that something in the configuration picks, or those that ask for it. */
export type Runs = 'always' | 'partly' | 'on_request';

/** A step of a policy pipeline. */
export type PipelineStep = {
  readonly mode: string | undefined;
  readonly path: Path;
  readonly fields: Fields;
};

/** The ways in which a guardrail runs that is not `default_on`. */
export type GuardrailRuns = {
  /** By policies. */
  readonly byPolicy: Runs;
  /** By its models. */
  readonly byModels: Runs;
  readonly steps: readonly PipelineStep[];
};

const NEVER: GuardrailRuns = { byPolicy: 'on_request', byModels: 'on_request', steps: [] };
/** Policies that inherit from each other; more are a circle. */
const MAX_PARENTS = 20;

/**
 * Finds who runs guardrails beside `default_on`: LiteLLM's policies, their pipelines, and models.
 *
 * @see LiteLLM 1.110.2, proxy/policy_engine/policy_resolver.py and attachment_registry.py; `check_and_merge_model_level_guardrails` in
 *   proxy/utils.py
 */
export class GuardrailRunners {
  readonly #policies: Fields;
  readonly #attached = new Map<string, Runs>();
  readonly #models: readonly ReadonlySet<string>[];

  constructor({ value }: LitellmConfig) {
    this.#policies = fieldsOf(value.policies);
    for (const attachment of listOf(value.policy_attachments).map(fieldsOf)) {
      const policy = textOf(attachment.policy);
      if (policy === undefined) continue;
      const isForAll = attachment.scope === '*' && fieldsOf(this.#policies[policy]).condition === undefined;
      if (isForAll) this.#attached.set(policy, 'always');
      else if (!this.#attached.has(policy)) this.#attached.set(policy, 'partly');
    }
    this.#models = listOf(value.model_list).map((model) => {
      const { guardrails } = fieldsOf(fieldsOf(model).litellm_params);
      return new Set(textsOf(guardrails));
    });
  }

  of(name: string, release: string, modes: readonly string[]): GuardrailRuns {
    if (Object.keys(this.#policies).length === 0 && this.#models.every((names) => !names.has(name)))
      return NEVER;
    const by = Object.keys(this.#policies).filter((policy) => this.#guardrailsOf(policy).includes(name));
    const attached = by.map((policy) => this.#attached.get(policy) ?? 'on_request');
    const isLate =
      modes.some((mode) => mode !== 'post_call') && !isAtLeast(release, MODELS_HAVE_JUDGED_REQUESTS);
    return {
      byPolicy: best(attached),
      byModels: isLate ? 'on_request' : this.#byModels(name),
      steps: by.flatMap((policy) => this.#stepsOf(policy, name)),
    };
  }

  #byModels(name: string): Runs {
    const having = this.#models.filter((names) => names.has(name)).length;
    return having === 0 ? 'on_request' : having === this.#models.length ? 'always' : 'partly';
  }

  #guardrailsOf(policy: string, parents = 0): readonly string[] {
    const { inherit, guardrails, pipeline } = fieldsOf(this.#policies[policy]);
    const parent = textOf(inherit);
    const inherited =
      parent === undefined || parents > MAX_PARENTS ? [] : this.#guardrailsOf(parent, parents + 1);
    const { add, remove } = Array.isArray(guardrails)
      ? { add: guardrails, remove: [] }
      : fieldsOf(guardrails);
    const removed = textsOf(remove);
    const steps = listOf(fieldsOf(pipeline).steps).flatMap((step) => textOf(fieldsOf(step).guardrail) ?? []);
    return [...inherited.filter((name) => !removed.includes(name)), ...textsOf(add), ...steps];
  }

  #stepsOf(policy: string, name: string): readonly PipelineStep[] {
    const pipeline = fieldsOf(fieldsOf(this.#policies[policy]).pipeline);
    return listOf(pipeline.steps).flatMap((step, index) => {
      const fields = fieldsOf(step);
      if (fields.guardrail !== name) return [];
      return [
        { fields, mode: textOf(pipeline.mode), path: ['policies', policy, 'pipeline', 'steps', index] },
      ];
    });
  }
}

function best(runs: readonly Runs[]): Runs {
  if (runs.includes('always')) return 'always';
  return runs.includes('partly') ? 'partly' : 'on_request';
}

/** The value as a list; anything else is an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The texts of a list, or the one that stands in its place. */
export function textsOf(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((one) => typeof one === 'string');
}
