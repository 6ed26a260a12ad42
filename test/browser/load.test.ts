import type { CDPSession } from 'playwright-core';
import { expect, test } from 'vitest';
import { fileBrowser, fileWorld } from './opened.ts';
import { SECRET_TEXT } from './page-world.ts';
import { isLive, openPage } from './watched-page.ts';

const SECONDS = 30;
const A_SECOND = 200;

const browser = fileBrowser();
const world = fileWorld({ backends: () => [] });

/** Memory of scripts that is in use, in MB. */
async function heapMb(cdp: CDPSession): Promise<number> {
  await cdp.send('HeapProfiler.collectGarbage');
  return (await cdp.send('Runtime.getHeapUsage')).usedSize / 1024 / 1024;
}

/** Makes so many calls in a second, a fifth of them blocked. */
async function load(seconds: number): Promise<number> {
  const begin = performance.now();
  const under = new Set<Promise<unknown>>();
  let made = 0;
  while (performance.now() - begin < seconds * 1000) {
    const due = ((performance.now() - begin) / 1000) * A_SECOND;
    while (made < due && under.size < 50) {
      const call = world().ask(
        made % 5 === 0 ? { texts: [SECRET_TEXT] } : { texts: [`allowed ${made}`], team: `team-${made % 7}` },
      );
      made++;
      under.add(call);
      void call.finally(() => under.delete(call));
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await Promise.all(under);
  return made;
}

test('under 200 decisions a second the page holds 200 rows, has its memory back, and changes a few times a second', async () => {
  const watched = await openPage(browser(), { url: world().pageUrl });
  const { page } = watched;
  await page.goto('/ui');
  await isLive(page);
  const cdp = await page.context().newCDPSession(page);
  await load(5);
  const before = await heapMb(cdp);
  await page.evaluate(() => {
    const seen = { changes: 0, most: 0 };
    Object.assign(globalThis, { seen });
    const rows = document.getElementById('rows') as HTMLElement;
    // One call for all changes that an event makes
    new MutationObserver(() => {
      seen.changes++;
      seen.most = Math.max(seen.most, rows.childElementCount);
    }).observe(rows, { childList: true });
  });
  const made = await load(SECONDS);
  const { changes, most } = await page.evaluate(
    () => (globalThis as unknown as { seen: { changes: number; most: number } }).seen,
  );
  console.log(
    `${made} calls in ${SECONDS} s: ${changes} changes, ${most} rows, heap ${before.toFixed(1)} MB before, ${(await heapMb(cdp)).toFixed(1)} after`,
  );
  expect(most).toBeLessThanOrEqual(200);
  expect(changes).toBeLessThanOrEqual(SECONDS * 5);
  expect(changes).toBeGreaterThan(SECONDS);
  expect(await heapMb(cdp)).toBeLessThan(before * 1.5 + 2);
  // It is as new as the bridge
  const { body } = await world().ask({ texts: [SECRET_TEXT], team: 'the-last' });
  const reference = /[0-9a-f]{16}/.exec(body.blocked_reason ?? '')?.[0] ?? 'none';
  await expect.poll(() => page.locator('#rows tr').first().innerText()).toContain(reference);
  watched.expectQuiet();
});
