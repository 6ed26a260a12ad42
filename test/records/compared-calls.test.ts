import { describe, expect, test } from 'vitest';
import type { InputType } from '../../src/guardrail/call.ts';
import { factsOf } from '../../src/litellm/log-event.ts';
import { ComparedCalls } from '../../src/records/compared-calls.ts';
import { PendingCalls } from '../../src/records/pending-calls.ts';
import { noteOf } from '../support/record.ts';
import { eventOf } from '../support/recording-bridge.ts';

const NOW = 1_800_000_000_000;
const ROUTED = {
  metadata: { user_api_key_request_route: '/v1/chat/completions', user_api_key_hash: 'key-1' },
};

/** Compares events with notes, of which some come after them. */
function comparing({ canRead = true, later = () => {} } = {}) {
  const pendingCalls = new PendingCalls();
  const note = (callId: string, ...sides: readonly InputType[]) => {
    for (const side of sides) pendingCalls.add(noteOf({ litellm_call_id: callId, input_type: side }));
  };
  const others = {
    async read() {
      later();
      return canRead;
    },
  };
  const calls = new ComparedCalls({ pendingCalls, others, responseCheckMs: () => 7000 });
  const log = (callId: string, more: object = {}) => {
    const event = eventOf(callId, { ...ROUTED, ...more });
    const facts = factsOf(event, NOW);
    calls.logged(event, facts, pendingCalls.find(callId, facts), NOW);
  };
  const compared = async (afterMs: number) =>
    (await calls.take(NOW + afterMs)).map(({ request, response }) => [request, response]);
  return { note, log, calls, compared };
}

/** How LiteLLM tells of a guardrail call. */
const asked = (guardrail_mode: string | string[], more: object = {}) => ({
  guardrail_name: 'bridge',
  guardrail_provider: null,
  guardrail_mode,
  guardrail_status: 'success',
  ...more,
});

test('a call of which all is noted is compared at once', async () => {
  const { note, log, calls } = comparing();
  note('a', 'request', 'response');
  log('a');
  expect(await calls.take(NOW)).toEqual([
    {
      ...{ endpoint: '/v1/chat/completions', direction: 'response', model: 'house-model', key: 'key-1' },
      ...{ at: NOW, startedAt: expect.any(Number), endedAt: expect.any(Number) },
      ...{ hasText: true, request: true, response: true },
    },
  ]);
  expect(await calls.take(NOW)).toEqual([]);
});

test('one that lacks a side waits for it as long as a vendor may take', async () => {
  const { note, log, compared } = comparing();
  note('late', 'request');
  note('never', 'request');
  log('late');
  log('never');
  expect(await compared(6999)).toEqual([]);
  note('late', 'response');
  expect(await compared(7000)).toEqual([
    [true, true],
    [true, false],
  ]);
});

test('notes of other replicas are read before, and where they cannot be nothing is said', async () => {
  const shared = comparing({ later: () => shared.note('a', 'request', 'response') });
  shared.log('a');
  expect(await shared.compared(7000)).toEqual([[true, true]]);
  const lost = comparing({ canRead: false });
  lost.log('a');
  expect(await lost.compared(7000)).toEqual([]);
});

test('a response without text is not waited for', async () => {
  const { note, log, compared } = comparing();
  note('a', 'request');
  log('a', { response: { choices: [{ message: { role: 'assistant', content: null } }] } });
  expect(await compared(0)).toEqual([[true, false]]);
});

describe('says nothing of', () => {
  test.each<[string, object]>([
    ['a failure', { status: 'failure' }],
    [
      'a stream that its client left',
      { stream: true, error_information: { error_code: '499', error_class: 'ClientDisconnected' } },
    ],
    ['a check of LiteLLM itself', { metadata: {} }],
    ['a health check with a route', { request_tags: ['litellm-internal-health-check'] }],
    ['an image', { call_type: 'aimage_generation' }],
    ['a call of a tool', { call_type: 'call_mcp_tool' }],
    ['a batch', { call_type: 'acreate_batch' }],
    ['an embedding that a chat needs', { call_type: 'aembedding' }],
    [
      'a call under a path of Gemini',
      { metadata: { user_api_key_request_route: '/v1beta/models/m:generateContent' } },
    ],
    [
      'a call that a guardrail stopped',
      { guardrail_information: [asked('pre_call', { guardrail_status: 'guardrail_intervened' })] },
    ],
  ])('%s', async (_, event) => {
    const { log, compared } = comparing();
    log('a', event);
    expect(await compared(60_000)).toEqual([]);
  });

  test('a response that another bridge judged', async () => {
    const { note, log, compared } = comparing();
    for (const id of ['a', 'b']) note(id, 'request');
    log('a', { guardrail_information: [asked(['pre_call', 'post_call']), asked(['pre_call', 'post_call'])] });
    log('b', { guardrail_information: [asked('pre_call'), asked('post_call', { guardrail_name: 'other' })] });
    expect(await compared(60_000)).toEqual([]);
  });
});

test.each([[[asked('pre_call')]], [asked(['pre_call', 'post_call'])]])(
  'a call of which LiteLLM says that it was judged is told as such where nothing is noted: %j',
  async (guardrail_information) => {
    const { log, calls } = comparing();
    log('a', { guardrail_information });
    expect(await calls.take(NOW + 7000)).toMatchObject([{ request: false, isClaimed: true }]);
  },
);

test('who calls without a virtual key is known by its team', async () => {
  const { log, calls } = comparing();
  const { user_api_key_request_route } = ROUTED.metadata;
  log('a', { metadata: { user_api_key_request_route, user_api_key_team_id: 'team-1' } });
  expect(await calls.take(NOW + 7000)).toMatchObject([{ key: 'team-1' }]);
});

test('a request that LiteLLM had judged alone lacks its response', async () => {
  const { note, log, compared } = comparing();
  note('a', 'request');
  log('a', {
    guardrail_information: [asked('pre_call'), asked('pre_call', { guardrail_provider: 'lakera' })],
  });
  expect(await compared(7000)).toEqual([[true, false]]);
});

test.each([
  ['/v1/chat/completions', 'acompletion', { choices: [{ message: { content: 'Yes.' } }] }],
  [
    '/openai/deployments/house-model/chat/completions',
    'completion',
    { choices: [{ message: { content: [{ text: 'Yes.' }] } }] },
  ],
  ['/v1/completions', 'atext_completion', { choices: [{ text: 'Yes.' }] }],
  ['/v1/messages', 'anthropic_messages', { content: [{ type: 'text', text: 'Yes.' }] }],
  ['/v1/responses', 'aresponses', { output: [{ content: [{ text: 'Yes.' }] }] }],
])('calls to %s are compared, and their responses have text', async (route, call_type, response) => {
  const { log, calls } = comparing();
  log('a', { metadata: { user_api_key_request_route: route }, call_type, response });
  expect(await calls.take(NOW + 7000)).toMatchObject([{ hasText: true, request: false, key: '' }]);
});
