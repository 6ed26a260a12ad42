import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hiddenBytes } from '../../src/litellm/hidden.ts';
import { callOf } from '../support/call.ts';

/** A request of a real client: the length of its body, and what LiteLLM 1.110.2 showed of it. */
type Shown = { client: string; content_length: number } & Record<string, unknown>;
const file = join(import.meta.dirname, '..', 'fixtures', 'client-bodies', 'shown.json');
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Shown[];

const call = (fields: object, headers: object = {}) =>
  callOf({
    litellm_call_id: 'c-1',
    litellm_version: '1.110.2',
    model: 'house-model',
    request_headers: { host: 'proxy', 'content-type': 'application/json', ...headers },
    ...fields,
  });
const sent = ({ client: _, content_length, ...fields }: Shown, more = 0) =>
  call(fields, { 'content-length': String(content_length + more) });

/** LiteLLM shows less of them than was sent: a text document, an image of Gemini's. */
const HIDES = /text document|google-genai image/;

const hiding = recorded.filter(({ client }) => HIDES.test(client));
const ordinary = recorded.filter((shown) => !hiding.includes(shown));

test.each(ordinary)('$client hides nothing, until something is added to its body', (shown) => {
  expect(hiddenBytes(sent(shown))).toBe(0);
  // Escapes of all that was shown cannot take more than this
  const room = 6 * shown.content_length + 1500;
  expect(hiddenBytes(sent(shown, room + 1000))).toBeGreaterThan(1000);
});

test.each(hiding)('$client hides what guardrails are not shown', (shown) => {
  expect(hiddenBytes(sent(shown))).toBeGreaterThan(400);
});

test('the calls were recorded of seven client libraries, and of what writes JSON as Python does by default', () => {
  const names = new Set(recorded.map(({ client }) => client.split(' ')[0]));
  const js = ['openai-js', 'anthropic-js', 'ai-sdk'];
  expect([...names].sort()).toEqual(
    [...js, 'openai-py', 'anthropic-py', 'langchain', 'google-genai', 'json.dumps'].sort(),
  );
});

const prompt = 'When does the library open? ';
const chat = (content: string) => ({ texts: [content], structured_messages: [{ role: 'user', content }] });
const bodyOf = (fields: object) => JSON.stringify({ model: 'house-model', ...fields });
const measured = (shown: object, body: string, headers: object = {}) =>
  hiddenBytes(call(shown, { 'content-length': String(Buffer.byteLength(body)), ...headers }));

test.each([
  ['extra_body', { extra_body: { messages: [{ role: 'user', content: prompt.repeat(20) }] } }],
  ['functions', { functions: [{ name: 'f', description: prompt.repeat(20) }] }],
  ['response_format', { response_format: { json_schema: { schema: { description: prompt.repeat(20) } } } }],
  ['an unknown parameter', { anything: prompt.repeat(20) }],
])('%s is told beside a short prompt and beside a long one', (_name, hidden) => {
  for (const content of ['hello there', prompt.repeat(1000)]) {
    const { structured_messages: messages, texts } = chat(content);
    const bytes = measured({ texts, structured_messages: messages }, bodyOf({ messages, ...hidden }));
    expect(bytes).toBeGreaterThan(500);
    expect(bytes).toBeLessThan(800);
  }
});

