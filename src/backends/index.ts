import type { BackendConfig } from '../guardrail/backend-config.ts';
import { akto } from './akto/akto.ts';
import type { Backend, BackendKinds, Checker } from './backend.ts';
import { bedrock } from './bedrock/bedrock.ts';
import { capsule } from './capsule/capsule.ts';
import { genericGuardrail } from './generic-guardrail/generic-guardrail.ts';
import { googleModeration } from './google-moderation/google-moderation.ts';
import { keeptrusts } from './keeptrusts/keeptrusts.ts';
import { llamaGuard } from './llama-guard/llama-guard.ts';
import { modelArmor } from './model-armor/model-armor.ts';
import { ownPreset } from './preset/preset-backend.ts';
import { SHIPPED_PRESETS, shippedPreset } from './preset/shipped.ts';
import { presidio } from './presidio/presidio.ts';

/** Every kind of backend in code. */
export const backends: readonly Backend[] = [
  akto,
  bedrock,
  capsule,
  genericGuardrail,
  googleModeration,
  keeptrusts,
  llamaGuard,
  modelArmor,
  presidio,
];

/** Every kind of backend by its name, shipped presets too. */
export const kindsOfBackends: BackendKinds = {
  names: [...backends.map(({ kind }) => kind), ...SHIPPED_PRESETS, ownPreset.kind],
  find: (kind) =>
    backends.find((backend) => backend.kind === kind) ??
    (kind === ownPreset.kind ? ownPreset : shippedPreset(kind)),
};

/** A configured backend for a thread that judges. Its secrets stay within `check`. */
export function checkerOf(backend: BackendConfig): Checker {
  const { name, kind, mode, timeoutMs, unreachableFallback, sample, hedgeAfterMs, options } = backend;
  const definition = definitionOf(kind);
  const { judges, reads, isIdempotent, open } = definition;
  const of = <Value>(value: Value | ((config: unknown) => Value)): Value =>
    typeof value === 'function' ? (value as (config: unknown) => Value)(options) : value;
  let state: unknown;
  let isOpen = false;
  return {
    ...{ name, mode, timeoutMs, unreachableFallback, sample, hedgeAfterMs },
    ...{ judges: of(judges), reads: of(reads), isIdempotent: of(isIdempotent) },
    check(call, { http, deadline, request, texts }) {
      if (!isOpen) {
        state = open?.(options, http);
        isOpen = true;
      }
      return definition.check(call, { http, deadline, request, texts, config: options, state });
    },
  };
}

function definitionOf(kind: string): Backend {
  const definition = kindsOfBackends.find(kind);
  if (definition === undefined) throw new Error(`no kind of backend is called ${kind}`);
  return definition;
}
