import { expect, test } from 'vitest';
import { json, type Reply } from '../../support/fake-backend.ts';
import { mcpCall } from '../../support/mcp.ts';
import { askPreset } from '../../support/preset.ts';

const SHORT = `
title: Acme
judges: [request, response]
reads: texts
asks: [{ path: /check, body: { text: $text } }]
reply:
  block: [{ /verdict: block }]
  allow: [{ /verdict: allow }]
`;
const allows = json({ verdict: 'allow' });
/** Bodies in one order: requests of one check are under way at once. */
const sorted = (bodies: readonly unknown[]) => bodies.map((body) => JSON.stringify(body)).sort();

/** Blocks a text with a word, and allows any other. */
const blocks =
  (word: string): Reply =>
  (request, response) =>
    json({ verdict: request.text.includes(word) ? 'block' : 'allow' })(request, response);

test('each text has a request of its own, and one that is blocked decides', async () => {
  const call = { texts: ['plums', 'pears', 'quinces'] };
  const passed = await askPreset(SHORT, allows, { call });
  expect(passed.verdict).toEqual({ kind: 'allow' });
  expect(sorted(passed.bodies)).toEqual(sorted([{ text: 'plums' }, { text: 'pears' }, { text: 'quinces' }]));
  const stopped = await askPreset(SHORT, blocks('quinces'), { call });
  expect(stopped.verdict).toEqual({ kind: 'block', reason: 'blocked by acme' });
});

test('a block of one request wins over the failure of another, and a failure over allows', async () => {
  const failing =
    (word: string): Reply =>
    (request, response) =>
      request.text.includes('pears') ? json({}, 500)(request, response) : blocks(word)(request, response);
  const call = { texts: ['plums', 'pears', 'quinces'] };
  expect((await askPreset(SHORT, failing('quinces'), { call })).verdict).toMatchObject({ kind: 'block' });
  expect((await askPreset(SHORT, failing('dates'), { call })).verdict).toEqual({
    kind: 'http_status',
    status: 500,
  });
});

test('a text that is too long is cut at white space, by code points, and every piece is judged', async () => {
  const limited = `${SHORT}limits: { chars: 10 }\n`;
  const text = 'one two three 👋👋👋👋👋👋👋👋👋👋 four';
  const { bodies, verdict } = await askPreset(limited, allows, { call: { texts: [text] } });
  expect(verdict).toEqual({ kind: 'allow' });
  const pieces = ['one two ', 'three 👋👋👋👋', '👋👋👋👋👋👋 ', 'four'];
  expect(sorted(bodies)).toEqual(sorted(pieces.map((text) => ({ text }))));
  expect((await askPreset(limited, blocks('four'), { call: { texts: [text] } })).verdict).toMatchObject({
    kind: 'block',
  });
});

test('texts of tools stand beside those of the user, as many as the limits allow', async () => {
  const yaml = `
title: Acme
judges: [request]
reads: texts
authors: [user]
documents: [tool]
limits: { documents: 2 }
asks: [{ path: /check, one_each: { /documents: documents }, body: { prompt: $text, documents: $documents } }]
reply: { allow: [{ /verdict: allow }] }
`;
  const structured_messages = [
    { role: 'system', content: 'be kind' },
    { role: 'tool', tool_call_id: 'call_1', content: 'menu one' },
    { role: 'tool', tool_call_id: 'call_2', content: 'menu two' },
    { role: 'tool', tool_call_id: 'call_3', content: 'menu three' },
    { role: 'user', content: 'compare them' },
  ];
  const counted: Reply = (request, response) => {
    const { documents } = request.body as { documents: unknown[] };
    return json({ verdict: 'allow', documents: documents.map(() => ({})) })(request, response);
  };
  const question = { call: { texts: ['compare them'], structured_messages } };
  const { bodies, verdict } = await askPreset(yaml, counted, question);
  expect(verdict).toEqual({ kind: 'allow' });
  expect(sorted(bodies)).toEqual(
    sorted([{ prompt: 'compare them', documents: ['menu one', 'menu two'] }, { documents: ['menu three'] }]),
  );
  const short = json({ verdict: 'allow', documents: [] });
  expect((await askPreset(yaml, short, question)).verdict).toEqual({
    kind: 'wrong_shape',
    field: 'documents',
  });
});

