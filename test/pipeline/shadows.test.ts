import { describe, expect, test } from 'vitest';
import { memoryBytes } from '../../src/guardrail/memory.ts';
import { ALLOW, type Verdict } from '../../src/guardrail/verdict.ts';
import { Breaker } from '../../src/pipeline/breaker.ts';
import type { JudgingBackend } from '../../src/pipeline/check-backend.ts';
import { callOf } from '../support/call.ts';
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

const shadow = { mode: 'shadow' } as const;
const FLAGGED: Verdict = { kind: 'allow', flagged: 'alert' };
const masks = modify('dana lives in Rome', '*');

describe('a shadow', () => {
  test.each<{ name: string; backends: () => JudgingBackend[]; is: object; compared: readonly string[] }>([
    {
      name: 'that blocks what the others allow changes nothing',
      backends: () => [backend('a', says(ALLOW)), backend('s', says(BLOCK), shadow)],
      is: allows,
      compared: ['s block, others allow'],
    },
    {
      name: 'that allows what the others block changes nothing',
      backends: () => [backend('a', says(BLOCK)), backend('s', later(ALLOW), shadow)],
      is: blocks('verdict', 'a'),
      compared: ['s allow, others block'],
    },
    {
      name: 'agrees with a redaction that cannot be mapped too',
      backends: () => [backend('a', says(UNMAPPABLE)), backend('s', says(masks), shadow)],
      is: blocks('redaction', 'a'),
      compared: ['s modify, others modify'],
    },
    {
      name: 'agrees with an allow where it only flags',
      backends: () => [backend('a', later(ALLOW)), backend('s', says(FLAGGED), shadow)],
      is: allows,
      compared: ['s allow, others allow'],
    },
    {
      name: 'that fails has no effect, and said nothing',
      backends: () => [backend('a', says(ALLOW)), backend('s', fails(DOWN), shadow)],
      is: allows,
      compared: ['s none, others allow'],
    },
    {
      name: 'is compared with nothing where the others fail closed',
      backends: () => [backend('a', fails(DOWN)), backend('s', says(ALLOW), shadow)],
      is: blocks('fail_closed', 'a'),
      compared: ['s allow, others none'],
    },
    {
      name: 'is compared with nothing where the others fail open',
      backends: () => [backend('a', fails(DOWN), open), backend('s', says(BLOCK), shadow)],
      is: allows,
      compared: ['s block, others none'],
    },
    {
      name: 'is compared with nothing where the others defer',
      backends: () => [backend('a', fails(DOWN), defer), backend('s', says(BLOCK), shadow)],
      is: { kind: 'defer' },
      compared: ['s block, others none'],
    },
    {
      name: 'alone is compared with nothing, and no call is judged by it',
      backends: () => [backend('s', says(BLOCK), shadow)],
      is: allows,
      compared: ['s block, others none'],
    },
    {
      name: 'beside backends that observe is compared with what these would have decided',
      backends: () => [
        backend('a', later(ALLOW), { mode: 'observe' }),
        backend('b', says(BLOCK), { mode: 'observe' }),
        backend('s', says(BLOCK), shadow),
      ],
      is: allows,
      compared: ['s block, others block'],
    },
    {
      name: 'is compared by itself, not with another shadow',
      backends: () => [
        backend('a', says(ALLOW)),
        backend('s', says(BLOCK), shadow),
        backend('t', says(ALLOW), shadow),
      ],
      is: allows,
      compared: ['s block, others allow', 't allow, others allow'],
    },
  ])('$name', async ({ backends, is, compared }) => {
    const judge = judgeOf(backends());
    expect(await judge.judge(CALL, new AbortController())).toMatchObject(is);
    await judge.settled();
    expect(judge.compared.sort()).toEqual(compared);
  });

  test('delays nothing, and is not ended by a decision or by a caller who leaves', async () => {
    const s = hanging();
    const judge = judgeOf([backend('a', says(BLOCK)), backend('s', s.check, { ...shadow, timeoutMs: 50 })]);
    const scope = new AbortController();
    expect(await judge.judge(CALL, scope)).toMatchObject(blocks('verdict', 'a'));
    scope.abort();
    expect(s.wasStopped()).toBe(false);
    await judge.settled();
    expect(judge.outcomes()).toEqual(['a block', 's timeout']);
  });

  test('is compared with nothing where the caller left before a decision', async () => {
    const judge = judgeOf([backend('a', hanging().check), backend('s', later(ALLOW), shadow)]);
    const scope = new AbortController();
    const decision = judge.judge(CALL, scope);
    scope.abort();
    expect(await decision).toEqual({ kind: 'cancelled' });
    await judge.settled();
    expect([judge.compared, judge.outcomes()]).toEqual([[], ['a cancelled', 's allow']]);
  });

  test.each([
    ['enforce', allows, 'others allow'],
    ['observe', allows, 'others allow'],
  ] as const)('stays one under a rule that says mode: %s', async (mode, is, others) => {
    const engine = engineOf({ chain: [], rules: [{ name: 'one', mode }] }).engine;
    const judge = judgeOf([backend('a', says(ALLOW)), backend('s', says(BLOCK), shadow)], { engine });
    expect(await judge.judge(CALL, new AbortController())).toEqual(is);
    await judge.settled();
    expect(judge.compared).toEqual([`s block, ${others}`]);
  });

  test('does not vote in a quorum, and is compared with its decision', async () => {
    const engine = engineOf({ chain: [], orchestration: { quorum: 2 } }).engine;
    const backends = [
      backend('a', says(BLOCK)),
      backend('b', says(ALLOW)),
      backend('s', says(BLOCK), shadow),
    ];
    const judge = judgeOf(backends, { engine });
    expect(await judge.judge(CALL, new AbortController())).toEqual(allows);
    await judge.settled();
    expect(judge.compared).toEqual(['s block, others allow']);
  });

  test('is compared in those rounds of a stream alone that the others have judged too', async () => {
    const judge = judgeOf([backend('a', says(ALLOW)), backend('s', fails(DOWN), shadow)], { growth: 6 });
    for (const text of [
      'A first part',
      'A first part of it',
      'A first part of it and much more '.repeat(9),
    ]) {
      await judge.judge(callOf({ input_type: 'response', litellm_call_id: 's', texts: [text] }));
    }
    await judge.settled();
    expect(judge.outcomes().filter((outcome) => outcome.startsWith('s'))).toHaveLength(3);
    expect(judge.compared).toHaveLength(2);
  });

  test.each(['shadow', 'observe'] as const)(
    'that hangs (mode: %s) is asked about no more than there is memory for, and anew once its time is up',
    async (mode) => {
      const s = hanging();
      const judge = judgeOf([
        backend('a', says(ALLOW)),
        backend('s', s.check, { mode, timeoutMs: 300, breaker: new Breaker({ failures: 1000 }) }),
      ]);
      const calls = 100;
      const ask = () => judge.decide(callOf({ texts: ['x'.repeat(1_000_000)] }));
      for (let i = 0; i < calls; i++) expect((await ask()).outcome).toEqual(allows);
      const asked = s.signals.length;
      expect(asked).toBeGreaterThan(0);
      expect(4_000_000 * asked).toBeLessThanOrEqual(memoryBytes('watching checks'));
      expect(judge.unwatched).toEqual(Array(calls - asked).fill('s'));
      await judge.settled();
      await ask();
      expect(s.signals).toHaveLength(asked + 1);
      await judge.settled();
    },
  );

  test('that hangs does not keep the bridge from ending', async () => {
    const judge = judgeOf([
      backend('a', says(ALLOW)),
      backend('s', hangs, { ...shadow, timeoutMs: 3_600_000 }),
    ]);
    await judge.judge(CALL);
    await judge.settled();
    expect(judge.outcomes()).toEqual(['a allow', 's cancelled']);
  });
});
