import { akto } from './akto/akto.ts';
import type { Backend, BackendConfig, Checker, Sink } from './backend.ts';
import { capsule } from './capsule/capsule.ts';

/** Every backend, in the order in which redactions are merged. */
export const backends: readonly Backend[] = [akto, capsule];

/** A configured backend for the thread that judges. Its secrets stay within `check`. */
export function checkerOf({ name, mode, timeoutMs, unreachableFallback, options }: BackendConfig): Checker {
  const { judges, check } = definitionOf(name);
  return {
    name,
    mode,
    timeoutMs,
    unreachableFallback,
    judges,
    check: (call, context) => check(call, { ...context, config: options }),
  };
}

/** A configured backend for the thread that keeps records; undefined for one that takes none. */
export function sinkOf({ name, mode, concurrency, options: config }: BackendConfig): Sink | undefined {
  const { telemetry } = definitionOf(name);
  return (
    telemetry && {
      batch: telemetry.batch(mode),
      concurrency,
      wants: (record) => telemetry.wants?.(record) ?? true,
      ingest: (records, context) => telemetry.ingest(records, { ...context, config, mode }),
    }
  );
}

function definitionOf(name: string): Backend {
  const definition = backends.find((backend) => backend.name === name);
  if (definition === undefined) throw new Error(`no backend is called ${name}`);
  return definition;
}
