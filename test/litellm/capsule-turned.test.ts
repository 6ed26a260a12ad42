import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import dotenv from 'dotenv';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { forbidden } from './fake-akto.ts';
import { banned, startTurnedWorld, type TurnedBridge, type TurnedWorld, turnedKey } from './turned-world.ts';

// Capsule's own plugin, pointed at the bridge by its environment: its clients see what the plugin documents.

const REFERENCE = /Blocked by Capsule policy: .*Reference: [0-9a-f]{16}/;
const example = resolve(import.meta.dirname, '..', '..', 'examples', 'turned', 'capsule-plugin.env');

/** The newest of the releases: the plugin is the same for all. CAPSULE_PARITY=off leaves it out. */
const releases = inject('releases')
  .filter(({ capsule }) => capsule !== null)
  .slice(0, 1);

/** A proxy whose plugin asks one of the bridges. */
async function startWorld(bridge: TurnedBridge | 'gone', more: Record<string, string> = {}) {
  const [release] = releases;
  if (release === undefined) throw new Error('there is no plugin');
  const env = dotenv.parse(await readFile(example, 'utf8'));
  return startTurnedWorld(release, async (urls) => ({
    guardrails: [],
    callbacks: ['capsule_litellm_plugin.capsule_callback'],
    env: { ...env, CAPSULE_LITELLM_ENDPOINT: urls[bridge], CAPSULE_LITELLM_TOKEN: turnedKey, ...more },
  }));
}

describe.skipIf(releases.length === 0)("Capsule's plugin at the bridge", () => {
  let world: TurnedWorld;
  beforeAll(async () => {
    world = await startWorld('judging');
  });
  afterAll(() => world?.stop());
  afterEach(() => world.provider.reset());

  test('an allowed call is answered, and is one record with its request and usage', async () => {
    const seen = await world.ask([], 'How do I cook plums?');
    expect(seen.status).toBe(200);
    const [record, ...more] = await world.recordsOf(seen);
    expect(more).toEqual([]);
    expect(record).toMatchObject({
      status: '200',
      request: { messages: [{ role: 'user', content: 'How do I cook plums?' }] },
      response: { usage: { total_tokens: 18 } },
    });
    expect(JSON.parse(record?.tag.guardrail ?? '[]')).toMatchObject([
      { input_type: 'request', action: 'NONE' },
    ]);
  });

  test.each([
    ['a policy', banned],
    ['the vendor behind the bridge', forbidden],
  ])(
    'a call that %s blocks ends with 403 and the message of the bridge, and is one record',
    async (_, word) => {
      const seen = await world.ask([], `How do I cook a ${word}?`);
      expect([seen.status, seen.raw]).toEqual([403, expect.stringMatching(REFERENCE)]);
      expect(world.provider.calls).toEqual([]);
      expect(await world.recordsWith(`How do I cook a ${word}?`)).toMatchObject([{ status: '403' }]);
    },
  );

  test('a call that is to be redacted ends with 403, as the plugin knows no redaction', async () => {
    const seen = await world.ask([], 'Write to bob@example.org');
    expect([seen.status, seen.raw]).toEqual([403, expect.stringMatching(REFERENCE)]);
  });

  test('a stream is one record', async () => {
    const seen = await world.ask([], 'How do I cook pears?', { stream: true });
    expect(seen.status).toBe(200);
    expect(await world.recordsOf(seen)).toMatchObject([
      { status: '200', request: { messages: [{ content: 'How do I cook pears?' }] } },
    ]);
  });

  test('a call that fails at the provider is one record with its error', async () => {
    world.provider.reset({ status: 500 });
    const seen = await world.ask([], 'How do I cook quinces?');
    expect(seen.status).toBe(500);
    expect(await world.recordsWith('quinces')).toMatchObject([
      { status: '500', response: { error: { type: 'InternalServerError' } } },
    ]);
  });
});

describe.skipIf(releases.length === 0).each([
  ['under fail_closed', 'closed', {}, 403, REFERENCE],
  ['under fail_open', 'open', {}, 200, /choices/],
  ['under defer', 'defer', {}, 403, /Capsule policy service unavailable/],
  [
    'under defer, where the plugin lets it pass',
    'defer',
    { CAPSULE_LITELLM_FAIL_OPEN: 'true' },
    200,
    /choices/,
  ],
] as const)("a call without a verdict at Capsule's plugin %s", (_, bridge, env, status, text) => {
  test('ends as it does with Capsule', { timeout: 180_000 }, async () => {
    const world = await startWorld(bridge, env);
    try {
      const seen = await world.ask([], 'How do I cook plums?');
      expect([seen.status, seen.raw]).toEqual([status, expect.stringMatching(text)]);
    } finally {
      await world.stop();
    }
  });
});
