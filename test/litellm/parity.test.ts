import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bridge, startBridge } from './bridge.ts';
import { call, type Seen } from './client.ts';
import { aktoCall, capsuleCall, compare, type Difference, unmet } from './differences.ts';
import { startFakeAkto } from './fake-akto.ts';
import { type ModelResponse, type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { type RecordedCall, type Recorder, startRecorder } from './recorder.ts';
import { releasesThat } from './release.ts';

const aktoToken = 'invented-akto-token';
const capsuleToken = 'invented-capsule-token';

// The vendors' own code and the bridge in one proxy, each with a recording backend: for the same client request
// both must send the same, field by field, but for the differences listed here.
describe.each(releasesThat('asks Akto as the bridge does').slice(0, 1))(
  "parity with the vendors' own code in litellm $version",
  (release) => {
    let provider: Provider;
    let theirAkto: Recorder;
    let ourAkto: Recorder;
    let theirCapsule: Recorder;
    let ourCapsule: Recorder;
    let bridge: Bridge;
    let proxy: RunningProxy;

    beforeAll(async () => {
      const allowing = ({ path }: RecordedCall) => ({
        json: path.endsWith('/post') ? { ok: true } : { decision: 'allow' },
      });
      [provider, theirAkto, ourAkto, theirCapsule, ourCapsule] = await Promise.all([
        startProvider(),
        startFakeAkto('allow'),
        startFakeAkto('allow'),
        startRecorder(allowing),
        startRecorder(allowing),
      ]);
      bridge = await startBridge({
        AKTO_GUARDRAIL_API_BASE: ourAkto.url,
        AKTO_API_KEY: aktoToken,
        AKTO_ACCOUNT_ID: '4711',
        AKTO_VXLAN_ID: '42',
        CAPSULE_LITELLM_ENDPOINT: ourCapsule.url,
        CAPSULE_LITELLM_TOKEN: capsuleToken,
      });
      proxy = await startProxy({
        bin: release.bin,
        providerUrl: provider.url,
        ...(release.capsule ? { callbacks: ['capsule_litellm_plugin.capsule_callback'] } : {}),
        env: { CAPSULE_LITELLM_ENDPOINT: theirCapsule.url, CAPSULE_LITELLM_TOKEN: capsuleToken },
        guardrails: ['pre', 'post'].flatMap((mode) => [
          {
            guardrail_name: `akto-${mode}`,
            litellm_params: {
              guardrail: 'akto',
              mode: `${mode}_call`,
              akto_base_url: theirAkto.url,
              akto_api_key: aktoToken,
              akto_account_id: '4711',
              akto_vxlan_id: '42',
              default_on: false,
            },
          },
          {
            guardrail_name: `bridge-${mode}`,
            litellm_params: {
              guardrail: 'generic_guardrail_api',
              mode: `${mode}_call`,
              api_base: bridge.url,
              default_on: false,
              extra_headers: ['x-forwarded-for', 'x-kitchen'],
            },
          },
        ]),
      });
    });

    afterAll(async () => {
      await proxy?.stop();
      await bridge?.stop();
      await Promise.all(
        [provider, theirAkto, ourAkto, theirCapsule, ourCapsule].map((server) => server?.close()),
      );
    });

    async function send(item: ParityCase, guardrails: string[]): Promise<Seen> {
      provider.reset(item.response ?? {});
      for (const recorder of [theirAkto, ourAkto, theirCapsule, ourCapsule]) recorder.calls = [];
      const seen = await call(proxy.url, item.path, { ...item.body, guardrails }, item.headers);
      expect(seen.status, seen.raw.slice(0, 400)).toBe(200);
      return seen;
    }

    describe('Akto', () => {
      const used = new Set<Difference>();

      test.each(cases)('$name: the request check', async (item) => {
        await send(item, ['akto-pre', 'bridge-pre']);

        const theirs = theirAkto.calls.filter(({ query }) => query.file_guardrails !== 'true');
        expect(theirs).toHaveLength(1);
        expect(ourAkto.calls).toHaveLength(1);
        compare(item.name, aktoCall(theirs[0]), aktoCall(ourAkto.calls[0]), aktoDifferences.request, used);
        const words = JSON.stringify(aktoCall(ourAkto.calls[0]).body);
        for (const text of item.said) expect(words).toContain(text);
        expect(words).not.toMatch(/invented-other-key|session=invented/);
      });

      test.each(cases.filter(({ hasResponse }) => hasResponse))('$name: the response check', async (item) => {
        await send(item, ['akto-pre', 'akto-post', 'bridge-pre', 'bridge-post']);

        const responses = (recorder: Recorder) =>
          recorder.calls.filter(({ query }) => query.response_guardrails === 'true');
        expect(responses(theirAkto)).toHaveLength(1);
        expect(responses(ourAkto)).toHaveLength(1);
        compare(
          item.name,
          aktoCall(responses(theirAkto)[0]),
          aktoCall(responses(ourAkto)[0]),
          aktoDifferences.response,
          used,
        );
        const words = JSON.stringify(aktoCall(responses(ourAkto)[0]).body);
        const response = item.response?.toolCalls ? 'apple pie' : 'A kettle boils water.';
        for (const text of [...item.said, response]) expect(words).toContain(text);
      });

      test('every listed difference was met', () => {
        expect(unmet([...aktoDifferences.request, ...aktoDifferences.response], used)).toEqual([]);
      });
    });

    describe('Capsule', () => {
      const used = new Set<Difference>();

      // CAPSULE_PARITY=off: the package is under its vendor's licence
      test.skipIf(!release.capsule).each(cases)('$name: the pre hook', async (item) => {
        await send(item, ['bridge-pre']);

        const theirs = theirCapsule.calls.filter(({ path }) => path.endsWith('/events/pre'));
        expect(theirs).toHaveLength(1);
        expect(ourCapsule.calls).toHaveLength(1);
        compare(
          item.name,
          capsuleCall(theirs[0]),
          capsuleCall(ourCapsule.calls[0]),
          capsuleDifferences,
          used,
        );
        const words = JSON.stringify(ourCapsule.calls[0]?.body);
        for (const text of item.said) expect(words).toContain(text);
      });

      test.skipIf(!release.capsule)('every listed difference was met', () => {
        expect(unmet(capsuleDifferences, used)).toEqual([]);
      });
    });
  },
);

interface ParityCase {
  name: string;
  path: string;
  body: Record<string, unknown>;
  headers?: Record<string, string>;
  response?: ModelResponse;
  /** True if there is a response to check. */
  hasResponse: boolean;
  /** Words of people, tools and models in the request: all of them have to be in our checks. */
  said: string[];
}

const lookUp = {
  name: 'look_up_recipe',
  parameters: { type: 'object', properties: { title: { type: 'string' } } },
};
const history = [
  { role: 'user', content: 'Find the plum cake recipe.' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      {
        id: 'call_9',
        type: 'function',
        function: { name: 'look_up_recipe', arguments: '{"title":"plum cake"}' },
      },
    ],
  },
  { role: 'tool', tool_call_id: 'call_9', content: 'Plums, flour, butter.' },
];

