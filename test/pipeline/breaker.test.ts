import { describe, expect, test } from 'vitest';
import type { Failure } from '../../src/guardrail/failure.ts';
import { Breaker, type Settle } from '../../src/pipeline/breaker.ts';

const TIMEOUT: Failure = { kind: 'timeout', afterMs: 1 };
const CANCELLED: Failure = { kind: 'cancelled' };

/** A breaker with a clock that stands still, which opens after three failures for 1000 ms. */
function breakerAt0() {
  let time = 0;
  const breaker = new Breaker({ failures: 3, openMs: 1000, now: () => time });
  const admitted = (): Settle => {
    const settle = breaker.admit();
    if (settle === null) throw new Error('not admitted');
    return settle;
  };
  return {
    admit: () => breaker.admit(),
    state: () => breaker.state(),
    admitted,
    call: (failure?: Failure) => admitted()(failure),
    isAsked: () => {
      const settle = breaker.admit();
      settle?.(CANCELLED);
      return settle !== null;
    },
    pass: (ms: number) => {
      time += ms;
    },
  };
}

function opened() {
  const breaker = breakerAt0();
  for (let i = 0; i < 3; i++) breaker.call(TIMEOUT);
  return breaker;
}

test('a breaker starts closed and stays so while calls succeed', () => {
  const breaker = breakerAt0();
  for (let i = 0; i < 100; i++) breaker.call();
  expect(breaker.state()).toBe('closed');
});

test('a breaker opens after some failures in a row, and a success between them starts the count again', () => {
  const breaker = breakerAt0();
  for (const failure of [TIMEOUT, TIMEOUT, undefined, TIMEOUT, TIMEOUT]) breaker.call(failure);
  expect(breaker.state()).toBe('closed');
  breaker.call(TIMEOUT);
  expect(breaker.state()).toBe('open');
  expect(breaker.admit()).toBeNull();
});

test('a cancelled call neither counts nor starts the count again', () => {
  const breaker = breakerAt0();
  for (const failure of [TIMEOUT, TIMEOUT, CANCELLED, CANCELLED, CANCELLED]) breaker.call(failure);
  expect(breaker.state()).toBe('closed');
  breaker.call(TIMEOUT);
  expect(breaker.state()).toBe('open');
});

const opening: Failure[] = [
  TIMEOUT,
  { kind: 'unreachable', code: 'ECONNREFUSED' },
  { kind: 'tls', code: 'CERT_HAS_EXPIRED' },
  ...[500, 502, 503, 504, 429].map((status): Failure => ({ kind: 'http_status', status })),
];
const others: Failure[] = [
  { kind: 'unauthorized', status: 401 },
  ...[302, 400, 404, 422].map((status): Failure => ({ kind: 'http_status', status })),
  { kind: 'not_json' },
  { kind: 'wrong_shape', field: 'x' },
  { kind: 'oversize' },
  { kind: 'no_verdict' },
  { kind: 'bug', error: new Error('x') },
];

test.each(opening)('$kind $status says that the backend is down', (failure) => {
  const breaker = breakerAt0();
  for (let i = 0; i < 3; i++) breaker.call(failure);
  expect(breaker.state()).toBe('open');
});

test.each(others)('$kind $status may be the doing of one call and opens nothing', (failure) => {
  const breaker = breakerAt0();
  for (let i = 0; i < 100; i++) breaker.call(failure);
  expect(breaker.state()).toBe('closed');
});

describe('once open', () => {
  test('a breaker admits nobody before its time is over', () => {
    const breaker = opened();
    breaker.pass(999);
    expect([breaker.state(), breaker.isAsked()]).toEqual(['open', false]);
    breaker.pass(1);
    expect([breaker.state(), breaker.isAsked()]).toEqual(['half_open', true]);
  });

  test('a breaker lets one call probe and refuses the others', () => {
    const breaker = opened();
    breaker.pass(1000);
    const probe = breaker.admitted();
    for (let i = 0; i < 10; i++) expect(breaker.admit()).toBeNull();
    breaker.pass(60_000);
    expect(breaker.admit()).toBeNull();
    probe(undefined);
    expect(breaker.state()).toBe('closed');
    expect(breaker.isAsked()).toBe(true);
  });

  test('a breaker stays open for the whole time again after a failed probe', () => {
    const breaker = opened();
    breaker.pass(5000);
    breaker.call(TIMEOUT);
    breaker.pass(999);
    expect(breaker.isAsked()).toBe(false);
    breaker.pass(1);
    expect(breaker.isAsked()).toBe(true);
  });

  test('a probe that is cancelled says nothing, and the next call probes', () => {
    const breaker = opened();
    breaker.pass(1000);
    breaker.call(CANCELLED);
    expect(breaker.state()).toBe('half_open');
    breaker.call();
    expect(breaker.state()).toBe('closed');
  });

  test.each(others)('a probe that ends with $kind $status shows that the backend is back', (failure) => {
    const breaker = opened();
    breaker.pass(1000);
    breaker.call(failure);
    expect(breaker.state()).toBe('closed');
  });

  test('a breaker that has closed takes as many failures as at first to open again', () => {
    const breaker = opened();
    breaker.pass(1000);
    breaker.call();
    for (const _ of [1, 2]) breaker.call(TIMEOUT);
    expect(breaker.state()).toBe('closed');
    breaker.call(TIMEOUT);
    expect(breaker.state()).toBe('open');
  });
});

describe('calls that began before it opened', () => {
  test('do not keep it open for longer by failing late', () => {
    const breaker = breakerAt0();
    const late = Array.from({ length: 10 }, () => breaker.admitted());
    for (const settle of late.slice(0, 3)) settle(TIMEOUT);
    breaker.pass(999);
    for (const settle of late.slice(3)) settle(TIMEOUT);
    breaker.pass(1);
    expect(breaker.isAsked()).toBe(true);
  });

  test('do not let a second probe out by failing while one is out', () => {
    const breaker = breakerAt0();
    const late = Array.from({ length: 5 }, () => breaker.admitted());
    for (const settle of late.slice(0, 3)) settle(TIMEOUT);
    breaker.pass(1000);
    const probe = breaker.admitted();
    late[3]?.(TIMEOUT);
    late[4]?.(undefined);
    expect(breaker.admit()).toBeNull();
    probe(undefined);
    expect(breaker.state()).toBe('closed');
  });

  test('do not close it by succeeding late', () => {
    const breaker = breakerAt0();
    const late = breaker.admitted();
    for (let i = 0; i < 3; i++) breaker.call(TIMEOUT);
    late(undefined);
    expect(breaker.state()).toBe('open');
  });
});

test('each change of a breaker is told once, with what opened it', () => {
  let time = 0;
  const changes: string[] = [];
  const breaker = new Breaker({
    ...{ failures: 2, openMs: 1000, now: () => time },
    onChange: (state, failure) => changes.push(`${state} ${failure?.kind ?? ''}`.trim()),
  });
  for (const failure of [undefined, TIMEOUT, TIMEOUT]) breaker.admit()?.(failure);
  expect(breaker.admit()).toBeNull();
  time += 1000;
  breaker.admit()?.(CANCELLED);
  breaker.admit()?.(TIMEOUT);
  time += 1000;
  breaker.admit()?.(undefined);
  breaker.admit()?.(undefined);
  expect(changes).toEqual(['open timeout', 'half_open', 'open timeout', 'half_open', 'closed']);
});
