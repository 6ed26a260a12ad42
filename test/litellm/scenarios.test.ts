import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { chat } from './endpoints.ts';
import { forbidden } from './fake-akto.ts';
import { does } from './release.ts';
import { exchanges } from './scenarios/exchanges.ts';
import { blocked, expectError, question, recipe, testIf } from './scenarios/expected.ts';
import { outages } from './scenarios/outages.ts';
import { parts } from './scenarios/parts.ts';
import { streams } from './scenarios/streams.ts';
import { startWorld, type World } from './world.ts';

describe.each(inject('releases'))('litellm $version', (release) => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld(release);
  });

  afterAll(async () => {
    await world?.stop();
  });

  exchanges(release, () => world);
  parts(release, () => world);
  streams(release, () => world);
  outages(release, () => world);

  describe('during_call', () => {
    test('a forbidden request is refused, though the provider may have it already', async () => {
      world.provider.reset();
      const seen = await world.send(chat, chat.ask(`Peel a ${forbidden}`), ['policy-during']);

      expectError(release, chat, seen, blocked);
      expect(seen.raw).not.toContain('kettle');
      await sleep(500); // the provider may be asked yet, and the next test counts its calls
    });
  });

  test('Capsule denies a request and gets no responses', async () => {
    world.provider.reset({ text: recipe });
    const denied = await world.send(chat, chat.ask(`Peel a ${forbidden}`), ['capsule-pre', 'capsule-post']);
    expectError(release, chat, denied, blocked);
    expect(world.provider.calls).toEqual([]);

    const passed = await world.send(chat, chat.ask(question), ['capsule-pre', 'capsule-post']);
    expect(passed.status).toBe(200);
    expect(passed.raw).toContain(forbidden);
  });

  test('the reference a client sees finds the decision in the log, which has no content', async () => {
    world.provider.reset();
    const seen = await world.send(chat, chat.ask(`Peel a ${forbidden} quietly`), ['policy-pre']);
    const reference = /Reference: ([0-9a-f]{16})/.exec(seen.raw)?.[1] ?? 'none';

    // The line comes through a pipe of its own and can be later than the reply
    const found = () => world.bridges.policy.lines.filter((line) => JSON.stringify(line).includes(reference));
    await expect.poll(found).toHaveLength(1);
    const lines = found();
    expect(JSON.stringify(lines)).toContain(seen.headers.get('x-litellm-call-id'));
    expect(JSON.stringify(world.bridges.policy.lines)).not.toContain('quietly');
  });

  test('the reply to a request names the guardrail that ran', async () => {
    world.provider.reset();
    const seen = await world.send(chat, chat.ask(question), ['policy-pre']);

    expect(seen.headers.get('x-litellm-applied-guardrails')).toContain('policy-pre');
  });

  testIf(does(release, 'skips wrong entries'))(
    'LEAKS: LiteLLM starts without a guardrail whose entry is wrong, and calls pass it unjudged',
    async () => {
      world.provider.reset();
      const seen = await world.send(chat, chat.ask(`Peel a ${forbidden}`), ['wrong-pre']);

      expect(seen.status).toBe(200);
      expect(world.provider.calls).toHaveLength(1);
      expect(world.proxy.log()).toMatch(/Skipping guardrail 'wrong-pre'/);
    },
  );
});
