import { expect, test } from 'vitest';
import { remedyFor } from '../../src/delivery/remedy.ts';
import type { Failure } from '../../src/guardrail/failure.ts';

const status = (code: number): Failure =>
  code === 401 || code === 403
    ? { kind: 'unauthorized', status: code }
    : { kind: 'http_status', status: code };
const bug: Failure = { kind: 'bug', error: new TypeError('plum cake') };
const suspects: Failure[] = [
  { kind: 'timeout', afterMs: 1 },
  { kind: 'not_json' },
  { kind: 'wrong_shape', field: 'x' },
  { kind: 'oversize' },
  { kind: 'no_verdict' },
  ...[404, 405, 407, 408, 409, 418, 431, 451, 500, 501, 505, 507, 520, 599, 999].map(status),
];
const outages: Failure[] = [
  { kind: 'unreachable', code: 'ECONNREFUSED' },
  { kind: 'tls', code: 'CERT_HAS_EXPIRED' },
  { kind: 'breaker_open' },
  { kind: 'cancelled' },
  ...[301, 302, 307, 429, 502, 503, 504].map(status),
];

const batch = { records: 5, isSingledOut: false };
const single = { records: 1, isSingledOut: false };
const singledOut = { records: 1, isSingledOut: true };

test.each(outages)('$kind $status is no fault of the records', (failure) => {
  for (const sent of [batch, single, singledOut]) {
    const mayBePassing = failure.kind === 'http_status' && failure.status >= 400;
    expect(remedyFor(failure, sent)).toEqual({ kind: 'again', mayBePassing });
  }
});

test.each(suspects)('$kind $status may be the fault of the records', (failure) => {
  for (const sent of [batch, single, singledOut]) {
    expect(remedyFor(failure, sent)).toEqual({ kind: 'count' });
  }
});

test.each([
  { failure: status(400), many: 'isolate', reason: 'HTTP 400: no plums' },
  { failure: status(422), many: 'isolate', reason: 'HTTP 422: no plums' },
  { failure: status(413), many: 'shrink', reason: 'HTTP 413: no plums' },
  { failure: bug, many: 'isolate', reason: 'bug: TypeError' },
])('$reason makes a single record a dead letter, and a batch: $many', ({ failure, many, reason }) => {
  const refusal = { reply: ' no plums\n' };
  expect(remedyFor(failure, batch, refusal)).toEqual({ kind: many });
  expect(remedyFor(failure, single, refusal)).toEqual({ kind: 'dead', reason });
  expect(remedyFor(failure, singledOut, refusal)).toEqual({ kind: 'dead', reason });
});

test('a refused token holds the queue; a refused record does not while others are taken', () => {
  for (const sent of [batch, single]) {
    expect(remedyFor(status(401), sent)).toEqual({ kind: 'hold', mayBeRecord: false });
    expect(remedyFor(status(403), sent)).toEqual({ kind: 'hold', mayBeRecord: true });
  }
  expect(remedyFor(status(401), singledOut)).toEqual({ kind: 'hold', mayBeRecord: false });
  expect(remedyFor(status(403), singledOut)).toEqual({ kind: 'count' });
});

test('the reason is cut to 500 characters', () => {
  const remedy = remedyFor(status(400), single, { reply: 'x'.repeat(5000) });
  expect(remedy.kind === 'dead' && remedy.reason.length).toBe(500);
});

test('the reason of a thrown error is its name, without its message', () => {
  const thrown: [unknown, string][] = [
    [new SyntaxError('plum cake'), 'bug: SyntaxError'],
    ['plum cake', 'bug: string'],
  ];
  for (const [error, reason] of thrown) {
    expect(remedyFor({ kind: 'bug', error }, single)).toEqual({ kind: 'dead', reason });
  }
});
