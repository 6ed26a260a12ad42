import { expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { sinkOf } from '../../src/backends/sinks.ts';
import type { BackendConfig } from '../../src/guardrail/backend-config.ts';

test.each(backends.map((backend) => [backend.kind, backend] as const))(
  '%s is given records if it takes some',
  (kind, { telemetry }) => {
    const takesRecords = telemetry !== undefined;
    const config = { name: kind, kind, mode: 'enforce', concurrency: 1, takesRecords, options: {} };
    expect(sinkOf(config as BackendConfig) !== undefined).toBe(takesRecords);
  },
);
