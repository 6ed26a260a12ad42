import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Entry, namelessKey } from '../../src/outbox/contract.ts';
import { entry, MB, NOON, named, payloadOf, type Told } from '../support/store.ts';

export type ConformanceOptions = {
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  readonly historyMs?: number;
};

/** A place that holds one outbox. */
export type OutboxPlace = {
  /** Opens it for the backends `akto` and `capsule`; it is closed after the test. */
  open(options?: ConformanceOptions): Told;
  /** Changes the content of a record, by no means of ours, so that it is not what was stored. */
  spoil(recordId: string): void | Promise<void>;
};

export type OutboxKind = {
  /** A new place; it is gone after the test. */
  place(): OutboxPlace;
  /** True if several replicas can open one place at the same time. */
  readonly isShared: boolean;
};

const full = { name: 'OutboxError', kind: 'full' };
const unavailable = { name: 'OutboxError', kind: 'unavailable' };
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
const failure = (n: number | string, fields: Partial<Entry> = {}) =>
  entry(n, { outcome: 'failure', eventKey: 'failed', holdMs: 30_000, ...fields });
const block = (n: number | string, fields: Partial<Entry> = {}) =>
  entry(n, {
    outcome: 'blocked',
    eventKey: 'response|words',
    endedAt: NOON + 3000,
    ref: `ref-${n}`,
    ...fields,
  });
const idsOf = async (store: Told, backend?: string) => (await store.all(backend)).map(({ id }) => id);

