import { afterEach, describe, expect, test } from 'vitest';
import type { Sink } from '../../src/backends/backend.ts';
import type { RedactionOptions } from '../../src/config/config.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import type { VerdictNote } from '../../src/guardrail/record.ts';
import { blockedEvent, blockedWords } from '../../src/records/blocked-event.ts';
import type { BlockedCall, IntakeOptions } from '../../src/records/intake.ts';
import { Redactor } from '../../src/records/redact/redact.ts';
import { callOf } from '../support/call.ts';
import { capitals } from '../support/credentials.ts';
import { EVENT, noteOf } from '../support/record.ts';
import { createStation, type Station } from '../support/replay.ts';

const stations: Station[] = [];
afterEach(async () => {
  for (const station of stations.splice(0)) await station.close();
});

function opened(options: Partial<IntakeOptions> = {}): Station {
  const station = createStation(options);
  stations.push(station);
  return station;
}

const redactor = (options: Partial<RedactionOptions> = {}) =>
  new Redactor({
    content: 'full',
    remove: [],
    noContentTeams: new Set(),
    noContentKeys: new Set(),
    ...options,
  });

const sinkThat = (wants: Sink['wants']): Sink => ({
  batch: { records: 1, bytes: 1 },
  wants,
  ingest: async () => [],
});

/** Time in events is Unix seconds; `from` and `to` are milliseconds after the station's own now. */
const eventAt = (station: Station, from: number, to: number, fields: object = {}) => ({
  ...EVENT,
  startTime: (station.now + from) / 1000,
  endTime: (station.now + to) / 1000,
  ...fields,
});
const failure = { status: 'failure', id: 'call-1', response: {} };
const line = (...rows: unknown[]) => JSON.stringify(rows);
const NOTHING = { new: 0, late: 0, duplicate: 0, attempt: 0, blocked: 0, bad: 0, legacy: 0, null: 0 };

type BlockFields = {
  readonly reason?: string;
  readonly call?: Partial<GuardrailCall>;
  readonly request?: Partial<GuardrailCall>;
};

/** A block of the request of call-1, or of its response. */
function blockAt(
  station: Station,
  input_type: VerdictNote['input_type'] = 'request',
  { reason = 'No plums', ...fields }: BlockFields = {},
): BlockedCall {
  const request = callOf({
    texts: ['How long does a plum cake bake?'],
    structured_messages: [{ role: 'user', content: 'How long does a plum cake bake?' }],
    litellm_call_id: 'call-1',
    ...fields.request,
  });
  const response = callOf({ input_type, texts: ['An hour.'], litellm_call_id: 'call-1', ...fields.call });
  const call = input_type === 'request' ? request : response;
  const note = noteOf({
    litellm_call_id: String(call.litellm_call_id),
    ...{ input_type, action: 'BLOCKED', by: 'akto', at: station.now },
  });
  const block = { by: 'akto', cause: 'verdict', reason, ref: '0123456789abcdef', input_type };
  return { note, block, event: blockedEvent(call, request, note), words: blockedWords(call, request) };
}

const outcomes = async (records: ReturnType<Station['due']>) => (await records).map(({ outcome }) => outcome);

/** What backends are due after so many milliseconds. */
async function dueAfter(station: Station, ms: number, backend = 'akto') {
  station.pass(ms);
  const due = await outcomes(station.due(backend));
  station.pass(-ms);
  return due;
}

describe('a record is held', () => {
  test('not at all after a success of a release that tells its call', async () => {
    const station = opened();
    station.note(noteOf());
    await station.logs(line(eventAt(station, -100, 0)));
    expect(await dueAfter(station, 0)).toEqual(['success']);
  });

  test('for the grace of a failure, within which a success takes its place', async () => {
    const station = opened({ failureGraceMs: 30_000 });
    await station.logs(line(eventAt(station, -100, 0, failure)));
    expect(await dueAfter(station, 29_999)).toEqual([]);
    station.pass(5000);
    expect(await station.logs(line(eventAt(station, -100, 0)))).toEqual({ ...NOTHING, new: 1 });
    expect(await outcomes(station.all('akto'))).toEqual(['success']);
  });

  test('no longer than that grace', async () => {
    const station = opened({ failureGraceMs: 30_000 });
    await station.logs(line(eventAt(station, -100, 0, failure)));
    expect(await dueAfter(station, 30_001)).toEqual(['failure']);
  });

  test('while the answer may still be judged, if it came from the cache of LiteLLM', async () => {
    const station = opened({ responseCheckMs: 7000 });
    station.note(noteOf());
    await station.logs(line(eventAt(station, -100, 0, { cache_hit: true })));
    expect(await dueAfter(station, 6999)).toEqual([]);
    expect(await dueAfter(station, 7001)).toEqual(['success']);
  });
});