const cases: ParityCase[] = [
  {
    name: 'chat',
    path: '/v1/chat/completions',
    headers: {
      'x-litellm-session-id': 'session-invented-7',
      'x-forwarded-for': '203.0.113.7',
      'x-kitchen': 'north',
      'x-notes': 'not for guardrails',
      'x-api-key': 'sk-invented-other-key',
      cookie: 'session=invented',
    },
    body: {
      model: 'house-model',
      user: 'ada',
      messages: [
        { role: 'system', content: 'You are the kitchen helper.' },
        { role: 'user', content: 'How long does a plum cake bake? Übrigens: 🍰' },
      ],
    },
    said: ['You are the kitchen helper.', 'How long does a plum cake bake? Übrigens: 🍰'],
    hasResponse: true,
  },
  {
    name: 'chat with parts',
    path: '/v1/chat/completions',
    body: {
      model: 'house-model',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is on this plate?' },
            { type: 'text', text: 'Answer in one word.' },
          ],
        },
      ],
    },
    said: ['What is on this plate?', 'Answer in one word.'],
    hasResponse: true,
  },
  {
    name: 'chat with tools',
    path: '/v1/chat/completions',
    body: { model: 'house-model', tools: [{ type: 'function', function: lookUp }], messages: history },
    response: { toolCalls: [{ name: 'look_up_recipe', arguments: '{"title":"apple pie"}' }] },
    said: ['Find the plum cake recipe.', 'plum cake', 'Plums, flour, butter.'],
    hasResponse: true,
  },
  {
    name: 'messages',
    path: '/v1/messages',
    body: {
      model: 'house-claude',
      max_tokens: 100,
      system: 'You are the kitchen helper.',
      messages: [
        { role: 'user', content: 'Find the plum cake recipe.' },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'I will look it up.' },
            { type: 'tool_use', id: 'toolu_1', name: 'look_up_recipe', input: { title: 'plum cake' } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'Plums, flour, butter.' }],
        },
      ],
    },
    said: [
      'You are the kitchen helper.',
      'Find the plum cake recipe.',
      'I will look it up.',
      'plum cake',
      'Plums, flour, butter.',
    ],
    hasResponse: true,
  },
  {
    name: 'responses',
    path: '/v1/responses',
    body: {
      model: 'house-model',
      instructions: 'You are the kitchen helper.',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'Find the plum cake recipe.' }] },
        {
          type: 'function_call',
          call_id: 'call_9',
          name: 'look_up_recipe',
          arguments: '{"title":"plum cake"}',
        },
        { type: 'function_call_output', call_id: 'call_9', output: 'Plums, flour, butter.' },
      ],
    },
    said: ['You are the kitchen helper.', 'Find the plum cake recipe.', 'plum cake', 'Plums, flour, butter.'],
    hasResponse: true,
  },
  {
    name: 'embeddings',
    path: '/v1/embeddings',
    body: { model: 'house-embedding', input: ['plum cake', 'apple pie'] },
    said: ['plum cake', 'apple pie'],
    hasResponse: false,
  },
  {
    name: 'completions',
    path: '/v1/completions',
    body: { model: 'house-completion', prompt: 'Once upon a plum tree' },
    said: ['Once upon a plum tree'],
    hasResponse: true,
  },
  {
    name: 'a user and a session of a coding agent',
    path: '/v1/messages',
    headers: { 'x-claude-code-session-id': 'agent-session-3' },
    body: {
      model: 'house-claude',
      max_tokens: 100,
      metadata: { user_id: 'ada' },
      messages: [{ role: 'user', content: 'Find the plum cake recipe.' }],
    },
    said: ['Find the plum cake recipe.'],
    hasResponse: true,
  },
  {
    name: 'a user named by a header',
    path: '/v1/chat/completions',
    headers: { 'x-litellm-end-user-id': 'ada', 'x-litellm-trace-id': 'trace-invented-5' },
    body: { model: 'house-model', messages: [{ role: 'user', content: 'Find the plum cake recipe.' }] },
    said: ['Find the plum cake recipe.'],
    hasResponse: true,
  },
  {
    name: 'a session in the metadata',
    path: '/v1/responses',
    body: {
      model: 'house-model',
      user: 'ada',
      litellm_metadata: { session_id: 'session-invented-9' },
      input: 'Find the plum cake recipe.',
    },
    said: ['Find the plum cake recipe.'],
    hasResponse: true,
  },
];

