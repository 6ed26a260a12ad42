import { expect, onTestFinished, test } from 'vitest';
import { aktoAt } from '../support/bridge.ts';
import { type ServingChild, startServing } from '../support/child.ts';
import { json, startFakeBackend, text } from '../support/fake-backend.ts';
import { metric } from '../support/listen.ts';
import { eventOf, temporaryFolder, until } from '../support/recording-bridge.ts';

/** As many as take some minutes; a million took 237 MB while they came in. */
const EVENTS = 40_000;
const POST = 500;
/** 199 to 270 on a busy machine, where the release before replicas had 214 to 263. */
const MAX_MB = 290;
/** As `npm start` has them. */
const FLAGS = '--max-semi-space-size=8 --max-old-space-size=768';
const LIMIT_MS = 600_000;

const options = { limitMs: LIMIT_MS };

async function backlogOf({ url }: ServingChild): Promise<number> {
  const shown = await (await fetch(`${url}/metrics`)).text();
  return metric(shown, 'telemetry_backlog_records', { backend: 'akto' });
}

/** Queues all events, by two senders. */
async function fill({ url }: ServingChild): Promise<void> {
  let sent = 0;
  const send = async () => {
    while (sent < EVENTS) {
      const first = sent;
      sent += POST;
      const events = Array.from({ length: POST }, (_, i) => eventOf(`call-${first + i}`));
      const response = await fetch(`${url}/v1/litellm/logs`, {
        method: 'POST',
        body: JSON.stringify(events),
      });
      expect(await response.json()).toMatchObject({ new: POST });
    }
  };
  await Promise.all([send(), send()]);
}

test('memory does not grow with the records that wait for a vendor which is down, nor while it takes them', {
  timeout: LIMIT_MS,
}, async () => {
  const arrived = new Set<string>();
  let isDown = true;
  const akto = await startFakeBackend((request, response) => {
    akto.seen.length = 0;
    if (isDown) return text('down', 503)(request, response);
    for (const { tag } of (request.body as { batchData: { tag: string }[] }).batchData) {
      arrived.add(String((JSON.parse(tag) as { litellm_call_id: string }).litellm_call_id));
    }
    return json({ success: true })(request, response);
  });
  onTestFinished(() => akto.close());
  const env = { ...aktoAt(akto.url), DATA_DIR: temporaryFolder(), NODE_OPTIONS: FLAGS };

  const before = await startServing(env, options);
  await fill(before);
  await until(async () => (await backlogOf(before)) === EVENTS);
  const filled = before.peakMb();
  before.send('SIGKILL');
  await before.exit;

  const after = await startServing(env, options);
  await until(async () => (await backlogOf(after)) === EVENTS);
  const restarted = after.peakMb();
  isDown = false;
  await until(async () => (await backlogOf(after)) === 0);
  const drained = after.peakMb();
  await after.stop();
  const peaks = [filled, restarted, drained].filter((mb) => !Number.isNaN(mb));
  console.log(`${EVENTS} queued records, peaks in MB: ${peaks.map(Math.round).join(', ')}`);
  expect(arrived.size).toBe(EVENTS);
  for (const mb of peaks) expect(mb).toBeLessThanOrEqual(MAX_MB);
});
