import { expect, test } from 'vitest';
import { ALLOW } from '../../src/guardrail/verdict.ts';
import { callOf } from '../support/call.ts';
import { allows, BLOCK, backend, judgeOf, says } from '../support/judging.ts';
import { engineOf } from '../support/policies.ts';

const ids = Array.from({ length: 400 }, (_, n) => `call-${n}`);
const request = (litellm_call_id: string | null) => callOf({ litellm_call_id, texts: ['x'] });

test('a sampled backend is asked about so many percent of the calls, the others are counted', async () => {
  const judge = judgeOf([backend('a', says(BLOCK), { sample: 25 })]);
  for (const id of ids) await judge.judge(request(id), new AbortController());
  expect(judge.outcomes().length).toBeGreaterThan(60);
  expect(judge.outcomes().length).toBeLessThan(140);
  expect(judge.outcomes().length + judge.unsampled.length).toBe(ids.length);
  expect(judge.unjudged).toEqual([]);
});

test('a request, its response and each round of it are in the sample together, in every instance', async () => {
  const kindsOf = async (id: string) => {
    const judge = judgeOf([backend('a', says(ALLOW), { sample: 50 })]);
    await judge.judge(request(id));
    for (const text of ['a', 'ab', 'abc']) {
      await judge.judge(callOf({ input_type: 'response', litellm_call_id: id, texts: [text] }));
    }
    return [judge.outcomes().length, judge.unsampled.length];
  };
  for (const id of ids.slice(0, 20)) {
    const kinds = await kindsOf(id);
    expect([
      [4, 0],
      [0, 4],
    ]).toContainEqual(kinds);
    expect(await kindsOf(id)).toEqual(kinds);
  }
});

test('of two samples the smaller is in the larger', async () => {
  const judge = judgeOf([
    backend('a', says(ALLOW), { sample: 10 }),
    backend('b', says(ALLOW), { sample: 30, mode: 'observe' }),
  ]);
  for (const id of ids.slice(0, 100)) {
    const before = judge.outcomes().length;
    await judge.judge(request(id), new AbortController());
    await judge.settled();
    expect(judge.outcomes().slice(before).sort()).not.toEqual(['a allow']);
  }
});

test.each([
  [0, 0],
  [100, 1],
])('a sample of %i percent is none or all', async (sample, asked) => {
  const judge = judgeOf([backend('a', says(ALLOW), { sample })]);
  for (const id of ids.slice(0, 50)) await judge.judge(request(id));
  expect(judge.outcomes()).toHaveLength(50 * asked);
});

test('a call without an id is in every sample: nothing tells its response', async () => {
  const judge = judgeOf([backend('a', says(ALLOW), { sample: 0 })]);
  await judge.judge(request(null));
  expect(judge.outcomes()).toEqual(['a allow']);
});

test('a backend that is not asked leaves no quorum short', async () => {
  const engine = engineOf({ chain: [], orchestration: { quorum: 2 } }).engine;
  const judge = judgeOf([backend('a', says(BLOCK)), backend('b', says(BLOCK), { sample: 0 })], { engine });
  expect(await judge.judge(request('x'), new AbortController())).toMatchObject({ kind: 'block', by: 'a' });
});

test('media are blocked where the backend that judges them is not asked', async () => {
  const engine = engineOf({
    chain: ['image-policy'],
    policy: { 'image-policy': { action: 'backend' } },
  }).engine;
  const judges = { request: true, response: true, media: true };
  const image = callOf({ litellm_call_id: 'x', texts: ['look'], images: ['https://pictures.example/a.png'] });
  const decided = (sample: number) =>
    judgeOf([backend('a', says(ALLOW), { judges, sample })], { engine }).judge(image, new AbortController());
  expect(await decided(100)).toEqual(allows);
  expect(await decided(0)).toMatchObject({ kind: 'block', by: 'image-policy' });
});
