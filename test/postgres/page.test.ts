import { expect, test } from 'vitest';
import { fakeAkto } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { temporaryFolder } from '../support/store.ts';
import { bridgesWith } from './shared-bridges.ts';

const POLL = { timeout: 20_000, interval: 200 };

test('the page of each replica lists the decisions of all, tells their stories, and what waits for all', async () => {
  const server = await startFakeBackend(fakeAkto({ result: { Allowed: true, Reason: '' } }).reply);
  const env = { ...aktoAt(server.url), BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' };
  const { bridges } = await bridgesWith(
    env,
    { DATA_DIR: temporaryFolder() },
    { DATA_DIR: temporaryFolder() },
  );
  const [web1, web2] = bridges;
  const call = { input_type: 'request', litellm_call_id: 'one', texts: ['a tulip'] };
  const { reply } = (await web1?.ask(call)) ?? {};
  const [ref = ''] = /[0-9a-f]{16}/.exec(String(reply?.blocked_reason)) ?? [];
  await expect
    .poll(async () => (await web2?.page.list({}, 5))?.rows.map((row) => row.ref), POLL)
    .toEqual([ref]);
  expect(await web2?.page.story(ref)).toMatchObject({ about: { litellm_call_id: 'one', verdict: 'block' } });
  expect(await web2?.page.counts(7)).toMatchObject({
    ...{ decisions: 1, wouldBlock: [] },
    tops: { team: [{ name: null, decisions: 1, blocked: 1 }] },
  });
  await expect
    .poll(async () => (await web2?.page.picture())?.backlogs, POLL)
    .toMatchObject([{ backend: 'akto', due: 0, dead: 0, deadBy: {}, reason: null }]);
  await server.close();
});
