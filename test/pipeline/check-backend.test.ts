import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import { STOPPED } from '../../src/guardrail/deadline.ts';
import { BackendError } from '../../src/guardrail/failure.ts';
import { ALLOW } from '../../src/guardrail/verdict.ts';
import { Breaker } from '../../src/pipeline/breaker.ts';
import {
  allows,
  BLOCK,
  backend,
  blocks,
  CALL,
  DOWN,
  defer,
  fails,
  hanging,
  hangs,
  judgeOf,
  later,
  modify,
  open,
  says,
  UNMAPPABLE,
} from '../support/judging.ts';
import { engineOf } from '../support/policies.ts';

describe('the time of a check', () => {
  test('ends at its own deadline if the backend hangs', async () => {
    const a = hanging();
    const judge = judgeOf([backend('a', a.check, { timeoutMs: 50 }), backend('b', later(ALLOW, 100))]);
    expect(await judge.judge(CALL, new AbortController())).toMatchObject(blocks('fail_closed', 'a'));
    expect(judge.outcomes()).toContain('a timeout');
    expect(a.wasStopped()).toBe(true);
  });

  test('is saved while the breaker is open: the fallback decides', async () => {
    let checks = 0;
    const counted: Check = () => {
      checks++;
      throw new BackendError(DOWN);
    };
    const a = backend('a', counted, open);
    const judge = judgeOf([a]);
    for (let i = 0; i < 5; i++) await judge.judge(CALL, new AbortController());
    expect(await judge.judge(CALL, new AbortController())).toEqual(allows);
    expect(checks).toBe(5);
    expect(judge.outcomes().at(-1)).toBe('a breaker_open');
    expect(await judgeOf([{ ...a, ...defer }]).judge(CALL, new AbortController())).toMatchObject({
      kind: 'defer',
    });
    expect(
      await judgeOf([{ ...a, unreachableFallback: 'fail_closed' }]).judge(CALL, new AbortController()),
    ).toMatchObject({ kind: 'block' });
  });
});

describe('a caller who leaves', () => {
  test('ends all checks, and nothing is decided', async () => {
    const [one, two] = [hanging(), hanging()];
    const a = backend('a', one.check);
    const judge = judgeOf([a, backend('b', two.check, open)]);
    const work = new AbortController();
    const pending = judge.judge(CALL, work);
    work.abort(STOPPED);
    expect(await pending).toEqual({ kind: 'cancelled' });
    expect([one.wasStopped(), two.wasStopped()]).toEqual([true, true]);
    expect(judge.outcomes()).toEqual(['a cancelled', 'b cancelled']);
    for (let i = 0; i < 10; i++) {
      const gone = new AbortController();
      gone.abort(STOPPED);
      expect(await judge.judge(CALL, gone)).toEqual({ kind: 'cancelled' });
    }
    expect(a.breaker.state()).toBe('closed');
  });

  test('does not end the probes of a breaker for good', async () => {
    let now = 0;
    const breaker = new Breaker({ failures: 1, openMs: 10, now: () => now });
    const a = backend('a', hangs, { breaker, timeoutMs: 20 });
    await judgeOf([a]).judge(CALL, new AbortController());
    now = 10;
    const gone = new AbortController();
    const pending = judgeOf([a]).judge(CALL, gone);
    gone.abort(STOPPED);
    await pending;
    const back = { ...a, check: says(ALLOW) };
    expect(await judgeOf([back]).judge(CALL, new AbortController())).toEqual(allows);
    expect(breaker.state()).toBe('closed');
  });
});

describe('a check that observes', () => {
  const observe = { mode: 'observe' } as const;

  test.each<[string, Check]>([
    ['a block', says(BLOCK)],
    ['a redaction', says(modify('dana', '*'))],
    ['a redaction that cannot be mapped', says(UNMAPPABLE)],
    ['a failure', fails(DOWN)],
    [
      'a mistake',
      () => {
        throw new Error('x');
      },
    ],
  ])('changes nothing, though it ends with %s', async (_, check) => {
    for (const unreachableFallback of ['fail_closed', 'fail_open', 'defer'] as const) {
      const judge = judgeOf([backend('a', check, { ...observe, unreachableFallback })]);
      expect(await judge.judge(CALL, new AbortController())).toEqual(allows);
      await judge.settled();
      expect(judge.outcomes()).toHaveLength(1);
    }
  });

  test('delays nothing, and outlives the reply and the caller', async () => {
    const judge = judgeOf([backend('a', later(BLOCK, 100), observe), backend('b', says(ALLOW))]);
    const work = new AbortController();
    expect(await judge.judge(CALL, work)).toEqual(allows);
    work.abort(STOPPED);
    expect(judge.outcomes()).toEqual(['b allow']);
    await judge.settled();
    expect(judge.outcomes()).toEqual(['b allow', 'a block']);
  });

  test('is not made once a policy has blocked', async () => {
    const engine = engineOf({
      chain: ['banned-keywords'],
      policy: { 'banned-keywords': { keywords: ['Rome'] } },
    });
    const judge = judgeOf([backend('a', says(ALLOW), observe)], { engine: engine.engine });
    const decision = await judge.judge(CALL, new AbortController());
    expect(decision).toMatchObject(blocks('verdict', 'banned-keywords'));
    expect(judge.outcomes()).toEqual([]);
  });
});
