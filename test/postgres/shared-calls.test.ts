import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { STATE_CASES, type StateCall } from '../support/state-calls.ts';
import { bridgesWith, policyFile } from './shared-bridges.ts';

test.each(STATE_CASES)(
  'a response is judged by $name, whichever replicas the calls under its id meet',
  async ({ policies, before = [], calls, actions, texts, times = 1 }) => {
    const env = { POLICY_FILE: policyFile(policies), BLOCKED_HISTORY: 'block', STATE_TIMEOUT: '5' };
    const { bridges } = await bridgesWith(env, {}, {});
    const ask = (id: string, call: StateCall, n: number) =>
      bridges[n]!.ask({
        ...{ litellm_call_id: id, litellm_trace_id: `trace of ${id}`, litellm_version: '1.110.2' },
        ...call,
      });
    // Each replica learns for itself which models answer for which names
    for (const [n, pair] of before.entries())
      for (const call of pair) for (const at of [0, 1]) await ask(`before ${n} ${at}`, call, at);
    for (let n = 0; n < times * 2 ** calls.length; n++) {
      const id = randomUUID();
      const places = calls.map((_, i) => (n >> i) % 2);
      const replies: Record<string, unknown>[] = [];
      for (const [i, call] of calls.entries()) replies.push((await ask(id, call, places[i]!)).reply);
      const got = replies.map(({ action }) => action as string);
      if (typeof actions === 'function') expect(actions(got), `${places}: ${got}`).toBe(true);
      else expect(got, `replicas: ${places}`).toEqual(actions);
      if (texts !== undefined) expect(replies.at(-1)?.texts).toEqual(texts);
    }
    for (const bridge of bridges)
      expect(bridge.lines.filter(({ msg }) => msg.includes('replicas share'))).toEqual([]);
  },
);