test.each<[string, (text: string) => string]>([
  ['as it is', (text) => text],
  ['by Python', (text) => escaped(text, /[\u0080-\uffff]/g)],
  ['by Go', (text) => escaped(text, /[<>&\u2028\u2029]/g)],
  ['by .NET', (text) => escaped(text.replaceAll('\\"', '\\u0022'), /['&+<>`\u0080-\uffff]/g)],
  ['by PHP', (text) => escaped(text, /[\u0080-\uffff]/g).replaceAll('/', '\\/')],
])('text that is written %s hides nothing', (_by, write) => {
  const content =
    'Öffnet <b>das</b> "Haus" & \'alles\' + `mehr` in C:\\Bücher\\neu\n\theute? 图书馆 🚀 '.repeat(90);
  const { structured_messages: messages, texts } = chat(content);
  expect(measured({ texts, structured_messages: messages }, write(bodyOf({ messages })))).toBe(0);
});

function escaped(json: string, characters: RegExp): string {
  const code = (character: string) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, '0')}`;
  return json.replace(characters, code);
}

const long = { 'content-length': '90000' };
test.each<[string, object, object, number | undefined]>([
  ['a response', { input_type: 'response', texts: ['hello'] }, long, 0],
  ['a call without headers', { texts: ['hello'], request_headers: null }, {}, 0],
  ['a form', chat('hello'), { ...long, 'content-type': 'multipart/form-data; boundary=x' }, 0],
  ['an old form', chat('hello'), { ...long, 'Content-Type': 'Application/x-www-form-urlencoded' }, 0],
  ['a pass-through payload', { texts: ['{}'], model: null }, long, 0],
  [
    'a tool of MCP',
    { texts: ['hello'], tools: [{ type: 'function', function: { name: 'look_up' } }], model: null },
    long,
    0,
  ],
  ['a body in chunks', chat('hello'), { 'transfer-encoding': '[present]' }, undefined],
  [
    'chunks beside a length',
    chat('hello'),
    { 'content-length': '20', 'Transfer-Encoding': 'chunked' },
    undefined,
  ],
  ['a compressed body', chat('hello'), { ...long, 'content-encoding': '[present]' }, undefined],
  ['a length that is none', chat('hello'), { 'content-length': '-1' }, undefined],
  ['a length that is withheld', chat('hello'), { 'content-length': '[present]' }, undefined],
])('%s', (_name, fields, headers, expected) => {
  expect(hiddenBytes(call(fields, headers))).toBe(expected);
});

test.each(['application/json', 'text/plain', 'x-form/json', 'application/x-www-form-urlencoded-not'])(
  'a body of type %s is read as JSON, and compared',
  (type) => {
    expect(hiddenBytes(call(chat('hello'), { ...long, 'content-type': type }))).toBeGreaterThan(89_000);
  },
);

test('of more text than is looked at letter by letter the least that it hides is told', () => {
  const content = 'ab cd '.repeat(700_000);
  const bytes = (more: number) =>
    measured(chat(content), bodyOf({ messages: chat(content).structured_messages, x: 'x'.repeat(more) }));
  expect(bytes(0)).toBe(0);
  // 5 bytes for each of the 200,000 characters that are not looked at
  expect(bytes(900_000)).toBe(0);
  expect(bytes(2_000_000)).toBeGreaterThan(990_000);
  expect(bytes(2_000_000)).toBeLessThan(1_001_000);
});

/** A conversation with so many replies. */
const session = (reply: object, count: number) => ({
  texts: ['hello'],
  structured_messages: [
    { role: 'user', content: 'hello' },
    ...Array.from({ length: count }, () => ({ role: 'assistant', ...reply })),
  ],
});

test.each([
  ['short texts', { content: 'a' }],
  ['nothing', { content: null }],
  ['short parts', { content: [{ type: 'text', text: 'a' }] }],
  [
    'short tool calls',
    { content: null, tool_calls: [{ id: '1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
  ],
])('300 replies of %s make no room for a long text', (_name, reply) => {
  const shown = session(reply, 300);
  const body = bodyOf({ messages: shown.structured_messages });
  expect(measured(shown, body)).toBe(0);
  expect(
    measured(shown, bodyOf({ messages: shown.structured_messages, x: 'hide '.repeat(4000) })),
  ).toBeGreaterThan(300);
});

test.each([
  ['sentences', 'The kettle on the blue stove boils.', 300],
  ['a word', 'Yes', 15],
])('replies of %s on /v1/responses, with their ids and states, hide nothing', (_name, text, count) => {
  const shown = session({ content: [{ type: 'text', text }] }, count);
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }];
  const item = {
    id: `msg_${'0'.repeat(48)}`,
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content,
  };
  const input = [{ role: 'user', content: 'hello' }, ...Array.from({ length: count }, () => item)];
  expect(measured(shown, bodyOf({ input }))).toBe(0);
});

test('a prompt of images, a list of texts and the address of a document are compared too', () => {
  const shown = { texts: ['a library by the sea'], litellm_call_id: null };
  expect(hiddenBytes(call(shown, { 'content-length': '200' }))).toBe(0);
  expect(hiddenBytes(call(shown, { 'content-length': '2000' }))).toBeGreaterThan(1500);
  expect(hiddenBytes(call({ texts: ['one', 'two'] }, { 'content-length': '2000' }))).toBeGreaterThan(1500);
  expect(hiddenBytes(call({ texts: ['https://a/b'] }, { 'content-length': '150' }))).toBe(0);
  expect(hiddenBytes(call({ texts: ['https://a/b'] }, { 'content-length': '2000' }))).toBeGreaterThan(1500);
});