const aktoOfEvery: Difference[] = [
  {
    path: 'query.ingest_data',
    why: 'the check only judges; the whole call is recorded in one when it is over',
  },
  { path: 'body.time', why: 'the clock' },
  { path: 'body.ip', why: "LiteLLM does not tell a guardrail the client's address" },
  { path: 'body.requestHeaders.x-notes', why: 'LiteLLM forwards only allowlisted values', cases: ['chat'] },
  { path: 'body.requestHeaders.accept-language', why: 'LiteLLM forwards only allowlisted values' },
  { path: 'body.requestHeaders.sec-fetch-mode', why: 'LiteLLM forwards only allowlisted values' },
  {
    path: 'body.requestHeaders.x-claude-code-session-id',
    why: 'LiteLLM forwards only allowlisted values; its session still arrives as the trace id',
    cases: ['a user and a session of a coding agent'],
  },
  {
    path: 'body.requestHeaders.x-akto-installer-akto_session_id',
    why: 'LiteLLM does not show a guardrail the metadata of a request; the trace id stands in',
    cases: ['a session in the metadata'],
  },
  {
    path: 'body.path',
    why: 'LiteLLM does not tell a guardrail the route',
    cases: cases.filter(({ path }) => path !== '/v1/chat/completions').map(({ name }) => name),
  },
  {
    path: 'body.requestPayload.body.messages.0.content',
    why: 'Akto judges only plain strings, so parts are joined',
    cases: ['chat with parts'],
  },
  {
    path: 'body.requestPayload.body.tools',
    why: "violations hide behind tools; Akto's newer hook drops them from the checked copy too",
    cases: ['chat with tools'],
  },
  {
    path: 'body.requestPayload.body.messages',
    why: 'the guardrail sees the conversation in chat form, with the tool calls and results as messages of their own',
    cases: ['messages'],
  },
  {
    path: 'body.requestPayload.body.messages',
    why: 'parts are joined, and LiteLLM drops the index of a tool call it converted',
    cases: ['responses'],
  },
];

