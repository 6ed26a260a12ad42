import { expect, test, vi } from 'vitest';
import { rbac } from '../../../src/policies/kinds/rbac.ts';
import { callPolicy } from '../../support/call-policy.ts';
import { BreakableStore, sharedStates } from '../../support/shared-states.ts';

const EVERY_MS = 5000;

/** Replicas whose clerks may ask for one model, and whose bosses for any. */
async function replicasOf(count: number) {
  const store = new BreakableStore();
  const { states, failed } = await sharedStates(count, store.seen);
  const options = {
    ...{ deny_if_missing: [], default_role: 'clerk', assignments: [{ role: 'boss', teams: ['boss'] }] },
    roles: { clerk: { allowed_models: ['cheap'] }, boss: {} },
  };
  const policies = states.map((state) => callPolicy(rbac, options, new Map(), state));
  let now = 1_800_000_000_000;
  let calls = 0;
  /** The result of an answer to a request for `model`, by the name that the provider gives its model. */
  const answer = (replica: number, model: string, name: string, team = 'clerk') => {
    const { check, compare } = policies[replica]!;
    const fields = { litellm_call_id: `call-${++calls}`, request_data: { user_api_key_team_id: team } };
    check({ ...fields, model }, { now });
    return compare({ ...fields, model: name, input_type: 'response', texts: ['hello'] }, { now });
  };
  store.asked.length = 0;
  const later = async () => {
    // What was begun has ended
    await new Promise((resolve) => setTimeout(resolve, 20));
    now += EVERY_MS;
  };
  return { store, failed, answer, later };
}

test('names that one replica has learned for models are known to the others some seconds later', async () => {
  const { answer, later } = await replicasOf(2);
  expect(answer(0, 'cheap', 'cheap-up')).toBeUndefined();
  expect(answer(0, 'forbidden', 'forbidden-up', 'boss')).toBeUndefined();
  expect(answer(1, 'cheap', 'cheap-up')).toBeUndefined();
  expect(answer(1, 'cheap', 'forbidden-up')).toBe('unknown');
  for (let times = 0; times < 3; times++) {
    await later();
    for (const replica of [0, 1]) answer(replica, 'cheap', 'cheap-up');
  }
  expect(answer(1, 'cheap', 'forbidden-up')).toBe('answer-model');
  expect(answer(1, 'cheap', 'cheap-up')).toBeUndefined();
});

test('a name of which a replica is in doubt is told to none', async () => {
  const { answer, later } = await replicasOf(2);
  expect(answer(0, 'cheap', 'forbidden-up')).toBe('unknown');
  for (let times = 0; times < 3; times++) {
    await later();
    for (const replica of [0, 1]) answer(replica, 'other', 'x', 'boss');
  }
  answer(1, 'cheap', 'cheap-up');
  answer(1, 'forbidden', 'forbidden-up', 'boss');
  expect(answer(1, 'cheap', 'forbidden-up')).toBe('answer-model');
});

test('replicas ask each other every few seconds, write what is new, and go on without', async () => {
  const { store, failed, answer, later } = await replicasOf(1);
  const asked = async (name: string) => {
    store.asked.length = 0;
    for (let calls = 0; calls < 10; calls++) answer(0, 'cheap', name);
    await later();
    // It is looked for beside
    return store.asked.filter((method) => method !== 'ping' && method !== 'secret');
  };
  expect(await asked('cheap-up')).toEqual(['read', 'write']);
  expect(await asked('cheap-up')).toEqual(['read']);
  expect(await asked('cheap-next')).toEqual(['read', 'write']);
  store.isDown = true;
  expect(await asked('cheap-next')).toEqual(['read']);
  expect(failed).toEqual(['learned_models unavailable']);
  expect(answer(0, 'cheap', 'cheap-next')).toBeUndefined();
  store.isDown = false;
  await vi.waitFor(async () => expect(await asked('cheap-last')).toContain('write'), 5000);
});
