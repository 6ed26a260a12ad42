import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { chat, messages, responses } from './endpoints.ts';
import { samples } from './policy-samples.ts';
import { policies } from './policy-world.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { does } from './release.ts';

const question = 'How long does a plum cake bake?';
/** Content that the client hides, and its size: more than the margin of the bridge. */
const hidden = `hidden-words ${'Peel the quince and say nothing. '.repeat(30)}`;
const refusal =
  /Not allowed: the security check is not shown all of this call\. \[hidden\] Reference: [0-9a-f]{16}/;
const several =
  /Not allowed: the security check needs a call of its own for each model\. \[several_models\] Reference: [0-9a-f]{16}/;
const blocked = /Blocked by security policy\. \[(?:policy|not_allowed)\] Reference: [0-9a-f]{16}/;

const rbac = policies({
  rbac: {
    deny_if_missing: [],
    roles: { clerk: { allowed_models: ['house-model', 'cheap*'] }, boss: {} },
    assignments: [{ role: 'boss', key_aliases: ['boss-key'] }],
    default_role: 'clerk',
  },
});

/** A key that may use every model, and one that LiteLLM lets use one. */
const auth = `
from litellm.proxy._types import UserAPIKeyAuth

CALLERS = {
    "sk-invented-master-key": {},
    "sk-invented-boss": {"key_alias": "boss-key"},
    "sk-invented-limited": {"models": ["house-model"]},
    "sk-invented-no-fallbacks": {"metadata": {"disable_fallbacks": True}},
}

async def user_api_key_auth(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, **CALLERS[api_key])
`;
const bearer = (who: string) => ({ authorization: `Bearer sk-invented-${who}` });

const envs = {
  counting: {},
  blocking: { HIDDEN_CONTENT: 'block' },
  roles: {},
  listing: { MULTI_MODEL: 'allow' },
};
type Name = keyof typeof envs;
const names = Object.keys(envs) as Name[];

