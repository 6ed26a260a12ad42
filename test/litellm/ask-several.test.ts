import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aktoReply } from '../support/akto.ts';
import { type FakeBackend, json, type Reply, startFakeBackend, text } from '../support/fake-backend.ts';
import { chat } from './endpoints.ts';
import { chunksOf, forAll } from './policy-stream.ts';
import { type PolicyWorld, policies, respondByNumber, startPolicyWorld } from './policy-world.ts';
import { releasesThat } from './release.ts';

const address = 'dana.roe@example.org';
const marker = '<EMAIL_ADDRESS>';
const allows = aktoReply({ Allowed: true });
const blocks = aktoReply({ Allowed: false, Reason: 'words of a vendor' });
const incremental = {
  mode: 'post_call',
  streaming_transform_mode: 'incremental_diff',
  streaming_sampling_rate: 1,
};

/** Finds mail addresses as Presidio does. */
const analyzes: Reply = (seen, response) => {
  const found = (seen.body as { text: string[] }).text.map((one) =>
    [...one.matchAll(/[\w.]+@[\w-]+\.[\w.]*\w/g)].map(({ index, 0: match }) => ({
      ...{ entity_type: 'EMAIL_ADDRESS', start: index, end: index + match.length, score: 1 },
    })),
  );
  return json(found)(seen, response);
};

describe.each(releasesThat('has stream settings'))('several vendors, litellm $version', (release) => {
  const vendors: Record<string, FakeBackend> = {};
  let world: PolicyWorld<'sequence' | 'quorum'>;

  beforeAll(async () => {
    for (const name of ['presidio', 'one', 'two', 'three']) vendors[name] = await startFakeBackend();
    const akto = (name: string) => ({
      ...{ name, kind: 'akto', url: vendors[name]?.url, secret: { env: 'TOKEN' } },
    });
    const presidio = { name: 'presidio', kind: 'presidio', url: vendors.presidio?.url };
    const masking = { ...presidio, entities: { EMAIL_ADDRESS: 'mask' } };
    const sequence = { backends: [masking, akto('one')], orchestration: 'sequence' };
    const quorum = {
      backends: [akto('one'), akto('two'), akto('three')],
      orchestration: { quorum: 2 },
      on_error: 'next',
    };
    const env = { TOKEN: 'invented-token', RESPONSE_REDACTION: 'rewrite' };
    const pre = { pre: { mode: 'pre_call' } };
    world = await startPolicyWorld(release, {
      sequence: { policy: policies({}, sequence), env, guardrails: { ...pre, each: incremental } },
      quorum: { policy: policies({}, quorum), env, guardrails: pre },
    });
  });
  beforeEach(() => {
    for (const vendor of Object.values(vendors)) {
      vendor.seen.length = 0;
      vendor.reply = allows;
    }
    (vendors.presidio as FakeBackend).reply = analyzes;
    world.provider.reset({ text: 'Fifty minutes.' });
  });
  afterAll(async () => {
    await world?.stop();
    await Promise.all(Object.values(vendors).map((vendor) => vendor.close()));
  });

  const seenBy = (name: string) => vendors[name]?.seen.map((request) => request.text).join('\n') ?? '';

  test('in sequence: neither the second vendor nor the model sees what the first one redacts', async () => {
    const { status } = await world.send(chat, chat.ask(`Write to ${address}, please`), ['sequence-pre']);
    expect(status).toBe(200);
    expect(seenBy('presidio')).toContain(address);
    expect(seenBy('one')).toContain(`Write to ${marker}, please`);
    expect(JSON.stringify(world.provider.calls)).toContain(marker);
    expect(seenBy('one') + JSON.stringify(world.provider.calls)).not.toContain(address);
  });

  test('in sequence: a block by the first one is the last word', async () => {
    (vendors.presidio as FakeBackend).reply = text('down', 503);
    const { status, raw } = await world.send(chat, chat.ask('How long does it bake?'), ['sequence-pre']);
    expect([400, 500]).toContain(status);
    expect(raw).toMatch(/could not be completed\. \[unavailable\] Reference: [0-9a-f]{16}/);
    expect(vendors.one?.seen).toEqual([]);
  });

  test('in sequence: of a stream neither the second vendor nor the client sees what the first one redacts', async () => {
    const numbered = new Map(
      Array.from({ length: address.length - 1 }, (_, cut) => [
        cut,
        {
          chunks: [
            'You can ',
            'write to ',
            address.slice(0, cut + 1),
            address.slice(cut + 1),
            ' any time',
            '. Bye!',
          ],
          chunkDelayMs: 0,
        },
      ]),
    );
    respondByNumber(world.provider, numbered);
    try {
      await forAll([...numbered.keys()], async (number) => {
        const body = { ...chat.ask(`#${number} How can I reach you?`), stream: true };
        const { raw } = await world.send(chat, body, ['sequence-each']);
        expect(chunksOf(raw)[0]?.join('')).toBe(`You can write to ${marker} any time. Bye!`);
        expect(raw).not.toMatch(/dana|roe@|@exam/);
      });
    } finally {
      world.provider.respondTo = undefined;
    }
    const seen = seenBy('one');
    expect([seen.includes(marker), seen.includes(address)]).toEqual([true, false]);
  });

  test.each([
    { blocking: ['one'], status: [200] },
    { blocking: ['one', 'three'], status: [400, 500] },
  ])('a quorum of two: $blocking block', async ({ blocking, status }) => {
    for (const name of blocking) (vendors[name] as FakeBackend).reply = blocks;
    const answer = await world.send(chat, chat.ask(`How long does ${blocking.join()} bake?`), ['quorum-pre']);
    expect(status).toContain(answer.status);
    expect(answer.raw).not.toMatch(/words of a vendor|"(?:one|two|three)"/);
  });

  test('on_error: next: vendors that are down leave the call to the last one', async () => {
    for (const name of ['one', 'two']) (vendors[name] as FakeBackend).reply = text('down', 503);
    const ask = () => world.send(chat, chat.ask('How long does a fig cake bake?'), ['quorum-pre']);
    expect((await ask()).status).toBe(200);
    expect(await world.bridges.quorum.metrics()).toMatch(
      /failures_total\{backend="one",mode="enforce",input_type="request",kind="http_status"\} [1-9]/,
    );
  });
});
