import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { streamedText } from './client.ts';
import { forbidden } from './fake-akto.ts';
import type { GuardrailEntry } from './proxy.ts';
import { does, releasesThat } from './release.ts';
import { banned, startTurnedWorld, type TurnedWorld, turnedBridges, turnedKey } from './turned-world.ts';

// LiteLLM's own guardrail `akto`, pointed at the bridge: its clients see what that integration documents.

const examples = resolve(import.meta.dirname, '..', '..', 'examples', 'turned');
const REFERENCE = /Reference: [0-9a-f]{16}/;
const MARKER = '[EMAIL_ADDRESS]';
const UNREACHABLE = /Akto guardrail service unreachable/;

/** The guardrails of an example under other names, at another address. */
async function example(
  file: string,
  name: string,
  url: string,
  more: object = {},
): Promise<GuardrailEntry[]> {
  const { guardrails } = parse(await readFile(resolve(examples, file), 'utf8')) as {
    guardrails: GuardrailEntry[];
  };
  return guardrails.map(({ guardrail_name, litellm_params }) => ({
    guardrail_name: `${name}-${guardrail_name}`,
    litellm_params: { ...litellm_params, akto_base_url: url, default_on: false, ...more },
  }));
}

describe.each(releasesThat('asks Akto as the bridge does'))(
  'guardrail akto of litellm $version at the bridge',
  (release) => {
    let world: TurnedWorld;
    beforeAll(async () => {
      const file = 'akto.yaml';
      const entries: GuardrailEntry[] = [];
      world = await startTurnedWorld(release, async (urls) => {
        for (const name of [...turnedBridges, 'gone'] as const) {
          entries.push(...(await example(file, name, urls[name])));
        }
        entries.push(
          ...(await example(file, 'key', urls.judging, { akto_api_key: 'wrong' })),
          ...(await example(file, 'passing', urls.defer, { unreachable_fallback: 'fail_open' })),
          ...(await example(file, 'asking', urls.judging, { mode: 'pre_call' })),
          ...(await example(file, 'watching', urls.judging, { mode: 'logging_only' })),
        );
        return { guardrails: entries, env: { BRIDGE_API_KEY: turnedKey } };
      });
    });
    afterAll(() => world?.stop());
    afterEach(() => world.provider.reset());

    const on = (name: string) => [`${name}-akto`];

    test('an allowed call is answered, and is one record with its response', async () => {
      world.provider.reset({ text: 'Boil them.' });
      const seen = await world.ask(on('judging'), 'How do I cook plums?');
      expect(seen).toMatchObject({
        status: 200,
        json: { choices: [{ message: { content: 'Boil them.' } }] },
      });
      const [record, ...more] = await world.recordsOf(seen);
      expect(more).toEqual([]);
      expect(record).toMatchObject({
        status: '200',
        request: { messages: [{ role: 'user', content: 'How do I cook plums?' }] },
        response: { choices: [{ message: { content: 'Boil them.' } }] },
      });
      const notes = JSON.parse(record?.tag.guardrail ?? '[]') as { input_type: string }[];
      expect(notes.map(({ input_type }) => input_type)).toEqual(['request', 'response']);
    });

    test.each([
      ['a policy', banned],
      ['the vendor behind the bridge', forbidden],
    ])(
      'a request that %s blocks ends with 403 and the message of the bridge, and is one record',
      async (_, word) => {
        const seen = await world.ask(on('judging'), `How do I cook a ${word}?`);
        expect(seen.status).toBe(403);
        expect(seen.raw).toMatch(REFERENCE);
        expect(world.provider.calls).toEqual([]);
        expect(await world.recordsOf(seen)).toMatchObject([{ status: '403' }]);
      },
    );

    test('a request is redacted on its way to the model', async () => {
      const seen = await world.ask(on('judging'), 'Write to bob@example.org');
      expect(seen.status).toBe(200);
      expect(JSON.stringify(world.provider.calls)).toContain(MARKER);
      expect(JSON.stringify(world.provider.calls)).not.toContain('bob@');
      const [record] = await world.recordsOf(seen);
      expect(JSON.stringify(record)).not.toContain('bob@');
    });

    test('a response that is blocked ends with 403, and one is redacted', async () => {
      world.provider.reset({ text: `Take a ${banned}.` });
      const blocked = await world.ask(on('judging'), 'What shall I take?');
      expect(blocked.status).toBe(403);
      expect(blocked.raw).toMatch(REFERENCE);
      expect(await world.recordsOf(blocked)).toMatchObject([{ status: '403' }]);
      world.provider.reset({ text: 'Ask bob@example.org.' });
      const redacted = await world.ask(on('judging'), 'Whom shall I ask?');
      expect(redacted).toMatchObject({
        status: 200,
        json: { choices: [{ message: { content: `Ask ${MARKER}.` } }] },
      });
    });

    test.each([
      ['under fail_closed', 'closed', 403, REFERENCE],
      ['under fail_open', 'open', 200, /choices/],
      ['under defer', 'defer', 503, UNREACHABLE],
      ['under defer, where LiteLLM lets it pass', 'passing', 200, /choices/],
      ['as the bridge is down', 'gone', 503, UNREACHABLE],
      ['as the key is wrong', 'key', 503, UNREACHABLE],
    ])('a call without a verdict %s', async (_, name, status, text) => {
      const seen = await world.ask(on(name), 'How do I cook plums?');
      expect([seen.status, seen.raw]).toEqual([status, expect.stringMatching(text)]);
    });

    test('a stream is shown while it is judged in parts, and is one record', async () => {
      const text = 'First wash the plums, then stone them, then boil them for an hour.';
      world.provider.reset({ text, chunkSize: 3 });
      const seen = await world.ask(on('judging'), 'How do I cook plums?', { stream: true });
      expect([seen.status, streamedText(seen.raw)]).toEqual([200, text]);
      const [record, ...more] = await world.recordsOf(seen);
      expect(more).toEqual([]);
      expect(JSON.stringify(record?.response)).toContain(text);
    });

    test.each([
      ['what is blocked', banned],
      ['what would be redacted', 'bob@example.org'],
    ])('a stream ends at %s with the message of the bridge, and is one blocked record', async (_, word) => {
      const text = `First wash the plums, then take ${word} and boil all of it for an hour, or two, or three.`;
      world.provider.reset({ text, chunkSize: 3, chunkDelayMs: 5 });
      const seen = await world.ask(on('judging'), 'How do I cook?', { stream: true });
      expect(seen.raw).toMatch(REFERENCE);
      expect(streamedText(seen.raw)).not.toContain('three.');
      expect(await world.recordsOf(seen)).toMatchObject([{ status: '403' }]);
    });

    test('a request whose response is not asked about is recorded alone, in time', async () => {
      const seen = await world.ask(on('asking'), 'How do I cook pears?');
      expect(await world.recordsOf(seen)).toMatchObject([
        { status: '200', request: { messages: [{ content: 'How do I cook pears?' }] }, response: {} },
      ]);
    });

    test('logging_only changes nothing for the client, and tells the bridge of the call', async () => {
      world.provider.reset({ text: 'Boil them.' });
      const seen = await world.ask(on('watching'), 'How do I cook apples?');
      expect(seen.status).toBe(200);
      expect(await world.recordsOf(seen)).toMatchObject([
        { status: '200', response: { choices: [{ message: { content: 'Boil them.' } }] } },
      ]);
      const blocked = await world.ask(on('watching'), `How do I cook a ${banned}?`);
      expect(blocked.status).toBe(200);
      expect(await world.recordsOf(blocked)).toMatchObject([{ status: '403' }]);
    });

    test('an image is judged by itself, and counted where nobody looks at it', async () => {
      const image = 'data:image/png;base64,iVBORw0KGgo=';
      const content = [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: image } },
      ];
      const seen = await world.ask(on('judging'), '', { messages: [{ role: 'user', content }] });
      expect(seen.status).toBe(200);
      expect(await world.bridges.judging.metrics()).toMatch(
        /unjudged_total\{backend="akto",content="media"\} [1-9]/,
      );
    });
  },
);

