import { expect, test } from 'vitest';
import { json, type Reply } from '../support/fake-backend.ts';
import { eventOf, recordingBridge } from '../support/recording-bridge.ts';

const EMPTY = { backend: 'akto', due: 0, oldestAt: null, nextTryAt: null, reason: null, dead: 0, deadBy: {} };
const POLL = { timeout: 15_000, interval: 100 };
const UNAVAILABLE: Reply = (_, response) => void response.writeHead(503).end('canary-44ee');

test('the picture has an empty backlog where nothing waits', async () => {
  const { page } = await recordingBridge();
  await expect.poll(async () => (await page.picture())?.backlogs, POLL).toEqual([EMPTY]);
});

test.each([
  {
    name: 'what waits for a vendor, since when, why, and when it is tried next',
    reply: UNAVAILABLE,
    backlog: {
      ...{ ...EMPTY, due: 2, reason: 'HTTP 503' },
      ...{ oldestAt: expect.any(Number), nextTryAt: expect.any(Number) },
    },
  },
  {
    name: 'dead letters by their reason',
    reply: json({ error: 'canary-44ee' }, 422),
    backlog: { ...EMPTY, dead: 2, deadBy: { 'HTTP 422': 2 } },
  },
])('the picture tells $name', async ({ reply, backlog }) => {
  const { akto, send, page } = await recordingBridge();
  const { server } = akto;
  server.reply = reply;
  for (const id of ['one', 'two']) await send([eventOf(id)]);
  await expect.poll(async () => (await page.picture())?.backlogs, POLL).toEqual([backlog]);
  expect(JSON.stringify(await page.picture())).not.toContain('canary-44ee');
});
