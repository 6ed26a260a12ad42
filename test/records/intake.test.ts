import { afterEach, describe, expect, test } from 'vitest';
import type { Sink } from '../../src/backends/backend.ts';
import type { RedactionOptions } from '../../src/config/config.ts';
import type { GuardrailCall } from '../../src/guardrail/call.ts';
import type { VerdictNote } from '../../src/guardrail/record.ts';
import { type BadRow, type Entry, OutboxError } from '../../src/outbox/contract.ts';
import type { VerdictLine } from '../../src/outbox/note-bytes.ts';
import type { BlockedCall } from '../../src/records/protocol.ts';
import { blockedCall, noteOf as decisionNoteOf } from '../../src/records/record-decision.ts';
import { Redactor } from '../../src/records/redact/redact.ts';
import { callOf } from '../support/call.ts';
import { capitals } from '../support/credentials.ts';
import { undecided } from '../support/decision.ts';
import { mcpResult } from '../support/mcp.ts';
import { EVENT, noteOf } from '../support/record.ts';
import { createRecorder, type Recorder, type RecorderOptions } from '../support/recorder.ts';

const recorders: Recorder[] = [];
afterEach(async () => {
  for (const recorder of recorders.splice(0)) await recorder.close();
});

function opened(options: RecorderOptions = {}): Recorder {
  const recorder = createRecorder(options);
  recorders.push(recorder);
  return recorder;
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
  concurrency: 1,
  wants,
  ingest: async () => [],
});

/** Time in events is Unix seconds; `from` and `to` are milliseconds after the recorder's own now. */
const eventAt = (recorder: Recorder, from: number, to: number, fields: object = {}) => ({
  ...EVENT,
  startTime: (recorder.now + from) / 1000,
  endTime: (recorder.now + to) / 1000,
  ...fields,
});
const failure = { status: 'failure', id: 'call-1', response: {} };
const line = (...rows: unknown[]) => JSON.stringify(rows);
const NOTHING = {
  ...{ new: 0, late: 0, duplicate: 0, attempt: 0, blocked: 0 },
  ...{ unrecorded: 0, bad: 0, legacy: 0, null: 0 },
};

type BlockFields = {
  readonly reason?: string;
  readonly call?: Partial<GuardrailCall>;
  readonly request?: Partial<GuardrailCall>;
};

/** A block of the request of call-1, or of its response. */
function blockAt(
  recorder: Recorder,
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
    litellm_call_id: call.litellm_call_id,
    litellm_trace_id: call.litellm_trace_id ?? 'trace-1',
    ...{ input_type, action: 'BLOCKED', by: 'akto', at: recorder.now },
  });
  const block = { by: 'akto', cause: 'verdict', reason, ref: '0123456789abcdef', input_type } as const;
  return blockedCall(call, request, note, block);
}

/** The note on an allowed call. */
const noteOfCall = (recorder: Recorder, fields: object): VerdictLine => ({
  ...(decisionNoteOf(undecided(callOf({ ...fields }))) as VerdictLine),
  at: recorder.now,
});

const outcomes = async (records: ReturnType<Recorder['due']>) =>
  (await records).map(({ outcome }) => outcome);

/** Records that are due for a backend after `ms`. */
async function dueAfter(recorder: Recorder, ms: number, backend = 'akto') {
  recorder.pass(ms);
  const due = await outcomes(recorder.due(backend));
  recorder.pass(-ms);
  return due;
}

