import { expect, test } from 'vitest';
import type { RecordOutcome } from '../../src/guardrail/record.ts';
import { type Disposition, type Entry, namelessKey } from '../../src/outbox/contract.ts';
import { blockKey, type Known, resolveEntry } from '../../src/outbox/one-record.ts';

/** Something about one call. Times are seconds. */
type Event = {
  outcome: RecordOutcome;
  eventKey: string;
  from: number;
  to: number;
  ref?: string;
  trace?: string;
  key?: string;
  held?: true;
  absorbed?: true;
};

const START_MS = 1_795_244_000_000;
const at = (seconds: number) => START_MS + Math.round(seconds * 1000);

const success = (from: number, to: number, id = 'chatcmpl-1'): Event => ({
  ...{ outcome: 'success', eventKey: `${id}|${from}`, from, to },
});
const failure = (from: number, to: number, ref?: string): Event => ({
  ...{ outcome: 'failure', eventKey: `call-1|${from}`, from, to, ...(ref !== undefined && { ref }) },
});
/** A verdict, with the hash of the prompt as its key. */
const block = (from: number, to: number, ref = 'a1', turn = 'prompt'): Event => ({
  ...{ outcome: 'blocked', eventKey: turn, from, to, ref },
});
const held = (event: Event): Event => ({ ...event, held: true });
const absorbed = (event: Event): Event => ({ ...event, absorbed: true });

function entryOf({ outcome, eventKey, from, to, ref, trace, key = 'call-1' }: Event): Entry {
  return {
    ...{ callKey: key, outcome, eventKey, startedAt: at(from), endedAt: at(to) },
    ...{
      holdMs: 0,
      backends: ['akto'],
      payload: '{}',
      mayBeBlocked: true,
      ...(ref !== undefined && { ref }),
      ...(trace !== undefined && { trace }),
    },
  };
}

function knownOf(event: Event, index: number): Known {
  const { outcome, eventKey, startedAt, endedAt, trace = null, ref = null } = entryOf(event);
  const { held = false, absorbed = false } = event;
  return { id: index + 1, outcome, eventKey, startedAt, endedAt, trace, ref, held, absorbed };
}

/** Records present (numbered from 1), the arriving event, its disposition, and the records that it replaces. */
type Row = [name: string, known: Event[], arrives: Event, disposition: Disposition, replaces?: number[]];

const table = (rows: Row[]) =>
  rows.map((row) => [...row, ...(row.length === 4 ? [[]] : [])] as Required<Row>);

const check = (_: string, known: Event[], arrives: Event, disposition: Disposition, replaces: number[]) => {
  expect(resolveEntry(known.map(knownOf), entryOf(arrives))).toEqual({ disposition, replaces });
};

test.each(
  table([
    ['the first success', [], success(0, 2), 'new'],
    ['the first failure', [], failure(0, 2), 'new'],
    ['the first block', [], block(0, 0.1), 'new'],
    ['a success in a batch that is sent again', [success(0, 2)], success(0, 2), 'duplicate'],
    ['a failure in a batch that is sent again', [held(failure(0, 2))], failure(0, 2), 'duplicate'],
    ['a failure sent again after its delivery', [failure(0, 2)], failure(0, 2), 'duplicate'],
    ['an absorbed success sent again', [block(0, 3), absorbed(success(0, 2))], success(0, 2), 'duplicate'],
    [
      'a success sent again after several others of its id',
      [success(0, 2), success(5, 6, 'chatcmpl-2'), success(8, 9, 'chatcmpl-3')],
      success(0, 2),
      'duplicate',
    ],
  ]),
)('events of an ordinary call and their repetitions: %s', check);

test.each(
  table([
    ['failure, then success within the grace', [held(failure(0, 0.1))], success(2.2, 2.9), 'new', [1]],
    [
      'failure, then a streamed success that is dated from its start',
      [held(failure(0.015, 0.1))],
      success(0.008, 5),
      'new',
      [1],
    ],
    [
      'two failures, then success (1.80.8, streamed)',
      [held(failure(0, 0.1)), held(failure(1, 1.1))],
      success(0, 3),
      'new',
      [1, 2],
    ],
    ['failure delivered, then a late success', [failure(0, 0.1)], success(40, 41), 'late'],
    [
      'one failure delivered, one still held, then success',
      [failure(0, 0.1), held(failure(31, 31.1))],
      success(32, 33),
      'late',
      [2],
    ],
    ['success, then the failure of an attempt before it', [success(2.2, 2.9)], failure(0, 0.1), 'attempt'],
    ['a failure sent again after its success', [success(0.008, 5)], failure(0.015, 0.1), 'attempt'],
    ['the second attempt fails too', [held(failure(0, 0.1))], failure(1, 1.1), 'new', [1]],
    ['the third attempt fails too', [held(failure(1, 1.1))], failure(2, 2.1), 'new', [1]],
    ['the first attempt is logged after the last', [held(failure(2, 2.1))], failure(0, 0.1), 'attempt'],
    ['an attempt fails after another was delivered', [failure(0, 0.1)], failure(31, 31.1), 'attempt'],
    ['a failure of long ago is another call', [held(failure(0, 0.1))], success(61, 62, 'chatcmpl-2'), 'new'],
    ['a failure of a call after a success is another call', [success(0, 2)], failure(3.1, 4), 'new'],
    ['failures of two calls a minute apart', [failure(0, 1)], failure(61.5, 62), 'new'],
  ]),
)('attempts of one call: %s', check);

