import { expect, test } from 'vitest';
import { Batches } from '../../src/delivery/batches.ts';
import type { Due } from '../../src/outbox/contract.ts';

const MAX_AGE_MS = 3_600_000;

/** Batches of an outbox with nothing due, and the ids that it is asked to leave out first. */
function opened() {
  const clock = { now: 0 };
  let except: (readonly number[])[] = [];
  const ledger = {
    async due(limit: { readonly except: ReadonlySet<number> }) {
      except.push([...limit.except]);
      return [];
    },
  };
  const batches = new Batches(
    { records: 10, bytes: 1_000_000 },
    ledger,
    { now: () => clock.now, sleep: () => Promise.resolve() },
    MAX_AGE_MS,
  );
  const leftOut = async () => {
    except = [];
    await batches.next(false);
    return except[0];
  };
  return { batches, clock, leftOut };
}

const due = (id: number): Due => ({ id, recordId: String(id), acceptedAt: 0, attempts: 0, payload: '{}' });

test('poison records and those that rested are forgotten once the outbox has given them up', async () => {
  const { batches, clock, leftOut } = opened();
  batches.isolate([due(1), due(2)]);
  batches.take([due(3)]);
  batches.rest([due(3)], () => 1000);
  batches.take([due(1)]);
  batches.release([due(1)]);
  expect(await leftOut()).toEqual([3, 1, 2]);
  clock.now = 2000;
  batches.take([due(1)]);
  batches.release([due(1)]);
  expect(await leftOut()).toEqual([1, 2]);
  clock.now = MAX_AGE_MS + 2000;
  expect(await leftOut()).toEqual([]);
  // Nothing is left of its rests either, so that the next one is its first
  expect(batches.rest([due(3)], (times) => times)).toBe(1);
});
