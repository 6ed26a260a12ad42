import { describe, expect, test } from 'vitest';
import { FAILURE_KINDS, type Failure, UNREACHABLE_FALLBACKS } from '../../src/guardrail/failure.ts';
import { applyUnreachableFallback } from '../../src/pipeline/fallback.ts';

const failures: { [Kind in Failure['kind']]: Extract<Failure, { kind: Kind }>[] } = {
  timeout: [{ kind: 'timeout', afterMs: 5000 }],
  unreachable: [{ kind: 'unreachable', code: 'ECONNREFUSED' }],
  tls: [{ kind: 'tls', code: 'CERT_HAS_EXPIRED' }],
  unauthorized: [
    { kind: 'unauthorized', status: 401 },
    { kind: 'unauthorized', status: 403 },
  ],
  http_status: [302, 404, 422, 429, 500, 503].map((status) => ({ kind: 'http_status', status })),
  not_json: [{ kind: 'not_json' }],
  wrong_shape: [{ kind: 'wrong_shape', field: 'data' }],
  oversize: [{ kind: 'oversize' }],
  no_verdict: [{ kind: 'no_verdict' }],
  loop: [{ kind: 'loop' }],
  breaker_open: [{ kind: 'breaker_open' }],
  cancelled: [{ kind: 'cancelled' }],
  bug: [{ kind: 'bug', error: new Error('x') }],
};
const EFFECTS = { fail_closed: 'block', fail_open: 'allow', defer: 'defer' } as const;

test('the table of failures has every kind', () => {
  expect(Object.keys(failures).sort()).toEqual([...FAILURE_KINDS].sort());
  expect(Object.keys(EFFECTS)).toEqual([...UNREACHABLE_FALLBACKS]);
});

describe.each(UNREACHABLE_FALLBACKS)('the fallback %s', (fallback) => {
  test.each(Object.values(failures).flat())('decides about $kind $status', (failure) => {
    const expected = failure.kind === 'cancelled' ? 'none' : EFFECTS[fallback];
    expect(applyUnreachableFallback(failure, fallback)).toBe(expected);
  });
});
