import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { streamedText } from './client.ts';
import { forbidden } from './fake-akto.ts';
import { masterKey } from './proxy.ts';
import { does } from './release.ts';
import { chat, denied, type TelemetryCase } from './telemetry-cases.ts';
import { aktoRecords, capsulePosts, until } from './telemetry-records.ts';
import { graceSeconds, startTelemetryWorld, type TelemetryWorld } from './telemetry-world.ts';

const LONG =
  'The kettle on the blue stove boils water slowly while the cook peels seven carrots and the bell rings twice before noon.';

const kind = (
  name: string,
  where: Pick<TelemetryCase, 'path' | 'body'>,
  more: Partial<TelemetryCase> = {},
): TelemetryCase => ({
  ...{ name, ...where, ...more },
  record: { status: '200', response: undefined, judged: [], capsule: true },
});

const stream = kind('a streamed chat', chat({ stream: true }), { response: () => ({ text: LONG }) });
const shortStream = kind('a short streamed chat', chat({ stream: true }), {
  response: () => ({ text: 'Tea, hot.' }),
});

/** Endpoints whose calls have no id when a guardrail is asked. */
const nameless = [
  {
    name: 'an image',
    path: '/v1/images/generations',
    body: (prompt: string) => ({ model: 'house-model', prompt }),
  },
  {
    name: 'a speech',
    path: '/v1/audio/speech',
    body: (input: string) => ({ model: 'house-model', input, voice: 'alloy' }),
  },
  {
    name: 'a query',
    path: '/v1/rerank',
    body: (query: string) => ({ model: 'house-model', query, documents: ['plums', 'peas'] }),
  },
];

describe.each(inject('releases'))('records of litellm $version', (release) => {
  let world: TelemetryWorld;
  const recordsOf = (wanted: string) =>
    aktoRecords(world, 'one').filter(({ requested }) => JSON.stringify(requested).includes(wanted));
  /** The one record of a call, after the time in which others would come. */
  const theRecord = async (marker: string) => {
    await until(() => recordsOf(marker).length > 0, `a record of ${marker}`);
    await sleep(500);
    expect(recordsOf(marker)).toHaveLength(1);
    return recordsOf(marker)[0];
  };

  beforeAll(async () => {
    const retries = { timeout: 1, num_retries: 2 };
    const observers = [
      { name: 'one', isDefault: true },
      { name: 'retry', params: retries },
    ];
    const able = does(release, 'retries its checks') ? observers : observers.slice(0, 1);
    world = await startTelemetryWorld(release, able, {}, { DEFAULT_BATCH_SIZE: '1' });
  });

  afterAll(async () => {
    await world?.stop();
  });

  test.each([stream, shortStream])('$name has the text that its client got', async (item) => {
    const { seen, marker } = await world.ask('one', item, []);
    const text = streamedText(seen.raw);
    expect(text).toBe(item.response?.(1).text);
    expect((await theRecord(marker))?.responded).toMatchObject({ choices: [{ message: { content: text } }] });
  });

  test.runIf(does(release, 'logs streams that were left'))(
    'a streamed chat whose client hung up has a text that its client got',
    async () => {
      const item = kind('hung up', chat({ stream: true }), {
        response: () => ({ text: LONG.repeat(5), chunkDelayMs: 25 }),
      });
      const leaving = new AbortController();
      const respond = world.provider.respondTo;
      world.provider.respondTo = () => item.response?.(1) ?? {};
      const reply = await fetch(`${world.proxy.url}${item.path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(item.body('About mark<one hung-up>')),
        signal: leaving.signal,
      });
      const reader = reply.body?.getReader();
      for (let i = 0; i < 40; i++) await reader?.read();
      leaving.abort();
      world.provider.respondTo = respond;
      const record = await theRecord('mark<one hung-up>');
      const responded = record?.responded as { choices: { message: { content: string } }[] } | undefined;
      const content = responded?.choices[0]?.message.content ?? '';
      expect(content.length).toBeGreaterThan(20);
      expect(LONG.repeat(5).startsWith(content), content).toBe(true);
    },
  );

  test('images, speech and queries that a vendor blocks have one record each, and none at Capsule if Capsule blocked them', async () => {
    const before = capsulePosts(world, 'one').length;
    for (const word of [forbidden, denied]) {
      for (const { name, ...where } of nameless) {
        const { seen, marker } = await world.ask('one', kind(name, where, { says: word }), []);
        expect(seen.status).toBeGreaterThanOrEqual(400);
        const record = await theRecord(marker);
        expect(record).toMatchObject({ status: '403', verdicts: [{ action: 'BLOCKED' }] });
        expect(record?.tag).not.toHaveProperty('litellm_call_id');
      }
    }
    // Failures wait so long for a success
    await sleep((graceSeconds + 1) * 1000);
    expect(aktoRecords(world, 'one').filter(({ status }) => /^(?:400|500)$/.test(status))).toEqual([]);
    // Akto's blocks are posted to Capsule, its own are not
    expect(
      capsulePosts(world, 'one')
        .slice(before)
        .map(({ success }) => success),
    ).toEqual([false, false, false]);
  });

  test('two calls under one id at once have a record each', async () => {
    const id = { 'x-litellm-call-id': 'chosen-by-a-client' };
    const blocked = kind('first', chat(), { response: () => ({ text: `Slowly chop one ${forbidden}.` }) });
    const allowed = kind('second', chat(), { response: () => ({ text: 'Slowly boil it.' }) });
    const [first, second] = await Promise.all([
      world.ask('one', blocked, [], id),
      world.ask('one', allowed, [], id),
    ]);
    expect([first.seen.status >= 400, second.seen.status]).toEqual([true, 200]);
    expect((await theRecord(first.marker))?.status).toBe('403');
    expect(await theRecord(second.marker)).toMatchObject({
      status: '200',
      responded: { choices: [{ message: { content: 'Slowly boil it.' } }] },
    });
  });

  test.runIf(does(release, 'retries its checks'))(
    'a check that LiteLLM repeats after its timeout is judged and counted once',
    async () => {
      const item = kind('slow', chat(), { response: () => ({ text: 'Slowly boil it.' }) });
      const { seen, marker } = await world.ask('retry', item, ['retry']);
      expect(seen.status).toBe(200);
      const checks = world.akto.calls.filter(
        ({ path, query, body }) =>
          path.startsWith('/retry/') &&
          query.response_guardrails === 'true' &&
          String(body.requestPayload).includes(marker),
      );
      expect(checks).toHaveLength(1);
      const metrics = (await world.bridges.retry?.metrics()) ?? '';
      expect(metrics).toMatch(/repeated_calls_total [1-9]/);
      expect(metrics).toMatch(/decisions_total\{input_type="response",action="NONE"\} 1\n/);
      expect(metrics).toMatch(/decisions_total\{input_type="response",action="CANCELLED"\} 0\n/);
    },
  );
});
