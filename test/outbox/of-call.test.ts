import { afterEach, beforeEach, expect, test } from 'vitest';
import { deferredEntry } from '../../src/outbox/deferred.ts';
import { EmbeddedAdmin } from '../../src/outbox/embedded-admin.ts';
import { entryOf, type StoredOutbox, settleAll, storedOutbox } from '../support/stored-outbox.ts';

let stored: StoredOutbox;
beforeEach(() => {
  stored = storedOutbox();
});
afterEach(() => stored.remove());

const REF = '549861e136ee05f5';

async function ofCall(callId: string | null, ref: string | null = null) {
  const admin = new EmbeddedAdmin(stored.dir, 'read');
  try {
    const records = await admin.ofCall({ callId, ref });
    const waiting = await Promise.all(records.map(({ id }) => admin.deliveriesOf(id)));
    return records.map((record, i) => ({
      ...record,
      waits: waiting[i]?.map(({ backend }) => backend),
    }));
  } finally {
    await admin.close();
  }
}

test('records are found by the id of their call, delivered ones too', async () => {
  const outbox = stored.open(1000);
  await outbox.accept([entryOf('call-a', { trace: 't' }), entryOf('call-b')]);
  await settleAll(outbox, 'akto', 'delivered');
  expect(await ofCall('call-a')).toMatchObject([
    { outcome: 'success', trace: 't', acceptedAt: 1000, waits: ['capsule'] },
  ]);
  await settleAll(outbox, 'capsule', 'delivered');
  expect(await ofCall('call-b')).toMatchObject([{ trace: null, waits: [] }]);
  expect(await ofCall('call-c')).toEqual([]);
});

test('a block without an id is found by its reference, once', async () => {
  const outbox = stored.open(1000);
  await outbox.accept([
    entryOf('\nwords', { outcome: 'blocked', ref: REF }),
    entryOf('call-a', { outcome: 'blocked', ref: 'f'.repeat(16) }),
  ]);
  expect(await ofCall(null, REF)).toMatchObject([{ outcome: 'blocked' }]);
  expect(await ofCall('call-a', 'f'.repeat(16))).toHaveLength(1);
  expect(await ofCall(null)).toEqual([]);
});

test('what waits on this machine for the database is found too', async () => {
  const outbox = stored.open(1000);
  const waiting = [
    entryOf('call-a', { trace: 't' }),
    entryOf('call-ab'),
    entryOf('\nx', { outcome: 'blocked', ref: REF }),
  ];
  await outbox.accept(waiting.map((entry) => deferredEntry(entry, 900)));
  expect(await ofCall('call-a')).toMatchObject([
    { recordId: '', trace: 't', acceptedAt: 900, waits: ['(database)'] },
  ]);
  expect(await ofCall(null, REF)).toMatchObject([{ outcome: 'blocked' }]);
});
