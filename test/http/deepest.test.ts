import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoRedacts, fakeAkto } from '../support/akto.ts';
import { aktoAt, capsuleAt } from '../support/bridge.ts';
import { startServing } from '../support/child.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { eventOf, fakeCapsule, LOGS, temporaryFolder, until } from '../support/recording-bridge.ts';

const MAX_JSON_DEPTH = 512;

/** A document with as many levels as may be, as JSON: the place named DEEP is filled with them. */
function filled(document: object, open: string, close: string, word: string): string {
  const json = JSON.stringify(document);
  const around = json.slice(0, json.indexOf('"DEEP"'));
  const outer = [...around].reduce(
    (depth, sign) => depth + ('{['.includes(sign) ? 1 : '}]'.includes(sign) ? -1 : 0),
    0,
  );
  const levels = Math.floor((MAX_JSON_DEPTH - outer) / open.replace(/[^[{]/g, '').length);
  return json.replace('"DEEP"', () => open.repeat(levels) + JSON.stringify(word) + close.repeat(levels));
}

const call = (id: string, args: unknown) => ({
  id,
  type: 'function',
  function: { name: 'f', arguments: args },
});
const FIELDS: Record<string, object> = {
  'the content of a message': { structured_messages: [{ role: 'user', content: 'DEEP' }] },
  'a message': { structured_messages: ['DEEP'] },
  'the input of a tool': {
    structured_messages: [
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: 'DEEP' }] },
    ],
  },
  'arguments in a message': { structured_messages: [{ role: 'assistant', tool_calls: [call('a', 'DEEP')] }] },
  'the parameters of a tool': { tools: [{ type: 'function', function: { name: 'f', parameters: 'DEEP' } }] },
  'arguments of a tool call': { tool_calls: [call('a', 'DEEP')] },
  images: { images: ['DEEP'] },
  request_data: { request_data: { user_api_key_metadata: 'DEEP' } },
  headers: { request_headers: { a: 'DEEP' } },
  parameters: { additional_provider_specific_params: { a: 'DEEP' } },
  'a field of a later release': { from_the_future: 'DEEP' },
};
const SHAPES = [
  ['[', ']'],
  ['{"a":', '}'],
  ['{"content":[', ']}'],
  ['{"input":{"a":[', ']}}'],
  ['{"description":', '}'],
] as const;

test('no stack ends under JSON with as many levels as MAX_JSON_DEPTH can allow, judged, redacted, recorded and delivered', async () => {
  const redacts = aktoRedacts('quince', '######');
  const recorder = fakeAkto();
  const servers = [
    await startFakeBackend((request, response) => {
      const isCheck = request.query.has('guardrails') || request.query.has('response_guardrails');
      const judges = request.text.includes('quince') ? redacts : aktoAllows;
      return (isCheck ? judges : recorder.reply)(request, response);
    }),
    await startFakeBackend(fakeCapsule().reply),
  ] as const;
  const child = await startServing({
    ...aktoAt(servers[0].url),
    ...capsuleAt(servers[1].url),
    DATA_DIR: temporaryFolder(),
    BUILTIN_POLICY: 'on',
    BANNED_KEYWORDS: 'kettle',
    MAX_JSON_DEPTH: String(MAX_JSON_DEPTH),
    FAILURE_GRACE_SECONDS: '0.1',
  });
  onTestFinished(async () => {
    await child.stop();
    await Promise.all(servers.map((one) => one.close()));
  });
  const post = async (path: string, body: string) => {
    const response = await fetch(child.url + path, { method: 'POST', body });
    return { status: response.status, reply: (await response.json()) as Record<string, unknown> };
  };

  const actions = new Set<unknown>();
  for (const [name, field] of Object.entries(FIELDS)) {
    for (const [i, [open, close]] of SHAPES.entries()) {
      for (const input_type of ['request', 'response']) {
        for (const word of ['plum', 'quince', 'kettle']) {
          const document = { input_type, litellm_call_id: `${name} ${i}`, texts: [word], ...field };
          const { status, reply } = await post('/', filled(document, open, close, word));
          expect(status, name).toBe(200);
          expect(reply.error, name).toBeUndefined();
          actions.add(reply.action);
        }
      }
    }
  }
  expect([...actions].toSorted()).toEqual(['BLOCKED', 'GUARDRAIL_INTERVENED', 'NONE']);

  for (const [i, [open, close]] of SHAPES.entries()) {
    for (const field of ['messages', 'response', 'model_parameters', 'request_headers', 'metadata']) {
      const body = filled(eventOf(`${field} ${i}`, { [field]: { a: 'DEEP' } }), open, close, 'plum');
      expect(await post(LOGS, `[${body}]`), field).toMatchObject({ status: 200, reply: { new: 1 } });
    }
  }
  const metrics = async () => (await fetch(`${child.url}/metrics`)).text();
  await until(async () => /telemetry_backlog_records\{backend="akto"\} 0\n/.test(await metrics()));
  expect(await metrics()).toMatch(/telemetry_dead_records\{backend="akto"\} 0\n/);
  expect(child.lines().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
});