const aktoDifferences: Record<'request' | 'response', Difference[]> = {
  request: aktoOfEvery,
  response: [
    ...aktoOfEvery,
    {
      path: 'body.requestPayload.body.tool_calls',
      why: 'the request is repeated as it was checked, where LiteLLM lists the tool calls of the history',
      cases: ['chat with tools', 'messages'],
    },
    {
      path: 'body.requestPayload.body.messages',
      why: 'the request is repeated as it was checked; their response check leaves out prompts and instructions',
      cases: ['completions'],
    },
    ...['id', 'created', 'model', 'object', 'system_fingerprint', 'usage', 'moderation', 'service_tier'].map(
      (field): Difference => ({
        path: `body.responsePayload.body.${field}`,
        isOptional: ['moderation', 'service_tier'].includes(field),
        why: 'a guardrail is told the texts and tool calls of a response, not the response around them',
      }),
    ),
    ...['finish_reason', 'index', 'provider_specific_fields'].map(
      (field): Difference => ({
        path: `body.responsePayload.body.choices.0.${field}`,
        why: 'a guardrail is told the texts and tool calls of a response, not the response around them',
      }),
    ),
    ...['function_call', 'provider_specific_fields'].map(
      (field): Difference => ({
        path: `body.responsePayload.body.choices.0.message.${field}`,
        isOptional: field === 'provider_specific_fields',
        why: 'a guardrail is told the texts and tool calls of a response, not the response around them',
      }),
    ),
    {
      path: 'body.responsePayload.body.choices.0.message.tool_calls',
      why: 'null is left out',
      cases: ['chat', 'chat with parts', 'a user named by a header'],
    },
    {
      path: 'body.responsePayload.body.choices.0.message.content',
      why: 'the arguments are repeated as content, since Akto judges only content',
      cases: ['chat with tools'],
    },
    {
      path: 'body.responsePayload.body',
      why: 'the response is rebuilt in chat form from its texts',
      cases: cases.filter(({ path }) => !path.includes('chat')).map(({ name }) => name),
    },
  ],
};

const capsuleDifferences: Difference[] = [
  {
    path: 'body.sessionId',
    why: 'LiteLLM shows a guardrail only x-litellm-session-id and x-litellm-trace-id',
    cases: ['a user and a session of a coding agent', 'a session in the metadata'],
  },
  {
    path: 'body.user',
    why: "their plugin reads the body's user only; LiteLLM tells a guardrail the end user wherever it was named",
    cases: ['a user and a session of a coding agent', 'a user named by a header'],
  },
];