/** The table of tests that each outbox passes. */
export function conforms(name: string, { place: newPlace, isShared }: OutboxKind): void {
  const openOne = (options?: ConformanceOptions) => newPlace().open(options);

  describe(`${name} stores`, () => {
    test('a record as it came, which is due until it is delivered', async () => {
      const store = openOne();
      const payload = '{"outcome":"success","n":"ünï 🍰 \\u0000 \\ud800"}';
      expect(await store.accept([entry(1, { payload }), entry(2)])).toEqual(['new', 'new']);
      const [first, second] = await store.all();
      expect(first).toEqual({
        ...{ id: expect.any(Number), recordId: expect.stringMatching(/^[0-9a-f]{32}$/), acceptedAt: NOON },
        ...{ attempts: 0, payload },
      });
      const [one = 0, two = 0] = [first?.id, second?.id];
      await store.ack([{ kind: 'delivered', backend: 'akto', ids: [one] }]);
      expect(await store.all()).toEqual([second]);
      await store.ack([{ kind: 'delivered', backend: 'akto', ids: [two, two, one, 77_777] }]);
      expect(await store.all()).toEqual([]);
    });

    test('a record under the same id for the same event everywhere, and under another one for another event', async () => {
      const [a, b] = [openOne(), openOne()];
      const earlier = { outcome: 'failure', startedAt: NOON - 900_000, endedAt: NOON - 800_000 } as const;
      await a.accept([entry(1), entry(2), entry(1, earlier)]);
      b.time = 5000;
      await b.accept([entry(2, { payload: '{"n":"redacted"}' }), entry(1)]);
      const [one, two, failed] = (await a.all()).map(({ recordId }) => recordId);
      expect((await b.all()).map(({ recordId }) => recordId)).toEqual([two, one]);
      expect(new Set([one, two, failed]).size).toBe(3);
    });

    test('all entries of one accept or none of them', async () => {
      const store = openOne();
      await expect(store.accept([entry(1), entry(2, { startedAt: 0.5 }), entry(3)])).rejects.toThrow();
      expect(await store.all()).toEqual([]);
      expect(await store.accept([entry(1), entry(3)])).toEqual(['new', 'new']);
    });

    test.each([
      ['without a time', { startedAt: Number.NaN }],
      ['at a time beyond all numbers', { startedAt: 1e303, endedAt: 1e303 }],
      ['of an unheard-of outcome', { outcome: null as never }],
    ])('what else comes in the same turn as an entry %s', async (_, fields) => {
      const store = openOne();
      const results = await Promise.allSettled([
        store.accept([entry(1)]),
        store.accept([entry('bad', fields)]),
        store.accept([entry(2)]),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(named(await store.all())).toEqual(['1', '2']);
      expect(store.unavailable).toEqual([]);
    });

    test('what has begun when it is closed, and nothing afterwards', async () => {
      const place = newPlace();
      const store = place.open();
      await store.acceptOne(entry(0));
      const begun = store.accept([entry(1)]);
      await store.close();
      expect(await begun).toEqual(['new']);
      await expect(store.accept([entry(2)])).rejects.toMatchObject(unavailable);
      await expect(store.all()).rejects.toMatchObject(unavailable);
      await store.close();
      expect(named(await place.open().all())).toEqual(['0', '1']);
    });

    test('the age and the hold of an entry that another outbox kept for a while', async () => {
      const store = openOne();
      store.time = 60_000;
      await store.accept([
        entry(1, { acceptedAt: NOON }),
        failure(2, { acceptedAt: NOON }),
        failure(3, { acceptedAt: NOON + 50_000 }),
      ]);
      expect(await store.all()).toMatchObject([{ acceptedAt: NOON }, { acceptedAt: NOON }]);
      store.time = 80_000;
      expect(named(await store.all())).toEqual(['1', '2', '3']);
    });
  });

  describe(`${name} makes one record for each call`, () => {
    test('of events that are sent again', async () => {
      const store = openOne();
      expect(await store.accept([entry(1), failure(2)])).toEqual(['new', 'new']);
      expect(await store.accept([entry(1), failure(2)])).toEqual(['duplicate', 'duplicate']);
      const at = await Promise.all(numbers(50).map((n) => store.accept([entry(`same-${n % 25}`)])));
      expect(at.flat().toSorted()).toEqual([...Array(25).fill('duplicate'), ...Array(25).fill('new')]);
      expect(await store.all()).toHaveLength(26);
    });

    test('of one that no backend wants, which is remembered and not kept', async () => {
      const store = openOne();
      expect(await store.acceptOne(entry(1, { backends: [] }))).toBe('new');
      expect(await store.acceptOne(entry(1, { backends: [] }))).toBe('duplicate');
      expect((await store.stats()).backends.akto).toEqual({ records: 0, dead: 0, oldestAt: undefined });
    });

    test('of a failure, which is due after its grace, and gives way to a success within it', async () => {
      const store = openOne();
      await store.accept([failure(1), failure(2)]);
      store.time = 29_999;
      expect(await store.all()).toEqual([]);
      expect(await store.acceptOne(entry(1))).toBe('new');
      expect(named(await store.all())).toEqual(['1']);
      store.time = 30_000;
      const [a, b] = await idsOf(store);
      expect(await store.acceptOne(entry(2, { payload: '{"n":"late"}' }))).toBe('late');
      expect(await store.acceptOne(failure(1))).toBe('attempt');
      expect((await idsOf(store)).slice(0, 2)).toEqual([a, b]);
      expect(named(await store.all())).toEqual(['2', '1', 'late']);
    });

    test('and never takes away a failure that a backend may have, though the clock is set back', async () => {
      const store = openOne();
      await store.acceptOne(failure(1));
      store.time = 30_000;
      expect(await store.all()).toHaveLength(1);
      store.time = 0;
      await store.acceptOne(entry(1));
      await store.all();
      expect(store.unreadable).toEqual([]);
    });

    test('that is blocked: the block takes the place of a success that waits, and absorbs its repetitions', async () => {
      const store = openOne();
      const success = entry(1, { holdMs: 7000 });
      const blocked = block(1, { payload: '{"n":"block"}' });
      expect(await store.acceptOne(success)).toBe('new');
      expect(await store.accept([blocked, blocked, success, success])).toEqual([
        ...['new', 'duplicate', 'blocked', 'duplicate'],
      ]);
      store.time = 8000;
      expect(named(await store.all())).toEqual(['block']);
    });

    test('that is blocked: it absorbs one success, and the next one is another call', async () => {
      const store = openOne();
      await store.acceptOne(block(1));
      expect(await store.acceptOne(entry(1))).toBe('blocked');
      expect(await store.acceptOne(entry(1, { eventKey: 'again', startedAt: NOON + 100 }))).toBe('new');
      expect(await store.all()).toHaveLength(2);
    });

    test('of traces that differ under one call id', async () => {
      const store = openOne();
      await store.acceptOne(block(1, { trace: 'a' }));
      expect(await store.acceptOne(entry(1, { trace: 'b' }))).toBe('new');
      expect(await store.acceptOne(entry(1, { trace: 'a', eventKey: 'of a' }))).toBe('blocked');
    });

    test('without an id, by the reference that its caller was shown, in either order', async () => {
      const store = openOne();
      const nameless = (ref: string) =>
        block(ref, { callKey: namelessKey(`words ${ref}`), ref, eventKey: ref });
      await store.acceptOne(nameless('a1'));
      expect(await store.acceptOne(failure(1, { ref: 'a1', startedAt: NOON + 400_000 }))).toBe('blocked');
      expect(await store.acceptOne(failure(2, { ref: 'b2' }))).toBe('new');
      expect(await store.acceptOne(nameless('b2'))).toBe('new');
      store.time = 60_000;
      expect(named(await store.all())).toEqual(['a1', 'b2']);
    });

    test('without an id, by its words where nothing tells the reference', async () => {
      const store = openOne();
      await store.acceptOne(block('x', { callKey: namelessKey('its words') }));
      expect(await store.acceptOne(failure(1, { words: 'its words' }))).toBe('blocked');
      expect(await store.acceptOne(failure(2, { words: 'other words' }))).toBe('new');
    });

    test('and the entries of one accept know of each other', async () => {
      const store = openOne();
      expect(await store.accept([entry(1), entry(1), failure(1), entry(2), failure(3), entry(3)])).toEqual([
        ...['new', 'duplicate', 'attempt', 'new', 'new', 'new'],
      ]);
      expect(named(await store.all())).toEqual(['1', '2', '3']);
    });
  });

  describe(`${name} hands out`, () => {
    test('the oldest first, bounded by number and bytes, but at least one', async () => {
      const store = openOne();
      await store.accept(numbers(10).map((n) => entry(n, { payload: payloadOf(n, 1000) })));
      const ids = await idsOf(store);
      const due = async (records: number, bytes: number, without: readonly number[] = []) =>
        named(
          await store.due('akto', { records, bytes, except: new Set(without.map((n) => ids[n] as number)) }),
        );
      expect(await due(3, MB)).toEqual(['0', '1', '2']);
      expect(await due(10, 3999)).toEqual(['0', '1', '2']);
      expect(await due(10, 4000)).toEqual(['0', '1', '2', '3']);
      expect(await due(10, 1)).toEqual(['0']);
      expect(await due(3, MB, [0, 1, 3])).toEqual(['2', '4', '5']);
    });

    test('to each backend what is its own', async () => {
      const store = openOne();
      await store.accept([
        ...[entry(1, { backends: ['akto', 'capsule'] }), entry(2, { backends: ['capsule'] }), entry(3)],
      ]);
      expect(named(await store.all('akto'))).toEqual(['1', '3']);
      expect(named(await store.all('capsule'))).toEqual(['1', '2']);
      const [[one = 0], [, two = 0]] = [await idsOf(store, 'akto'), await idsOf(store, 'capsule')];
      await store.ack([
        { kind: 'delivered', backend: 'akto', ids: [one] },
        { kind: 'dead', backend: 'capsule', ids: [two], reason: 'http_400' },
      ]);
      expect(named(await store.all('akto'))).toEqual(['3']);
      expect(named(await store.all('capsule'))).toEqual(['1']);
      expect(await store.all('unheard of')).toEqual([]);
    });

    test('what is tried again at its time, and counts its attempts', async () => {
      const store = openOne();
      await store.accept([entry(1), entry(2)]);
      const [one = 0, two = 0] = await idsOf(store);
      for (const attempts of [1, 2, 3]) {
        await store.ack([{ kind: 'retry', backend: 'akto', ids: [one], dueAt: NOON + store.time + 1000 }]);
        expect(named(await store.all())).toEqual(['2']);
        store.time += 999;
        expect(named(await store.all())).toEqual(['2']);
        store.time += 1;
        expect(await store.all()).toMatchObject([
          { id: one, attempts },
          { id: two, attempts: 0 },
        ]);
      }
    });

    test('no dead letter, and no row that could not be read', async () => {
      const store = openOne();
      expect(await store.accept([], [{ reason: 'not_json', payload: '{"chars":3}' }])).toEqual([]);
      await store.acceptOne(entry(1));
      await store.ack([{ kind: 'dead', backend: 'akto', ids: await idsOf(store), reason: 'http_400' }]);
      expect(await store.all()).toEqual([]);
      expect(await store.all('intake')).toEqual([]);
      const { backends } = await store.stats();
      expect(backends).toMatchObject({ akto: { records: 0, dead: 1 }, intake: { records: 0, dead: 1 } });
    });

    test('no record that is not what was stored: it becomes a dead letter', async () => {
      const place = newPlace();
      const store = place.open();
      await store.accept(numbers(3).map((n) => entry(n, { backends: ['akto', 'capsule'] })));
      const [, spoilt] = await store.all();
      await place.spoil(spoilt?.recordId ?? '');
      expect(named(await store.all())).toEqual(['0', '2']);
      expect(store.unreadable).toEqual(['akto']);
      expect(named(await store.all())).toEqual(['0', '2']);
      expect(store.unreadable).toEqual(['akto']);
      expect((await store.stats()).backends).toMatchObject({ akto: { records: 2, dead: 1 } });
    });
  });

  describe(`${name} remembers`, () => {
    test('over a restart what is due, waits or is dead, and the events that it knows', async () => {
      const place = newPlace();
      const before = place.open();
      await before.accept(
        [...numbers(5).map((n) => entry(n)), failure(9)],
        [{ reason: 'not_json', payload: '{"chars":3}' }],
      );
      const [a = 0, b = 0, c = 0] = await idsOf(before);
      await before.ack([
        { kind: 'delivered', backend: 'akto', ids: [a] },
        { kind: 'retry', backend: 'akto', ids: [b], dueAt: NOON + 60_000 },
        { kind: 'dead', backend: 'akto', ids: [c], reason: 'http_422' },
      ]);
      const due = await before.all();
      expect(named(due)).toEqual(['3', '4']);
      await before.close();

      const after = place.open();
      expect((await after.all()).map(({ id: _, ...others }) => others)).toEqual(
        due.map(({ id: _, ...others }) => others),
      );
      expect((await after.stats()).backends).toEqual({
        akto: { records: 4, dead: 1, oldestAt: NOON },
        capsule: { records: 0, dead: 0, oldestAt: undefined },
        intake: { records: 0, dead: 1, oldestAt: undefined },
      });
      expect(await after.accept(numbers(5).map((n) => entry(n)))).toEqual(Array(5).fill('duplicate'));
      after.time = 60_000;
      expect(named(await after.all())).toEqual(['1', '3', '4', '9']);
      expect((await after.all())[0]).toMatchObject({ attempts: 1 });
      expect(after.damages).toEqual([]);
    });

    test('which calls are on record, delivered or not', async () => {
      const store = openOne();
      await store.accept([entry(0), block(1, { trace: 'a trace' }), failure(2)]);
      await store.ack([{ kind: 'delivered', backend: 'akto', ids: (await idsOf(store)).slice(0, 1) }]);
      const known = await store.known(['call-0', 'call-1', 'call-77', 'call-2']);
      expect(Object.fromEntries(known)).toEqual({
        'call-0': [{ outcome: 'success', trace: null, acceptedAt: NOON }],
        'call-1': [{ outcome: 'blocked', trace: 'a trace', acceptedAt: NOON }],
        'call-2': [{ outcome: 'failure', trace: null, acceptedAt: NOON }],
      });
    });

    test('nothing for ever: what is old is given up, counted for each backend, and later forgotten', async () => {
      const store = openOne({ maxAgeMs: 1000, historyMs: 5000 });
      await store.accept(
        [entry(1, { backends: ['akto', 'capsule'] }), entry(2), failure(3, { holdMs: 90_000 })],
        [{ reason: 'not_json', payload: '{}' }],
      );
      const [, two = 0] = await idsOf(store);
      await store.ack([{ kind: 'dead', backend: 'akto', ids: [two], reason: 'http_400' }]);
      store.time = 1000;
      await store.maintain();
      expect(store.expired).toEqual([]);
      await store.acceptOne(entry(4));
      store.time = 1001;
      await store.maintain();
      expect(store.expired.toSorted()).toEqual([
        ['akto', 3],
        ['capsule', 1],
        ['intake', 1],
      ]);
      expect(named(await store.all())).toEqual(['4']);
      expect(await store.acceptOne(entry(1))).toBe('duplicate');
      store.time = 5001;
      await store.maintain();
      expect([...(await store.known(['call-1', 'call-2', 'call-4'])).keys()]).toEqual(['call-4']);
    });
  });

  describe(`${name} tells`, () => {
    test('number and age of the records', async () => {
      const store = openOne({ maxBytes: 10 * MB });
      await store.acceptOne(failure(1));
      store.time = 5000;
      await store.acceptOne(entry(2, { backends: ['akto', 'capsule'] }));
      const { usedBytes, maxBytes, backends } = await store.stats();
      expect(backends).toEqual({
        akto: { records: 2, dead: 0, oldestAt: NOON },
        capsule: { records: 1, dead: 0, oldestAt: NOON + 5000 },
      });
      expect(maxBytes).toBe(10 * MB);
      expect(usedBytes).toBeGreaterThan(0);
      await store.ack([{ kind: 'delivered', backend: 'capsule', ids: await idsOf(store, 'capsule') }]);
      await expect
        .poll(async () => (await store.stats()).backends.capsule, { timeout: 10_000 })
        .toEqual({ records: 0, dead: 0, oldestAt: undefined });
    });

    test('that it is full: it refuses all but blocked calls, then these too, until some are delivered', async () => {
      const store = openOne({ maxBytes: 4 * MB });
      // Nothing that can be packed
      const large = (n: number | string) =>
        entry(n, { payload: `{"n":"${n}","text":"${randomBytes(30_000).toString('base64')}"}` });
      const blocked = (n: number) =>
        ({ ...large(`b${n}`), outcome: 'blocked', eventKey: `turn-${n}` }) as const;
      const fill = async (make: (n: number) => Entry) => {
        for (let stored = 0; stored < 1000; stored++) {
          const error = await store.accept([make(stored)]).catch((reason: unknown) => reason);
          if (error instanceof Error) {
            expect(error).toMatchObject(full);
            return stored;
          }
        }
        return 1000;
      };
      const [stored, kept] = [await fill(large), await fill(blocked)];
      expect(stored).toBeGreaterThan(50);
      expect(stored).toBeLessThan(200);
      expect(kept).toBeGreaterThan(0);
      expect(kept).toBeLessThan(stored / 2);
      expect([...(await store.known([`call-${stored}`])).keys()]).toEqual([]);
      const { usedBytes, maxBytes } = await store.stats();
      expect(usedBytes).toBeLessThanOrEqual(maxBytes * 1.2);

      const ids = (await idsOf(store)).slice(0, 40);
      await store.ack([{ kind: 'delivered', backend: 'akto', ids }]);
      await store.maintain();
      await expect
        .poll(() => store.accept([large('again')]).catch(({ kind }) => kind), { timeout: 10_000 })
        .toEqual(['new']);
      expect(await store.all()).toHaveLength(stored + kept - 40 + 1);
    });
  });

  if (!isShared) return;

  describe(`${name}, opened by several replicas,`, () => {
    const openTwo = () => {
      const place = newPlace();
      return [place.open(), place.open()] as const;
    };

    test('makes one record of an event that comes to both at once, in whatever order', async () => {
      const [a, b] = openTwo();
      const entries = numbers(60).map((n) => entry(n, { backends: ['akto', 'capsule'] }));
      const groups = (order: readonly Entry[]) => numbers(12).map((n) => order.slice(n * 5, n * 5 + 5));
      const accepted = await Promise.all([
        ...groups(entries).map((group) => a.accept(group)),
        ...groups(entries.toReversed()).map((group) => b.accept(group)),
      ]);
      expect(accepted.flat().toSorted()).toEqual([...Array(60).fill('duplicate'), ...Array(60).fill('new')]);
      expect(new Set(named([...(await a.all('capsule')), ...(await b.all('capsule'))])).size).toBe(60);
      expect((await a.stats()).backends).toMatchObject({ akto: { records: 60 }, capsule: { records: 60 } });
    });

    test('joins the events of one call wherever they land', async () => {
      const [a, b] = openTwo();
      await a.acceptOne(failure(1));
      expect(await b.acceptOne(entry(1))).toBe('new');
      await a.acceptOne(entry(2, { holdMs: 7000 }));
      expect(await b.acceptOne(block(2, { payload: '{"n":"block"}' }))).toBe('new');
      expect(await a.acceptOne(entry(2))).toBe('blocked');
      expect(await b.acceptOne(entry(2))).toBe('duplicate');
      a.time = b.time = 60_000;
      expect(named(await b.all())).toEqual(['1', 'block']);
    });

    test('decides about the events of one call one after the other', async () => {
      const [a, b] = openTwo();
      const accepted = await Promise.all(
        numbers(20).flatMap((n) => [
          a.acceptOne(block(n)),
          b.acceptOne(entry(n)),
          a.acceptOne(failure(n, { ref: `ref-${n}` })),
        ]),
      );
      const counted = Object.groupBy(accepted, (one) => one);
      a.time = b.time = 60_000;
      const all = await a.all();
      // A block after a success that could not wait is the one way to a second record
      expect(all.length).toBe(20 + (counted.late?.length ?? 0));
    });

    test('hands a record to one of them, and to another once it is given back', async () => {
      const [a, b] = openTwo();
      await a.accept(numbers(4).map((n) => entry(n)));
      const limit = { records: 2, bytes: MB, except: new Set<number>() };
      expect(named(await a.due('akto', limit))).toEqual(['0', '1']);
      expect(named(await b.due('akto', limit))).toEqual(['2', '3']);
      expect(named(await a.due('akto', limit))).toEqual(['0', '1']);
      expect(await b.due('akto', { ...limit, except: new Set(await idsOf(b)) })).toEqual([]);
      await a.close();
      await expect.poll(async () => named(await b.all()), { timeout: 10_000 }).toEqual(['0', '1', '2', '3']);
    });

    test('takes the result of a delivery from the one that holds the record alone', async () => {
      const [a, b] = openTwo();
      await a.accept([entry(1), entry(2)]);
      const ids = await idsOf(a);
      await b.ack([{ kind: 'delivered', backend: 'akto', ids }]);
      await b.ack([{ kind: 'dead', backend: 'akto', ids, reason: 'http_400' }]);
      expect(named(await a.all())).toEqual(['1', '2']);
      await a.ack([{ kind: 'delivered', backend: 'akto', ids }]);
      expect([await a.all(), await b.all()]).toEqual([[], []]);
    });

    test('tells all of them the same numbers', async () => {
      const [a, b] = openTwo();
      await a.accept([entry(1), entry(2)], [{ reason: 'not_json', payload: '{}' }]);
      await a.ack([{ kind: 'dead', backend: 'akto', ids: (await idsOf(a)).slice(0, 1), reason: 'http_400' }]);
      const counted = { akto: { records: 1, dead: 1 }, intake: { records: 0, dead: 1 } };
      await expect.poll(async () => (await a.stats()).backends, { timeout: 10_000 }).toMatchObject(counted);
      expect((await b.stats()).backends).toMatchObject(counted);
      expect([...(await b.known(['call-1'])).keys()]).toEqual(['call-1']);
    });
  });
}