test('a vendor of several directions has paths and bodies of its own for each, and is told the question of a response', async () => {
  const yaml = `
title: Acme
judges: [request, response]
reads: texts
asks:
  - { when: [request], path: /prompt, body: { prompt: $text } }
  - { when: [response], path: /output, body: { prompt: $question?, question: $question, output: $text } }
reply: { allow: [{ /verdict: allow }] }
`;
  const asked = await askPreset(yaml, allows, { call: { texts: ['how?'] } });
  expect(asked.seen).toMatchObject([{ path: '/prompt', body: { prompt: 'how?' } }]);
  const response = { input_type: 'response', texts: ['so'] };
  const request = { texts: ['how?'], structured_messages: [{ role: 'user', content: 'how?' }] };
  const known = await askPreset(yaml, allows, { call: response, request });
  expect(known.seen).toMatchObject([{ path: '/output' }]);
  expect(known.bodies).toEqual([{ prompt: 'how?', question: 'how?', output: 'so' }]);
  const unknown = await askPreset(yaml, allows, { call: response });
  expect(unknown.bodies).toEqual([{ prompt: '', output: 'so' }]);
});

test('the conversation goes with flattened contents, and who is behind it', async () => {
  const yaml = `
title: Acme
judges: [request]
reads: conversation
headers: { x-token: $secret, x-call: $id, x-trace: $trace }
asks:
  - path: /check
    body: { messages: $messages, turn: $turn, text: $text, user: $user, team: $team, model: $model, trace: $trace }
reply: { allow: [{ /verdict: allow }] }
`;
  const structured_messages = [
    { role: 'system', content: 'be kind' },
    { role: 'user', content: 'old' },
    { role: 'assistant', content: 'older' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
    },
  ];
  const { seen } = await askPreset(yaml, allows, {
    call: {
      litellm_call_id: 'call-1',
      texts: ['old', 'one', 'two'],
      structured_messages,
      model: 'house',
      request_data: { user_api_key_user_id: 'u-17', user_api_key_team_id: 'team-1' },
    },
  });
  const newest = { role: 'user', content: 'one\ntwo' };
  expect(seen).toMatchObject([
    {
      headers: { 'x-token': 'key-5e1f', 'x-call': 'call-1' },
      body: {
        messages: [...structured_messages.slice(0, 3), newest],
        turn: [structured_messages[0], newest],
        ...{ text: 'one\ntwo', user: 'u-17', team: 'team-1', model: 'house' },
      },
    },
  ]);
  expect(seen[0]?.headers).not.toHaveProperty('x-trace');
  expect(seen[0]?.body).not.toHaveProperty('trace');
});

test.each([
  { name: 'a base', path: '', expected: '/v1/guards/a%2Fb/house/verdict' },
  {
    name: 'a base that ends with the beginning of the path',
    path: '/v1',
    expected: '/v1/guards/a%2Fb/house/verdict',
  },
  { name: 'a base with a path of its own', path: '/acme', expected: '/acme/v1/guards/a%2Fb/house/verdict' },
])('options stand in the path, escaped, after $name', async ({ path, expected }) => {
  const yaml = `
title: Acme
judges: [request]
reads: texts
options:
  guard: { type: text, required: true, about: Guard. }
  rule: { type: path, required: true, about: Rule. }
  version: { type: text, default: '2024', about: Version. }
asks: [{ path: /v1/guards/$options.guard/$options.rule?api-version=$options.version, body: { text: $text } }]
reply: { allow: [{ /verdict: allow }] }
`;
  const options = { guard: 'a/b', rule: 'house/verdict' };
  const { seen } = await askPreset(yaml, allows, { call: { texts: ['x'] }, options, path });
  expect(seen.map((one) => one.path)).toEqual([expected]);
  expect(seen[0]?.query.get('api-version')).toBe('2024');
  const climbing = askPreset(yaml, allows, { call: { texts: ['x'] }, options: { guard: '..', rule: 'a' } });
  await expect(climbing).rejects.toThrow('must not have empty steps, . or ..');
  const printed = askPreset(yaml, allows, { call: { texts: ['x'] }, options: { guard: '…', rule: 'a' } });
  await expect(printed).rejects.toThrow('is to be filled in');
});

const IMAGES = `
title: Acme
judges: [request, media]
reads: texts
asks:
  - when: [images]
    path: /parts
    body: { parts: [{ $each: texts, as: { text: $item } }, { $each: images, as: { url: $item } }] }
  - { path: /texts, body: $texts }
reply: { block: [{ /verdict: block }], allow: [{ /verdict: allow }] }
`;
const showing = (...parts: object[]) => ({
  texts: ['what is it?'],
  structured_messages: [{ role: 'user', content: [{ type: 'text', text: 'what is it?' }, ...parts] }],
});
/** As long as no text is. */
const PNG = `iVBORw0KGgo${'A'.repeat(600)}`;
const CAT = { type: 'image_url', image_url: { url: 'https://files.acme.test/cat.png' } };
const DOG = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } };
const PAPER = { type: 'file', file: { file_data: `data:application/pdf;base64,JVBERi0${'A'.repeat(600)}` } };

