import type { BrowserContextOptions } from 'playwright-core';
import { expect, test } from 'vitest';
import { fileBrowser, fileWorld } from './opened.ts';
import { CANARIES, SECRET_TEXT } from './page-world.ts';
import { axeFindings, openPage, sidewaysOf, type WatchedPage } from './watched-page.ts';

const MARKUP = '<img src=x onerror=alert(1)><b>bold</b>';

const browser = fileBrowser();
let reference = '';
const world = fileWorld({}, async (made) => {
  await made.mixedCalls();
  await made.ask({ team: MARKUP, key: MARKUP, model: MARKUP, id: MARKUP });
  const { body } = await made.ask({ texts: [SECRET_TEXT], team: 'payments', id: 'call-of-the-story' });
  reference = /[0-9a-f]{16}/.exec(body.blocked_reason ?? '')?.[0] ?? '';
  // Capsule is down and Akto cannot read one: a backlog, and a dead letter
  await made.log('call-logged');
  await made.log('call-unreadable', { messages: [{ role: 'user', content: 'unreadable' }] });
});

/** Every view, with a word that its content has. */
const VIEWS: readonly (readonly [name: string, path: () => string, word: RegExp])[] = [
  ['decisions', () => '/ui', /BLOCKED/],
  ['decisions by a filter', () => '/ui?verdict=block&team=payments', /Kept decisions/],
  ['decisions by a mistaken filter', () => '/ui?verdict=blokced', /is no verdict/],
  ['policies', () => '/ui/policies', /prompt-injection\s*observes/],
  ['playground', () => '/ui/playground', /Nothing was judged yet/],
  ['records', () => '/ui/records', /Dead letters/],
  ['settings', () => '/ui/settings', /POLICY_FILE/],
  ['story by reference', () => `/ui/call?word=${reference}`, /call-of-the-story/],
  ['story by call id', () => '/ui/call?word=call-of-the-story', /secrets/],
  ['story of no call', () => '/ui/call?word=ffffffffffffffff', /No decision/],
  ['search without a word', () => '/ui/call', /reference/],
  ['no such view', () => '/ui/nowhere', /no such page/i],
];

async function show(path: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const watched = await openPage(browser(), { url: world().pageUrl, ...options });
  await watched.page.goto(path);
  return watched;
}

/** The complaints of a browser about what is missing are part of such a view. */
const expectQuiet = ({ complaints, ...watched }: WatchedPage) => {
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of 40[04]/.test(text)));
  watched.expectQuiet();
};

test.each(VIEWS)(
  '%s: says what it is about, and axe finds nothing in light and dark',
  async (_, path, word) => {
    const watched = await show(path(), { colorScheme: 'light' });
    await expect.poll(() => watched.page.innerText('main'), { timeout: 20_000 }).toMatch(word);
    expect(await axeFindings(watched.page)).toEqual([]);
    await watched.page.emulateMedia({ colorScheme: 'dark' });
    expect(await axeFindings(watched.page)).toEqual([]);
    expectQuiet(watched);
  },
);

test.each(VIEWS)('%s: nothing stands out of the page at 320, 375 and 1280 px', async (_, path) => {
  const { page } = await show(path(), { viewport: { width: 1280, height: 640 } });
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details')) details.open = true;
  });
  for (const width of [1280, 375, 320]) {
    await page.setViewportSize({ width, height: 640 });
    // Charts follow the window a moment later
    await expect.poll(() => sidewaysOf(page)).toEqual([]);
  }
});

test.each(VIEWS)(
  '%s: is whole without a script, shows no content, and names as they are',
  async (_, path, word) => {
    const watched = await show(path(), { javaScriptEnabled: false });
    const { page, bodies } = watched;
    await expect
      .poll(() => page.reload().then(() => page.locator('main').innerText()), {
        timeout: 20_000,
        interval: 500,
      })
      .toMatch(word);
    for (const canary of CANARIES) expect([await page.content(), ...bodies].join('\n')).not.toContain(canary);
    expect(await page.locator('img, main b, [onerror]').count()).toBe(0);
    expectQuiet(watched);
  },
);

test('findings, an open breaker, unjudged calls, backlog and what would be blocked stand in words', async () => {
  const { page } = await show('/ui');
  const text = () => page.innerText('main');
  for (const word of [
    /failing-guard/,
    /! bypassed/,
    /open: not asked|half open: the next/,
    /bypassed\s*[1-9]/,
    /[1-9]\d* due/,
    /[1-9]\d* dead/,
  ])
    await expect.poll(text, { timeout: 20_000 }).toMatch(word);
  await expect
    .poll(() => page.reload().then(text), { timeout: 20_000, interval: 1000 })
    .toMatch(/prompt-injection\s+[^\n]*override-instructions 1[^\n]*\s+payments\s+block\s+1/);
});

test('nothing moves where less motion is wanted', async () => {
  const { page } = await show('/ui', { reducedMotion: 'reduce' });
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { seen });
    const look = () => {
      // Those of length 0 end as they begin
      for (const one of document.getAnimations())
        if (Number(one.effect?.getComputedTiming().activeDuration) > 1) seen.push(String(one));
      requestAnimationFrame(look);
    };
    look();
  });
  const before = await page.locator('#rows tr').count();
  await world().ask({ texts: [SECRET_TEXT] });
  await expect.poll(() => page.locator('#rows tr').count()).toBeGreaterThan(before);
  expect(await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen)).toEqual([]);
});

test('the search field leads from a reference, and from a message that has one, to the story of a call', async () => {
  const { page } = await show('/ui');
  for (const word of [
    reference,
    `Blocked by security policy. Reference: ${reference}`,
    'call-of-the-story',
  ]) {
    await page.getByRole('searchbox').fill(word);
    await page.getByRole('searchbox').press('Enter');
    await page.waitForURL(/\/ui\/call\?word=/);
    expect(await page.innerText('main')).toMatch(/payments/);
  }
});
