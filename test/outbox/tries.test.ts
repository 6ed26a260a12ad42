import { expect, test } from 'vitest';
import { DatabaseError } from '../../src/database/database-error.ts';
import { oneAfterAnother } from '../../src/database/one-after-another.ts';
import { tried } from '../../src/outbox/tries.ts';

const failing = (code: string) => new DatabaseError(code, 'Postgres: failed');

test('a conflict is tried again', async () => {
  const codes = ['40P01', '40001'];
  const use = async () => {
    const code = codes.pop();
    if (code !== undefined) throw failing(code);
    return 'done';
  };
  expect(await tried(use)).toBe('done');
});

test.each([
  ['a conflict that never ends', '40P01', 'unavailable', 6],
  ['a lost connection', 'ECONNRESET', 'unavailable', 1],
  ['a standby', '25006', 'unavailable', 1],
  ['a full disk', '53100', 'full', 1],
])('%s is told', async (_, code, kind, times) => {
  let tries = 0;
  const error = failing(code);
  const use = async () => {
    tries++;
    throw error;
  };
  await expect(tried(use)).rejects.toMatchObject({ name: 'OutboxError', kind, cause: error });
  expect(tries).toBe(times);
});

test.each([
  ['a statement that is wrong', failing('22P02')],
  ['a mistake of ours', new TypeError('none')],
])('%s is thrown as it is', async (_, error) => {
  await expect(tried(() => Promise.reject(error))).rejects.toBe(error);
});

test('of statements in a row the error of the first one counts, though that of another comes earlier', async () => {
  const late = new Promise((_, reject) => setTimeout(reject, 10, failing('40P01')));
  const statements = [Promise.resolve(1), late, Promise.reject(failing('25P02'))];
  await expect(oneAfterAnother(statements)).rejects.toMatchObject({ code: '40P01' });
  expect(await oneAfterAnother([Promise.resolve(1), undefined, 'x'])).toEqual([1, undefined, 'x']);
});
