import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { forbidden } from './fake-akto.ts';
import { does } from './release.ts';
import { chat, messages, plainResponse, recipe, responses, type TelemetryCase } from './telemetry-cases.ts';
import { type AktoRecord, aktoRecords, rowsOf, until } from './telemetry-records.ts';
import { type SentCall, startTelemetryWorld, type TelemetryWorld } from './telemetry-world.ts';

const placeholder = 'redacted-by-litellm';

const record = { status: '200', response: {}, judged: [], capsule: true };
const cases: TelemetryCase[] = [
  { name: 'a success', ...chat(), record },
  { name: 'a stream', ...chat({ stream: true }), record },
  { name: 'messages', ...messages(), record },
  { name: 'streamed messages', ...messages({ stream: true }), record },
  { name: 'responses', ...responses(), record },
  {
    name: 'an error of the provider',
    ...chat(),
    response: () => ({ status: 400 }),
    record: { ...record, status: '400' },
  },
];
const stopped = { ...record, status: '403' };
const blocked: TelemetryCase[] = [
  { name: 'a request', ...chat(), says: forbidden, record: stopped },
  { name: 'a response', ...chat(), response: () => ({ text: recipe }), record: stopped },
  {
    name: 'streamed messages',
    ...messages({ stream: true }),
    response: () => ({ text: recipe }),
    record: stopped,
  },
];

// With the intervals that LiteLLM has of itself: every five seconds what came since, in one POST
describe.each(inject('releases'))('redacted telemetry of litellm $version', (release) => {
  let world: TelemetryWorld;
  const sent = new Map<TelemetryCase, SentCall>();
  const rowsAtRecord: number[] = [];

  const recordsOf = (item: TelemetryCase): AktoRecord[] => {
    const one = sent.get(item);
    const callId = one?.seen.headers.get('x-litellm-call-id');
    return aktoRecords(world, 'bridge').filter(({ tag }) => callId && tag.litellm_call_id === callId);
  };

  /** LiteLLM has just posted what it had, and posts nothing more for five seconds. */
  async function flushed(): Promise<void> {
    const before = await rowsOf(world, 'bridge');
    await world.ask('bridge', cases[0] as TelemetryCase, []);
    await until(async () => (await rowsOf(world, 'bridge')) > before, 'a flush');
  }

  beforeAll(async () => {
    world = await startTelemetryWorld(release, [{ name: 'bridge', isDefault: true }], {
      litellm_settings: { turn_off_message_logging: true },
    });
    await flushed();
    const rows = await rowsOf(world, 'bridge');
    for (const item of blocked) {
      sent.set(item, await world.ask('bridge', item, []));
      await until(() => recordsOf(item).length > 0, `the record of a blocked call: ${item.name}`);
      rowsAtRecord.push((await rowsOf(world, 'bridge')) - rows);
    }
    await flushed();
    for (const item of cases) sent.set(item, await world.ask('bridge', item, []));
    for (const item of cases) {
      await until(() => recordsOf(item).length > 0, `the record of ${item.name}`);
    }
    await sleep(6000); // whatever else would come
  });

  afterAll(async () => {
    await world?.stop();
  });

  test.each(blocked)('$name that is blocked is on record before LiteLLM logs it, and once', (item) => {
    expect(rowsAtRecord).toEqual([0, 0, 0]);
    expect(recordsOf(item)).toMatchObject([{ status: '403' }]);
  });

  test.each(cases)('$name is on record without its content', (item) => {
    const records = recordsOf(item);
    expect(records).toMatchObject([{ status: item.record.status }]);
    const [{ requested: request, responded }] = records as [AktoRecord];
    expect(request.messages).toMatchObject([{ content: placeholder }]);
    expect(JSON.stringify([request, responded])).not.toMatch(/mark<|plums/);
    if (item.path !== '/v1/responses' || does(release, 'redacts responses')) {
      expect(JSON.stringify(responded)).not.toContain(plainResponse);
    }
  });
});
