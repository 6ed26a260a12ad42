import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { callOf } from '../support/call.ts';
import { mcpBeside, mcpCall, mcpListed, mcpResult } from '../support/mcp.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'litellm-1.110.2');
const who = { request_data: { user_api_key_hash: 'k' }, request_headers: { host: 'proxy' } };
const live = { litellm_call_id: 'c', litellm_version: '1.110.2', ...who };
const tool = { type: 'function', function: { name: 'look_up', description: 'Looks up.', parameters: {} } };

test.each<{ name: string; body: object; shape: string }>([
  {
    name: 'chat',
    body: { ...live, structured_messages: [{ role: 'user' }], model: 'm' },
    shape: 'conversation',
  },
  {
    name: 'chat with a tool',
    body: { ...live, structured_messages: [{}], tools: [tool] },
    shape: 'conversation',
  },
  {
    name: 'a chat in a batch file',
    body: { structured_messages: [{}], litellm_version: '1.110.2' },
    shape: 'conversation',
  },
  { name: 'a completion', body: { ...live, texts: ['a'], model: 'm' }, shape: 'texts' },
  { name: 'curl', body: { texts: ['a'] }, shape: 'texts' },
  { name: 'an image', body: { ...live, litellm_call_id: null, texts: ['a'], model: 'm' }, shape: 'prompt' },
  {
    name: 'a document',
    body: { ...live, texts: ['https://pears.example/a.pdf'], model: 'm' },
    shape: 'document',
  },
  { name: 'a pass-through route', body: { ...live, texts: ['{"q":"a"}'] }, shape: 'payload' },
  {
    name: 'a pass-through route whose body names a model',
    body: { ...live, request_headers: null, texts: ['{"model":"m"}'], model: 'm' },
    shape: 'payload',
  },
  { name: 'a realtime item', body: { texts: ['a'], litellm_version: '1.110.2' }, shape: 'realtime' },
  { name: 'an MCP tool', body: { ...live, texts: ['Looks up.', 'a'], tools: [tool] }, shape: 'mcp_tool' },
  { name: 'a call of an MCP tool', body: mcpCall(['a']), shape: 'mcp_tool' },
  { name: 'an MCP tool in a list', body: mcpListed(), shape: 'mcp_tool' },
  {
    name: 'an MCP tool without any text',
    body: mcpListed({ description: '', descriptions: [] }),
    shape: 'mcp_tool',
  },
  { name: 'a call of an MCP tool, beside it', body: mcpBeside(['a']), shape: 'mcp_tool' },
  { name: 'a result of structured content', body: mcpResult('a', 'a', 'result'), shape: 'mcp_result' },
  { name: 'curl with a tool', body: { texts: ['a'], tools: [tool] }, shape: 'texts' },
  { name: 'a tool for a model', body: { ...live, texts: ['a'], tools: [tool], model: 'm' }, shape: 'texts' },
  { name: 'a response', body: { ...live, input_type: 'response', texts: ['a'] }, shape: 'response' },
  {
    name: 'the result of an MCP tool',
    body: { input_type: 'response', texts: ['a'], litellm_version: '1.110.2' },
    shape: 'mcp_result',
  },
  { name: 'a response to curl', body: { input_type: 'response', texts: ['a'] }, shape: 'response' },
])('$name is $shape', ({ body, shape }) => {
  expect(callOf({ ...body }).shape).toBe(shape);
});

test('calls as LiteLLM really sends them have the shape of their endpoint', () => {
  const found: Record<string, Set<string>> = {};
  for (const file of readdirSync(FIXTURES)) {
    const bodies: object[] = [JSON.parse(readFileSync(join(FIXTURES, file), 'utf8'))].flat();
    for (const body of bodies) {
      const { input_type, shape } = callOf({ ...body });
      const name = `${file.split('-')[0]?.replace('.json', '')} ${input_type}`;
      found[name] = (found[name] ?? new Set()).add(shape);
    }
  }
  const only = Object.fromEntries(Object.entries(found).map(([name, shapes]) => [name, [...shapes].join()]));
  expect(only).toEqual({
    'chat request': 'conversation',
    'chat response': 'response',
    'messages request': 'conversation',
    'messages response': 'response',
    'responses request': 'conversation',
    'responses response': 'response',
    'completions request': 'texts',
    'completions response': 'response',
    'embeddings request': 'texts',
  });
});
