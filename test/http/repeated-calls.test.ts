import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { type Reply, startFakeBackend } from '../support/fake-backend.ts';
import { listen, metric } from '../support/listen.ts';

const CALL = {
  input_type: 'request',
  litellm_call_id: 'call-1',
  litellm_trace_id: 'trace-1',
  litellm_version: '1.110.2',
  texts: ['mail dana'],
};

/** A bridge whose vendor replies when it is told to. */
async function start(reply: Reply = aktoAllows, env: Record<string, string> = {}) {
  const waiting: (() => void)[] = [];
  let gone = 0;
  const akto = await startFakeBackend(async (seen, response) => {
    response.once('close', () => {
      if (!response.writableFinished) gone++;
    });
    await new Promise<void>((resolve) => waiting.push(resolve));
    return reply(seen, response);
  });
  const bridge = testBridge({ ...aktoAt(akto.url), GUARDRAIL_TIMEOUT: '20', ...env });
  const server = await listen(bridge);
  onTestFinished(async () => {
    await server.close();
    await bridge.close();
    await akto.close();
  });
  const count = async (name: string, labels: Record<string, string> = {}) =>
    metric(await (await fetch(`${server.url}/metrics`)).text(), name, labels);
  const send = async (call: object = CALL, signal?: AbortSignal) => {
    const body = JSON.stringify(call);
    const response = await fetch(server.url, { method: 'POST', body, ...(signal && { signal }) });
    return ((await response.json()) as { action: string }).action;
  };
  /** Resolves when the vendor has been asked so often. */
  const asked = (times: number) => expect.poll(() => akto.seen.length).toBe(times);
  return {
    bridge,
    akto,
    send,
    asked,
    /** Sends a call, and hangs up once the vendor has been asked. */
    async leave(call: object = CALL) {
      const times = akto.seen.length;
      const leaving = new AbortController();
      const left = expect(send(call, leaving.signal)).rejects.toThrow();
      await asked(times + 1);
      const open = await server.connections();
      leaving.abort();
      await left;
      await expect.poll(() => server.connections()).toBe(open - 1);
    },
    repeated: (times: number) => expect.poll(() => count('repeated_calls_total')).toBe(times),
    release() {
      for (const resolve of waiting.splice(0)) resolve();
    },
    gone: () => gone,
    decided: (action: string, input_type = 'request') => count('decisions_total', { input_type, action }),
    count,
  };
}

test.each([
  { reply: aktoAllows, action: 'NONE', verdict: 'allow' },
  { reply: aktoBlocks(), action: 'BLOCKED', verdict: 'block' },
])('a call that is sent again while the first is judged is judged and counted once: $action', async (row) => {
  const bridge = await start(row.reply);
  const first = bridge.send();
  await bridge.asked(1);
  const others = [bridge.send(), bridge.send()];
  await bridge.repeated(2);
  bridge.release();
  expect(await Promise.all([first, ...others])).toEqual([row.action, row.action, row.action]);
  expect(bridge.akto.seen).toHaveLength(1);
  expect(await bridge.decided(row.action)).toBe(1);
  const verdicts = { backend: 'akto', mode: 'enforce', input_type: 'request', verdict: row.verdict };
  expect(await bridge.count('verdicts_total', verdicts)).toBe(1);
  expect(bridge.bridge.lines.filter(({ msg }) => msg === 'blocked')).toHaveLength(
    row.action === 'BLOCKED' ? 1 : 0,
  );
});

test('a response that is sent again is judged though its parameters have no text', async () => {
  const params = { additional_provider_specific_params: { stream: { toString: 1, valueOf: 1 } } };
  const call = { ...CALL, input_type: 'response', ...params };
  const bridge = await start();
  const first = bridge.send(call);
  await bridge.asked(1);
  const second = bridge.send(call);
  await bridge.repeated(1);
  bridge.release();
  expect(await Promise.all([first, second])).toEqual(['NONE', 'NONE']);
  expect(await bridge.decided('NONE', 'response')).toBe(1);
});

test('a check goes on when its caller hangs up and asks again, as LiteLLM does after its timeout', async () => {
  const bridge = await start();
  await bridge.leave();
  const second = bridge.send();
  await bridge.repeated(1);
  bridge.release();
  expect(await second).toBe('NONE');
  expect([bridge.akto.seen.length, bridge.gone()]).toEqual([1, 0]);
  expect([await bridge.decided('NONE'), await bridge.decided('CANCELLED')]).toEqual([1, 0]);
});

test('a verdict that comes between the two is kept for the second', async () => {
  const bridge = await start(aktoBlocks());
  await bridge.leave();
  bridge.release();
  const verdicts = { backend: 'akto', mode: 'enforce', input_type: 'request', verdict: 'block' };
  await expect.poll(() => bridge.count('verdicts_total', verdicts)).toBe(1);
  expect(await bridge.send()).toBe('BLOCKED');
  expect([bridge.akto.seen.length, await bridge.decided('BLOCKED')]).toEqual([1, 1]);
});

test('a check whose caller hung up and never asks again ends, and what it said counts as cancelled', async () => {
  const bridge = await start(aktoBlocks());
  await bridge.leave();
  await expect.poll(() => bridge.gone(), { timeout: 5000 }).toBe(1);
  await bridge.leave({ ...CALL, litellm_call_id: 'call-2' });
  bridge.release();
  await expect.poll(() => bridge.decided('CANCELLED'), { timeout: 5000 }).toBe(2);
  expect(await bridge.decided('BLOCKED')).toBe(0);
});

test.each([
  { name: 'of another key', more: { request_data: { user_api_key_hash: 'other' } } },
  { name: 'of another trace', more: { litellm_trace_id: 'trace-2' } },
  { name: 'with other words', more: { texts: ['mail ada'] } },
  { name: 'of the other side', more: { input_type: 'response' } },
])('a call $name is no repetition', async ({ more }) => {
  const bridge = await start();
  const both = [bridge.send(), bridge.send({ ...CALL, ...more })];
  await bridge.asked(2);
  bridge.release();
  expect(await Promise.all(both)).toEqual(['NONE', 'NONE']);
  expect(await bridge.count('repeated_calls_total')).toBe(0);
});

test('of several calls under one name each is told from its repetition', async () => {
  const bridge = await start();
  const calls = ['one', 'two', 'three'].map((text) => ({ ...CALL, texts: [text] }));
  const first = calls.map((call) => bridge.send(call));
  await bridge.asked(3);
  const again = calls.map((call) => bridge.send(call));
  await bridge.repeated(3);
  bridge.release();
  await Promise.all([...first, ...again]);
  expect(bridge.akto.seen).toHaveLength(3);
  expect(await bridge.decided('NONE')).toBe(3);
});

test('a call without an id is judged each time, and so is one that comes after the reply to the first', async () => {
  const bridge = await start();
  const nameless = { ...CALL, litellm_call_id: null };
  const both = [bridge.send(nameless), bridge.send(nameless)];
  await bridge.asked(2);
  bridge.release();
  await Promise.all(both);
  for (const times of [3, 4]) {
    const one = bridge.send();
    await bridge.asked(times);
    bridge.release();
    await one;
  }
  expect(await bridge.decided('NONE')).toBe(4);
});
