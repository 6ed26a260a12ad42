import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows } from '../support/akto.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../support/fake-backend.ts';

async function bridgeWith(reply: FakeBackend['reply'], env: Record<string, string> = {}) {
  const akto = await startFakeBackend(reply);
  const bridge = testBridge({ ...aktoAt(akto.url), BUILTIN_POLICY: 'on', ...env });
  onTestFinished(async () => {
    await bridge.close();
    await akto.close();
  });
  return { ...bridge, akto };
}

const call = (text: string) => ({ input_type: 'request', texts: [text] });

test('the picture counts each call once: a bypass is no allow, and a call that is blocked unread is a block', async () => {
  const { ask, page, app, akto } = await bridgeWith(aktoAllows, {
    BANNED_KEYWORDS: 'tulip',
    AKTO_UNREACHABLE_FALLBACK: 'fail_open',
  });
  for (const text of ['a rose', 'another rose', 'a tulip']) await ask(call(text));
  await app.request('/', { method: 'POST', body: 'no JSON' });
  akto.reply = (_, response) => void response.writeHead(503).end();
  await ask(call('a third rose'));
  const picture = await page.picture();
  expect(picture?.minutes.at(-1)).toMatchObject({
    ...{ allowed: 2, redacted: 0, blocked: 2, bypassed: 1, undecided: 0 },
    ...{ p50Ms: expect.any(Number), p99Ms: expect.any(Number) },
  });
  expect(picture).toMatchObject({
    ...{ status: 'ready', unhappy: [], findings: [], decisionsAMinute: 5 },
    policies: { file: 'built-in', chain: expect.arrayContaining([{ kind: 'secrets', enforced: true }]) },
  });
  expect(picture?.backends).toMatchObject([
    {
      ...{ name: 'akto', mode: 'enforce', breaker: 'closed', isRefused: false, failing: null },
      ...{ checks: 3, failures: 1, p50Ms: expect.any(Number) },
      lastFailure: { kind: 'http_status', status: 503, at: expect.any(Number) },
    },
  ]);
  await expect.poll(async () => (await page.picture())?.lastBypassAt, { timeout: 5000 }).not.toBe(null);
});

test('decisions are told without anything of the call, whether they are kept or not', async () => {
  const { ask, page } = await bridgeWith(aktoAllows, { BANNED_KEYWORDS: 'tulip' });
  await ask({ ...call('a canary-5ce1 and a tulip'), litellm_call_id: 'one', model: 'm' });
  const told = await page.decisions(0);
  expect(told?.decisions).toMatchObject([
    {
      seq: expect.any(Number),
      verdict: 'block',
      by: 'banned-keywords',
      litellm_call_id: 'one',
      ref: expect.any(String),
    },
  ]);
  expect(JSON.stringify(told)).not.toContain('canary-5ce1');
});