test.each(
  table([
    ['a blocked request and its failure event', [block(0, 0.2)], failure(0, 0.25), 'blocked'],
    [
      'a blocked request and its failure event with clocks 0.9 s apart',
      [block(0, 0.2)],
      failure(1.1, 1.15),
      'blocked',
    ],
    [
      'a blocked request and its failure event with clocks an hour apart, by the reference',
      [block(0, 0.2)],
      failure(3600, 3601, 'a1'),
      'blocked',
    ],
    [
      'a failure event with another reference and another time',
      [block(0, 0.2)],
      failure(3600, 3601, 'b2'),
      'new',
    ],
    ['a blocked response and its failure event', [block(2, 5)], failure(0, 5.1), 'blocked'],
    [
      'a blocked response and its success (1.80.8, logged before the verdict)',
      [block(2, 5)],
      success(0, 2),
      'blocked',
    ],
    [
      'failure, then success of a response blocked mid-stream (/v1/messages)',
      [block(0.5, 1)],
      success(0, 1.2, 'msg_1'),
      'blocked',
    ],
    [
      'a blocked request and its success with clocks 0.9 s apart',
      [block(0, 0.2)],
      success(1.1, 2),
      'blocked',
    ],
    [
      'a blocked request that the model responded to at the same time (during_call)',
      [block(0, 1.5)],
      success(0, 0.1),
      'blocked',
    ],
    ['a verdict that waited its turn for 59 s', [block(2, 61)], success(0, 2), 'blocked'],
    ['a verdict of 61 s after the end', [block(2, 63.1)], success(0, 2), 'new'],
    ['a block after its success, which waits (1.80.8)', [held(success(0, 0.4))], block(0.5, 3), 'new', [1]],
    ['a block after its success was delivered', [success(0, 0.4)], block(0.5, 3), 'late'],
    [
      'a blocked response of a fallback, after the failure of the first attempt',
      [held(failure(0, 0.1))],
      block(2.5, 3),
      'new',
      [1],
    ],
    [
      'the failure of an attempt, logged after the response of the fallback was blocked',
      [block(2.5, 3)],
      failure(0, 0.1),
      'blocked',
    ],
    ['several checks of one blocked prompt', [block(0, 0.2)], block(0.1, 0.3, 'b2'), 'duplicate'],
    ['the same prompt within a minute', [block(0, 0.2)], block(59, 60, 'b2'), 'duplicate'],
    ['the same prompt again later', [block(0, 0.2)], block(61, 61.2, 'b2'), 'new'],
    ['another prompt under the same id', [block(0, 0.2)], block(5, 5.2, 'b2', 'other prompt'), 'new'],
  ]),
)('blocked calls: %s', check);

test.each(
  table([
    ['a second success', [success(0, 2)], success(5, 7, 'chatcmpl-2'), 'new'],
    ['a second success of the same response id at another time', [success(0, 2)], success(5, 7), 'new'],
    ['a second success at the same time', [success(0, 2)], success(0, 2, 'chatcmpl-2'), 'new'],
    ['a call after a blocked one', [block(0, 0.2)], success(1.3, 2), 'new'],
    ['a call that ended long before a block', [block(120, 121)], success(0, 2), 'new'],
    ['a failing call after a blocked one', [block(0, 0.2)], failure(1.3, 2), 'new'],
    [
      'a block absorbs one success',
      [block(2, 5), absorbed(success(0, 2))],
      success(0.1, 2.1, 'chatcmpl-2'),
      'new',
    ],
    [
      'two blocks absorb two',
      [block(2, 5), block(2.1, 5.1, 'b2', 'other prompt'), absorbed(success(0, 2))],
      success(0.1, 2.1, 'chatcmpl-2'),
      'blocked',
    ],
    [
      'what another block absorbed does not count',
      [block(2, 5), absorbed(success(0, 2)), block(202, 205, 'b2')],
      success(200, 202, 'chatcmpl-2'),
      'blocked',
    ],
    ['a block long after a success', [success(0, 2)], block(63.1, 64), 'new'],
    ['a block leaves an absorbed success as it is', [absorbed(success(0, 2))], block(2, 3), 'new'],
  ]),
)('a call id that a client uses again: %s', check);

/** A call without an id, such as that of an image. */
const nameless = (event: Event): Event => ({ ...event, key: namelessKey('words') });
/** The event of a call whose result was blocked, which LiteLLM logs with the reference in it. */
const named = (from: number, to: number): Event => block(from, to, 'a1', 'its own key');
const traced = (trace: string, event: Event): Event => ({ ...event, trace });

