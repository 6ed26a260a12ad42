import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { DatabaseError } from '../../src/database/database-error.ts';
import { Outages } from '../../src/outbox/outages.ts';
import { sharedInTime } from '../../src/outbox/shared-in-time.ts';

function newOutages() {
  const told: string[] = [];
  const outages = new Outages(
    {
      failed: (trouble) => told.push(trouble),
      lost: (trouble) => told.push(`lost ${trouble}`),
      back: () => told.push('back'),
    },
    () => {},
  );
  return { told, outages };
}

const lost = () => new DatabaseError('ECONNREFUSED', 'Postgres: refused');
const late = () => new DatabaseError('timeout', 'Postgres: no reply in time');

test('what can be left out is left out where it is slow, and everything else goes on', async () => {
  const { told, outages } = newOutages();
  await expect(outages.inTime(5, () => wait(50))).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(outages.inTime(500, () => Promise.reject(late()))).rejects.toMatchObject({
    kind: 'unavailable',
  });
  expect([told, outages.current]).toEqual([['slow', 'slow'], undefined]);
});

test('an outage begins with any use that fails, and what can be left out is not tried in it', async () => {
  const { told, outages } = newOutages();
  const shared = sharedInTime({ ask: () => Promise.reject(lost()) }, outages);
  await expect(shared.ask()).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(shared.ask()).rejects.toMatchObject({ kind: 'unavailable' });
  expect(told).toEqual(['unreachable', 'lost unreachable']);
  await expect(outages.inTime(500, () => Promise.reject(new Error('a mistake')))).rejects.toThrow();
});

test('a use that began before the end of an outage, and fails after it, begins no other', async () => {
  const { told, outages } = newOutages();
  const { promise, reject } = Promise.withResolvers<void>();
  const old = outages.use(() => promise);
  outages.failed(lost(), performance.now());
  outages.recovered();
  reject(lost());
  await expect(old).rejects.toMatchObject({ kind: 'unavailable' });
  expect(told).toEqual(['unreachable', 'lost unreachable', 'back', 'unreachable']);
  await expect(outages.use(() => Promise.reject(lost()))).rejects.toMatchObject({ kind: 'unavailable' });
  expect(told.slice(4)).toEqual(['unreachable', 'lost unreachable']);
});