const older = inject('releases').filter((release) => !does(release, 'asks Akto as the bridge does'));
describe.each(older)('guardrail akto of litellm $version at the bridge, in two entries', (release) => {
  let world: TurnedWorld;
  beforeAll(async () => {
    world = await startTurnedWorld(release, async (urls) => ({
      guardrails: [
        ...(await example('akto-two-entries.yaml', 'judging', urls.judging)),
        ...(await example('akto-two-entries.yaml', 'closed', urls.closed)),
        ...(await example('akto-two-entries.yaml', 'defer', urls.defer)),
      ],
      env: { BRIDGE_API_KEY: turnedKey },
    }));
  });
  afterAll(() => world?.stop());
  afterEach(() => world.provider.reset());

  const on = (name: string) => [`${name}-akto-validate`, `${name}-akto-ingest`];
  // No call id comes with its records
  test('an allowed call is answered, and is one record with its response', async () => {
    world.provider.reset({ text: 'Boil them.' });
    const seen = await world.ask(on('judging'), 'How do I cook damsons?');
    expect(seen.status).toBe(200);
    expect(await world.recordsWith('damsons')).toMatchObject([
      { status: '200', response: { choices: [{ message: { content: 'Boil them.' } }] } },
    ]);
  });

  test('a blocked call ends with 403, and its marker adds no record', async () => {
    const seen = await world.ask(on('judging'), `How do I cook a blue ${banned}?`);
    expect(seen.status).toBe(403);
    expect(seen.raw).toMatch(REFERENCE);
    expect(await world.recordsWith(`blue ${banned}`)).toMatchObject([{ status: '403' }]);
  });

  test('a call that is to be redacted is blocked, as LiteLLM would send it on as it is', async () => {
    const seen = await world.ask(on('judging'), 'Write to bob@example.org');
    expect(seen.status).toBe(403);
    expect(world.provider.calls).toEqual([]);
  });

  test.each([
    ['fail_closed', 'closed', 403, REFERENCE],
    ['defer', 'defer', 503, UNREACHABLE],
  ])('a call without a verdict, under %s', async (_, name, status, text) => {
    const seen = await world.ask(on(name), 'How do I cook plums?');
    expect([seen.status, seen.raw]).toEqual([status, expect.stringMatching(text)]);
  });
});