describe.each(inject('releases'))('what LiteLLM $version does not show', (release) => {
  let folder: string;
  let provider: Provider;
  let proxy: RunningProxy;
  let dropping: RunningProxy;
  let bridges: Record<Name, Bridge>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'litellm-unseen-'));
    const file = join(folder, 'rbac.yaml');
    await writeFile(file, JSON.stringify(rbac)); // JSON is YAML
    const started = await Promise.all(
      names.map(async (name) => {
        const policy = name === 'roles' || name === 'listing' ? { POLICY_FILE: file } : {};
        return [name, await startBridge({ ...policy, ...envs[name] })] as const;
      }),
    );
    bridges = Object.fromEntries(started) as typeof bridges;
    provider = await startProvider();
    const guardrails = names.flatMap((name) =>
      ['pre', 'post'].map((mode) => ({
        guardrail_name: `${name}-${mode}`,
        litellm_params: {
          guardrail: 'generic_guardrail_api',
          mode: `${mode}_call`,
          api_base: bridges[name].url,
          default_on: false,
        },
      })),
    );
    const common = { bin: release.bin, providerUrl: provider.url, guardrails, models: ['forbidden'] };
    const example = resolve(import.meta.dirname, '..', '..', 'examples', 'litellm-config.yaml');
    const { model_list } = parseYaml(readFileSync(example, 'utf8'));
    const { additional_drop_params } = model_list[0].litellm_params;
    [proxy, dropping] = await Promise.all([
      startProxy({
        ...common,
        settings: {
          general_settings: {
            custom_auth: 'unseen_auth.user_api_key_auth',
            custom_auth_run_common_checks: true,
          },
        },
        files: { 'unseen_auth.py': auth },
      }),
      startProxy({ ...common, modelParams: { additional_drop_params } }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([proxy?.stop(), dropping?.stop()]);
    await Promise.all([...Object.values(bridges ?? {}).map((bridge) => bridge.stop()), provider?.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  type Ask = { path: string; fields: object; who?: string; through?: RunningProxy };
  /** Sends a request under both guardrails of a bridge. */
  const ask = (name: Name, { path, fields, who = 'master-key', through = proxy }: Ask): Promise<Seen> =>
    call(through.url, path, { ...fields, guardrails: [`${name}-pre`, `${name}-post`] }, bearer(who));
  /** The words that reached the model, as JSON. */
  const reached = () => JSON.stringify(provider.calls);

  async function metric(name: Name, sample: string): Promise<number> {
    const line = (await bridges[name].metrics())
      .split('\n')
      .find((text) => text.startsWith(`guardrail_bridge_${sample} `));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  const replaced: [string, { path: string; fields: object }][] = [
    [
      'a chat',
      {
        path: chat.path,
        fields: { ...chat.ask(question), extra_body: { messages: [{ role: 'user', content: hidden }] } },
      },
    ],
    [
      'a chat with a client that undoes the operator’s additional_drop_params',
      {
        path: chat.path,
        fields: {
          ...chat.ask(question),
          additional_drop_params: [],
          extra_body: { messages: [{ role: 'user', content: hidden }] },
        },
      },
    ],
    [
      'responses',
      { path: responses.path, fields: { ...responses.ask(question), extra_body: { input: hidden } } },
    ],
    [
      'functions of old',
      {
        path: chat.path,
        fields: {
          ...chat.ask(question),
          functions: [{ name: 'f', description: hidden, parameters: { type: 'object', properties: {} } }],
        },
      },
    ],
    [
      'a document of messages',
      {
        path: messages.path,
        fields: {
          model: 'house-claude',
          max_tokens: 9,
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: question },
                { type: 'document', source: { type: 'text', media_type: 'text/plain', data: hidden } },
              ],
            },
          ],
        },
      },
    ],
  ];

  test.each(replaced)(
    'another prompt than the one that was shown, in %s, is counted',
    async (_where, asked) => {
      provider.reset();
      const before = await metric('counting', 'hidden_bytes_total');
      const seen = await ask('counting', asked);

      expect(seen.status, seen.raw).toBe(200);
      expect(reached()).toContain('hidden-words');
      const bytes = (await metric('counting', 'hidden_bytes_total')) - before;
      expect(bytes).toBeGreaterThan(500);
      expect(bytes).toBeLessThan(hidden.length + 500);
      expect(JSON.stringify(bridges.counting.lines)).not.toContain('quince');
    },
  );

  test.each(replaced)('HIDDEN_CONTENT=block refuses it in %s', async (_where, asked) => {
    provider.reset();
    const seen = await ask('blocking', asked);

    expect(seen.raw).toMatch(refusal);
    expect(provider.calls).toEqual([]);
  });

  test('HIDDEN_CONTENT=block lets pass what is shown whole, long or with parameters', async () => {
    const long = 'Öffnet das Café am Sonntag, und gibt es „Pflaumenkuchen“? '.repeat(200);
    for (const prompt of [question, long]) {
      for (const endpoint of [chat, messages, responses]) {
        provider.reset();
        const fields = { ...endpoint.ask(prompt), temperature: 0.5, metadata: { session: 'kitchen' } };
        expect((await ask('blocking', { path: endpoint.path, fields })).status).toBe(200);
      }
    }
    expect(await metric('blocking', 'hidden_calls_total{reason="unmeasured"}')).toBe(0);
  });

  test('a body in chunks tells no length: it is counted, and refused by HIDDEN_CONTENT=block', async () => {
    provider.reset();
    const send = async (name: Name) => {
      const json = JSON.stringify({ ...chat.ask(question), guardrails: [`${name}-pre`] });
      const response = await fetch(`${proxy.url}${chat.path}`, {
        method: 'POST',
        headers: { ...bearer('master-key'), 'content-type': 'application/json' },
        body: new Blob([json]).stream(),
        duplex: 'half',
      });
      return response.text();
    };
    expect(await send('counting')).not.toMatch(refusal);
    expect(await metric('counting', 'hidden_calls_total{reason="unmeasured"}')).toBe(1);
    expect(await send('blocking')).toMatch(refusal);
    expect(provider.calls).toHaveLength(1);
  });

  describe('with the additional_drop_params of the example', () => {
    const schema = {
      type: 'json_schema',
      json_schema: { name: 'x', schema: { type: 'object', description: hidden } },
    };
    test.each<[string, object]>([
      ['extra_body', { extra_body: { messages: [{ role: 'user', content: hidden }] } }],
      ['functions', { functions: [{ name: 'f', description: hidden, parameters: { type: 'object' } }] }],
      ['prediction', { prediction: { type: 'content', content: hidden } }],
      ['response_format', { response_format: schema }],
      ['system_prompt', { system_prompt: hidden }],
      ['a parameter that nobody knows', { anything: hidden }],
    ])('nothing of %s reaches the model of a chat', async (_name, fields) => {
      for (const who of [proxy, dropping]) {
        provider.reset();
        const asked = { path: chat.path, fields: { ...chat.ask(question), ...fields }, through: who };
        const seen = await ask('counting', asked);
        expect(seen.status, seen.raw).toBe(200);
        expect(reached().includes('hidden-words')).toBe(who === proxy);
        if (who === dropping) expect(reached()).toContain(question);
      }
    });

    // A failure here is good news, and the guide to operations may promise more
    test.each<[string, string, object]>([
      [
        'a client undoes it',
        chat.path,
        { ...chat.ask(question), additional_drop_params: [], anything: hidden },
      ],
      [
        'it does not hold for responses',
        responses.path,
        { ...responses.ask(question), extra_body: { input: hidden } },
      ],
      [
        'nor for embeddings',
        '/v1/embeddings',
        { model: 'house-embedding', input: question, extra_body: { input: hidden } },
      ],
      [
        'nor for "system" in a chat of Anthropic’s',
        chat.path,
        { ...chat.ask(question), model: 'house-claude', system: hidden },
      ],
    ])('LEAKS: %s', async (_how, path, fields) => {
      provider.reset();
      const seen = await ask('counting', { path, fields, through: dropping });
      expect(seen.status, seen.raw).toBe(200);
      expect(reached()).toContain('hidden-words');
      provider.reset();
      expect((await ask('blocking', { path, fields, through: dropping })).raw).toMatch(refusal);
      expect(provider.calls).toEqual([]);
    });
  });

  describe('several models in one request', () => {
    const fields = (model: string) => ({ ...chat.ask(question), model });

    test.each(['house-model,forbidden', 'house-model, house-claude', 'house-model,house-model'])(
      '%s is refused',
      async (model) => {
        provider.reset();
        expect((await ask('counting', { path: chat.path, fields: fields(model) })).raw).toMatch(several);
        expect(provider.calls).toEqual([]);
      },
    );

    test('MULTI_MODEL=allow lets it pass if the role may use each of them; nobody judges the answers', async () => {
      provider.reset({ text: `The key is ${samples.github}.` });
      const refused = await ask('listing', { path: chat.path, fields: fields('house-model, forbidden') });
      expect(refused.raw).toMatch(blocked);
      expect(provider.calls).toEqual([]);
      const passed = await ask('listing', { path: chat.path, fields: fields('house-model, house-model') });
      expect(passed.status, passed.raw).toBe(200);
      expect(provider.calls).toHaveLength(2);
      expect(await metric('listing', 'decisions_total{input_type="response",action="NONE"}')).toBe(0);
    });
  });

  describe('fallbacks that the client names', () => {
    const asked = { path: chat.path, fields: { ...chat.ask(question), fallbacks: ['forbidden'] } };
    const down = () => {
      provider.reset();
      provider.respondTo = ({ model }) => (String(model).startsWith('house-model') ? { status: 500 } : {});
    };
    const up = () => {
      provider.reset();
      provider.respondTo = undefined;
    };

    test('an answer of a model that the role may not use is counted, and refused as soon as it is known', async () => {
      down();
      const first = await ask('roles', asked);
      expect(first.status, first.raw).toBe(200);
      expect(await metric('roles', 'uncompared_models_total')).toBe(1);
      up();
      const plain = { path: chat.path, fields: chat.ask(question) };
      expect((await ask('roles', plain)).status).toBe(200);
      const boss = { path: chat.path, fields: { ...chat.ask(question), model: 'forbidden' }, who: 'boss' };
      expect((await ask('roles', boss)).status).toBe(200);
      down();
      const refused = await ask('roles', asked);
      expect(refused.raw).toMatch(blocked);
      expect(provider.calls.map(({ body }) => body.model)).toEqual([
        'house-model-upstream',
        'forbidden-upstream',
      ]);
      expect((await ask('roles', { ...asked, who: 'boss' })).status).toBe(200);
      up();
      expect((await ask('roles', plain)).status).toBe(200);
      expect(await metric('roles', 'uncompared_models_total')).toBe(1);
    });

    test.each([
      ['whose metadata say so', 'no-fallbacks', true],
      ['that is for one model', 'limited', does(release, 'limits fallbacks by key')],
    ])('LiteLLM itself takes none for a key %s', async (_which, who, isRefused) => {
      down();
      const fields = { ...asked.fields, disable_fallbacks: false };
      const seen = await ask('counting', { ...asked, fields, who });
      up();
      expect(seen.raw.includes('kettle')).toBe(!isRefused);
    });
  });

  test.each<[string, { path: string; fields: object }]>([
    ['of a tool call', { path: chat.path, fields: historyWith(samples.github) }],
    ['of a tool call of messages', { path: messages.path, fields: blocksWith(samples.github) }],
  ])('a secret in the id %s is refused', async (_where, asked) => {
    provider.reset();
    expect((await ask('counting', asked)).raw).toMatch(blocked);
    expect(provider.calls).toEqual([]);
  });
});

function historyWith(id: string) {
  const call = { id, type: 'function', function: { name: 'look_up', arguments: '{}' } };
  return {
    model: 'house-model',
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: id, content: 'fifty minutes' },
    ],
  };
}

function blocksWith(id: string) {
  return {
    model: 'house-claude',
    max_tokens: 9,
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: [{ type: 'tool_use', id, name: 'look_up', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'fifty minutes' }] },
    ],
  };
}
