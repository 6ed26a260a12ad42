import { expect, test } from 'vitest';
import { loggable } from '../../src/observability/log.ts';

function broken(message: string): Record<string, unknown> {
  return loggable({ kind: 'bug', error: new TypeError(message) });
}

test.each(['plum cake', 'plum cake\n    at plum cake\n    at the cake', '', '\n'])(
  'a mistake of ours is logged with its places, and none of its words: %j',
  (message) => {
    const { kind, error, at } = broken(message);
    expect([kind, error]).toEqual(['bug', 'TypeError']);
    expect((at as string[])[0]).toMatch(/^at broken .*log\.test\.ts/);
    expect(String(at)).not.toContain('cake');
  },
);

test('an error that was given other words is logged without places', () => {
  const error = new Error('plum\n    at plum');
  expect(error.stack).toContain('plum');
  error.message = 'cake';
  expect(loggable({ kind: 'bug', error })).toEqual({ kind: 'bug', error: 'Error', at: [] });
});

test.each<{ error: unknown }>([
  { error: undefined },
  { error: null },
  { error: 'plum cake' },
  { error: { message: 'plum cake', stack: '    at plum' } },
  { error: { toString: 1 } },
])('something else that was thrown is not logged: %j', ({ error }) => {
  expect(loggable({ kind: 'bug', error })).toEqual({ kind: 'bug' });
});
