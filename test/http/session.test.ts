import { expect, test } from 'vitest';
import { newSession, SESSION_MS, sessionState } from '../../src/http/session.ts';

const NOW = 1_800_000_000_000;

test('a session is known by its key alone, until it expires', () => {
  const token = newSession('a-key', NOW);
  expect(sessionState(token, ['a-key'], NOW)).toBe('right');
  expect(sessionState(token, ['new-key', 'a-key'], NOW + SESSION_MS - 1)).toBe('right');
  expect(sessionState(token, ['a-key'], NOW + SESSION_MS)).toBe('expired');
  expect(sessionState(token, ['new-key'], NOW)).toBe('wrong');
  expect(sessionState(token, [], NOW)).toBe('wrong');
});

test('two sessions of a key differ, and none tells it', () => {
  const [one, other] = [newSession('a-key', NOW), newSession('a-key', NOW)];
  expect(one).not.toBe(other);
  expect(one).not.toContain('a-key');
  expect(one).toMatch(/^[\w.-]+$/);
});

test.each([
  ['nothing', ''],
  ['the key', 'a-key'],
  ['a text of kilobytes', 'a'.repeat(10_000)],
  [
    'one that is to last longer',
    newSession('a-key', NOW).replace(/^\w+/, (NOW + 2 * SESSION_MS).toString(36)),
  ],
  ['one with another number', newSession('a-key', NOW).replace(/\.[\w-]{22}\./, `.${'A'.repeat(22)}.`)],
  ['one without its seal', newSession('a-key', NOW).replace(/[\w-]+$/, '')],
  ['one with another seal', newSession('a-key', NOW).replace(/[\w-]+$/, 'A'.repeat(43))],
  ['one with more behind it', `${newSession('a-key', NOW)}x`],
])('%s is no session', (_, token) => {
  expect(sessionState(token, ['a-key'], NOW)).toBe('wrong');
});
