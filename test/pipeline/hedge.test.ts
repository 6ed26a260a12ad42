import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import { createHttp } from '../../src/backends/http.ts';
import { BackendError } from '../../src/guardrail/failure.ts';
import { ALLOW } from '../../src/guardrail/verdict.ts';
import { Breaker } from '../../src/pipeline/breaker.ts';
import { checkBackend, type JudgingBackend } from '../../src/pipeline/check-backend.ts';
import { BLOCK, backend, CALL, DOWN, fails, hangs, later, says } from '../support/judging.ts';

const http = createHttp();
const ask = (one: JudgingBackend, caller?: AbortSignal) =>
  checkBackend(one, CALL, { http, request: () => undefined }, caller);

/** A check that does one thing after the other, and knows which of its attempts were stopped. */
function attempts(...each: Check[]) {
  const stopped: boolean[] = [];
  const check: Check = (call, context) => {
    const n = stopped.push(false) - 1;
    context.deadline.onStop(() => {
      stopped[n] = true;
    });
    return (each[n] as Check)(call, context);
  };
  return { check, stopped };
}

const hedged = (check: Check, options: Partial<JudgingBackend> = {}) =>
  backend('a', check, { hedgeAfterMs: 20, ...options });

describe('a second attempt', () => {
  test.each<{ name: string; each: Check[]; is: object; stopped: boolean[] }>([
    {
      name: 'is not made where the first is quick',
      each: [says(BLOCK)],
      is: { verdict: BLOCK },
      stopped: [false],
    },
    {
      name: 'is not made where the first fails quickly',
      each: [fails(DOWN)],
      is: { failure: DOWN, effect: 'block' },
      stopped: [false],
    },
    {
      name: 'gives the verdict where the first hangs, which ends',
      each: [hangs, says(BLOCK)],
      is: { verdict: BLOCK, hedged: 'second' },
      stopped: [true, false],
    },
    {
      name: 'is ended by the verdict of the first',
      each: [later(BLOCK, 60), hangs],
      is: { verdict: BLOCK, hedged: 'first' },
      stopped: [false, true],
    },
    {
      name: 'that fails leaves it to the first',
      each: [later(ALLOW, 60), fails(DOWN)],
      is: { verdict: ALLOW, hedged: 'first' },
      stopped: [false, false],
    },
    {
      name: 'makes up for a first one that fails late',
      each: [
        () => new Promise((_, reject) => setTimeout(reject, 40, new BackendError(DOWN))),
        later(ALLOW, 60),
      ],
      is: { verdict: ALLOW, hedged: 'second' },
      stopped: [false, false],
    },
    {
      name: 'that fails like the first makes one failure',
      each: [
        () => new Promise((_, reject) => setTimeout(reject, 40, new BackendError(DOWN))),
        fails({ kind: 'not_json' }),
      ],
      is: { failure: { kind: 'not_json' }, effect: 'block', hedged: 'none' },
      stopped: [false, false],
    },
  ])('$name', async ({ each, is, stopped }) => {
    const made = attempts(...each);
    const { seconds, startedAt, ...result } = await ask(hedged(made.check));
    expect(result).toEqual({ backend: 'a', mode: 'enforce', unreachableFallback: 'fail_closed', ...is });
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(startedAt).toBeLessThanOrEqual(performance.now());
    expect(made.stopped).toEqual(stopped);
  });

  test('has no more time than the whole check, which ends both', async () => {
    const made = attempts(hangs, hangs);
    const result = await ask(hedged(made.check, { timeoutMs: 100 }));
    expect(result).toMatchObject({ failure: { kind: 'timeout', afterMs: 100 }, hedged: 'none' });
    expect(made.stopped).toEqual([true, true]);
  });

  test('ends with the first where the caller leaves', async () => {
    const made = attempts(hangs, hangs);
    const caller = new AbortController();
    const result = ask(hedged(made.check), caller.signal);
    await new Promise((resolve) => setTimeout(resolve, 60));
    caller.abort();
    expect(await result).toMatchObject({ failure: { kind: 'cancelled' }, effect: 'none' });
    expect(made.stopped).toEqual([true, true]);
  });

  test('is one failure for the breaker', async () => {
    const breaker = new Breaker({ failures: 2 });
    const a = hedged(attempts(hangs, hangs).check, { timeoutMs: 60, breaker });
    await ask(a);
    expect(breaker.state()).toBe('closed');
    await ask({ ...a, check: attempts(hangs, hangs).check });
    expect(breaker.state()).toBe('open');
  });

  test('is not made while the breaker only probes', async () => {
    const breaker = new Breaker({ failures: 1, openMs: 0 });
    await ask(backend('a', fails(DOWN), { breaker }));
    const made = attempts(later(ALLOW, 60));
    expect(await ask(hedged(made.check, { breaker }))).toMatchObject({ verdict: ALLOW });
    expect(made.stopped).toHaveLength(1);
  });

  test.each(['observe', 'shadow'] as const)('is not made in mode %s, where nobody waits', async (mode) => {
    const made = attempts(later(ALLOW, 60));
    expect(await ask(hedged(made.check, { mode }))).toMatchObject({ verdict: ALLOW });
    expect(made.stopped).toHaveLength(1);
  });
});