describe('an event of a release that names no call', () => {
  const unnamed = (station: Station, from: number, fields: object = {}) =>
    eventAt(station, from, from + 50, { litellm_call_id: undefined, id: `chatcmpl-${from}`, ...fields });

  test('is a record of its own at once, without what the bridge said, and sent again a duplicate', async () => {
    const station = opened();
    station.note(noteOf({ litellm_trace_id: EVENT.trace_id, at: station.now - 150 }));
    const event = unnamed(station, -100);
    await station.logs(line(event));
    expect(await station.logs(line(event))).toEqual({ ...NOTHING, duplicate: 1 });
    const due = await station.due('akto');
    expect(due).toMatchObject([{ outcome: 'success', verdicts: [] }]);
    expect(station.unnamed()).toBe(2);
  });

  test('belongs to no failure and to no block of its call', async () => {
    const station = opened();
    await station.logs(line(unnamed(station, -900, failure)));
    await station.blocked(blockAt(station, 'response'));
    await station.logs(line(unnamed(station, -500)));
    expect(await outcomes(station.all('akto'))).toEqual(['blocked', 'success']);
  });

  test('belongs to the call whose id an embedding has, as its response has none', async () => {
    const station = opened();
    station.note(noteOf());
    await station.logs(line(unnamed(station, -100, { call_type: 'aembedding', id: 'call-1' })));
    expect(await station.all('akto')).toMatchObject([{ verdicts: [{ litellm_call_id: 'call-1' }] }]);
  });
});

describe('a blocked call', () => {
  const told = (station: Station) =>
    eventAt(station, -100, 0, {
      ...failure,
      error_information: { error_message: 'Blocked by security policy. Reference: 0123456789abcdef' },
    });

  test('is a record at once, with what it was asked and not what it was answered', async () => {
    const station = opened();
    station.note(noteOf());
    await station.blocked(blockAt(station, 'response'));
    const [record, ...others] = await station.due('akto');
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      outcome: 'blocked',
      block: { by: 'akto', reason: 'No plums', input_type: 'response' },
      verdicts: [{ action: 'NONE' }, { action: 'BLOCKED' }],
      event: {
        litellm_call_id: 'call-1',
        messages: [{ role: 'user', content: 'How long does a plum cake bake?' }],
        response: null,
      },
    });
  });

  test('whose answer came without the alias of its key has that of its request, and the name the client gave the model', async () => {
    const station = opened();
    const call = { model: 'upstream', request_data: { user_api_key_hash: 'hash' } };
    const request = { model: 'house', request_data: { user_api_key_alias: 'kitchen' } };
    await station.blocked(blockAt(station, 'response', { call, request }));
    expect((await station.all('akto'))[0]?.event).toMatchObject({
      model_group: 'house',
      metadata: { user_api_key_hash: 'hash', user_api_key_alias: 'kitchen' },
    });
  });

  test('has no other record of what LiteLLM logs after it, or logged before', async () => {
    const after = opened();
    await after.blocked(blockAt(after));
    expect(await after.logs(line(told(after), eventAt(after, -100, 0)))).toEqual({ ...NOTHING, blocked: 2 });
    const before = opened();
    await before.logs(line(told(before)));
    await before.blocked(blockAt(before));
    for (const station of [after, before]) {
      expect(await outcomes(station.all('akto'))).toEqual(['blocked']);
      expect(await outcomes(station.all('capsule'))).toEqual(['blocked']);
    }
  });

  test('is told once, though its record is stored at the second try', async () => {
    const station = opened();
    const blocked = blockAt(station);
    expect([await station.blocked(blocked), await station.blocked(blocked)]).toEqual(['new', 'duplicate']);
    expect((await station.all('akto'))[0]?.verdicts).toEqual([blocked.note]);
    await station.logs(line(eventAt(station, 5000, 6000)));
    expect((await station.all('akto'))[1]?.verdicts).toEqual([blocked.note]);
  });

  test('has no credentials in its reason, and no words of it where content is withheld', async () => {
    const key = `AKIA${capitals(16)}`;
    const reasonIn = async (options: Partial<RedactionOptions>) => {
      const station = opened({ redactor: redactor(options) });
      await station.blocked(blockAt(station, 'request', { reason: `the words ${key} are not allowed` }));
      return (await station.all('akto'))[0]?.block?.reason;
    };
    expect(await reasonIn({})).toBe('the words [REDACTED] are not allowed');
    expect(await reasonIn({ content: 'none' })).toBe('[content withheld]');
  });
});

