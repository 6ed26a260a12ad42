import { describe, expect, test } from 'vitest';
import { factsOf, requestFingerprint } from '../../src/litellm/log-event.ts';

const NOW = 1_800_000_000_000;

describe('a log event', () => {
  test('of a success is joined by its litellm_call_id and told from others by its id and start', () => {
    const event = {
      litellm_call_id: 'c',
      id: 'chatcmpl-1',
      status: 'success',
      startTime: 1.5,
      endTime: 2.25,
    };
    expect(factsOf(event, NOW)).toMatchObject({
      callId: 'c',
      outcome: 'success',
      eventKey: 'chatcmpl-1|1.5',
      startedAt: 1500,
      endedAt: 2250,
      ref: undefined,
    });
  });

  test.each([
    ['its call_id, as one release names it', { call_id: 'c', id: 'x' }, 'c'],
    ['its id, if it is a failure', { id: 'c', status: 'failure' }, 'c'],
    [
      'none, if it is a success of an unsupported release',
      { id: 'chatcmpl-1', status: 'success' },
      undefined,
    ],
    ['none, if that is no text', { litellm_call_id: 7, id: 8 }, undefined],
  ])('has as call id %s', (_, event, callId) => {
    expect(factsOf(event, NOW).callId).toBe(callId);
  });

  test.each([
    ['missing', {}, NOW, NOW],
    ['a text', { startTime: '1.5', endTime: '2.5' }, 1500, 2500],
    ['nonsense', { startTime: {}, endTime: 'soon' }, NOW, NOW],
    ['only known for the end', { endTime: 3 }, 3000, 3000],
    ['backwards', { startTime: 3, endTime: 1 }, 3000, 3000],
    ['beyond any clock', { startTime: 1e300, endTime: 1e12 }, NOW, NOW],
    ['zero, or below', { startTime: 0, endTime: -1 }, NOW, NOW],
  ])('takes times that are %s', (_, times, startedAt, endedAt) => {
    expect(factsOf({ id: 'a', ...times }, NOW)).toMatchObject({ startedAt, endedAt });
  });

  test('is a failure by its status, and without one by its error', () => {
    expect(factsOf({ id: 'a', error_str: 'boom' }, NOW).outcome).toBe('failure');
    expect(factsOf({ id: 'a', status: 'success', error_str: 'the client left' }, NOW).outcome).toBe(
      'success',
    );
    expect(factsOf({ id: 'a' }, NOW).outcome).toBe('success');
  });

  test('has the reference of a block in its error', () => {
    const error_message = 'Blocked by security policy. [policy] Reference: 0123456789abcdef';
    const event = { id: 'a', status: 'failure', error_information: { error_message } };
    expect(factsOf(event, NOW).ref).toBe('0123456789abcdef');
    expect(factsOf({ id: 'a', status: 'failure', error_str: 'no reference' }, NOW).ref).toBeUndefined();
  });

  test.each([
    [[{ guardrail_status: 'success' }, { guardrail_status: 'guardrail_intervened' }], true],
    [[{ guardrail_status: 'guardrail_failed_to_respond' }], true],
    [{ guardrail_status: 'guardrail_intervened' }, true],
    [[{ guardrail_status: 'success' }, { guardrail_status: 'success' }], false],
    [[{ guardrail_status: 'not_run' }], false],
    [[], false],
    [null, false],
    ['success', false],
  ])(
    'of a success may belong to a block where LiteLLM says that a guardrail stopped it: %j',
    (guardrail_information, mayBeBlocked) => {
      expect(factsOf({ litellm_call_id: 'a', guardrail_information }, NOW).mayBeBlocked).toBe(mayBeBlocked);
    },
  );

  test('has an id of bounded length, whatever the client chose', () => {
    expect(factsOf({ litellm_call_id: 'x'.repeat(10_000) }, NOW).callId).toHaveLength(256);
  });

  test('without any id differs from others by its content', () => {
    const a = factsOf({ status: 'success', messages: 'a' }, NOW).eventKey;
    expect(factsOf({ status: 'success', messages: 'b' }, NOW).eventKey).not.toBe(a);
    expect(factsOf({ status: 'success', messages: 'a' }, NOW).eventKey).toBe(a);
  });
});

describe('the fingerprint of an event covers the key and the last text', () => {
  const metadata = { user_api_key_hash: 'h' };
  test.each([
    ['of messages', [{ content: 'first' }, { content: 'last' }]],
    [
      'of content in parts',
      [
        {
          content: [
            { type: 'text', text: 'first' },
            { type: 'text', text: 'last' },
          ],
        },
      ],
    ],
    ['of a prompt', 'last'],
    ['of a list of texts', ['first', 'last']],
    ['of messages of which the last has no words', [{ content: 'last' }, { content: null }, { content: [] }]],
  ])('%s', (_, messages) => {
    expect(factsOf({ messages, metadata }, NOW).fingerprint()).toBe(requestFingerprint(metadata, 'last'));
  });

  test('and differs for another key', () => {
    expect(requestFingerprint({ user_api_key_hash: 'i' }, 'last')).not.toBe(
      requestFingerprint(metadata, 'last'),
    );
  });
});
