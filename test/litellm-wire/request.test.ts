import { describe, expect, test } from 'vitest';
import { parseGuardrailCall } from '../../src/litellm/request.ts';

const EMPTY = {
  input_type: 'request',
  litellm_call_id: null,
  litellm_trace_id: null,
  litellm_version: null,
  model: null,
  texts: [],
  structured_messages: [],
  images: [],
  tools: [],
  tool_calls: [],
  request_data: {},
  request_headers: {},
  additional_provider_specific_params: {},
  guardrail_bridge_hops: [],
};
const nulls = Object.fromEntries(Object.keys(EMPTY).map((key) => [key, null]));
describe('a body that is a guardrail call', () => {
  test.each<{ name: string; body: object; is: object }>([
    { name: 'with the input_type alone', body: { input_type: 'request' }, is: EMPTY },
    { name: 'with nulls', body: { ...nulls, input_type: 'request' }, is: EMPTY },
    {
      name: 'with unknown keys',
      body: { input_type: 'request', stream: true, texts: ['a'] },
      is: { ...EMPTY, texts: ['a'] },
    },
    {
      name: 'with null texts between others',
      body: { ...EMPTY, texts: ['a', null, 'b'] },
      is: { ...EMPTY, texts: ['a', '', 'b'] },
    },
    {
      name: 'with lists of anything',
      body: {
        ...EMPTY,
        tools: [{ type: 'mcp' }, null, 7],
        tool_calls: [null],
        structured_messages: ['a', null],
      },
      is: {
        ...EMPTY,
        tools: [{ type: 'mcp' }, null, 7],
        tool_calls: [null],
        structured_messages: ['a', null],
      },
    },
  ])('$name', ({ body, is }) => {
    expect(parseGuardrailCall(JSON.stringify(body))).toEqual({
      call: { ...is, shape: expect.any(String), passages: expect.anything() },
    });
  });
});

test.each<{ name: string; body: string; field: string }>([
  { name: 'nothing', body: '', field: 'body' },
  { name: 'no JSON', body: '{"input_type":', field: 'body' },
  { name: 'a list', body: '[]', field: 'body' },
  { name: 'a string', body: '"request"', field: 'body' },
  { name: 'null', body: 'null', field: 'body' },
  { name: 'no input_type', body: '{}', field: 'input_type' },
  { name: 'another input_type', body: '{"input_type":"REQUEST"}', field: 'input_type' },
  { name: 'texts that are one text', body: '{"input_type":"request","texts":"a"}', field: 'texts' },
  { name: 'a text that is a number', body: '{"input_type":"request","texts":["a",7]}', field: 'texts.1' },
  {
    name: 'an id that is a number',
    body: '{"input_type":"request","litellm_call_id":7}',
    field: 'litellm_call_id',
  },
  {
    name: 'headers that are a text',
    body: '{"input_type":"request","request_headers":"x"}',
    field: 'request_headers',
  },
])('$name is refused, with the name of the field', ({ body, field }) => {
  expect(parseGuardrailCall(body)).toEqual({ bad: { field, message: expect.stringMatching(/\S/) } });
});

test('a refusal does not quote the body', () => {
  const body = JSON.stringify({ input_type: 'hunter2', texts: ['hunter2'], model: 'hunter2' });
  expect(JSON.stringify(parseGuardrailCall(body))).not.toContain('hunter2');
});

test('arguments of an older tool call with more nodes than a body may have are too large, and the setting is named', () => {
  const rows = JSON.stringify({ rows: Array.from({ length: 60_000 }, (_, i) => [i, i]) });
  const call = { id: 'a', type: 'function', function: { name: 'save_table', arguments: rows } };
  const structured_messages = [
    { role: 'assistant', tool_calls: [call] },
    { role: 'user', content: 'go on' },
  ];
  const body = JSON.stringify({ input_type: 'request', structured_messages });
  expect(parseGuardrailCall(body)).toEqual({
    bad: {
      field: 'arguments of tool calls',
      message: 'have more lists, objects and commas than MAX_JSON_NODES',
      hasTooManyNodes: true,
    },
  });
  expect(parseGuardrailCall(body, 200_000)).toHaveProperty('call');
});

describe('the models of a call', () => {
  const read = (model: string) => parseGuardrailCall(JSON.stringify({ input_type: 'request', model }));

  test('are as many as twenty', () => {
    const model = Array.from({ length: 20 }, (_, n) => `m-${n}`).join(',');
    expect(read(model)).toMatchObject({ call: { model } });
  });

  test.each([
    ['one more', Array.from({ length: 21 }, (_, n) => `m-${n}`).join(',')],
    ['a million', 'a,'.repeat(500_000)],
    ['a million commas', ','.repeat(1_000_000)],
  ])('are not %s', (_, model) => {
    expect(read(model)).toEqual({ bad: { field: 'model', message: 'must be no more than 20 names' } });
  });
});