describe('content of teams that want none kept', () => {
  test('is in no record, and nowhere in the file', async () => {
    const station = opened({
      redactor: redactor({ noContentTeams: new Set(['team-1']) }),
      keepsContent: false,
    });
    const metadata = { ...EVENT.metadata, user_api_key_team_id: 'team-1' };
    await station.logs(line(eventAt(station, -100, 0, { metadata })));
    const request = { litellm_call_id: 'call-2', request_data: metadata };
    await station.blocked(blockAt(station, 'request', { request }));
    const records = await station.all('akto');
    expect(records).toHaveLength(2);
    expect(JSON.stringify(records)).not.toMatch(/plum|hour/i);
    expect(station.bytes()).not.toMatch(/plum|"hour/i);
    for (const { event } of records) {
      expect(event.messages).toEqual([{ role: 'user', content: '[content withheld]' }]);
    }
  });
});

describe('rows that are no record', () => {
  const BROKEN = '{"id": "plum cake';

  test.each([
    ['kept with their text', true, { chars: BROKEN.length, text: BROKEN }],
    ['kept without it where content is not', false, { chars: BROKEN.length }],
  ])('that cannot be read are %s', async (_, keepsContent, payload) => {
    const station = opened({ keepsContent });
    const receipt = await station.logs(`${JSON.stringify(eventAt(station, -100, 0))}\n${BROKEN}`);
    expect(receipt).toEqual({ ...NOTHING, new: 1, bad: 1 });
    expect(station.dead('intake')).toEqual([{ reason: 'is not JSON', payload }]);
  });

  test('are kept up to a length, without credentials', async () => {
    const station = opened();
    const key = `AKIA${capitals(16)}`;
    await station.logs(`{"id": "${key} ${'x'.repeat(100_000)}`);
    const [row] = station.dead('intake');
    expect(row?.payload).toMatchObject({ text: expect.stringMatching(/^\{"id": "\[REDACTED\] x{1000}/) });
    expect(JSON.stringify(row).length).toBeLessThan(70_000);
  });

  test('are kept without what its name says to be a credential, whole or cut off', async () => {
    const station = opened();
    const row = (end: string) => `{"headers": {"authorization": "Bearer plum", "x-vendor-key":"damson${end}`;
    await station.logs(`${row('"}}')}\n${row('')}`);
    const head = '{"headers": {"authorization": "[REDACTED]", "x-vendor-key":"[REDACTED]"';
    expect(station.dead('intake').map(({ payload }) => payload)).toMatchObject([
      { text: `${head}}}` },
      { text: head },
    ]);
  });

  test('are counted: of generic_api_use_v1, and null', async () => {
    const station = opened();
    const legacy = { id: 'a', startTime: '2026-11-21', modelParameters: '{}', usage: 'x', metadata: '{}' };
    const receipt = await station.logs(line(null, legacy, eventAt(station, -100, 0), null, legacy, legacy));
    expect(receipt).toEqual({ ...NOTHING, new: 1, legacy: 3, null: 2 });
    expect(station.dead('intake')).toEqual([]);
  });

  test('nothing at all is no work', async () => {
    expect(await opened().logs('')).toEqual(NOTHING);
  });

  test('because of a mistake of ours do not take the others with them', async () => {
    const sink = sinkThat(({ event }) => {
      if (event.id === 'hostile') throw new TypeError('plum');
      return true;
    });
    const station = opened({ sinks: [{ name: 'akto', sink }] });
    const hostile = eventAt(station, -100, 0, { id: 'hostile', litellm_call_id: 'call-2' });
    const receipt = await station.logs(line(hostile, eventAt(station, -100, 0)));
    expect(receipt).toEqual({ ...NOTHING, new: 1, bad: 1 });
    const [row, ...others] = station.dead('intake');
    expect(others).toEqual([]);
    expect(row).toMatchObject({ reason: 'bug: TypeError', payload: { text: JSON.stringify(hostile) } });
    expect(await outcomes(station.all('akto'))).toEqual(['success']);
  });
});

describe('backends that do not want a record', () => {
  const only = (wanted: string): Sink => sinkThat(({ outcome }) => outcome === wanted);

  test('are not given it, and others are', async () => {
    const station = opened({
      sinks: [
        { name: 'akto', sink: only('success') },
        { name: 'capsule', sink: only('blocked') },
      ],
    });
    await station.logs(line(eventAt(station, -100, 0, { litellm_call_id: 'call-2' })));
    await station.blocked(blockAt(station));
    expect(await outcomes(station.all('akto'))).toEqual(['success']);
    expect(await outcomes(station.all('capsule'))).toEqual(['blocked']);
  });

  test('are told nothing again, though nobody wanted the first', async () => {
    const station = opened({ sinks: [{ name: 'akto', sink: only('success') }] });
    await station.blocked(blockAt(station));
    expect(await station.logs(line(eventAt(station, -100, 0)))).toEqual({ ...NOTHING, blocked: 1 });
    expect(await station.all('akto')).toEqual([]);
  });
});
