import { expect, test } from 'vitest';
import { fileBrowser, fileWorld } from './opened.ts';
import { CANARIES } from './page-world.ts';
import { openPage } from './watched-page.ts';

const browser = fileBrowser();
const world = fileWorld();

/** Reads the stream of events for so long. */
async function eventsOf(url: string, ms: number): Promise<string> {
  const response = await fetch(`${url}/ui/events?after=0`, { signal: AbortSignal.timeout(ms) });
  let text = '';
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
      text += Buffer.from(chunk).toString();
  } catch {
    // its time is up
  }
  return text;
}

test('no view, response, event or log line has content of calls, words of vendors, or values of headers', async () => {
  const { page, bodies } = await openPage(browser(), { url: world().pageUrl });
  await page.goto('/ui');
  const reading = eventsOf(world().pageUrl, 6000);
  await world().mixedCalls();
  await world().ask({ texts: ['slowly'] });
  await world().log('call-of-a-canary', { messages: [{ role: 'user', content: CANARIES.join(' ') }] });
  await world().log('call-unreadable', {
    messages: [{ role: 'user', content: `unreadable ${CANARIES.join(' ')}` }],
  });
  await page.waitForTimeout(3000);
  let shown = await page.content();
  for (const path of ['policies', 'playground', 'records', 'settings', 'call?word=call-of-a-canary']) {
    await page.goto(`/ui/${path}`);
    shown += await page.content();
  }
  const events = await reading;
  expect(events).toMatch(/event: decisions\nid: \d+\ndata: /);
  expect(events).toMatch(/event: picture\ndata: /);
  expect(events).toMatch(/"litellm_call_id":"call-/);
  expect(events).toMatch(/"ref":"[0-9a-f]{16}"/);
  expect(bodies.length).toBeGreaterThan(5);
  for (const text of [shown, ...bodies, events, world().child.stdout()])
    for (const canary of CANARIES) expect(text).not.toContain(canary);
});