test.each(
  table([
    ['its failure event, by the reference', [nameless(block(0, 0.2))], failure(0, 0.25, 'a1'), 'blocked'],
    ['its failure event minutes later', [nameless(block(0, 0.2))], failure(400, 401, 'a1'), 'blocked'],
    ['its failure event without a reference', [nameless(block(0, 0.2))], failure(0, 0.25), 'blocked'],
    [
      'its failure event, which was first',
      [held(failure(0, 0.25, 'a1'))],
      nameless(block(0, 0.2)),
      'new',
      [1],
    ],
    ['its failure event, which was delivered', [failure(0, 0.25, 'a1')], nameless(block(0, 0.2)), 'late'],
    ['itself, stored again', [nameless(block(0, 0.2))], nameless(block(0, 0.2)), 'duplicate'],
    [
      'the same words blocked again',
      [nameless(block(0, 0.2))],
      nameless(block(1, 1.2, 'b2', 'other ref')),
      'new',
    ],
    ['a failure of another time', [nameless(block(0, 0.2))], failure(400, 401), 'new'],
    ['its event, which tells whose it is', [held(nameless(block(0, 0.2)))], named(0, 0.25), 'new', [1]],
    ['its event, after it was delivered', [nameless(block(0, 0.2))], named(0, 0.25), 'blocked'],
    ['its event, sent again', [named(0, 0.25)], named(0, 0.25), 'duplicate'],
  ]),
)('a blocked call without an id, and %s', check);

test.each(
  table([
    ['its success', [traced('a', block(0, 1))], traced('a', success(0, 2)), 'blocked'],
    ['a success whose trace is unknown', [traced('a', block(0, 1))], success(0, 2), 'blocked'],
    ['the success of another', [traced('a', block(0, 1))], traced('b', success(0, 2)), 'new'],
    ['the failure of another', [traced('a', block(0, 1))], traced('b', failure(0, 2)), 'new'],
    [
      'the failure that its client was told of',
      [traced('a', block(0, 1))],
      traced('b', failure(0, 2, 'a1')),
      'blocked',
    ],
    ['the same words blocked in another', [traced('a', block(0, 1))], traced('b', block(0, 1, 'b2')), 'new'],
    ['a waiting success of another', [traced('b', held(success(0, 2)))], traced('a', block(0, 1)), 'new'],
  ]),
)('a blocked call of one trace, and %s, under one call id', check);

const blockOf = (side: 'request' | 'response', words: string | undefined, from: number, trace = 'a') =>
  traced(trace, block(from, from + 0.1, `ref-${from}`, blockKey(side, words)));

test.each(
  table([
    ['its response', [blockOf('request', 'w', 0)], blockOf('response', 'w', 2), 'blocked'],
    [
      'its response, asked twice',
      [blockOf('response', 'w', 2)],
      blockOf('response', undefined, 2.1),
      'blocked',
    ],
    [
      'its response, the request being unknown',
      [blockOf('request', 'w', 0)],
      blockOf('response', undefined, 2),
      'blocked',
    ],
    [
      'its response, and a success that waits',
      [blockOf('request', 'w', 0), traced('a', held(success(0, 2)))],
      blockOf('response', 'w', 2),
      'blocked',
      [2],
    ],
    ['the response to other words', [blockOf('request', 'w', 0)], blockOf('response', 'v', 2), 'new'],
    [
      'a response more than a minute later',
      [blockOf('request', 'w', 0)],
      blockOf('response', 'w', 61),
      'new',
    ],
    ['the response of another trace', [blockOf('request', 'w', 0)], blockOf('response', 'w', 2, 'b'), 'new'],
    [
      'a response without a trace',
      [block(0, 0.1, 'r', 'request|w')],
      block(2, 2.1, 's', 'response|w'),
      'new',
    ],
  ]),
)('a blocked request that nobody replied to, and the block of %s', check);

test.each([
  ['a response', blockKey('response', 'words'), {}, 'blocked'],
  ['a response to other words, which a policy may have rewritten', blockKey('response', 'w'), {}, 'blocked'],
  ['a request that LiteLLM says was stopped', blockKey('request', 'w'), { mayBeBlocked: true }, 'blocked'],
  ['a request with the same words', blockKey('request', 'words'), {}, 'blocked'],
  ['a request with other words: its client chose the id', blockKey('request', 'w'), {}, 'new'],
  ['a request of which the words are unknown', blockKey('request', undefined), {}, 'new'],
])('a success after a block of %s', (_, eventKey, more, disposition) => {
  const known = [{ ...knownOf(block(1, 1.1), 0), eventKey }];
  expect(
    resolveEntry(known, { ...entryOf(success(0, 2)), mayBeBlocked: false, words: 'words', ...more }),
  ).toEqual({
    disposition,
    replaces: [],
  });
});
