import { describe, expect, test } from 'vitest';
import { LastMade } from '../../src/backends/last-made.ts';
import { callOf } from '../support/call.ts';

const CALL = callOf({ texts: ['dana lives in Rome'] });

/** Makes numbers, each time the next one. */
function counting() {
  const last = new LastMade<number>();
  let made = 0;
  return (call = CALL, settings = 'a') => last.of(call, settings, () => ++made);
}

describe('what is made of a call', () => {
  test('is made once for backends with the same settings', () => {
    const of = counting();
    expect([of(), of(), of()]).toEqual([1, 1, 1]);
  });

  test('is another for other settings, and for another call that is alike', () => {
    const of = counting();
    expect([of(), of(CALL, 'b'), of({ ...CALL }, 'b'), of()]).toEqual([1, 2, 3, 4]);
  });

  test('is kept no longer than until the event loop goes on', async () => {
    const of = counting();
    of();
    await Promise.resolve();
    expect(of()).toBe(2);
    of(CALL, 'b');
    await Promise.resolve();
    expect(of(CALL, 'b')).toBe(4);
  });
});