describe('a record waits', () => {
  test('not at all after a success', async () => {
    const recorder = opened();
    recorder.note(noteOf());
    await recorder.logs(line(eventAt(recorder, -100, 0)));
    expect(await dueAfter(recorder, 0)).toEqual(['success']);
  });

  test('for the grace of a failure, within which a success replaces it', async () => {
    const recorder = opened({ failureGraceMs: 30_000 });
    await recorder.logs(line(eventAt(recorder, -100, 0, failure)));
    expect(await dueAfter(recorder, 29_999)).toEqual([]);
    recorder.pass(5000);
    expect(await recorder.logs(line(eventAt(recorder, -100, 0)))).toEqual({ ...NOTHING, new: 1 });
    expect(await outcomes(recorder.all('akto'))).toEqual(['success']);
  });

  test('no longer than that grace', async () => {
    const recorder = opened({ failureGraceMs: 30_000 });
    await recorder.logs(line(eventAt(recorder, -100, 0, failure)));
    expect(await dueAfter(recorder, 30_001)).toEqual(['failure']);
  });

  test('while its response may still be judged, if it came from the cache of LiteLLM', async () => {
    const recorder = opened();
    recorder.note(noteOf());
    await recorder.logs(line(eventAt(recorder, -100, 0, { cache_hit: true })));
    expect(await dueAfter(recorder, 6999)).toEqual([]);
    expect(await dueAfter(recorder, 7001)).toEqual(['success']);
  });

  test('while it may still be judged, if LiteLLM before 1.101 streamed it', async () => {
    const recorder = opened();
    recorder.note(noteOf({ logsStreamsEarly: true }));
    await recorder.logs(line(eventAt(recorder, -100, 0, { stream: true })));
    expect(await dueAfter(recorder, 6999)).toEqual([]);
    await recorder.blocked(blockAt(recorder, 'response'));
    expect(await dueAfter(recorder, 7001)).toEqual(['blocked']);
  });
});

describe('an event of a release that names no call', () => {
  const unnamed = (recorder: Recorder, from: number, fields: object = {}) =>
    eventAt(recorder, from, from + 50, { litellm_call_id: undefined, id: `chatcmpl-${from}`, ...fields });

  test('becomes a record of its own at once, without notes, and is a duplicate when it is sent again', async () => {
    const recorder = opened();
    recorder.note(noteOf({ litellm_trace_id: EVENT.trace_id, at: recorder.now - 150 }));
    const event = unnamed(recorder, -100);
    await recorder.logs(line(event));
    expect(await recorder.logs(line(event))).toEqual({ ...NOTHING, duplicate: 1 });
    const due = await recorder.due('akto');
    expect(due).toMatchObject([{ outcome: 'success', verdicts: [] }]);
    expect(recorder.unnamed()).toBe(2);
  });

  test('is joined to no failure and to no block of its call', async () => {
    const recorder = opened();
    await recorder.logs(line(unnamed(recorder, -900, failure)));
    await recorder.blocked(blockAt(recorder, 'response'));
    await recorder.logs(line(unnamed(recorder, -500)));
    expect(await outcomes(recorder.all('akto'))).toEqual(['blocked', 'success']);
  });

  test('is joined to its call if it is of an embedding, which has the id of the call', async () => {
    const recorder = opened();
    recorder.note(noteOf());
    await recorder.logs(line(unnamed(recorder, -100, { call_type: 'aembedding', id: 'call-1' })));
    expect(await recorder.all('akto')).toMatchObject([{ verdicts: [{ litellm_call_id: 'call-1' }] }]);
  });
});

