import { expect, test } from 'vitest';
import { delivering, hangs, says, startVendor, takes, until, type Vendor } from '../support/delivering.ts';

/** The same backend under another configuration: a server of its own. */
const changed = (vendor: Vendor, to: Vendor) => ({ name: vendor.name, sink: to.sink });

test('a backend that comes is delivered what is in the outbox for it', async () => {
  const [akto, payments] = [await startVendor('akto'), await startVendor('akto-payments')];
  const { start, store, left } = delivering([akto, payments]);
  const courier = start();
  courier.update([akto]);
  await store(2);
  courier.wake();
  await until(() => akto.taken.flat().length === 2);
  expect(await left('akto-payments')).toEqual(['1', '2']);
  expect(courier.widths().has('akto-payments')).toBe(false);
  courier.update([akto, payments]);
  await until(() => payments.taken.flat().length === 2);
  expect([akto.taken.flat(), payments.taken.flat()]).toEqual([
    ['1', '2'],
    ['1', '2'],
  ]);
});

test('one that goes ends what is under way, and is handed nothing more; its records stay', async () => {
  const reply = Promise.withResolvers<void>();
  const akto = await startVendor('akto', async (...args) => reply.promise.then(() => takes(...args)), {
    records: 1,
    concurrency: 1,
  });
  const { start, store, left, told } = delivering([akto]);
  await store(3);
  const courier = start();
  await until(() => akto.deliveries.length === 1);
  courier.update([]);
  expect([...courier.widths()]).toEqual([]);
  reply.resolve();
  await until(() => told('delivered'));
  await until(async () => (await left('akto')).length === 2);
  expect(await left('akto')).toEqual(['2', '3']);
  expect(akto.deliveries).toEqual([['1']]);
});

test('one that is back while something is under way waits for that, so that nothing is delivered twice', async () => {
  const reply = Promise.withResolvers<void>();
  const akto = await startVendor('akto', async (...args) => reply.promise.then(() => takes(...args)), {
    records: 1,
    concurrency: 1,
  });
  const { start, store, left } = delivering([akto]);
  await store(3);
  const courier = start();
  await until(() => akto.deliveries.length === 1);
  courier.update([]);
  courier.update([akto]);
  courier.update([]);
  courier.update([akto]);
  reply.resolve();
  await until(async () => (await left('akto')).length === 0);
  expect(akto.deliveries).toEqual([['1'], ['2'], ['3']]);
});

test('one that goes and is back waits for its refused token no longer', async () => {
  const akto = await startVendor('akto', says(401));
  const { start, store, told } = delivering([akto]);
  await store(1);
  const courier = start();
  await until(() => told('held'));
  akto.reply = takes;
  courier.update([]);
  await until(() => !courier.widths().has('akto'));
  courier.update([akto]);
  await until(() => akto.taken.flat().length === 1);
});

test('a changed one is tried at once, by one delivery, and keeps its records', async () => {
  const [old, next] = [await startVendor('akto', says(401)), await startVendor('akto', takes)];
  const { start, store, told, events } = delivering([old]);
  await store(30);
  const courier = start();
  await until(() => told('held'));
  const asked = old.deliveries.length;
  courier.update([changed(old, next)]);
  await until(() => next.taken.flat().length === 30);
  expect(next.deliveries[0]).toEqual(['1']);
  expect(old.deliveries).toHaveLength(asked);
  expect(events.filter(([kind]) => kind === 'held').map(([, , isHeld]) => isHeld)).toEqual([true, false]);
});

test('a changed one has other batches and another bound, and what did not change waits on', async () => {
  const small = await startVendor('akto', takes, { records: 2, concurrency: 1 });
  const wide = await startVendor('akto', takes, { records: 10, concurrency: 1 });
  const waiting = await startVendor('capsule', says(401));
  const { start, store, told } = delivering([small, waiting]);
  await store(4);
  const courier = start();
  await until(() => small.taken.length === 2 && told('held', 'capsule'));
  const asked = waiting.deliveries.length;
  courier.update([changed(small, wide), waiting]);
  await store(10);
  courier.wake();
  await until(() => wide.taken.flat().length === 10);
  // The first may have been chosen before
  expect(wide.taken.at(-1)?.length).toBeGreaterThan(2);
  expect(waiting.deliveries).toHaveLength(asked);
});

test('one that hangs as it goes cannot keep close waiting', async () => {
  const akto = await startVendor('akto', hangs);
  const { start, store, left } = delivering([akto]);
  await store(1);
  const courier = start();
  await until(() => akto.deliveries.length === 1);
  courier.update([]);
  await courier.close(30);
  expect(await left('akto')).toEqual(['1']);
});
