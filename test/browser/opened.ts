import type { Browser } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { startChromium } from './chromium.ts';
import { type PageWorld, startPageWorld, type WorldOptions } from './page-world.ts';

/** The browser of a test file. */
export function fileBrowser(): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());
  return () => {
    if (browser === undefined) throw new Error('it has not started yet');
    return browser;
  };
}

/** The bridge of a test file, or of a group of tests. */
export function fileWorld(options?: WorldOptions, prepare = async (_: PageWorld) => {}): () => PageWorld {
  let world: PageWorld | undefined;
  beforeAll(async () => {
    world = await startPageWorld(options);
    await prepare(world);
  });
  afterAll(() => world?.close());
  return () => {
    if (world === undefined) throw new Error('it has not started yet');
    return world;
  };
}
