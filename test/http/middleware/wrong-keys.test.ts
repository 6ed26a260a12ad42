import { describe, expect, test } from 'vitest';
import { WrongKeys } from '../../../src/http/middleware/wrong-keys.ts';

/** Wrong keys by a clock of the test, which goes only when it is told to. */
function slowed() {
  let now = 0;
  const waits: { ms: number; done: () => void }[] = [];
  const wrongKeys = new WrongKeys({
    now: () => now,
    later(ms, done) {
      const wait = { ms, done };
      waits.push(wait);
      return () => void (waits.includes(wait) && waits.splice(waits.indexOf(wait), 1));
    },
  });
  /** Tries a wrong key, and returns its wait; 'refused' if it does not. */
  const wait = async (address: string) => {
    const before = waits.length;
    const reply = wrongKeys.slow(address);
    const own = waits[before];
    if (own === undefined) return (await reply) ? 'at once' : 'refused';
    own.done();
    expect(await reply).toBe(true);
    return own.ms;
  };
  return {
    ...{ wrongKeys, waits, wait },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('a wrong key waits', () => {
  test('not even compared beyond 16 of one sender, and then one a second', async () => {
    const { wrongKeys, wait, pass } = slowed();
    for (let i = 0; i < 16; i++) expect(await wait('10.0.0.1')).not.toBe('refused');
    for (let i = 0; i < 100; i++) expect(await wait('10.0.0.1')).toBe('refused');
    expect([wrongKeys.areCompared('10.0.0.1'), wrongKeys.areCompared('10.0.0.2')]).toEqual([false, true]);
    pass(2000);
    const next = [];
    for (let i = 0; i < 4; i++) next.push(await wait('10.0.0.1'));
    expect(next).toEqual([8000, 8000, 'refused', 'refused']);
  });

  test('and is compared for an hour after a right one of its sender', async () => {
    const { wrongKeys, wait, pass } = slowed();
    wrongKeys.trust('10.0.0.1');
    for (let i = 0; i < 100; i++) expect(await wait('10.0.0.1')).not.toBe('refused');
    pass(3_599_999);
    for (let i = 0; i < 100; i++) await wait('10.0.0.1');
    expect(wrongKeys.areCompared('10.0.0.1')).toBe(true);
    pass(1);
    await wait('10.0.0.1');
    expect(wrongKeys.areCompared('10.0.0.1')).toBe(false);
  });

  test('longer with each one of its sender, up to a bound', async () => {
    const { wait } = slowed();
    const waits = [];
    for (let i = 0; i < 8; i++) waits.push(await wait('10.0.0.1'));
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(await wait('10.0.0.2')).toBe(250);
  });

  test('as at first once its sender has tried none for ten minutes', async () => {
    const { wait, pass } = slowed();
    for (let i = 0; i < 5; i++) await wait('10.0.0.1');
    pass(9 * 60_000);
    expect(await wait('10.0.0.1')).toBe(8000);
    pass(10 * 60_000);
    expect(await wait('10.0.0.1')).toBe(250);
  });

  test('longer while many senders try, until they have stopped', async () => {
    const { wait, pass } = slowed();
    for (let i = 0; i < 63; i++) await wait(`10.0.0.${i}`);
    expect(await wait('10.0.1.1')).toBe(1000);
    pass(120_000);
    expect(await wait('10.0.1.2')).toBe(250);
  });

  test.each([
    ['another address of its network of IPv6', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', 500],
    ['an address of IPv4 in the form of IPv6', '10.0.0.1', '::ffff:10.0.0.1', 500],
    ['the same link-local address', 'fe80::1%eth0', 'fe80::2', 500],
    ['an address of another network of IPv6', '2001:db8:1:2::1', '2001:db8:1:3::1', 250],
    ['an address beside it', '10.0.0.1', '10.0.0.2', 250],
  ])('at %s by what came before', async (_, first, second, ms) => {
    const { wait } = slowed();
    await wait(first);
    expect(await wait(second)).toBe(ms);
  });

  test('not beyond eight of one sender, nor 64 of all: those are refused at once', async () => {
    const { wrongKeys, waits } = slowed();
    const ends: Promise<boolean>[] = [];
    for (let i = 0; i < 8; i++) ends.push(wrongKeys.slow('10.0.0.1'));
    expect(await wrongKeys.slow('10.0.0.1')).toBe(false);
    for (let i = 0; i < 56; i++) ends.push(wrongKeys.slow(`10.0.1.${i}`));
    expect(waits).toHaveLength(64);
    expect(await wrongKeys.slow('10.0.2.1')).toBe(false);
    for (const { done } of [...waits]) done();
    expect(new Set(await Promise.all(ends))).toEqual(new Set([true]));
    const next = wrongKeys.slow('10.0.2.2');
    expect(waits).toHaveLength(1);
    wrongKeys.close();
    expect(await next).toBe(true);
  });

  test('no longer than its sender, and not while the bridge ends', async () => {
    const { wrongKeys, waits } = slowed();
    let leave = () => {};
    const left = wrongKeys.slow('10.0.0.1', (end) => {
      leave = end;
    });
    const waiting = wrongKeys.slow('10.0.0.2');
    leave();
    await left;
    expect(waits).toHaveLength(1);
    wrongKeys.close();
    await waiting;
    expect(waits).toEqual([]);
    expect(await wrongKeys.slow('10.0.0.3')).toBe(true);
    expect(waits).toEqual([]);
  });
});

test('senders are remembered within bounds', async () => {
  const { wrongKeys, wait } = slowed();
  for (let i = 0; i < 4200; i++) await wait(`10.1.${i >> 8}.${i & 255}`);
  expect(wrongKeys.senders).toBe(4096);
});