describe('a blocked call', () => {
  const told = (recorder: Recorder) =>
    eventAt(recorder, -100, 0, {
      ...failure,
      error_information: {
        error_message: 'Blocked by security policy. [policy] Reference: 0123456789abcdef',
      },
    });

  test('becomes a record at once, with the request and without the response', async () => {
    const recorder = opened();
    recorder.note(noteOf());
    await recorder.blocked(blockAt(recorder, 'response'));
    const [record, ...others] = await recorder.due('akto');
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

  test('with a blocked response gets the key alias and the model name of its request', async () => {
    const recorder = opened();
    const call = { model: 'upstream', request_data: { user_api_key_hash: 'hash' } };
    const request = { model: 'house', request_data: { user_api_key_alias: 'kitchen' } };
    await recorder.blocked(blockAt(recorder, 'response', { call, request }));
    expect((await recorder.all('akto'))[0]?.event).toMatchObject({
      model_group: 'house',
      metadata: { user_api_key_hash: 'hash', user_api_key_alias: 'kitchen' },
    });
  });

  test('gets no second record from the events that LiteLLM logs before or after it', async () => {
    const after = opened();
    await after.blocked(blockAt(after));
    expect(await after.logs(line(told(after), eventAt(after, -100, 0)))).toEqual({ ...NOTHING, blocked: 2 });
    const before = opened();
    await before.logs(line(told(before)));
    await before.blocked(blockAt(before));
    for (const recorder of [after, before]) {
      expect(await outcomes(recorder.all('akto'))).toEqual(['blocked']);
      expect(await outcomes(recorder.all('capsule'))).toEqual(['blocked']);
    }
  });

  test('gets one note and one record, though only the second try stores it', async () => {
    const recorder = opened();
    const blocked = blockAt(recorder);
    expect([await recorder.blocked(blocked), await recorder.blocked(blocked)]).toEqual(['new', 'duplicate']);
    expect((await recorder.all('akto'))[0]?.verdicts).toEqual([blocked.note]);
    await recorder.logs(line(eventAt(recorder, 5000, 6000)));
    expect((await recorder.all('akto'))[1]?.verdicts).toEqual([blocked.note]);
  });

  test('keeps credentials out of its reason, and the whole reason where content is withheld', async () => {
    const key = `AKIA${capitals(16)}`;
    const reasonIn = async (options: Partial<RedactionOptions>) => {
      const recorder = opened({ redactor: redactor(options) });
      await recorder.blocked(blockAt(recorder, 'request', { reason: `the words ${key} are not allowed` }));
      return (await recorder.all('akto'))[0]?.block?.reason;
    };
    expect(await reasonIn({})).toBe('the words [REDACTED] are not allowed');
    expect(await reasonIn({ content: 'none' })).toBe('[content withheld]');
  });
});

describe('a blocked call without an id, such as that of an image', () => {
  const REF = 'Blocked by security policy. [policy] Reference: 0123456789abcdef';
  const nameless = (recorder: Recorder, fields: BlockFields = {}) => {
    const request = {
      litellm_call_id: null,
      litellm_trace_id: null,
      texts: ['a plum cake'],
      structured_messages: [],
    };
    return blockAt(recorder, 'request', { ...fields, request: { ...request, ...fields.request } });
  };
  /** As LiteLLM logs it: under an id and a trace that no guardrail call had. */
  const told = (recorder: Recorder, message = REF, more: object = {}) =>
    eventAt(recorder, -100, 0, {
      ...failure,
      ...{ id: 'call-9', litellm_call_id: 'call-9', trace_id: 'trace-9', call_type: 'aimage_generation' },
      messages: [{ role: 'user', content: 'a plum cake' }],
      error_str: message,
      error_information: { error_class: 'GuardrailRaisedException', error_message: message },
      ...more,
    });

  test('has one record, which names no id and has the verdict, whichever comes first', async () => {
    const after = opened();
    await after.blocked(nameless(after));
    expect(await after.logs(line(told(after)))).toEqual({ ...NOTHING, blocked: 1 });
    const before = opened();
    await before.logs(line(told(before)));
    expect(await before.blocked(nameless(before))).toBe('new');
    for (const recorder of [after, before]) {
      const [record, ...others] = await recorder.all('akto');
      expect(others).toEqual([]);
      expect(record).toMatchObject({
        outcome: 'blocked',
        event: { litellm_call_id: null, messages: [{ role: 'user', content: 'a plum cake' }] },
        verdicts: [{ litellm_call_id: null, action: 'BLOCKED', by: 'akto' }],
      });
    }
  });

  test('has none at Capsule if Capsule blocked it', async () => {
    for (const isFirst of [true, false]) {
      const recorder = opened();
      const blocked = nameless(recorder);
      const byCapsule = { ...blocked, block: { ...blocked.block, by: 'capsule' } };
      if (isFirst) await recorder.blocked(byCapsule);
      await recorder.logs(line(told(recorder)));
      if (!isFirst) await recorder.blocked(byCapsule);
      expect(await recorder.all('capsule')).toEqual([]);
      expect(await outcomes(recorder.all('akto'))).toEqual(['blocked']);
    }
  });

  test('is joined after a restart', async () => {
    const recorder = opened();
    await recorder.blocked(nameless(recorder));
    await recorder.restart();
    expect(await recorder.logs(line(told(recorder)))).toEqual({ ...NOTHING, blocked: 1 });
  });

  test('is joined by key and words where BLOCKED_MESSAGE has no reference', async () => {
    const recorder = opened();
    await recorder.blocked(nameless(recorder));
    const words = [{ role: 'user', content: 'default-message-value' }];
    expect(await recorder.logs(line(told(recorder, 'Not allowed.')))).toEqual({ ...NOTHING, blocked: 1 });
    // LiteLLM logs no words of a speech or of a query
    expect(await recorder.logs(line(told(recorder, 'Not allowed.', { messages: words })))).toMatchObject({
      new: 1,
    });
  });

  test('does not hide a failure of a provider that repeats its reference', async () => {
    const recorder = opened();
    await recorder.blocked(nameless(recorder));
    const error_information = { error_class: 'BadRequestError', error_message: `no such model ${REF}` };
    expect(await recorder.logs(line(told(recorder, REF, { error_information })))).toMatchObject({ new: 1 });
  });

  test('has a record each time that the same words are blocked', async () => {
    const recorder = opened();
    const first = nameless(recorder);
    expect(await recorder.blocked(first)).toBe('new');
    expect(await recorder.blocked(first)).toBe('duplicate');
    expect(await recorder.blocked({ ...first, block: { ...first.block, ref: 'fedcba9876543210' } })).toBe(
      'new',
    );
    const ids = (await recorder.all('akto')).map(({ recordId }) => recordId);
    expect(new Set(ids).size).toBe(2);
  });
});

describe('a blocked result of an MCP tool', () => {
  const REF = 'Blocked by security policy. [policy] Reference: 0123456789abcdef';
  const result = (recorder: Recorder): BlockedCall => {
    const call = callOf(mcpResult('the harvest'));
    const note = noteOf({
      ...{
        litellm_call_id: null,
        litellm_trace_id: null,
        input_type: 'response',
        action: 'BLOCKED',
        by: 'akto',
      },
      at: recorder.now,
    });
    const block = {
      by: 'akto',
      cause: 'verdict',
      reason: 'No plums',
      ref: '0123456789abcdef',
      input_type: 'response',
    };
    return blockedCall(call, undefined, note, block as BlockedCall['block']);
  };
  const told = (recorder: Recorder) =>
    eventAt(recorder, -100, 100, {
      ...failure,
      ...{ id: 'call-9', litellm_call_id: 'call-9', trace_id: 'trace-9', call_type: 'call_mcp_tool' },
      messages: [{ role: 'user', content: 'default-message-value' }],
      metadata: {
        user_api_key_user_id: 'dana',
        mcp_tool_call_metadata: { name: 'read_page', arguments: { page: 1 } },
      },
      error_str: REF,
      error_information: { error_class: 'GuardrailRaisedException', error_message: REF },
    });

  test('has one record: that of LiteLLM, which tells the tool and the caller', async () => {
    const recorder = opened({ failureGraceMs: 30_000 });
    expect(await recorder.blocked(result(recorder))).toBe('new');
    expect(await dueAfter(recorder, 1000)).toEqual([]);
    for (const receipt of [{ new: 1 }, { duplicate: 1 }])
      expect(await recorder.logs(line(told(recorder)))).toEqual({ ...NOTHING, ...receipt });
    const [record, ...others] = await recorder.all('akto');
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      outcome: 'blocked',
      block: { reason: 'No plums', ref: '0123456789abcdef' },
      event: {
        litellm_call_id: 'call-9',
        metadata: { user_api_key_user_id: 'dana', mcp_tool_call_metadata: { name: 'read_page' } },
      },
      verdicts: [{ litellm_call_id: null, input_type: 'response', action: 'BLOCKED' }],
    });
    expect(await dueAfter(recorder, 0)).toEqual(['blocked']);
  });

  test('has a record without them if LiteLLM does not log it in time', async () => {
    const recorder = opened({ failureGraceMs: 30_000 });
    await recorder.blocked(result(recorder));
    expect(await dueAfter(recorder, 30_001)).toEqual(['blocked']);
    expect(await recorder.all('akto')).toMatchObject([
      { event: { litellm_call_id: null, call_type: 'call_mcp_tool', metadata: {} } },
    ]);
  });

  test('has one record after a restart too, which does not tell them', async () => {
    const recorder = opened({ failureGraceMs: 30_000 });
    await recorder.blocked(result(recorder));
    await recorder.restart();
    expect(await recorder.logs(line(told(recorder)))).toEqual({ ...NOTHING, blocked: 1 });
    expect(await outcomes(recorder.all('akto'))).toEqual(['blocked']);
  });
});

