import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { fileBrowser, fileWorld } from './opened.ts';
import { aktoEntry, BRIDGE_KEY, SECRET_TEXT } from './page-world.ts';
import { axeFindings, isLive, openPage, sidewaysOf } from './watched-page.ts';

const OPS_KEY = 'invented-ops-key-0815';
const browser = fileBrowser();
const backends = (vendors: Parameters<typeof aktoEntry>[0]) => [aktoEntry(vendors)];

const PATHS = [
  '/ui',
  '/ui/policies',
  '/ui/playground',
  '/ui/records',
  '/ui/settings',
  '/ui/call?word=x',
  '/ui/events',
];
/** Before the port of the page. */
const COOKIE = 'guardrail_bridge';

/** Where the page stands, by settings: on the port of guardrail calls, or on a listener of its own; with workers too. */
const PLACES = [
  ['on the guardrail port', { BRIDGE_API_KEYS: BRIDGE_KEY }, BRIDGE_KEY],
  [
    'on a listener of its own',
    { BRIDGE_API_KEYS: BRIDGE_KEY, OPS_PORT: '0', OPS_HOST: '127.0.0.1', OPS_API_KEYS: OPS_KEY },
    OPS_KEY,
  ],
  [
    'on a listener of its own before two workers',
    {
      BRIDGE_API_KEYS: BRIDGE_KEY,
      OPS_PORT: '0',
      OPS_HOST: '127.0.0.1',
      OPS_API_KEYS: OPS_KEY,
      WORKERS: '2',
    },
    OPS_KEY,
  ],
] as const;

describe.each(PLACES)('the page %s', (_, env, key) => {
  const world = fileWorld({ env, backends });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(world().pageUrl + path, { headers, redirect: 'manual', signal: AbortSignal.timeout(10_000) });

  test.each(PATHS)('%s: is shown to nobody without the key, whom it says nothing', async (path) => {
    for (const accept of ['text/html', '*/*']) {
      const response = await get(path, { accept });
      expect(response.status).toBe(401);
      expect(await response.text()).not.toMatch(/akto|secrets/);
    }
    for (const opened of [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }]) {
      const response = await get(path, opened);
      expect(response.status).toBe(path.includes('word=') ? 404 : 200);
      expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'/);
      expect(response.headers.get('cache-control')).toBe('no-store');
      await response.body?.cancel();
    }
  });

  test('wrong keys are refused, each later than the one before, and counted; the right one is not slowed', async () => {
    const waits: number[] = [];
    for (const wrong of [
      { 'x-api-key': 'wrong' },
      { authorization: 'Bearer wrong' },
      { cookie: `${COOKIE}_${new URL(world().pageUrl).port}=wrong` },
    ]) {
      const begin = performance.now();
      expect((await get('/ui', wrong)).status).toBe(401);
      waits.push(performance.now() - begin);
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    const begin = performance.now();
    expect((await get('/ui', { 'x-api-key': key })).status).toBe(200);
    expect(performance.now() - begin).toBeLessThan(waits[2] ?? 0);
    const metrics = await (await get('/metrics', { 'x-api-key': key })).text();
    expect(metrics).toMatch(/ops_refused_total\{reason="wrong_key"\} [3-9]/);
  });

  test('the form refuses a wrong key in words, and opens to the right one by a cookie that scripts cannot read', async () => {
    const watched = await openPage(browser(), { url: world().pageUrl });
    const { page, complaints } = watched;
    await page.goto('/ui/records');
    await page.getByLabel('Key').fill('wrong');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.innerText('body')).toMatch(/not known/);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await axeFindings(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await sidewaysOf(page)).toEqual([]);
    await page.getByLabel('Key').fill(key);
    await page.keyboard.press('Enter');
    // Where it was wanted to lead
    await page.waitForURL(/\/ui\/records$/);
    const cookies = await page.context().cookies();
    expect(cookies).toEqual([expect.objectContaining({ httpOnly: true, sameSite: 'Strict' })]);
    expect(JSON.stringify(cookies)).not.toContain(key);
    expect(await page.evaluate(() => document.cookie)).toBe('');

    await page.setViewportSize({ width: 1280, height: 640 });
    await page.goto('/ui');
    await isLive(page);
    await world().ask({ texts: [SECRET_TEXT], team: 'behind-the-door' });
    await expect.poll(() => page.innerText('#rows')).toMatch(/BLOCKED.*behind-the-door/s);

    await page.getByRole('button', { name: /log ?out|sign ?out|close/i }).click();
    await expect.poll(() => page.innerText('body')).toMatch(/Key/);
    expect(await page.context().cookies()).toEqual([]);
    expect((await page.goto('/ui'))?.status()).toBe(401);
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of 401/.test(text)));
    watched.expectQuiet();
    expect(world().child.stdout()).not.toContain(key);
  });

  test('a page of another site cannot post to it', async () => {
    const response = await fetch(`${world().pageUrl}/ui/playground`, {
      method: 'POST',
      headers: {
        'x-api-key': key,
        origin: 'https://evil.example',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'text=x',
    });
    expect(response.status).toBe(403);
  });
});

describe('with OPS_PORT', () => {
  const world = fileWorld({ env: { OPS_PORT: '0', WORKERS: '2' }, backends });

  test('the guardrail port answers calls, logs and /healthz alone', async () => {
    expect((await world().ask()).status).toBe(200);
    expect((await fetch(`${world().url}/healthz`)).status).toBe(200);
    for (const path of ['/ui', '/ui/events', '/ui/playground', '/metrics', '/readyz'])
      expect((await fetch(world().url + path)).status).toBe(404);
    for (const path of ['/ui', '/metrics', '/readyz', '/healthz'])
      expect((await fetch(world().pageUrl + path)).status).toBe(200);
  });

  test('decisions of both workers appear', async () => {
    const { page } = await openPage(browser(), { url: world().pageUrl });
    await page.goto('/ui');
    await isLive(page);
    for (let i = 0; i < 8; i++) {
      await world().ask({ texts: [SECRET_TEXT], team: `team-${i}` });
      await wait(10);
    }
    await expect
      .poll(async () => (await page.innerText('#rows')).match(/team-\d/g)?.length, { timeout: 10_000 })
      .toBe(8);
    expect(await page.innerText('main')).not.toMatch(/workers are up/);
  });
});
