import { afterAll, expect, test } from 'vitest';
import { aktoAllows, aktoBlocks, aktoRedacts } from '../support/akto.ts';
import { testBridge } from '../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';
import { mcpBeside, mcpCall, mcpListed, mcpResult } from '../support/mcp.ts';
import { randomFrom } from '../support/random.ts';
import { recordedCalls } from '../support/recorded.ts';

const closes: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closes.reverse()) await close();
});

/** One in ten is about an MCP tool. */
const mcpCalls = [
  mcpCall(['Ada', '{"a":"b\\n"}']),
  mcpListed(),
  mcpResult('{"a":1}', 'a', '1'),
  mcpBeside(['Ada']),
];
const bodies = [
  ...recordedCalls.map(({ body }) => body as unknown),
  ...Array.from({ length: recordedCalls.length / 10 }, (_, i) => mcpCalls[i % mcpCalls.length]),
];

function mutator(seed: number) {
  const next = randomFrom(seed);
  const int = (end: number) => Math.floor(next() * end);
  const pick = <T>(items: readonly T[]): T => items[int(items.length)] as T;
  const junk: (() => unknown)[] = [
    () => null,
    () => true,
    () => int(1e9) - 5e8,
    () => 1e308 * 10 ** int(2),
    () => '',
    () => 'x'.repeat(int(5000)),
    () => '\ud83d',
    () => '[present]',
    () => `data:image/png;base64,${'AAAA'.repeat(int(300))}`,
    () => [],
    () => ({}),
    () => [[[[['deep']]]]],
    () => ({ ['__proto__']: { a: 1 }, constructor: 'x', toString: null, length: -1 }),
    () => ({ role: 'assistant', content: [{ type: 'text', text: 'part' }, 'bare', null] }),
    () => ({ index: 0, function: { name: null, arguments: '{"a":1' } }),
    () => Array.from({ length: int(200) }, () => 'again'),
    () => structuredClone(pick(bodies)),
  ];

  function mutateNode(parent: Record<string, unknown>): void {
    const keys = Object.keys(parent);
    const key = keys.length > 0 ? pick(keys) : 'texts';
    const child = parent[key];
    if (typeof child === 'object' && child !== null && next() < 0.7) {
      mutateNode(child as Record<string, unknown>);
      return;
    }
    const change = pick(['junk', 'junk', 'junk', 'delete', 'copy', 'wrap', 'text'] as const);
    if (change === 'junk') parent[key] = pick(junk)();
    else if (change === 'delete') delete parent[key];
    else if (change === 'copy') parent[pick(keys.length > 0 ? keys : ['texts'])] = structuredClone(child);
    else if (change === 'wrap') parent[key] = [child];
    else parent[key] = JSON.stringify(child) + pick(['\u0000', '\u2028', '"', '\\', '\udfff', '\u202e', 'x']);
  }

  return (): string | Uint8Array => {
    const body = structuredClone(pick(bodies)) as Record<string, unknown>;
    for (let left = 1 + int(5); left > 0; left--) mutateNode(body);
    const bytes = Buffer.from(JSON.stringify(body));
    if (next() < 0.85 || bytes.length === 0) return bytes;
    const at = int(bytes.length);
    const damage = pick(['cut', 'flip', 'drop', 'double'] as const);
    if (damage === 'cut') return bytes.subarray(0, at);
    if (damage === 'drop') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + int(20))]);
    if (damage === 'double') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(int(at + 1))]);
    bytes[at] = int(256);
    return bytes;
  };
}

type Sent = { texts?: unknown[]; structured_messages?: unknown[] };