describe('two calls under one id at once', () => {
  const said = (content: string) => ({ texts: [content], structured_messages: [{ role: 'user', content }] });

  test.each([
    { name: 'by their traces', traces: ['ta', 'tb'] },
    { name: 'by their words, as LiteLLM logs a chat under a trace of its own', traces: ['x', 'y'] },
  ])('have a record each, told apart $name', async ({ traces: [ofFirst, ofSecond] }) => {
    for (const isBlockFirst of [true, false]) {
      const recorder = opened();
      const trace = (litellm_trace_id: string, content: string) => ({ litellm_trace_id, ...said(content) });
      const notes = [
        { ...trace('ta', 'benign'), input_type: 'request' },
        { ...trace('tb', 'exfiltrate'), input_type: 'request' },
        { litellm_trace_id: 'tb', input_type: 'response', texts: ['delivered'] },
      ];
      for (const fields of notes)
        recorder.note(noteOfCall(recorder, { litellm_call_id: 'call-1', ...fields }));
      const blocked = blockAt(recorder, 'response', {
        call: { litellm_trace_id: 'ta' },
        request: trace('ta', 'benign'),
      });
      const messages = (content: string) => [{ role: 'user', content }];
      const success = eventAt(recorder, -100, 0, { trace_id: ofSecond, messages: messages('exfiltrate') });
      const failed = { ...failure, trace_id: ofFirst, messages: messages('benign'), id: 'call-1' };
      if (isBlockFirst) await recorder.blocked(blocked);
      await recorder.logs(line(success, eventAt(recorder, -100, 0, failed)));
      if (!isBlockFirst) await recorder.blocked(blocked);
      const records = await recorder.all('akto');
      expect(records.toSorted((a, b) => a.outcome.localeCompare(b.outcome))).toMatchObject([
        { outcome: 'blocked', event: { trace_id: 'ta', messages: messages('benign') } },
        {
          outcome: 'success',
          event: { messages: messages('exfiltrate') },
          verdicts: [
            { litellm_trace_id: 'tb', action: 'NONE' },
            { litellm_trace_id: 'tb', action: 'NONE' },
          ],
        },
      ]);
    }
  });
});

