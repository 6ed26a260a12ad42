import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { fileBrowser, fileWorld } from './opened.ts';
import { aktoEntry, SECRET_TEXT } from './page-world.ts';
import { isLive, openPage } from './watched-page.ts';

const browser = fileBrowser();
const world = fileWorld({ backends: (vendors) => [aktoEntry(vendors)] }, async (made) => {
  await made.ask({ texts: [SECRET_TEXT], team: 'payments' });
  await made.ask({ texts: [SECRET_TEXT], team: 'search' });
});

async function show(path: string) {
  const { page } = await openPage(browser(), { url: world().pageUrl });
  await page.goto(path);
  return page;
}

/** The element with the focus, and if it can be seen that it has it. */
const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    const { width, height, top, bottom } = element.getBoundingClientRect();
    const label =
      element.getAttribute('aria-label') ?? element.getAttribute('placeholder') ?? element.innerText ?? '';
    return {
      tag: element.tagName.toLowerCase(),
      label: label.trim() || element.getAttribute('name') || '',
      isSeen:
        width > 1 &&
        height > 1 &&
        bottom > 0 &&
        top < innerHeight &&
        ((outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1) || boxShadow !== 'none'),
    };
  });

/** Goes through a page by Tab, until it is through. */
async function tabbed(page: Page): Promise<Awaited<ReturnType<typeof focused>>[]> {
  const all = [];
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press('Tab');
    const one = await focused(page);
    if (one.tag === 'body') break;
    all.push(one);
  }
  return all;
}

/** Presses Tab until the focus is at an element with this label. */
async function tabTo(page: Page, label: RegExp): Promise<void> {
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press('Tab');
    const { tag, label: name } = await focused(page);
    // Between the last and the first it is the whole page, which has all words
    if (tag !== 'body' && label.test(name)) return;
  }
  throw new Error(`Tab leads to nothing called ${label}`);
}

test.each(['/ui', '/ui/policies', '/ui/playground', '/ui/records', '/ui/settings'])(
  '%s: Tab leads through all that can be used, in the order of the page, and the focus is seen',
  async (path) => {
    const page = await show(path);
    const order = await tabbed(page);
    expect(order[0]?.label).toBe('Skip to the content');
    expect(order.filter(({ isSeen }) => !isSeen)).toEqual([]);
    const labels = order.map(({ label }) => label);
    const views = ['Decisions', 'Policies', 'Playground', 'Records', 'Settings'];
    expect(labels.filter((label) => views.includes(label)).slice(0, 5)).toEqual(views);
    // Nothing has an order of its own, and nothing that can be clicked is left out
    expect(await page.locator('[tabindex]:not([tabindex="0"]):not([tabindex="-1"])').count()).toBe(0);
    const usable = await page
      .locator('a[href], button, input:not([type=hidden]), select, textarea, summary')
      .filter({ visible: true })
      .count();
    // Of a group of radio buttons one is in the order
    const grouped = (await page.locator('input[type=radio]').count()) > 0 ? 1 : 0;
    expect(
      order.filter(({ tag }) => ['a', 'button', 'input', 'select', 'textarea', 'summary'].includes(tag))
        .length,
    ).toBe(usable - grouped);
  },
);

test('the skip link leads past head and views', async () => {
  const page = await show('/ui');
  await page.keyboard.press('Tab');
  expect(await focused(page)).toMatchObject({ label: 'Skip to the content', isSeen: true });
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
});

test('a view is opened, the list filtered and paused, and a call searched for, by keys alone', async () => {
  const page = await show('/ui/settings');
  await tabTo(page, /^Decisions$/);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/ui$/);
  await isLive(page);

  await tabTo(page, /^Pause$/);
  await page.keyboard.press('Space');
  expect(await page.innerText('#live')).toMatch(/‖ paused at/);
  const { body } = await world().ask({ texts: [SECRET_TEXT], team: 'paused' });
  const reference = /[0-9a-f]{16}/.exec(body.blocked_reason ?? '')?.[0] ?? 'none';
  await page.waitForTimeout(800);
  expect(await page.innerText('#rows')).not.toContain(reference);
  expect((await focused(page)).label).toBe('Go on');
  await page.keyboard.press('Space');
  await expect.poll(() => page.innerText('#rows')).toContain(reference);

  await tabTo(page, /^Filter$/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^team$/);
  await page.keyboard.type('payments');
  await page.keyboard.press('Enter');
  await page.waitForURL(/team=payments/);
  expect(await page.locator('#rows tr').count()).toBe(1);

  await page.keyboard.press('Tab');
  await tabTo(page, /reference or call id/);
  await page.keyboard.type(reference);
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/ui\/call/);
  expect(await page.innerText('main')).toContain('paused');
});

test('a text is judged by keys alone', async () => {
  const page = await show('/ui/playground');
  // A busy machine may not answer the first one in time
  for (let tries = 0; tries < 3; tries++) {
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.type('robin@house.example');
    await tabTo(page, /^Judge$/);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.innerText('#result')).not.toMatch(/Nothing was judged/);
    if (!/nobody answered in time/.test(await page.innerText('#result'))) break;
    await page.goto('/ui/playground');
  }
  await expect.poll(() => page.innerText('#result')).toMatch(/^Redacted/);
});
