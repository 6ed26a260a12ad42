import { describe, expect, test } from 'vitest';
import { ALLOW } from '../../src/guardrail/verdict.ts';
import type { JudgingBackend } from '../../src/pipeline/check-backend.ts';
import { callOf } from '../support/call.ts';
import {
  allows,
  BLOCK,
  backend,
  blocks,
  CALL,
  DOWN,
  decided,
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
import { rewritesOf } from '../support/passages.ts';

const masks = { kind: 'modify', by: ['a'] };

describe('several backends', () => {
  test.each<{ name: string; backends: () => JudgingBackend[]; is: object }>([
    { name: 'no backend allows the call', backends: () => [], is: allows },
    {
      name: 'a call that both backends allow is allowed',
      backends: () => [backend('a', says(ALLOW)), backend('b', says(ALLOW))],
      is: allows,
    },
    {
      name: 'a later block by one backend outweighs an earlier allow by another',
      backends: () => [backend('a', says(ALLOW)), backend('b', later(BLOCK))],
      is: blocks('verdict', 'b'),
    },
    {
      name: 'a block by one backend outweighs a redaction by another',
      backends: () => [
        backend('a', says(modify('dana lives in Rome', '* lives in Rome'))),
        backend('b', later(BLOCK)),
      ],
      is: blocks('verdict', 'b'),
    },
    {
      name: 'a block by one backend outweighs a failure of another that defers',
      backends: () => [backend('a', fails(DOWN), defer), backend('b', later(BLOCK))],
      is: blocks('verdict', 'b'),
    },
    {
      name: 'a block by one backend outweighs a failure of another that fails open',
      backends: () => [backend('a', fails(DOWN), open), backend('b', later(BLOCK))],
      is: blocks('verdict', 'b'),
    },
    {
      name: 'a failure that fails closed blocks what another backend allows',
      backends: () => [backend('a', says(ALLOW)), backend('b', fails(DOWN))],
      is: blocks('fail_closed', 'b'),
    },
    {
      name: 'a failure that fails open leaves the allow of another backend',
      backends: () => [backend('a', fails(DOWN), open), backend('b', says(ALLOW))],
      is: allows,
    },
    {
      name: 'a failure that defers leaves the call to LiteLLM, though another backend allows it',
      backends: () => [backend('a', says(ALLOW)), backend('b', fails(DOWN), defer)],
      is: { kind: 'defer', by: 'b' },
    },
    {
      name: 'a redaction by one backend stands beside an allow by another',
      backends: () => [
        backend('a', says(modify('dana lives in Rome', '* lives in Rome'))),
        backend('b', says(ALLOW)),
      ],
      is: masks,
    },
    {
      name: 'a redaction by one backend stands beside a failure of another that fails open',
      backends: () => [
        backend('a', says(modify('dana lives in Rome', '* lives in Rome'))),
        backend('b', fails(DOWN), open),
      ],
      is: masks,
    },
    {
      name: 'a redaction blocks where another backend defers, as it would be lost',
      backends: () => [
        backend('a', says(modify('dana lives in Rome', '* lives in Rome'))),
        backend('b', fails(DOWN), defer),
      ],
      is: blocks('redaction', 'a'),
    },
    {
      name: 'a redaction that cannot be mapped to texts blocks',
      backends: () => [backend('a', says(UNMAPPABLE))],
      is: blocks('redaction', 'a'),
    },
    {
      name: 'a redaction that cannot be mapped blocks, though another one can',
      backends: () => [
        backend('a', says(modify('dana lives in Rome', '* lives in Rome'))),
        backend('b', says(UNMAPPABLE)),
      ],
      is: blocks('redaction', 'a,b'),
    },
    {
      name: 'a check that throws a bare text fails closed',
      backends: () => [backend('a', () => Promise.reject('x'))],
      is: blocks('fail_closed', 'a'),
    },
    {
      name: 'a check that throws before it waits fails closed',
      backends: () => [
        backend('a', () => {
          throw new TypeError('x');
        }),
      ],
      is: blocks('fail_closed', 'a'),
    },
    {
      name: 'a check that throws fails open where the backend does',
      backends: () => [backend('a', () => Promise.reject(new Error('x')), open)],
      is: allows,
    },
  ])('$name', async ({ backends, is }) => {
    expect(await decided(...backends())).toMatchObject(is);
  });

  test('redact in the order of the configuration, whichever replies first', async () => {
    const text = 'dana: 47110815';
    const judge = judgeOf([
      backend('a', later(modify(text, 'dana: ##0815'), 40)),
      backend('b', says(modify(text, 'dana: 47**'))),
    ]);
    const decision = await judge.judge(callOf({ texts: [text] }));
    expect(decision).toMatchObject({ kind: 'modify', by: ['a', 'b'] });
    expect(decision.kind === 'modify' && rewritesOf(decision.texts)[text]).toBe('dana: ##**');
  });

  test('are checked at once, and a block by one ends the checks of the others', async () => {
    const [a, c] = [hanging(), hanging()];
    const judge = judgeOf([backend('a', a.check), backend('b', later(BLOCK)), backend('c', c.check)]);
    expect(await judge.judge(CALL, new AbortController())).toMatchObject(blocks('verdict', 'b'));
    expect([a.wasStopped(), c.wasStopped()]).toEqual([true, true]);
    await new Promise(setImmediate);
    expect(judge.outcomes()).toEqual(['b block', 'a cancelled', 'c cancelled']);
  });

  test('a failure that fails closed ends the checks of the others too', async () => {
    const a = hanging();
    const decision = await decided(backend('a', a.check, open), backend('b', fails(DOWN)));
    expect(decision).toMatchObject(blocks('fail_closed', 'b'));
    expect(a.wasStopped()).toBe(true);
  });

  test('a check cancelled by another block says nothing about its backend', async () => {
    const a = backend('a', hangs);
    const judge = judgeOf([a, backend('b', says(BLOCK))]);
    for (let i = 0; i < 10; i++) await judge.judge(CALL, new AbortController());
    await new Promise(setImmediate);
    expect(a.breaker.state()).toBe('closed');
  });
});

describe('content that a backend cannot judge', () => {
  const requests = {
    judges: { request: true, response: false, media: false },
  };

  test('responses are counted as unjudged by it, and judged by the others', async () => {
    const response = callOf({ input_type: 'response', texts: ['x'] });
    const judge = judgeOf([backend('a', says(BLOCK), requests), backend('b', says(ALLOW))]);
    expect(await judge.judge(response, new AbortController())).toEqual(allows);
    expect([judge.unjudged, judge.outcomes()]).toEqual([['a answer'], ['b allow']]);
  });

  test('media are counted as unjudged, and the words beside them are judged', async () => {
    const call = callOf({ texts: ['x'], images: ['https://pictures.example/a.png'] });
    const judge = judgeOf([backend('a', says(BLOCK))]);
    expect(await judge.judge(call, new AbortController())).toMatchObject(blocks('verdict', 'a'));
    expect(judge.unjudged).toEqual(['a media']);
  });
});
