/** Measures what the page costs verdicts: a bridge that somebody looks at beside one that nobody does. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { startChromium } from '../browser/chromium.ts';
import { folderOnDisk } from './disk.ts';
import { residentMb, type Server } from './processes.ts';
import { beside, bridge, KB, target } from './stand.ts';

const HEADERS = { 'x-api-key': 'bench-key' };
const work = { bytes: 4 * KB, concurrency: 32 };
const paced = { ...work, perSecond: 200 };

export async function page(): Promise<void> {
  for (const core of [0, undefined] as const) {
    const settings = () => ({ BUILTIN_POLICY: 'on', DATA_DIR: folderOnDisk(), TELEMETRY: 'off' });
    const [off, twin, on] = [
      await bridge(settings(), { core }),
      await bridge(settings(), { core }),
      await bridge(settings(), { core }),
    ];
    const where = core === undefined ? 'two cores' : 'one core';
    const stream = await listener(on);
    await beside(`control: off against off, ${where}`, off, twin, work);
    const { speed } = await beside(`page open, ${where}`, off, on, work);
    target(`page open >= 0.97 of off, ${where}`, speed.median, (ratio) => ratio >= 0.97);
    await beside('control: off against off, 200/s', off, twin, paced);
    const { speed: pacedSpeed, ms, addedCpuUs } = await beside('page open, 200/s', off, on, paced);
    target(`page open under 200/s >= 0.97 of off, ${where}`, pacedSpeed.median, (ratio) => ratio >= 0.97);
    const chromium = await window(on);
    if (chromium !== undefined) await beside('the same and Chromium, 200/s', off, on, paced);
    console.log(
      `200/s: p50 ${ms.p50.toFixed(2)} ms, ${addedCpuUs.median.toFixed(0)} us of CPU a call for the page; ` +
        `${stream.events()} events, ${(stream.bytes() / KB).toFixed(0)} KB; ` +
        `resident: ${residentMb(off.pid).toFixed(0)} MB off, ${residentMb(on.pid).toFixed(0)} MB on`,
    );
    await chromium?.close();
    stream.close();
    for (const server of [off, twin, on]) await server.stop();
  }
}

/** Reads the stream of the page, as its script does. */
async function listener({ port }: Server) {
  const aborted = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/ui/events?after=0`, {
    headers: HEADERS,
    signal: aborted.signal,
  });
  if (!response.ok || response.body === null)
    throw new Error(`the stream of the page replied ${response.status}`);
  let [events, bytes] = [0, 0];
  const read = async (body: AsyncIterable<Uint8Array>) => {
    for await (const chunk of body) {
      bytes += chunk.length;
      events += Buffer.from(chunk).toString().split('\n\n').length - 1;
    }
  };
  void read(response.body).catch(() => {});
  return { events: () => events, bytes: () => bytes, close: () => aborted.abort() };
}

/** The page in Chromium; undefined, with a line, where there is none. */
async function window({ port }: Server): Promise<Browser | undefined> {
  let browser: Browser;
  try {
    browser = await startChromium();
  } catch (error) {
    console.log(`without a browser: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
  const context = await browser.newContext({ extraHTTPHeaders: HEADERS });
  const tab = await context.newPage();
  await tab.goto(`http://127.0.0.1:${port}/ui`);
  await tab.getByText('● live').waitFor();
  await wait(1000);
  return browser;
}
