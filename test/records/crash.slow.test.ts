import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAt } from '../support/bridge.ts';
import { type ServingChild, startServing } from '../support/child.ts';
import { json, startFakeBackend, text } from '../support/fake-backend.ts';
import { randomFrom } from '../support/random.ts';
import { until } from '../support/recording-bridge.ts';

/** All together; each chain kills one bridge after the other on one folder. */
const ROUNDS = 200;
const CHAINS = 2;
const LIMIT_MS = 900_000;

/** Most records on their way to a backend when the bridge is killed: four deliveries of a hundred records. */
const IN_FLIGHT = 400;

test('every acknowledged event arrives, however often the bridge is killed', {
  timeout: LIMIT_MS,
}, async () => {
  const results = await Promise.all(Array.from({ length: CHAINS }, (_, i) => chain(ROUNDS / CHAINS, i)));
  const sum = (pick: (result: Awaited<ReturnType<typeof chain>>) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  console.log(
    `crash test: ${ROUNDS} rounds, ${sum((r) => r.acknowledged)} events acknowledged, ` +
      `${sum((r) => r.lost)} lost, ${sum((r) => r.repeated)} arrived more than once`,
  );
  expect(sum((r) => r.acknowledged)).toBeGreaterThan(ROUNDS);
});

async function chain(rounds: number, seed: number) {
  const random = randomFrom(seed + 1);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-crash-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** How often each record arrived, by call; a call with two records would be a mistake. */
  const arrived = new Map<string, Map<string, number>>();
  const akto = await startFakeBackend(async (request, response) => {
    await wait(random() * 20);
    if (random() < 0.1) return text('busy', 503)(request, response);
    for (const { tag } of (request.body as { batchData: { tag: string }[] }).batchData) {
      const { litellm_call_id, record_id } = JSON.parse(tag) as Record<string, string>;
      const records = arrived.get(String(litellm_call_id)) ?? new Map<string, number>();
      records.set(String(record_id), (records.get(String(record_id)) ?? 0) + 1);
      arrived.set(String(litellm_call_id), records);
    }
    akto.seen.length = 0;
    return json({ success: true })(request, response);
  });
  onTestFinished(() => akto.close());

  // Node keeps what it compiled when a process ends well: the first one does, and the others start in half the time
  const env = { ...aktoAt(akto.url), DATA_DIR: folder, NODE_COMPILE_CACHE: path.join(folder, 'compiled') };
  const warmUp = await startServing(env);
  warmUp.send('SIGTERM');
  await warmUp.exit;
  const acknowledged = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const bridge = await startServing(env);
    const before = acknowledged.size;
    const senders = [post(bridge, acknowledged, random), post(bridge, acknowledged, random)];
    // A bridge that starts for 15 s on a busy machine is killed before it has anything
    let isGone = false;
    void bridge.exit.then(() => {
      isGone = true;
    });
    // Now and then while it still starts, else once it has something to lose
    if (random() > 0.1) await until(() => isGone || acknowledged.size > before);
    await wait(random() * 150);
    bridge.send('SIGKILL');
    await Promise.all([...senders, bridge.exit]);
  }

  const last = await startServing(env);
  const missing = () => [...acknowledged].filter((id) => !arrived.has(id));
  for (let tries = 0; tries < 600 && missing().length > 0; tries++) await wait(50);
  await last.stop();

  expect(missing()).toEqual([]);
  for (const records of arrived.values()) expect(records.size).toBe(1);
  const repeated = [...arrived.values()].filter((records) => Math.max(...records.values()) > 1).length;
  expect(repeated).toBeLessThanOrEqual(rounds * IN_FLIGHT);
  return { acknowledged: acknowledged.size, lost: missing().length, repeated };
}

/** Sends events until the bridge is gone, and keeps the ids of those that it said it has. */
async function post(bridge: ServingChild, acknowledged: Set<string>, random: () => number): Promise<void> {
  for (;;) {
    const ids = Array.from({ length: 1 + Math.floor(random() * 5) }, () => randomUUID());
    const events = ids.map((id) => ({
      litellm_call_id: id,
      id: `chatcmpl-${id}`,
      status: 'success',
      startTime: Date.now() / 1000,
      endTime: Date.now() / 1000,
      messages: [{ role: 'user', content: 'When does the library open?' }],
      response: { choices: [{ message: { role: 'assistant', content: 'At nine.' } }] },
    }));
    try {
      const response = await fetch(`${bridge.url}/v1/litellm/logs`, {
        method: 'POST',
        body: JSON.stringify(events),
      });
      if (response.status !== 200) continue;
      await response.arrayBuffer();
      for (const id of ids) acknowledged.add(id);
    } catch {
      return;
    }
  }
}