test('images go to a vendor that judges them', async () => {
  const { seen } = await askPreset(IMAGES, allows, { call: showing(CAT, DOG) });
  const images = [{ url: 'https://files.acme.test/cat.png' }, { url: `data:image/png;base64,${PNG}` }];
  expect(seen).toMatchObject([{ path: '/parts', body: { parts: [{ text: 'what is it?' }, ...images] } }]);
});

test('media that cannot be shown as an image are not judged, whatever is allowed beside them', async () => {
  const passed = await askPreset(IMAGES, allows, { call: showing(CAT, PAPER) });
  expect(passed.verdict).toEqual({ kind: 'no_verdict' });
  const stopped = await askPreset(IMAGES, blocks('cat.png'), { call: showing(CAT, PAPER) });
  expect(stopped.verdict).toMatchObject({ kind: 'block' });
  const alone = await askPreset(IMAGES, allows, { call: showing(PAPER) });
  expect(alone.verdict).toEqual({ kind: 'no_verdict' });
});

test.each([
  { body: '{ chat: $messages, images: $images }', expected: { kind: 'no_verdict' } },
  { body: '$guardrail_request', expected: { kind: 'allow' } },
])('nor are they by a vendor of conversations that is sent $body', async ({ body, expected }) => {
  const yaml = IMAGES.replace('reads: texts', 'reads: conversation').replace(
    /asks:[\s\S]*reply/,
    `asks: [{ path: /x, body: ${body} }]\nreply`,
  );
  const { verdict, seen } = await askPreset(yaml, allows, { call: showing(CAT, PAPER) });
  expect(verdict).toEqual(expected);
  expect(seen).toHaveLength(1);
});

test('a vendor that is a bridge is not asked for ever', async () => {
  const yaml = IMAGES.replace('reads: texts', 'reads: conversation').replace(
    /asks:[\s\S]*reply/,
    'asks: [{ path: /x, body: $guardrail_request }]\nreply',
  );
  const call = { texts: ['what is it?'], guardrail_bridge_hops: ['a', 'b', 'c'] };
  const { bodies } = await askPreset(yaml, allows, { call });
  expect(bodies).toMatchObject([{ guardrail_bridge_hops: ['a', 'b', 'c', 'preset'] }]);
  const last = await askPreset(yaml, allows, {
    call: { ...call, guardrail_bridge_hops: ['a', 'b', 'c', 'd'] },
  });
  expect(last.verdict).toEqual({ kind: 'loop' });
});

test('an option keeps images from the vendor', async () => {
  const { seen, verdict } = await askPreset(IMAGES, allows, {
    call: showing(CAT, PAPER),
    options: { media: false },
  });
  expect(verdict).toEqual({ kind: 'allow' });
  expect(seen).toMatchObject([{ path: '/texts' }]);
});

test('a call of an MCP tool goes as a whole', async () => {
  const yaml = `
title: Acme
judges: [request]
reads: texts
asks:
  - { when: [mcp_tool], path: /tool, body: { name: $tool.name, input: $tool.arguments_text } }
  - { path: /text, body: { text: $text } }
reply: { allow: [{ /verdict: allow }] }
`;
  const { seen } = await askPreset(yaml, allows, { call: mcpCall(['Dana']) });
  expect(seen.map(({ path, body }) => ({ path, body }))).toEqual([
    { path: '/tool', body: { name: 'lookup', input: '{"texts":["Dana"]}' } },
  ]);
});

test('an option that no header can carry is told before a call is', async () => {
  const yaml = `${SHORT}options: { tenant: { type: text, about: Tenant. } }\nheaders: { x-tenant: $options.tenant }\n`;
  const asked = askPreset(yaml, allows, { call: { texts: ['plums'] }, options: { tenant: 'a\nb' } });
  await expect(asked).rejects.toMatchObject({
    field: 'tenant',
    message: expect.stringContaining('cannot be sent in the header x-tenant'),
  });
  const sent = await askPreset(yaml, allows, { call: { texts: ['plums'] }, options: { tenant: 'house' } });
  expect(sent.seen).toMatchObject([{ headers: { 'x-tenant': 'house' } }]);
});
