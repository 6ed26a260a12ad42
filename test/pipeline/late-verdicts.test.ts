import { expect, test } from 'vitest';
import type { Check } from '../../src/backends/backend.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import { ALLOW, type Verdict } from '../../src/guardrail/verdict.ts';
import { callOf } from '../support/call.ts';
import { BLOCK, backend, judgeOf, modify } from '../support/judging.ts';
import { BreakableStore, sharedStates } from '../support/shared-states.ts';

const BEGINNING = 'A first part of it, ';
const BAD = `${BEGINNING}then forbidden`;
const response = (text: string, id: string | null = 'c1') =>
  callOf({ input_type: 'response', litellm_call_id: id, texts: [text] });

/** Replicas whose vendor is asked about a stream again once it is six times as long. */
async function replicasOf(verdict: (call: GuardrailCall) => Verdict = () => BLOCK, growth = 6) {
  const store = new BreakableStore();
  const { states, failed } = await sharedStates(2, store.seen);
  const check: Check = async (call) => (call.texts[0]?.includes('forbidden') ? verdict(call) : ALLOW);
  const judges = states.map((state) => judgeOf([backend('akto', check)], { growth, state }));
  const judge = async (replica: number, call: GuardrailCall) => (await judges[replica]!.judge(call)).kind;
  store.asked.length = 0;
  return { store, failed, judge, settled: (replica: number) => judges[replica]!.settled() };
}

test.each<[string, ((call: GuardrailCall) => Verdict) | undefined]>([
  ['blocked', undefined],
  ['redacted', modify('forbidden', '###')],
])('a stream that one replica has %s late is stopped by the others where it goes on', async (_, verdict) => {
  const { judge, settled, failed } = await replicasOf(verdict);
  for (const replica of [0, 1]) expect(await judge(replica, response(BEGINNING))).toBe('allow');
  expect(await judge(0, response(BAD))).toBe('allow');
  await settled(0);
  expect(await judge(1, response(`${BAD} words`))).toBe('block');
  expect(await judge(1, response('A clean response under the same id'))).toBe('allow');
  expect(await judge(1, response(`${BEGINNING}and more of another call`, 'c2'))).toBe('allow');
  expect(failed).toEqual([]);
});

test('such a stream is stopped by the replica that knows it while the store cannot be reached', async () => {
  const { store, judge, settled, failed } = await replicasOf();
  for (const replica of [0, 1]) await judge(replica, response(BEGINNING));
  store.isDown = true;
  await judge(0, response(BAD));
  await settled(0);
  expect([await judge(0, response(`${BAD} words`)), await judge(1, response(`${BAD} words`))]).toEqual([
    'block',
    'allow',
  ]);
  expect(new Set(failed)).toEqual(new Set(['late_verdicts unavailable']));
});

test('each of several vendors has its verdict known', async () => {
  const { states } = await sharedStates(3);
  const blocksOn = (name: string, word: string) =>
    backend(name, async ({ texts }) => (texts[0]?.includes(word) ? BLOCK : ALLOW));
  const [first, second] = [blocksOn('akto', 'then'), blocksOn('capsule', 'forbidden')];
  const [a, b, c] = [[first, second], [first], [second]].map((backends, i) =>
    judgeOf(backends, { growth: 6, state: states[i]! }),
  );
  for (const one of [a, b, c]) await one!.judge(response(BEGINNING));
  await a!.judge(response(BAD));
  await a!.settled();
  for (const one of [b, c])
    expect(await one!.judge(response(`${BAD} words`))).toMatchObject({ kind: 'block' });
});

test.each<[string, GuardrailCall, number, string[]]>([
  ['of a response', response(BEGINNING), 6, ['read']],
  ['of a response without an id', response(BEGINNING, null), 6, []],
  ['where each round is judged', response(BEGINNING), 1, []],
])('the store is asked only where a check can wait: %s', async (_, call, growth, asked) => {
  const { store, judge } = await replicasOf(undefined, growth);
  await judge(0, call);
  expect(store.asked).toEqual(asked);
});