describe('the text of a streamed response', () => {
  const GARBLED = 'A kettle boils wls water.';
  const streamed = (recorder: Recorder, content: string, more: object = {}) =>
    eventAt(recorder, -100, 0, {
      stream: true,
      response: { id: 'r', choices: [{ index: 0, message: { role: 'assistant', content } }] },
      ...more,
    });
  const CALL = { litellm_call_id: 'call-1', litellm_trace_id: 'trace-1' };
  const rounds = (recorder: Recorder) => {
    recorder.note(noteOf({ input_type: 'response' }));
    recorder.texts(
      { ...CALL, texts: [{ kept: 0, added: 'A kettle' }] },
      { ...CALL, texts: [{ kept: 8, added: ' boils water.' }] },
    );
  };
  const textOf = async (recorder: Recorder) =>
    (await recorder.all('akto')).map(({ event }) => event.response);
  const withText = (content: string) => [{ id: 'r', choices: [{ message: { role: 'assistant', content } }] }];

  test.each([
    {
      name: 'is what was delivered, where LiteLLM garbles it',
      logged: GARBLED,
      text: 'A kettle boils water.',
    },
    {
      name: 'is what was delivered, where the client of a chat hung up and LiteLLM garbles the rest',
      logged: 'A kettle boils water.ls wat',
      text: 'A kettle boils water.',
    },
    {
      name: 'of another endpoint is as logged, if it goes on',
      logged: 'A kettle boils water. Then',
      text: 'A kettle boils water. Then',
      more: { call_type: 'anthropic_messages' },
    },
    { name: 'stays withheld', logged: 'redacted-by-litellm', text: 'redacted-by-litellm' },
  ])('$name', async ({ logged, text, more }) => {
    const recorder = opened();
    rounds(recorder);
    await recorder.logs(line(streamed(recorder, logged, more)));
    expect(await textOf(recorder)).toMatchObject(withText(text));
  });

  test.each([
    { name: 'a plain response', more: { stream: null } },
    { name: 'another call', more: { litellm_call_id: 'call-2' } },
    { name: 'a response of another shape', more: { response: { output: [GARBLED] } } },
    { name: 'a response with more choices', more: { response: { choices: [GARBLED, {}] } } },
  ])('is not put into $name', async ({ more }) => {
    const recorder = opened();
    rounds(recorder);
    const event = streamed(recorder, GARBLED, more);
    await recorder.logs(line(event));
    expect(await textOf(recorder)).toEqual([event.response]);
  });

  test('is as logged, if a part of it was lost on the way', async () => {
    const recorder = opened();
    rounds(recorder);
    recorder.texts({ ...CALL, texts: [{ kept: 30, added: ' Then' }] });
    await recorder.logs(line(streamed(recorder, GARBLED)));
    expect(await textOf(recorder)).toMatchObject(withText(GARBLED));
  });

  test('is redacted as every other', async () => {
    const recorder = opened({ redactor: redactor({ content: 'none' }) });
    rounds(recorder);
    await recorder.logs(line(streamed(recorder, GARBLED)));
    expect(JSON.stringify(await textOf(recorder))).not.toMatch(/kettle/);
  });
});

