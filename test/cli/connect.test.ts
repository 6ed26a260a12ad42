import { afterEach, expect, test } from 'vitest';
import { backends } from '../../src/backends/index.ts';
import { checkConnections } from '../../src/cli/check-config.ts';
import { parseConfig } from '../../src/config/config.ts';
import { aktoAt, capsuleAt } from '../support/bridge.ts';
import { type FakeBackend, startFakeBackend, text } from '../support/fake-backend.ts';

let akto: FakeBackend;
let capsule: FakeBackend;
afterEach(() => Promise.all([akto.close(), capsule.close()]));

test('a vendor that replies with any status is reached, and gets no token', async () => {
  akto = await startFakeBackend(text('not here', 404));
  capsule = await startFakeBackend(text('no', 500));
  const config = parseConfig({ ...aktoAt(akto.url), ...capsuleAt(capsule.url) }, backends);
  const { text: said, ok } = await checkConnections(config);
  expect(said).toMatch(/^akto answers \(HTTP 404, \d+ ms\)\ncapsule answers \(HTTP 500, \d+ ms\)\n$/);
  expect(ok).toBe(true);
  expect(akto.seen[0]?.headers.authorization).toBeUndefined();
});

test('a vendor that refuses, speaks no TLS, or says nothing is named with the reason', async () => {
  akto = await startFakeBackend();
  capsule = await startFakeBackend(() => {});
  const env = { ...aktoAt(akto.url.replace('http:', 'https:')), ...capsuleAt(capsule.url) };
  const config = parseConfig({ ...env, CAPSULE_GUARDRAIL_TIMEOUT: '0.2' }, backends);
  const { text: said, ok } = await checkConnections(config);
  expect(said).toBe(
    'akto does not answer: tls (ERR_SSL_WRONG_VERSION_NUMBER)\ncapsule does not answer: unreachable (ETIMEDOUT)\n',
  );
  expect(ok).toBe(false);
  await akto.close();
  akto = await startFakeBackend();
  const refused = await checkConnections(parseConfig(aktoAt('http://127.0.0.1:1'), backends));
  expect(refused.text).toBe('akto does not answer: unreachable (ECONNREFUSED)\n');
});
