/**
 * `node test/browser/screenshots.ts`: takes the pictures of the README anew, of a bridge under mixed calls, into examples/page. Takes four
 * minutes, in which the clock of the bridge goes through an hour.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { silence } from '../support/fake-backend.ts';
import { startChromium } from './chromium.ts';
import { EMAIL_TEXT, INJECTION_TEXT, type PageWorld, SECRET_TEXT, startPageWorld } from './page-world.ts';
import { palettePng } from './palette-png.ts';
import type { Vendors } from './vendors.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'examples', 'page');
const SHOWN_MS = 57 * 60_000;
const TAKEN_MS = Number(process.env.SECONDS ?? 200) * 1000;

const TEAMS = ['payments', 'search', 'support', 'research'] as const;
const KEYS = { payments: 'ledger', search: 'crawler', support: 'desk', research: 'lab' } as const;
const MODELS = ['gpt-5', 'claude-sonnet-5', 'gpt-5-mini'] as const;
const PLAYED = 'Please write to robin@house.example, or call me.\nThe card is 4539 1488 0343 6467.';

/** A clock that comes to the present when the pictures are taken. */
function quickClock(): string {
  const begin = Date.now();
  const now = `${begin - SHOWN_MS + TAKEN_MS} + (Real.now() - ${begin}) * ${SHOWN_MS / TAKEN_MS}`;
  const script = `const Real = Date; const now = () => Math.round(${now});
    globalThis.Date = class extends Real { constructor(...given) { given.length > 0 ? super(...given) : super(now()); } static now() { return now(); } };`;
  return `data:text/javascript,${encodeURIComponent(script)}`;
}

const backends = ({ akto, capsule, slow, strict }: Vendors) => [
  { name: 'akto', kind: 'akto', url: akto.url, secret: { env: 'HOUSE_AKTO' } },
  {
    ...{ name: 'capsule', kind: 'capsule', url: `${capsule.url}/hooks`, secret: { env: 'HOUSE_CAPSULE' } },
    unreachable_fallback: 'fail_open',
  },
  {
    ...{ name: 'house-classifier', kind: 'generic-guardrail', url: slow.url, timeout: 0.3 },
    unreachable_fallback: 'fail_open',
  },
  { name: 'new-vendor', kind: 'generic-guardrail', url: strict.url, mode: 'observe', sample: 2 },
];

let calls = 0;

/** One call of somebody: most are allowed. */
function callOnce(world: PageWorld): Promise<unknown> {
  const n = calls++;
  const team = TEAMS[[0, 1, 1, 1, 2, 2, 3, 1][n % 8] ?? 0] ?? 'search';
  const asked = {
    id: `chat-${(n * 7919).toString(16)}`,
    team,
    key: KEYS[team],
    model: MODELS[n % 3] ?? 'gpt-5',
  };
  const text =
    n % 23 === 0
      ? SECRET_TEXT
      : n % 9 === 4
        ? EMAIL_TEXT
        : n % 31 === 7
          ? INJECTION_TEXT
          : n % 61 === 9
            ? 'forbidden'
            : '';
  return world.ask({ ...asked, texts: [`${text} question ${n}`], isResponse: text === '' && n % 2 === 1 });
}

async function traffic(world: PageWorld, ms: number): Promise<void> {
  const begin = performance.now();
  const good = world.vendors.slow.reply;
  const asked = new Set<Promise<unknown>>();
  for (let part = 0; part < 1; part = (performance.now() - begin) / ms) {
    // A vendor gives no answer for some minutes of the hour
    world.vendors.slow.reply = part > 0.62 && part < 0.68 && calls % 3 === 0 ? silence : good;
    const call = callOnce(world);
    asked.add(call);
    void call.finally(() => asked.delete(call));
    await wait(20 + 25 * (1 + Math.sin(part * 14)) + 12 * (calls % 5));
  }
  world.vendors.slow.reply = good;
  await Promise.all(asked);
}

async function take(page: Page, name: string): Promise<void> {
  const png = await palettePng(browser, await page.screenshot());
  writeFileSync(join(FOLDER, `${name}.png`), png);
  console.log(`${name}.png: ${(png.length / 1024).toFixed(0)} KB`);
}

mkdirSync(FOLDER, { recursive: true });
const world = await startPageWorld({ backends, nodeArgs: ['--import', quickClock()] });
const browser = await startChromium();
try {
  await world.log('call-logged');
  await traffic(world, TAKEN_MS);
  const open = async (path: string, options: Parameters<typeof browser.newPage>[0]) => {
    const page = await browser.newPage({ baseURL: world.pageUrl, ...options });
    await page.goto(path);
    return page;
  };
  const live = await open('/ui', { viewport: { width: 1280, height: 1120 }, colorScheme: 'light' });
  const phone = await open('/ui', {
    viewport: { width: 390, height: 780 },
    colorScheme: 'dark',
    deviceScaleFactor: 2,
  });
  await traffic(world, 20_000);
  for (const page of [live, phone]) {
    await page.reload();
    await page.waitForFunction(() => !document.body.innerText.includes('Not known'));
  }
  await traffic(world, 4000);
  await take(live, 'live');
  await take(phone, 'phone');
  const playground = await open('/ui/playground', {
    viewport: { width: 1280, height: 720 },
    colorScheme: 'light',
  });
  await playground.getByLabel('A text, or messages').fill(PLAYED);
  await playground.getByLabel('team').fill('payments');
  // A busy machine may not answer the first one in time
  while ((await playground.locator('mark').count()) === 0) {
    await playground.getByRole('button', { name: 'Judge' }).click();
    await playground.waitForLoadState();
  }
  await playground.evaluate(() => scrollTo(0, 0));
  await take(playground, 'playground');
} finally {
  await browser.close();
  await world.close();
}