describe('content of teams in NO_CONTENT_TEAMS', () => {
  test('is in no record, and nowhere in the file', async () => {
    const recorder = opened({ redactor: redactor({ noContentTeams: new Set(['team-1']) }) });
    const metadata = { ...EVENT.metadata, user_api_key_team_id: 'team-1' };
    await recorder.logs(line(eventAt(recorder, -100, 0, { metadata })));
    const request = { litellm_call_id: 'call-2', request_data: metadata };
    await recorder.blocked(blockAt(recorder, 'request', { request }));
    const records = await recorder.all('akto');
    expect(records).toHaveLength(2);
    expect(JSON.stringify(records)).not.toMatch(/plum|hour/i);
    expect(recorder.bytes()).not.toMatch(/plum|"hour/i);
    for (const { event } of records) {
      expect(event.messages).toEqual([{ role: 'user', content: '[content withheld]' }]);
    }
  });
});

describe('rows that cannot become records', () => {
  const BROKEN = '{"id": "plum cake';

  test.each([
    ['kept with their text', 'full', { chars: BROKEN.length, text: BROKEN }],
    ['kept without it where content is not', 'redacted', { chars: BROKEN.length }],
  ] as const)('that cannot be read are %s', async (_, content, payload) => {
    const recorder = opened({ redactor: redactor({ content }) });
    const receipt = await recorder.logs(`${JSON.stringify(eventAt(recorder, -100, 0))}\n${BROKEN}`);
    expect(receipt).toEqual({ ...NOTHING, new: 1, bad: 1 });
    expect(recorder.dead('intake')).toEqual([{ reason: 'is not JSON', payload }]);
  });

  test('are kept up to a bounded length, without credentials', async () => {
    const recorder = opened();
    const key = `AKIA${capitals(16)}`;
    await recorder.logs(`{"id": "${key} ${'x'.repeat(100_000)}`);
    const [row] = recorder.dead('intake');
    expect(row?.payload).toMatchObject({ text: expect.stringMatching(/^\{"id": "\[REDACTED\] x{1000}/) });
    expect(JSON.stringify(row).length).toBeLessThan(70_000);
  });

  test('are kept without values whose names say that they are credentials, whole or cut off', async () => {
    const recorder = opened();
    const row = (end: string) => `{"headers": {"authorization": "Bearer plum", "x-vendor-key":"damson${end}`;
    await recorder.logs(`${row('"}}')}\n${row('')}`);
    const head = '{"headers": {"authorization": "[REDACTED]", "x-vendor-key":"[REDACTED]"';
    expect(recorder.dead('intake').map(({ payload }) => payload)).toMatchObject([
      { text: `${head}}}` },
      { text: head },
    ]);
  });

  test('are counted, if they are null or of generic_api_use_v1', async () => {
    const recorder = opened();
    const legacy = { id: 'a', startTime: '2026-11-21', modelParameters: '{}', usage: 'x', metadata: '{}' };
    const receipt = await recorder.logs(line(null, legacy, eventAt(recorder, -100, 0), null, legacy, legacy));
    expect(receipt).toEqual({ ...NOTHING, new: 1, legacy: 3, null: 2 });
    expect(recorder.dead('intake')).toEqual([]);
  });

  test('do not exist in an empty body', async () => {
    expect(await opened().logs('')).toEqual(NOTHING);
  });

  test('do not take others with them when the fault is ours', async () => {
    const sink = sinkThat(({ event }) => {
      if (event.id === 'hostile') throw new TypeError('plum');
      return true;
    });
    const recorder = opened({ sinks: [{ name: 'akto', sink }] });
    const hostile = eventAt(recorder, -100, 0, { id: 'hostile', litellm_call_id: 'call-2' });
    const receipt = await recorder.logs(line(hostile, eventAt(recorder, -100, 0)));
    expect(receipt).toEqual({ ...NOTHING, new: 1, bad: 1 });
    const [row, ...others] = recorder.dead('intake');
    expect(others).toEqual([]);
    expect(row).toMatchObject({ reason: 'bug: TypeError', payload: { text: JSON.stringify(hostile) } });
    expect(recorder.trouble).toEqual(['bug TypeError: plum']);
    expect(await outcomes(recorder.all('akto'))).toEqual(['success']);
  });
});

test('a POST of many rows is stored in groups; of one that is refused is told what was stored, and never a bad row', async () => {
  const told: unknown[] = [];
  const groups: number[][] = [];
  const accept = async (entries: readonly Entry[], bad: readonly BadRow[] = []) => {
    groups.push([entries.length, bad.length]);
    if (groups.length === 2) throw new OutboxError('full');
    return entries.map(() => 'new' as const);
  };
  const recorder = opened({ outbox: { accept }, onReceipt: (receipt) => told.push({ ...receipt }) });
  const body = line(7, null, ...Array(1500).fill(eventAt(recorder, -100, 0)));
  await expect(recorder.logs(body)).rejects.toThrow(OutboxError);
  const whole = { ...NOTHING, new: 1500, bad: 1, null: 1 };
  expect(await recorder.logs(body)).toEqual(whole);
  expect(told).toEqual([{ ...NOTHING, new: 1000 }, whole]);
  expect(groups).toEqual([
    [1000, 0],
    [500, 1],
    [1000, 0],
    [500, 1],
  ]);
});

describe('the notes on a call', () => {
  const MINUTE = 60_000;
  const NOTE = { litellm_trace_id: EVENT.trace_id, by: 'akto' };
  const verdicts = async (recorder: Recorder) =>
    (await recorder.all('akto')).map((record) => record.verdicts.map(({ by }) => by));

  test('stay while its record could not be stored, until it is sent again', async () => {
    const recorder = opened();
    recorder.note(noteOf({ ...NOTE, at: recorder.now - 150 }));
    const event = line(eventAt(recorder, -100, 0));
    const accept = recorder.outbox.accept.bind(recorder.outbox);
    recorder.outbox.accept = () => Promise.reject(new OutboxError('unavailable'));
    await expect(recorder.logs(event)).rejects.toThrow(OutboxError);
    recorder.outbox.accept = accept;
    recorder.pass(2 * MINUTE);
    recorder.finish();
    await recorder.logs(event);
    expect(await verdicts(recorder)).toEqual([['akto']]);
    recorder.pass(2 * MINUTE);
    recorder.finish();
    expect(recorder.isNoted('call-1')).toBe(false);
  });

  test('outlast attempts of ten minutes that fail one after the other', async () => {
    const recorder = opened();
    recorder.note(noteOf({ ...NOTE, at: recorder.now - 150 }));
    for (const id of ['attempt-1', 'attempt-2']) {
      recorder.pass(10 * MINUTE);
      await recorder.logs(line(eventAt(recorder, -10 * MINUTE, 0, { ...failure, id })));
      recorder.finish();
    }
    recorder.pass(10 * MINUTE);
    recorder.finish();
    await recorder.logs(line(eventAt(recorder, -10 * MINUTE, 0)));
    expect((await verdicts(recorder)).at(-1)).toEqual(['akto']);
  });

  test('go a quarter of an hour after its block is stored, if no event comes', async () => {
    const recorder = opened();
    await recorder.blocked(blockAt(recorder));
    for (const isNoted of [true, false]) {
      recorder.pass(14 * MINUTE);
      recorder.finish();
      expect(recorder.isNoted('call-1')).toBe(isNoted);
    }
  });
});

describe('rules about records', () => {
  const legal = { user_api_key_team_alias: 'legal' };
  const rules = [
    { match: { team: ['legal'] }, records: [] },
    { match: { team: ['payments'] }, records: ['capsule'] },
    { match: {} },
  ];

  test('leave out what nobody is to get, and hand the rest to those they name', async () => {
    const recorder = opened({ rules });
    const of = (id: string, team: string) =>
      eventAt(recorder, -100, 0, { id, litellm_call_id: id, metadata: { user_api_key_team_alias: team } });
    const receipt = await recorder.logs(line(of('a', 'legal'), of('b', 'payments'), of('c', 'open')));
    expect(receipt).toEqual({ ...NOTHING, new: 2, unrecorded: 1 });
    expect((await recorder.all('akto')).map(({ event }) => event.id)).toEqual(['c']);
    expect((await recorder.all('capsule')).map(({ event }) => event.id)).toEqual(['b', 'c']);
  });

  test('leave out a blocked call, before anything of it is kept', async () => {
    const recorder = opened({ rules });
    expect(
      await recorder.blocked(blockAt(recorder, 'request', { request: { request_data: legal } })),
    ).toBeUndefined();
    expect(await recorder.all('akto')).toEqual([]);
    expect(recorder.isNoted('call-1')).toBe(false);
  });

  test('keep of a row that cannot be read its length alone: nobody knows whose it is', async () => {
    const recorder = opened({ rules });
    expect(await recorder.logs('["plum", 7')).toMatchObject({ bad: 2 });
    for (const { payload } of recorder.dead('intake')) expect(payload).toEqual({ chars: expect.any(Number) });
  });

  test('have a call that was noted under the rules before miss no event', async () => {
    const recorder = opened({ rules });
    recorder.note(noteOf());
    const event = eventAt(recorder, -100, 0, { metadata: legal });
    expect(await recorder.logs(line(event))).toMatchObject({ unrecorded: 1 });
    expect(recorder.missing(recorder.now + 1)).toBe(0);
  });
});

describe('a record that a backend does not want', () => {
  const only = (wanted: string): Sink => sinkThat(({ outcome }) => outcome === wanted);

  test('is not handed to it, but to the others', async () => {
    const recorder = opened({
      sinks: [
        { name: 'akto', sink: only('success') },
        { name: 'capsule', sink: only('blocked') },
      ],
    });
    await recorder.logs(line(eventAt(recorder, -100, 0, { litellm_call_id: 'call-2' })));
    await recorder.blocked(blockAt(recorder));
    expect(await outcomes(recorder.all('akto'))).toEqual(['success']);
    expect(await outcomes(recorder.all('capsule'))).toEqual(['blocked']);
  });

  test('gets no second record either, though no backend wanted the first', async () => {
    const recorder = opened({ sinks: [{ name: 'akto', sink: only('success') }] });
    await recorder.blocked(blockAt(recorder));
    expect(await recorder.logs(line(eventAt(recorder, -100, 0)))).toEqual({ ...NOTHING, blocked: 1 });
    expect(await recorder.all('akto')).toEqual([]);
  });
});
