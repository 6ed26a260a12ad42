import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A page of a browser, with all that it asked for and complained about. */
export type WatchedPage = {
  readonly page: Page;
  /** Addresses of all requests. */
  readonly requests: readonly string[];
  /** Errors of the console and of scripts, and violations of the content security policy. */
  readonly complaints: string[];
  /** Bodies of all responses but streams. */
  readonly bodies: readonly string[];
  /** Expects no complaint, and no request to another origin. */
  expectQuiet(): void;
};

export type PageOptions = BrowserContextOptions & { readonly url: string };

/** Opens a window of its own, wide enough for all columns, which is closed at the end of the test. */
export async function openPage(browser: Browser, { url, ...options }: PageOptions): Promise<WatchedPage> {
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  onTestFinished(() => context.close());
  const requests: string[] = [];
  const complaints: string[] = [];
  const bodies: string[] = [];
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      console.error(`violates ${violatedDirective}: ${blockedURI}`),
    );
  });
  const page = await context.newPage();
  page.on('request', (request) => requests.push(request.url()));
  page.on('response', async (response) => {
    if (response.headers()['content-type'] !== 'text/event-stream')
      bodies.push(await response.text().catch(() => ''));
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return {
    ...{ page, requests, complaints, bodies },
    expectQuiet() {
      expect(complaints).toEqual([]);
      const { origin } = new URL(url);
      expect(requests.filter((address) => new URL(address).origin !== origin)).toEqual([]);
    },
  };
}

/** Waits until a page has its stream of events. */
export const isLive = (page: Page) => page.getByText('● live').waitFor();

/** What axe finds in a page, each as rule and place. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const options: RunOptions = { resultTypes: ['violations'], preload: false };
  const results = await page.evaluate(
    (given) =>
      (globalThis as unknown as { axe: { run(options: unknown): Promise<AxeResults> } }).axe.run(given),
    options,
  );
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`),
  );
}

/** Elements that stand out of the page to the right, by which it would scroll sideways. */
export function sidewaysOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > clientWidth + 0.5)
      .map((element) => `${scrollWidth} > ${clientWidth}: ${element.outerHTML.slice(0, 160)}`)
      .slice(0, 5);
  });
}
