import { randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { PostedBodies } from '../../src/records/posted-bodies.ts';

const MB = 1024 * 1024;

/** Most bodies that are worked on at once, where each waits until no other comes. */
async function mostAtOnce(bodies: readonly Buffer[], isGzip: boolean) {
  const posted = new PostedBodies(64 * MB);
  const waiting: (() => void)[] = [];
  let [most, left] = [0, bodies.length];
  const read = bodies.map((body) =>
    posted.read(body, isGzip, async ({ length }) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      left--;
      return length;
    }),
  );
  while (left > 0) {
    const before = waiting.length;
    await sleep(50);
    most = Math.max(most, waiting.length);
    if (waiting.length === before) for (const done of waiting.splice(0)) done();
  }
  return { most, lengths: new Set(await Promise.all(read)) };
}

/** As large as it was: what is random cannot be packed. */
const noise = (bytes: number) => randomFillSync(Buffer.alloc(bytes));

test('bodies that only could be large are stored together', async () => {
  const bodies = Array.from({ length: 50 }, () => gzipSync(noise(5000)));
  const { most, lengths } = await mostAtOnce(bodies, true);
  expect(lengths).toEqual(new Set([5000]));
  expect(most).toBeGreaterThan(5);
});

test.each([
  ['plain', false, 5, 1],
  ['packed', true, 5, 1],
  ['packed', true, 3, 2],
])('of large bodies few are in memory: %s (gzip %s), of %i MB', async (_, isGzip, megabytes, bound) => {
  const body = noise(megabytes * MB);
  const bodies = Array<Buffer>(6).fill(isGzip ? gzipSync(body) : body);
  const { most, lengths } = await mostAtOnce(bodies, isGzip);
  expect(lengths).toEqual(new Set([megabytes * MB]));
  expect(most).toBeLessThanOrEqual(bound);
});

test('a body that cannot be unpacked, or whose work fails, holds up no other', async () => {
  const posted = new PostedBodies(64 * MB);
  const bad = noise(5000);
  const good = gzipSync(Buffer.alloc(5 * MB));
  const length = async (body: Buffer) => body.length;
  const fail = async () => Promise.reject(new Error('no disk'));
  const results = await Promise.allSettled([
    posted.read(bad, true, length),
    posted.read(good, true, fail),
    posted.read(gzipSync(Buffer.alloc(65 * MB)), true, length),
    posted.read(good, true, length),
  ]);
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
    'not_gzip',
    'failed',
    'too_large',
    5 * MB,
  ]);
});