/** Names the fault of a reply; undefined for exactly one of the three actions, where a body that cannot be read names a field. */
function wrong(status: number, text: string, sent: string): string | undefined {
  const reply = JSON.parse(text) as Record<string, unknown>;
  const keys = Object.keys(reply).join();
  if (status !== 200) return `status ${status}`;
  if (reply.action === 'NONE')
    return /^action(?:,stream_holdback_chars)?$/.test(keys) ? undefined : 'more than NONE';
  if (reply.action === 'BLOCKED') {
    const said = typeof reply.blocked_reason === 'string' && reply.blocked_reason !== '';
    if (!said) return 'BLOCKED without a reason';
    if (keys === 'action,blocked_reason') return undefined;
    const error = reply.error as Record<string, unknown>;
    const named = typeof error?.field === 'string' && typeof error.message === 'string';
    return keys === 'action,blocked_reason,error' && named ? undefined : 'an error that names no field';
  }
  if (reply.action !== 'GUARDRAIL_INTERVENED') return `action ${String(reply.action)}`;
  const field = keys === 'action,texts' ? 'texts' : 'structured_messages';
  if (keys !== `action,${field}`) return `GUARDRAIL_INTERVENED with ${keys}`;
  const rewritten = reply[field] as unknown[];
  if (rewritten.length !== (JSON.parse(sent) as Sent)[field]?.length) return `another number of ${field}`;
  if (field === 'texts' && rewritten.some((item) => typeof item !== 'string')) return 'a text that is none';
  return undefined;
}

async function fuzz(env: Record<string, string>, seed: number, count: number) {
  const bridge = testBridge({ ...env, LOG_LEVEL: 'silent' });
  closes.push(bridge.close);
  const mutate = mutator(seed);
  const seen: Record<string, number> = {};
  for (let left = count; left > 0; left--) {
    const body = mutate();
    const response = await bridge.app.request('/', {
      method: 'POST',
      body: body as NonNullable<RequestInit['body']>,
    });
    const text = await response.text();
    const problem = wrong(response.status, text, Buffer.from(body).toString());
    if (problem !== undefined)
      expect.fail(`${problem}: ${text.slice(0, 300)} for ${Buffer.from(body).toString()}`);
    const { action, error } = JSON.parse(text) as { action: string; error?: object };
    const kind = error === undefined ? action : 'UNREADABLE';
    seen[kind] = (seen[kind] ?? 0) + 1;
  }
  return seen;
}

test('thousands of damaged calls get one of the three actions, never anything else', async () => {
  const seen = await fuzz({ BANNED_KEYWORDS: 'kettle' }, 1, 4000);
  for (const kind of ['NONE', 'BLOCKED', 'UNREADABLE']) expect(seen[kind], kind).toBeGreaterThan(50);
});

test('damaged calls that are sent to vendors get such a reply too, for any reply of theirs', async () => {
  const next = randomFrom(3);
  const replies: FakeBackend['reply'][] = [
    aktoAllows,
    aktoBlocks('no'),
    aktoRedacts('recipe', '<dish>'),
    aktoRedacts('the', '<>'),
    aktoRedacts('a', '\u20ac'),
    aktoRedacts('e', '3'),
    (_, response) => void response.writeHead(422).end('{"success":false}'),
    (_, response) => void response.end('[]'),
  ];
  const akto = await startFakeBackend((request, response) =>
    (replies[Math.floor(next() * replies.length)] as FakeBackend['reply'])(request, response),
  );
  const capsule = await startFakeBackend(
    (_, response) => void response.end(next() < 0.9 ? '{"decision":"allow"}' : '{"decision":"deny"}'),
  );
  closes.push(akto.close, capsule.close);
  const env = {
    AKTO_GUARDRAIL_API_BASE: akto.url,
    AKTO_API_KEY: 'token',
    CAPSULE_LITELLM_ENDPOINT: capsule.url,
    CAPSULE_LITELLM_TOKEN: 'token',
    RESPONSE_REDACTION: 'rewrite',
  };
  const seen = await fuzz(env, 2, 800);
  for (const kind of ['NONE', 'BLOCKED', 'GUARDRAIL_INTERVENED', 'UNREADABLE']) {
    expect(seen[kind], kind).toBeGreaterThan(5);
  }
});

test('no damaged call gets past a vendor that blocks everything, even under fail_open', async () => {
  const akto = await startFakeBackend(aktoBlocks('no'));
  closes.push(akto.close);
  const env = { AKTO_GUARDRAIL_API_BASE: akto.url, AKTO_API_KEY: 'token', UNREACHABLE_FALLBACK: 'fail_open' };
  const seen = await fuzz(env, 4, 800);
  expect(Object.keys(seen).sort()).toEqual(['BLOCKED', 'UNREADABLE']);
});
