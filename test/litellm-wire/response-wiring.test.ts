import { describe, expect, test } from 'vitest';
import { type ResponseRedaction, ResponseWiring } from '../../src/litellm/response-wiring.ts';
import { callOf } from '../support/call.ts';

const DIFF = { stream: true, streaming_transform_mode: 'incremental_diff' };
const indexed = [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }];
const complete = [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }];

type Row = {
  name: string;
  params: Record<string, unknown>;
  call?: Record<string, unknown>;
  setting?: ResponseRedaction;
  is: string;
};

const response = (params: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  callOf({
    input_type: 'response',
    litellm_call_id: 'c1',
    litellm_version: '1.110.2',
    model: 'house-model',
    texts: ['dana'],
    request_headers: { host: 'h' },
    additional_provider_specific_params: params,
    ...more,
  });

const told = (responses: ResponseWiring, call: ReturnType<typeof response>) => {
  const { wiring, unapplied } = responses.of(call);
  return unapplied === undefined ? wiring : `${wiring}: ${unapplied}`;
};

describe('the redaction of a response', () => {
  test.each<Row>([
    { name: 'is delivered where it is not streamed', params: { stream: false }, is: 'plain' },
    {
      name: 'is delivered where text says that it is not streamed',
      params: { stream: 'False' },
      is: 'plain',
    },
    {
      name: 'is delivered to a plain response of each endpoint',
      params: { stream: false, streaming_transform_mode: 'incremental_diff' },
      call: { model: null, tool_calls: indexed },
      is: 'plain',
    },
    {
      name: 'is not believed to be plain where LiteLLM asks both guardrails',
      params: { stream: false },
      call: { litellm_version: '1.106.1' },
      is: 'unknown: unknown',
    },
    { name: 'is dropped in a stream', params: { stream: true }, is: 'block_only: stream' },
    { name: 'is dropped in a stream that text names', params: { stream: 'true' }, is: 'block_only: stream' },
    {
      name: 'is dropped in block_only, whatever is streamed',
      params: { streaming_transform_mode: 'block_only' },
      is: 'block_only: stream',
    },
    {
      name: 'is dropped in a stream that is known, under rewrite too',
      params: { stream: true },
      setting: 'rewrite',
      is: 'block_only: stream',
    },
    { name: 'may be dropped where nothing is told', params: {}, is: 'unknown: unknown' },
    { name: 'is tried where nothing is told, under rewrite', params: {}, setting: 'rewrite', is: 'unknown' },
    { name: 'may be dropped where nonsense is told', params: { stream: 'perhaps' }, is: 'unknown: unknown' },
    { name: 'is unwanted under block', params: { stream: false }, setting: 'block', is: 'plain: setting' },
    {
      name: 'is dropped by releases that do not tell their version',
      params: { stream: false },
      call: { litellm_version: null },
      setting: 'rewrite',
      is: 'unknown: release',
    },
    { name: 'is delivered to a chat in incremental_diff', params: DIFF, is: 'incremental_diff' },
    {
      name: 'is delivered in incremental_diff by our other name for it',
      params: { stream: true, transform: 'incremental_diff' },
      is: 'incremental_diff',
    },
    {
      name: 'is delivered to a chat in incremental_diff before there was a scope',
      params: { streaming_transform_mode: 'incremental_diff' },
      call: { litellm_version: '1.101.0' },
      is: 'incremental_diff',
    },
    {
      name: 'is dropped in incremental_diff before a chat could be told from /v1/responses',
      params: { streaming_transform_mode: 'incremental_diff' },
      call: { litellm_version: '1.100.9' },
      is: 'incremental_diff: release',
    },
    {
      name: 'is tried in incremental_diff before a chat could be told from /v1/responses, under rewrite',
      params: { streaming_transform_mode: 'incremental_diff' },
      call: { litellm_version: '1.95.0' },
      setting: 'rewrite',
      is: 'incremental_diff',
    },
    {
      name: 'is dropped before there was incremental_diff',
      params: DIFF,
      call: { litellm_version: '1.94.9' },
      setting: 'rewrite',
      is: 'incremental_diff: release',
    },
    {
      name: 'is delivered to a chat with tool calls in incremental_diff',
      params: DIFF,
      call: { tool_calls: complete },
      is: 'incremental_diff',
    },
    {
      name: 'is dropped where incremental_diff shows no model, as on /v1/messages',
      params: DIFF,
      call: { model: null },
      is: 'incremental_diff: endpoint',
    },
    {
      name: 'is dropped where incremental_diff shows tool calls with an index, as on /v1/responses',
      params: DIFF,
      call: { tool_calls: indexed },
      is: 'incremental_diff: endpoint',
    },
    { name: 'is delivered by a pipeline', params: { pipeline: true }, is: 'pipeline' },
    {
      name: 'is delivered by a pipeline that transform names',
      params: { transform: 'pipeline' },
      is: 'pipeline',
    },
    {
      name: 'is delivered by a pipeline to a stream without a model',
      params: { stream: true, pipeline: 'true' },
      call: { model: null },
      is: 'pipeline',
    },
    {
      name: 'is discarded by a pipeline before 1.103',
      params: { pipeline: true },
      call: { litellm_version: '1.102.9' },
      is: 'pipeline: release',
    },
    {
      name: 'is discarded by a pipeline in a stream for a client of Google',
      params: { pipeline: true },
      call: { model: null, request_headers: { 'X-Goog-Api-Client': '[present]' } },
      is: 'pipeline: endpoint',
    },
  ])('$name', ({ params, call, setting = 'auto', is }) => {
    expect(told(new ResponseWiring(setting), response(params, call))).toBe(is);
  });

  test('of an MCP tool is delivered: a result is never streamed', () => {
    const result = { litellm_call_id: null, model: null, request_headers: null };
    expect(told(new ResponseWiring('auto'), response({}, result))).toBe('plain');
  });

  test.each([
    { name: 'has one prompt, as on /v1/completions', request: { texts: ['Tell me'] } },
    { name: 'has an address for its prompt', request: { texts: ['https://pears.example'] } },
    {
      name: 'names a model with a slash, which LiteLLM does not recognise in every path',
      request: { model: 'team/house', structured_messages: [{ role: 'user', content: 'Tell me' }] },
    },
  ])('is dropped in incremental_diff where the request $name', ({ request }) => {
    const wiring = new ResponseWiring('auto');
    wiring.seen(
      callOf({
        ...{ litellm_call_id: 'c1', litellm_version: '1.110.2', model: 'house-model' },
        ...{ request_headers: { host: 'h' }, ...request },
      }),
    );
    expect(told(wiring, response(DIFF))).toBe('incremental_diff: endpoint');
    expect(told(wiring, response(DIFF, { litellm_call_id: 'c2' }))).toBe('incremental_diff');
    expect(told(wiring, response({ stream: false }))).toBe('plain');
  });

  test('is delivered in incremental_diff to an ordinary chat', () => {
    const wiring = new ResponseWiring('auto');
    const messages = [{ role: 'user', content: 'Tell me' }];
    wiring.seen(
      callOf({
        litellm_call_id: 'c1',
        litellm_version: '1.110.2',
        model: 'house-model',
        structured_messages: messages,
      }),
    );
    expect(told(wiring, response(DIFF))).toBe('incremental_diff');
  });

  test('is dropped in the last round of a stream whose first one showed no model, as on /v1/responses', () => {
    const wiring = new ResponseWiring('auto');
    wiring.seen(response(DIFF, { model: null, texts: ['Write to'] }));
    expect(told(wiring, response(DIFF))).toBe('incremental_diff: endpoint');
  });

  test('is discarded by a pipeline in a stream whose request was no conversation, as Gemini', () => {
    const wiring = new ResponseWiring('auto');
    const request = { litellm_call_id: 'c1', litellm_version: '1.110.2', model: 'm', texts: ['Tell'] };
    wiring.seen(callOf({ ...request, request_headers: { host: 'h' } }));
    expect(told(wiring, response({ pipeline: true }, { model: null }))).toBe('pipeline: endpoint');
    expect(told(wiring, response({ pipeline: true }))).toBe('pipeline');
  });
});

describe('what was redacted in a request', () => {
  test.each([
    { setting: 'auto', params: { stream: false }, request: true, answer: true },
    { setting: 'auto', params: {}, request: true, answer: false },
    { setting: 'rewrite', params: {}, request: true, answer: true },
    { setting: 'block', params: { stream: false }, request: false, answer: false },
  ] as const)('is put back under $setting and $params: $answer', ({ setting, params, request, answer }) => {
    const wiring = new ResponseWiring(setting);
    expect(wiring.restores(callOf({ texts: ['a'] }))).toBe(request);
    expect(wiring.restores(response(params))).toBe(answer);
  });
});
