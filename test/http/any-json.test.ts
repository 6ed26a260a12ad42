import { expect, onTestFinished, test } from 'vitest';
import { fakeAkto } from '../support/akto.ts';
import { aktoAt, capsuleAt } from '../support/bridge.ts';
import { startServing } from '../support/child.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { eventOf, fakeCapsule, LOGS, temporaryFolder, until } from '../support/recording-bridge.ts';

/** Takes the place of what every object inherits, and would make `String` or a template throw. */
const ODD = JSON.parse(
  '{"toString":1,"valueOf":1,"constructor":1,"hasOwnProperty":1,"toJSON":1,"then":1,"length":-1,"__proto__":{"toString":1}}',
) as object;
const values = [ODD, [ODD], JSON.stringify(ODD)];
const keys = ['toString', '__proto__'];

type Path = readonly (string | number)[];

/** The way to each value in a document, but the document itself. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  const own = path.length > 0 ? [path] : [];
  if (typeof value !== 'object' || value === null) return own;
  return [...own, ...Object.keys(value).flatMap((key) => pathsIn((value as never)[key], [...path, key]))];
}

function withValue(document: object, path: Path, value: unknown): Record<string, unknown> {
  const copy = structuredClone(document) as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce<never>((inner, key) => inner[key as never], copy as never);
  (parent as Record<string, unknown>)[path.at(-1) as string] = value;
  return copy;
}

/** The document with an odd value in the place of each of its own, and an odd key in each of its objects. */
function oddlyFilled(document: object): Record<string, unknown>[] {
  return pathsIn(document).flatMap((path) => [
    ...values.map((value) => withValue(document, path, value)),
    ...keys.map((key) => withValue(document, path, JSON.parse(`{${JSON.stringify(key)}:"kettle"}`))),
  ]);
}

const CALL = {
  litellm_call_id: 'a',
  litellm_trace_id: 't',
  litellm_version: '1.110.2',
  model: 'house',
  texts: ['put the kettle on'],
  images: ['x'],
  tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
  tool_calls: [{ id: 'b', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
  request_data: { user_api_key_hash: 'h', user_api_key_team_id: 'x', user_api_key_end_user_id: 'e' },
  request_headers: { 'x-ratelimit-remaining-tokens': '1', 'x-litellm-session-id': 's' },
  additional_provider_specific_params: { mode: 'pre_call', max_tokens: 1 },
};
const ROWS = [
  { role: 'user', content: [{ type: 'text', text: 'put the kettle on' }] },
  { role: 'assistant', content: null, tool_calls: CALL.tool_calls },
  { role: 'tool', tool_call_id: 'b', content: 'on' },
];
const EVENT = eventOf('c', {
  status: 'failure',
  trace_id: 't',
  end_user: 'e',
  error_information: { error_code: '500', error_class: 'X', error_message: 'no' },
  guardrail_information: [{ guardrail_status: 'success' }],
  request_headers: CALL.request_headers,
  model_parameters: { tools: CALL.tools },
  metadata: { ...CALL.request_data, requester_metadata: { headers: { 'x-a': 'b' } } },
});

test.each(['observe', 'enforce'])(
  'whatever JSON is in any field, the process lives and answers, and loses no record: vendors that %s',
  async (mode) => {
    const akto = fakeAkto({ result: { Allowed: true, Reason: '' } });
    const servers = [
      await startFakeBackend(akto.reply),
      await startFakeBackend(fakeCapsule().reply),
    ] as const;
    const child = await startServing({
      ...aktoAt(servers[0].url),
      ...capsuleAt(servers[1].url),
      AKTO_MODE: mode,
      CAPSULE_MODE: mode,
      DATA_DIR: temporaryFolder(),
      BUILTIN_POLICY: 'on',
      BANNED_KEYWORDS: 'kettle',
      FAILURE_GRACE_SECONDS: '0.1',
    });
    onTestFinished(async () => {
      await child.stop();
      await Promise.all(servers.map((one) => one.close()));
    });
    const ask = async (path: string, body: unknown) => {
      const response = await fetch(child.url + path, { method: 'POST', body: JSON.stringify(body) });
      return { status: response.status, reply: (await response.json()) as Record<string, unknown> };
    };

    const calls = [
      ...oddlyFilled({ ...CALL, structured_messages: ROWS, input_type: 'request' }),
      ...oddlyFilled({ ...CALL, texts: ['hi'], structured_messages: ROWS.slice(1), input_type: 'request' }),
      ...oddlyFilled({ ...CALL, texts: ['hi'], input_type: 'response' }),
    ];
    const seen = new Set<unknown>();
    for (let at = 0; at < calls.length; at += 16) {
      const replies = await Promise.all(calls.slice(at, at + 16).map((call) => ask('/', call)));
      for (const { status, reply } of replies) {
        expect(status).toBe(200);
        seen.add(reply.action);
      }
    }
    expect([...seen]).toEqual(expect.arrayContaining(['NONE', 'BLOCKED']));

    const events = oddlyFilled(EVENT).map((event, i) => ({
      ...event,
      ...(event.litellm_call_id === 'c' && { litellm_call_id: `event-${i}`, id: `chatcmpl-${i}` }),
    }));
    const { reply } = await ask(LOGS, events);
    expect(reply).toMatchObject({ bad: 0 });
    const metrics = async () => (await fetch(`${child.url}/metrics`)).text();
    await until(async () => /telemetry_backlog_records\{backend="akto"\} 0\n/.test(await metrics()));

    const troubles = ['fatal', 'error'];
    expect(child.lines().filter(({ level }) => troubles.includes(level))).toEqual([]);
    expect(await metrics()).toMatch(/telemetry_dead_records\{backend="akto"\} 0\n/);
  },
);
