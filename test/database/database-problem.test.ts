import { expect, test } from 'vitest';
import { databaseProblem } from '../../src/database/database-problem.ts';

const PLACE = { url: 'postgres://bridge:pa55word@db.example:5432/records', schema: 'guardrail_bridge' };

test.each([
  ['28P01', 'the password of role bridge was refused (28P01)'],
  ['3D000', 'there is no such database (3D000)'],
  ['42P01', 'tables of this release are missing in schema guardrail_bridge: run database migrate (42P01)'],
  ['53100', 'its disk is full (53100)'],
  ['ECONNREFUSED', 'nothing listens there (ECONNREFUSED)'],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'its certificate is not accepted: see sslmode and sslrootcert (DEPTH_ZERO_SELF_SIGNED_CERT)',
  ],
  ['XX000', 'XX000'],
])('%s is told in words, with the place and without the password', (code, words) => {
  expect(databaseProblem(code, PLACE)).toBe(`the database db.example:5432/records cannot be used: ${words}`);
});

test('a role that no address names is called the role', () => {
  expect(databaseProblem('28P01', { ...PLACE, url: 'postgres://db.example/records' })).toContain(
    'the password of the role was refused',
  );
});
