import type { BackendConfig } from '../guardrail/backend-config.ts';
import { akto } from './akto/akto.ts';
import type { Backend, Sink } from './backend.ts';
import { capsule } from './capsule/capsule.ts';

/** The kinds that take records. The thread that keeps them loads no others. */
const RECORDING: readonly Backend[] = [akto, capsule];

/** A configured backend for the thread that keeps records; undefined for one that takes none. */
export function sinkOf(backend: BackendConfig): Sink | undefined {
  const { name, kind, mode, concurrency, takesRecords, options: config } = backend;
  if (!takesRecords) return undefined;
  const { telemetry } = RECORDING.find((one) => one.kind === kind) ?? {};
  if (telemetry === undefined) throw new Error(`no kind of backend that takes records is called ${kind}`);
  return {
    batch: telemetry.batch(mode),
    concurrency,
    wants: (record) => telemetry.wants?.(record, name) ?? true,
    ingest: (records, context) => telemetry.ingest(records, { ...context, name, config, mode }),
  };
}
