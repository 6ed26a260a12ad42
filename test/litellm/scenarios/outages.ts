import { describe, expect, test } from 'vitest';
import { streamedText } from '../client.ts';
import { chat, messages, responses } from '../endpoints.ts';
import { forbidden } from '../fake-akto.ts';
import { blockStatus, does, type Release } from '../release.ts';
import type { World } from '../world.ts';
import { expectCut, expectError, expectOutcome, notChecked, question, recipe, testIf } from './expected.ts';

/** Shows the client's view when no verdict can be had. */
export function outages(release: Release, world: () => World): void {
  // `defer` leaves it to LiteLLM's unreachable_fallback.
  describe('without a verdict', () => {
    const passes = { status: 200 };
    const refused = { status: blockStatus(release), message: notChecked };
    const failed = (message: RegExp) => ({ status: 500, message });
    const deferred = failed(/^Generic Guardrail API failed: Server error '503 Service Unavailable'/);
    const connect = failed(/^Generic Guardrail API failed: Cannot connect to host/);
    type Row = [string, string, { status: number; message?: RegExp }];
    const table: Row[] = [
      ['bridge down, LiteLLM fail_closed', 'gone', connect],
      ['bridge down, LiteLLM fail_open', 'gone-litellm_open', passes],
      ...(['down', 'hang'] as const).flatMap((how): Row[] => [
        [`backend ${how}, fail_closed`, `${how}-fail_closed`, refused],
        [`backend ${how}, fail_open`, `${how}-fail_open`, passes],
        [`backend ${how}, defer, LiteLLM fail_closed`, `${how}-defer`, deferred],
      ]),
      ...(['down', 'hang'] as const).flatMap((how): Row[] => [
        [`backend ${how}, fail_closed, LiteLLM fail_open`, `${how}-fail_closed-litellm_open`, refused],
        [`backend ${how}, defer, LiteLLM fail_open`, `${how}-defer-litellm_open`, passes],
      ]),
    ];

    test.each(table)('%s, for a request', async (_case, guardrail, outcome) => {
      world().provider.reset();
      const startedAt = performance.now();
      const seen = await world().send(chat, chat.ask(question), [`${guardrail}-pre`]);

      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expectOutcome(release, seen, outcome);
      expect(world().provider.calls).toHaveLength(outcome.status === 200 ? 1 : 0);
    });

    test.each(table)('%s, for a response', async (_case, guardrail, outcome) => {
      world().provider.reset();
      const seen = await world().send(chat, chat.ask(question), [`${guardrail}-post`]);

      expectOutcome(release, seen, outcome);
      expect(world().provider.calls).toHaveLength(1);
      if (outcome.status !== 200) expect(seen.raw).not.toContain('kettle');
    });

    test.each(table)('%s, for a streamed response', async (_case, guardrail, outcome) => {
      world().provider.reset({ text: recipe, chunkSize: 4 });
      const seen = await world().send(chat, { ...chat.ask(question), stream: true }, [`${guardrail}-post`]);

      expect(seen.status).toBe(200); // the first chunks went out before the first check
      const text = streamedText(seen.raw);
      if (outcome.message) {
        expectCut(release, chat, seen, outcome.message);
        expect(text).not.toContain(forbidden);
      } else {
        expect(text).toBe(recipe);
      }
    });

    test.each([messages, responses])('a client of $name sees its own kind of error', async (endpoint) => {
      world().provider.reset();
      const seen = await world().send(endpoint, endpoint.ask(question), ['down-fail_closed-pre']);

      expectError(release, endpoint, seen, notChecked);
    });

    testIf(does(release, 'heeds timeout'))(
      "LiteLLM's own `timeout` ends the wait for a bridge that does not reply",
      async () => {
        world().provider.reset();
        const closed = await world().send(chat, chat.ask(question), ['stuck-pre']);
        const opened = await world().send(chat, chat.ask(question), ['stuck-litellm_open-pre']);

        expectOutcome(release, closed, failed(/^Generic Guardrail API failed: .*[Tt]imeout/));
        expectOutcome(release, opened, passes);
      },
    );

    test('a bypass is counted as one', async () => {
      const metrics = await world().bridges['down-fail_open'].metrics();

      expect(metrics).toMatch(/^guardrail_bridge_bypasses_total\{.*backend="akto".*\} [1-9]/m);
      expect(metrics).not.toMatch(/^guardrail_bridge_verdicts_total\{.*backend="akto".*\} [1-9]/m);
    });

    test('a wrong key is an error, which LiteLLM refuses even under fail_open', async () => {
      world().provider.reset();
      const seen = await world().send(chat, chat.ask(question), ['wrong-key-litellm_open-pre']);

      expectOutcome(release, seen, failed(/^Generic Guardrail API failed: Client error '401 Unauthorized'/));
      expect(world().provider.calls).toEqual([]);
    });
  });
}
