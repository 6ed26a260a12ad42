import { writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fieldsOf } from '../../src/guardrail/json.ts';
import { testBridge } from '../support/bridge.ts';
import { fakeBackend } from '../support/closing.ts';
import { json, type Reply, type SeenRequest } from '../support/fake-backend.ts';
import { policyFile } from '../support/policy-file.ts';

const SECRET = { secret: { env: 'HOUSE_KEY' } };

function bridgeOf(document: object) {
  const file = policyFile(document);
  const bridge = testBridge({ POLICY_FILE: file, HOUSE_KEY: 'house-key' });
  onTestFinished(() => bridge.close());
  return { ...bridge, write: (next: object) => writeFileSync(file, JSON.stringify(next)) };
}

/** Makes a call large by more nodes than are read in the main thread, under a key that nobody reads. */
const LARGE = { padding: Array(10_001).fill({}) };
const SIZES = [
  { size: 'small', more: {} },
  { size: 'large', more: LARGE },
] as const;

const request = (id: string, texts: readonly string[], more: object = {}) => ({
  ...{ input_type: 'request', litellm_call_id: id, texts, model: 'house-model' },
  structured_messages: texts.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
  ...more,
});
const response = (id: string, text: string, more: object = {}) => ({
  ...{ input_type: 'response', litellm_call_id: id, texts: [text], model: 'house-model' },
  ...{ litellm_version: '1.110.2', additional_provider_specific_params: { stream: false } },
  ...more,
});

/** A moderation service that flags what is called forbidden, in a text or in the address of an image. */
const moderates: Reply = (seen, answer) => {
  const { input } = fieldsOf(seen.body);
  const parts = Array.isArray(input) ? input : [input];
  const results = parts.map((part) => ({
    flagged: JSON.stringify(part).includes('forbidden'),
    categories: {},
    category_scores: {},
  }));
  return json({ results })(seen, answer);
};

/** A server of texts in which nothing is found. */
const validates = json({ validationPassed: true });

const looking = (id: string, image: string) => ({
  ...{ input_type: 'request', litellm_call_id: id, texts: ['look'], images: [image], model: 'house-model' },
  structured_messages: [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'look' },
        { type: 'image_url', image_url: { url: image } },
      ],
    },
  ],
});

describe('media', () => {
  const image = (name: string) => `https://images.example/${name}.png`;

  test.each(SIZES)(
    'of a $size call go to the backends that judge them, and image-policy lets them pass by one',
    async ({ more }) => {
      const [moderation, guard] = [await fakeBackend(moderates), await fakeBackend(validates)];
      const { ask, metric } = bridgeOf({
        policies: { chain: ['image-policy'] },
        policy: { 'image-policy': { action: 'backend' } },
        backends: [
          { name: 'house-guard', kind: 'guardrails-ai', url: guard.url, guard: 'house' },
          { name: 'house-moderation', kind: 'openai-moderation', url: moderation.url, ...SECRET },
        ],
      });
      expect((await ask({ ...looking('a', image('cake')), ...more })).reply.action).toBe('NONE');
      expect((await ask({ ...looking('b', image('forbidden')), ...more })).reply.action).toBe('BLOCKED');
      expect(moderation.seen.map(({ text }) => /cake|forbidden/.exec(text)?.[0])).toEqual([
        'cake',
        'forbidden',
      ]);
      expect(guard.seen.some(({ text }) => text.includes('images.example'))).toBe(false);
      expect(await metric('unjudged_total{backend="house-guard",content="media"}')).toBe(2);
    },
  );

  test('are blocked by image-policy where no backend judges them', async () => {
    const guard = await fakeBackend(validates);
    const { ask } = bridgeOf({
      policies: { chain: ['image-policy'] },
      policy: { 'image-policy': { action: 'backend' } },
      backends: [{ name: 'house-guard', kind: 'guardrails-ai', url: guard.url, guard: 'house' }],
    });
    expect((await ask(looking('a', image('cake')))).reply.action).toBe('BLOCKED');
    expect(guard.seen).toEqual([]);
  });
});

describe('a response', () => {
  const lakera = (url: string) => ({ name: 'house-lakera', kind: 'lakera', url, ...SECRET });
  const allows = json({ flagged: false });
  const said = ({ body }: SeenRequest) =>
    (fieldsOf(body).messages as { role: string; content: string }[]).map(({ content }) => content);

  test.each(SIZES)(
    'of a $size call comes with its request to a backend of the policy file',
    async ({ more }) => {
      const vendor = await fakeBackend(allows);
      const { ask } = bridgeOf({ policies: { chain: [] }, backends: [lakera(vendor.url)] });
      await ask({ ...request('a', ['When does it open?']), ...more });
      await ask(response('a', 'At nine.'));
      expect(vendor.seen.map(said)).toEqual([['When does it open?'], ['When does it open?', 'At nine.']]);
    },
  );

  test('comes with its request to a backend that a reload brought', async () => {
    const vendor = await fakeBackend(allows);
    const bridge = bridgeOf({ policies: { chain: [] } });
    bridge.write({ policies: { chain: [] }, backends: [lakera(vendor.url)] });
    bridge.reloadPolicies();
    await bridge.ask(request('a', ['When does it open?']));
    await bridge.ask(response('a', 'At nine.'));
    expect(said(vendor.seen.at(-1)!)).toEqual(['When does it open?', 'At nine.']);
  });
});

describe('a text', () => {
  test.each(SIZES)(
    'of a $size call goes once to a backend that judges texts, until the policy file changes',
    async ({ more }) => {
      const guard = await fakeBackend(validates);
      const document = {
        policies: { chain: [] },
        backends: [{ name: 'house-guard', kind: 'guardrails-ai', url: guard.url, guard: 'house' }],
      };
      const bridge = bridgeOf(document);
      const ask = (id: string, ...texts: string[]) => bridge.ask({ ...request(id, texts), ...more });
      await ask('a', 'first question');
      await ask('b', 'first question', 'an answer', 'second question');
      await ask('c', 'first question', 'an answer', 'second question');
      const asked = () => guard.seen.map(({ body }) => fieldsOf(body).llm_output);
      expect(asked().toSorted()).toEqual(['an answer', 'first question', 'second question']);
      expect(await bridge.metric('unasked_total{backend="house-guard",input_type="request"}')).toBe(1);
      bridge.write({ ...document, policy: { 'banned-keywords': { keywords: ['zebra'] } } });
      bridge.reloadPolicies();
      await ask('d', 'second question');
      expect(asked()).toHaveLength(4);
    },
  );
});
