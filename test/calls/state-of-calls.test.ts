import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { temporaryFolder } from '../support/recording-bridge.ts';
import { STATE_CASES, type StateCall } from '../support/state-calls.ts';

/** Threads that were started in this process. */
let threads = 0;
process.on('worker', () => threads++);

/** Makes a call large by more nodes than are read in the main thread, under a key that nobody reads. */
const PADDING = Array(10_001).fill({});
test.each(STATE_CASES)(
  'a response is judged by $name, whichever of the calls under its id are large',
  async ({ policies, before = [], calls, actions, texts, times = 1 }) => {
    const file = join(temporaryFolder(), 'policies.json');
    writeFileSync(file, JSON.stringify(policies));
    const startedBefore = threads;
    const bridge = testBridge({ POLICY_FILE: file, BLOCKED_HISTORY: 'block' });
    onTestFinished(bridge.close);
    const ask = (id: string, call: StateCall, isLarge = false) =>
      bridge.ask({
        ...{ litellm_call_id: id, litellm_trace_id: `trace of ${id}`, litellm_version: '1.110.2' },
        ...call,
        ...(isLarge && { padding: PADDING }),
      });
    for (const [n, pair] of before.entries()) for (const call of pair) await ask(`before ${n}`, call);
    for (let n = 0; n < times * 2 ** calls.length; n++) {
      const sizes = calls.map((_, i) => (n >> i) % 2 === 1);
      const replies: Record<string, unknown>[] = [];
      for (const [i, call] of calls.entries()) replies.push((await ask(`call ${n}`, call, sizes[i])).reply);
      const got = replies.map(({ action }) => action as string);
      if (typeof actions === 'function') expect(actions(got), `${sizes}: ${got}`).toBe(true);
      else expect(got, `large: ${sizes}`).toEqual(actions);
      if (texts !== undefined) expect(replies.at(-1)?.texts).toEqual(texts);
    }
    expect(threads).toBe(startedBefore + 1);
    expect(await bridge.metric('large_call_restarts_total')).toBe(0);
  },
);
