import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aktoReply } from '../support/akto.ts';
import { type FakeBackend, json, type SeenRequest, startFakeBackend } from '../support/fake-backend.ts';
import { chat } from './endpoints.ts';
import { samples } from './policy-samples.ts';
import { chunksOf, forAll } from './policy-stream.ts';
import { type PolicyWorld, policies, respondByNumber, startPolicyWorld } from './policy-world.ts';
import { releasesThat } from './release.ts';

const secret = 'dana.roe@example.org';
const marker = '<EMAIL_ADDRESS>';
const incremental = {
  mode: 'post_call',
  streaming_transform_mode: 'incremental_diff',
  streaming_sampling_rate: 1,
};

/** Finds mail addresses as Presidio does, by code points. */
function presidio({ body }: SeenRequest, response: Parameters<FakeBackend['reply']>[1]): void {
  const { text } = body as { text: string | string[] };
  const found = (one: string) =>
    [...one.matchAll(/[\w.]+@[\w-]+\.[\w.]*\w/g)].map(({ index, 0: match }) => {
      const start = [...one.slice(0, index)].length;
      return { entity_type: 'EMAIL_ADDRESS', start, end: start + [...match].length, score: 1 };
    });
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify(Array.isArray(text) ? text.map(found) : found(text)));
}

describe.each(releasesThat('has stream settings'))(
  'several vendors on one call, litellm $version',
  (release) => {
    const vendors: Record<string, FakeBackend> = {};
    let world: PolicyWorld<'house'>;

    beforeAll(async () => {
      for (const name of ['akto', 'presidio', 'generic', 'capsule']) vendors[name] = await startFakeBackend();
      const secretOf = { secret: { env: 'TOKEN' }, unreachable_fallback: 'fail_closed' };
      const policy = policies(
        { 'banned-keywords': { keywords: ['marmalade'] }, secrets: { action: 'redact' } },
        {
          backends: [
            { name: 'akto-house', kind: 'akto', url: vendors.akto?.url, ...secretOf },
            {
              name: 'house-presidio',
              kind: 'presidio',
              url: vendors.presidio?.url,
              entities: { EMAIL_ADDRESS: 'mask' },
            },
            { name: 'third-party', kind: 'generic-guardrail', url: vendors.generic?.url, ...secretOf },
            {
              name: 'shadow-capsule',
              kind: 'capsule',
              url: vendors.capsule?.url,
              ...secretOf,
              mode: 'shadow',
            },
          ],
        },
      );
      const env = { TOKEN: 'invented-token', RESPONSE_REDACTION: 'rewrite' };
      const guardrails = { pre: { mode: 'pre_call' }, post: { mode: 'post_call' }, each: incremental };
      world = await startPolicyWorld(release, { house: { policy, env, guardrails } });
    });
    beforeEach(() => {
      const by = (name: string, reply: FakeBackend['reply']) => {
        const vendor = vendors[name] as FakeBackend;
        vendor.seen.length = 0;
        vendor.reply = reply;
      };
      by('akto', aktoReply({ Allowed: true }));
      by('presidio', presidio);
      by('generic', json({ action: 'NONE' }));
      by('capsule', json({ decision: 'allow' }));
      world.provider.reset({ text: 'Fifty minutes.' });
    });
    afterAll(async () => {
      await world?.stop();
      await Promise.all(Object.values(vendors).map((vendor) => vendor.close()));
    });

    const ask = (text: string, guardrails = ['house-pre']) => world.send(chat, chat.ask(text), guardrails);

    test('a harmless call is asked of all of them and goes through', async () => {
      expect((await ask('How long does a plum cake bake?')).status).toBe(200);
      expect(Object.values(vendors).map(({ seen }) => seen.length)).toEqual([1, 1, 1, 1]);
    });

    test.each([
      ['a policy', () => 'Is there marmalade?'],
      [
        'the first vendor',
        () => {
          (vendors.akto as FakeBackend).reply = aktoReply({ Allowed: false, Reason: 'no' });
          return 'How long does a pear cake bake?';
        },
      ],
      [
        'the third vendor',
        () => {
          (vendors.generic as FakeBackend).reply = json({
            action: 'BLOCKED',
            blocked_reason: 'internals of a vendor',
          });
          return 'How long does a fig cake bake?';
        },
      ],
    ])('%s blocks, and the client reads a reference and none of its words', async (_, prompt) => {
      const { status, raw } = await ask(prompt());
      expect([400, 500]).toContain(status);
      expect(raw).toMatch(/Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}/);
      expect(raw).not.toContain('internals of a vendor');
    });

    test('a policy and a vendor of spans redact one prompt, and the model sees neither secret', async () => {
      const { status } = await ask(`👋🏽 write to ${secret} with ${samples.github}, please`);
      expect(status).toBe(200);
      const sent = JSON.stringify(world.provider.calls.at(-1)?.body);
      expect(sent).toContain(`👋🏽 write to ${marker} with [REDACTED], please`);
    });

    test('a shadow that disagrees is counted and logged, and changes nothing', async () => {
      (vendors.capsule as FakeBackend).reply = json({ decision: 'deny', reason: 'said by the shadow' });
      const { status } = await ask('How long does an apple cake bake?');
      expect(status).toBe(200);
      await expect
        .poll(() => world.bridges.house.metrics())
        .toMatch(/shadow_agreement_total\{backend="shadow-capsule",shadow="block",decision="allow"\} 1/);
      expect(JSON.stringify(world.bridges.house.lines)).not.toContain('said by the shadow');
    });

    test('a stream shows nothing of what a vendor of spans redacts, wherever it is cut', async () => {
      const before = ['Well, 👋🏽 ', 'you can ', 'write to '];
      const after = [' any ', 'time', '. Bye', '!'];
      const splits = Array.from({ length: secret.length - 1 }, (_, i) => [
        secret.slice(0, i + 1),
        secret.slice(i + 1),
      ]);
      const numbered = new Map(
        splits.map((parts, number) => [number, { chunks: [...before, ...parts, ...after], chunkDelayMs: 0 }]),
      );
      respondByNumber(world.provider, numbered);
      const raws: string[] = [];
      try {
        await forAll([...numbered.keys()], async (number) => {
          const body = { ...chat.ask(`#${number} How can I reach you?`), stream: true };
          raws[number] = (await world.send(chat, body, ['house-each'])).raw;
        });
      } finally {
        world.provider.respondTo = undefined;
      }
      const whole = `${before.join('')}${marker}${after.join('')}`;
      for (const [number, raw] of raws.entries()) {
        const where = `cut after ${number + 1}`;
        expect(chunksOf(raw)[0]?.join(''), where).toBe(whole);
        expect(raw, where).not.toMatch(/dana|roe@|@exam/);
      }
    });
  },
);
