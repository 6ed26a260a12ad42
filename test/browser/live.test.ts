import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { fileBrowser, fileWorld } from './opened.ts';
import { aktoEntry, EMAIL_TEXT, INJECTION_TEXT, SECRET_TEXT } from './page-world.ts';
import { axeFindings, isLive, openPage, type PageOptions } from './watched-page.ts';

const browser = fileBrowser();
const world = fileWorld({ backends: (vendors) => [aktoEntry(vendors)] });

async function show(path = '/ui', options: Omit<PageOptions, 'url'> = {}) {
  const watched = await openPage(browser(), { url: world().pageUrl, ...options });
  await watched.page.goto(path);
  return watched;
}

const rows = (page: Page) => page.locator('#rows tr');
const live = (page: Page) => page.innerText('#live');
const firstRow = (page: Page) => rows(page).first().innerText();

test('decisions appear without a load, with reference and story, and axe finds nothing after that', async () => {
  const watched = await show();
  const { page } = watched;
  await isLive(page);
  const loads = watched.requests.length;
  await world().ask({ texts: [EMAIL_TEXT], team: 'readers' });
  await expect.poll(() => firstRow(page)).toMatch(/redacted\s+pii-detector.*readers/s);
  await world().ask({ texts: [INJECTION_TEXT] });
  await expect.poll(() => firstRow(page)).toMatch(/allowed\s+prompt-injection would block/);
  const { body } = await world().ask({ texts: [SECRET_TEXT], team: 'payments' });
  const reference = /[0-9a-f]{16}/.exec(body.blocked_reason ?? '')?.[0] ?? 'none';
  await expect.poll(() => firstRow(page)).toContain(reference);
  expect(await firstRow(page)).toMatch(/BLOCKED\s+secrets · .*payments/s);
  // Runs of allows are one row
  const before = await rows(page).count();
  for (let i = 0; i < 5; i++) await world().ask({ texts: [`allowed ${i}`] });
  await expect.poll(() => firstRow(page)).toMatch(/allowed \(5\)/);
  expect(await rows(page).count()).toBe(before + 1);
  expect(watched.requests.length).toBe(loads);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await axeFindings(page)).toEqual([]);
  }
  await page.getByRole('link', { name: reference }).click();
  expect(await page.innerText('main')).toContain(reference);
  watched.expectQuiet();
});

test('who comes later sees what was decided before, and the same without a script', async () => {
  const { body } = await world().ask({ texts: [SECRET_TEXT], team: 'earlier' });
  const reference = /[0-9a-f]{16}/.exec(body.blocked_reason ?? '')?.[0] ?? 'none';
  for (const javaScriptEnabled of [true, false]) {
    const { page } = await show('/ui', { javaScriptEnabled });
    await expect
      .poll(() => page.reload().then(() => rows(page).allInnerTexts()))
      .toContainEqual(expect.stringContaining(reference));
  }
});

test('a filter is kept by what comes live', async () => {
  const { page } = await show('/ui?team=chosen');
  await isLive(page);
  await world().ask({ texts: [SECRET_TEXT], team: 'other' });
  await world().ask({ texts: [SECRET_TEXT], team: 'chosen' });
  await expect.poll(() => rows(page).allInnerTexts()).toEqual([expect.stringMatching(/chosen/)]);
});

test('figures and totals go on without a load', async () => {
  const { page } = await show();
  const total = async () =>
    Number(/blocked\s+([\d,]+)/.exec(await page.innerText('#totals'))?.[1]?.replace(',', ''));
  await expect.poll(total).toBeGreaterThanOrEqual(0);
  const before = await total();
  await world().ask({ texts: [SECRET_TEXT] });
  await expect.poll(total, { timeout: 10_000 }).toBe(before + 1);
  expect(await page.innerText('#figures')).toMatch(/decisions? a minute/);
});

test('a hidden tab asks for nothing, and has what came meanwhile when it is seen again', async () => {
  const watched = await show();
  const { page } = watched;
  await isLive(page);
  const hide = (hidden: boolean) =>
    page.evaluate((isHidden) => {
      Object.defineProperty(document, 'hidden', { value: isHidden, configurable: true });
      Object.defineProperty(document, 'visibilityState', {
        value: isHidden ? 'hidden' : 'visible',
        configurable: true,
      });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  const listeners = async () =>
    (await (await fetch(`${world().url}/metrics`)).text()).match(
      /^guardrail_bridge_ui_listeners (\d+)$/m,
    )?.[1];
  await hide(true);
  await expect
    .poll(() => page.evaluate(() => performance.getEntriesByType('resource').length))
    .toBeGreaterThan(0);
  const asked = watched.requests.length;
  const { body } = await world().ask({ texts: [SECRET_TEXT] });
  const reference = /[0-9a-f]{16}/.exec(body.blocked_reason ?? '')?.[0] ?? 'none';
  await wait(1500);
  expect(watched.requests.length).toBe(asked);
  expect(await rows(page).allInnerTexts()).not.toContainEqual(expect.stringContaining(reference));
  void listeners;
  await hide(false);
  await expect.poll(() => firstRow(page)).toContain(reference);
});

describe('a bridge that goes and comes back', () => {
  const restarted = fileWorld({ backends: (vendors) => [aktoEntry(vendors)] });

  test('is not live since then, and is live again with what is new, without a load', async () => {
    const { page, complaints } = await openPage(browser(), { url: restarted().pageUrl });
    await page.goto('/ui');
    await isLive(page);
    await restarted().ask({ texts: [SECRET_TEXT], team: 'before' });
    await expect.poll(() => firstRow(page)).toMatch(/before/);
    const restarting = restarted().restart();
    await expect.poll(() => live(page)).toMatch(/○ not live since \d\d:\d\d:\d\d/);
    await restarting;
    await isLive(page);
    await restarted().ask({ texts: [SECRET_TEXT], team: 'after' });
    await expect.poll(() => firstRow(page)).toMatch(/after/);
    // The connection that was cut, and nothing else
    expect(complaints.filter((text) => !/net::ERR_/.test(text))).toEqual([]);
  });

  test('says so too when it drains', async () => {
    const { page } = await openPage(browser(), { url: restarted().pageUrl });
    await page.goto('/ui');
    await isLive(page);
    restarted().child.send('SIGTERM');
    await expect.poll(() => live(page)).toMatch(/○ not live since/);
    expect(await restarted().child.exit).toEqual({ code: 0, signal: null });
  });
});
