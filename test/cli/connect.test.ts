import { afterEach, expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { checkConnections } from '../../src/cli/check-config.ts';
import { parseConfig } from '../../src/config/config.ts';
import { aktoAt, capsuleAt } from '../support/bridge.ts';
import { type FakeBackend, json, startFakeBackend, text } from '../support/fake-backend.ts';

let akto: FakeBackend;
let capsule: FakeBackend;
afterEach(() => Promise.all([akto.close(), capsule.close()]));

test('a vendor is asked about a harmless text, with the token, and the time of each step is told', async () => {
  akto = await startFakeBackend(json({ data: { guardrailsResult: { Allowed: true } } }));
  capsule = await startFakeBackend(text('no', 500));
  const config = parseConfig({ ...aktoAt(akto.url), ...capsuleAt(capsule.url) }, backends);
  const { text: said, ok } = await checkConnections(config);
  expect(said).toMatch(
    /^akto at 127\.0\.0\.1:\d+: connection \d+ ms, check \d+ ms, allow \(\d+ ms\)\ncapsule at 127\.0\.0\.1:\d+: connection \d+ ms, check \d+ ms, HTTP 500 \(\d+ ms\)\n$/,
  );
  expect(ok).toBe(false);
  expect(akto.seen.map(({ headers }) => headers.authorization)).toEqual(['akto-key']);
});

test('a vendor that refuses, speaks no TLS, or says nothing is named with the reason', async () => {
  akto = await startFakeBackend();
  capsule = await startFakeBackend(() => {});
  const env = { ...aktoAt(akto.url.replace('http:', 'https:')), ...capsuleAt(capsule.url) };
  const config = parseConfig({ ...env, CAPSULE_GUARDRAIL_TIMEOUT: '0.2' }, backends);
  const { text: said, ok } = await checkConnections(config);
  expect(said).toMatch(/^akto at .*: its certificate is not trusted \(ERR_SSL_WRONG_VERSION_NUMBER\)/);
  expect(said).toMatch(/\ncapsule at .*, no complete reply within 0\.2 s/);
  expect(ok).toBe(false);
  await akto.close();
  akto = await startFakeBackend();
  const refused = await checkConnections(parseConfig(aktoAt('http://127.0.0.1:1'), backends));
  expect(refused.text).toMatch(/^akto at 127\.0\.0\.1:1: no connection \(ECONNREFUSED\)/);
});

test('a database that cannot be used is named once', async () => {
  const config = parseConfig({ DATABASE_URL: 'postgres://house@127.0.0.1:1/house' }, backends);
  const { text: said, ok } = await checkConnections(config);
  expect(said).toMatch(/^the database 127\.0\.0\.1:1\/house cannot be used.* \(\d+ ms\)\n$/);
  expect(ok).toBe(false);
});
