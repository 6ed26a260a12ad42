import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Entry, OutboxError } from '../../src/outbox/contract.ts';
import { BlockedCalls } from '../../src/records/blocked-calls.ts';
import { sharedJson, sharedText } from '../../src/records/thread-bytes.ts';

/** Blocked calls on a clock and an outbox that takes what it is told to. */
function opened() {
  const outbox = { takes: (_callKey: string) => false, tried: [] as string[], stored: [] as string[] };
  const lost: string[] = [];
  const done: string[] = [];
  const waits: string[] = [];
  const clock = { now: 0 };
  const calls = new BlockedCalls({
    outbox: {
      async accept([entry]) {
        const callKey = String(entry?.callKey);
        outbox.tried.push(callKey);
        if (!outbox.takes(callKey)) throw new OutboxError('full');
        outbox.stored.push(callKey);
        return ['new'];
      },
    },
    observer: { blockStored() {}, blockedLost: (callKey) => void lost.push(callKey) },
    entryOf: (json) => ({ callKey: JSON.parse(sharedText(json)) }) as Entry,
    onDone: ({ callKey }) => void done.push(callKey),
    now: () => clock.now,
  });
  const store = (id: string) => calls.store(sharedJson(id), (reason) => waits.push(reason));
  return { calls, outbox, lost, done, waits, clock, store };
}

const IDS = Array.from({ length: 250 }, (_, i) => `call-${i}`);

test('while nothing can be stored one of the blocked calls is tried at a time, and then all are stored', async () => {
  const { calls, outbox, lost, waits, store } = opened();
  const stored = Promise.all(IDS.map(store));
  await nextTurn();
  await calls.retry();
  await calls.retry();
  expect(outbox.tried).toHaveLength(IDS.length + 2);
  expect(waits).toEqual(IDS.map(() => 'full'));
  outbox.takes = () => true;
  await calls.retry();
  await stored;
  expect(outbox.stored.toSorted()).toEqual(IDS.toSorted());
  expect(lost).toEqual([]);
});

test('one that does not fit keeps none of the others', async () => {
  const { calls, outbox, store } = opened();
  const stored = IDS.map(store);
  await nextTurn();
  outbox.takes = (id) => id !== 'call-0';
  await calls.retry();
  await calls.retry();
  await Promise.all(stored.slice(1));
  expect(outbox.stored).toHaveLength(IDS.length - 1);
});

test('what could not be stored for a minute is given up and counted, and what came later waits on', async () => {
  const { calls, lost, clock, store } = opened();
  const first = store('call-1');
  await nextTurn();
  clock.now = 30_000;
  void store('call-2');
  await nextTurn();
  await calls.retry();
  expect(lost).toEqual([]);
  clock.now = 60_000;
  await calls.retry();
  await first;
  expect(lost).toEqual(['call-1']);
});

test('at the end all are tried once more, and what comes then does not wait', async () => {
  const { calls, outbox, lost, done, store } = opened();
  const stored = Promise.all(['call-1', 'call-2'].map(store));
  await nextTurn();
  await calls.retry();
  outbox.takes = (id) => id === 'call-2';
  await calls.close();
  await stored;
  expect([outbox.stored, lost]).toEqual([['call-2'], ['call-1']]);
  expect(done.toSorted()).toEqual(['call-1', 'call-2']);
  await store('call-3');
  expect(lost).toEqual(['call-1', 'call-3']);
});
