import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { type ServingChild, startServing } from '../support/child.ts';
import { json, startFakeBackend, text } from '../support/fake-backend.ts';
import { randomFrom } from '../support/random.ts';
import { until } from '../support/recording-bridge.ts';

/** All together; each chain kills one bridge after the other on one folder. A thousand take half an hour. */
const ROUNDS = 100;
const CHAINS = 2;
const LIMIT_MS = 60_000 + ROUNDS * 6000;

/** Most records on their way to a backend when the bridge is killed: four deliveries of a hundred records. */
const IN_FLIGHT = 400;
/** A busy machine. */
const START_MS = 120_000;
/** So long a blocked call waits for its record. */
const WAIT_MS = 50;

test('every acknowledged event and every blocked call arrives, however often the bridge is killed', {
  timeout: LIMIT_MS,
}, async () => {
  const results = await Promise.all(Array.from({ length: CHAINS }, (_, i) => chain(ROUNDS / CHAINS, i)));
  const sum = (pick: (result: Awaited<ReturnType<typeof chain>>) => number) =>
    results.reduce((total, result) => total + pick(result), 0);
  console.log(
    `crash test: ${ROUNDS} rounds, ${sum((r) => r.acknowledged)} events acknowledged, ${sum((r) => r.blocked)} calls blocked, ` +
      `${sum((r) => r.lost)} lost; ${sum((r) => r.told)} replies told that they did not wait, ${sum((r) => r.toldLost)} of them ` +
      `lost; ${sum((r) => r.repeated)} records arrived more than once`,
  );
  expect(sum((r) => r.acknowledged)).toBeGreaterThan(ROUNDS);
  expect(sum((r) => r.blocked)).toBeGreaterThan(ROUNDS);
});

/** Ids of what the bridge has said it has: log events, and blocked calls with the time of the reply and what it took. */
type Said = {
  readonly acknowledged: Set<string>;
  readonly blocked: Map<string, { readonly at: number; readonly ms: number }>;
};

async function chain(rounds: number, seed: number) {
  const random = randomFrom(seed + 1);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-crash-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** How often each record arrived, by call; a call with two records would be a mistake. */
  const arrived = new Map<string, Map<string, number>>();
  const akto = await startFakeBackend(async (request, response) => {
    akto.seen.length = 0;
    if (!request.path.endsWith('/api/ingestData')) {
      return (request.text.includes('beet') ? aktoBlocks() : aktoAllows)(request, response);
    }
    await wait(random() * 20);
    if (random() < 0.1) return text('busy', 503)(request, response);
    for (const { tag } of (request.body as { batchData: { tag: string }[] }).batchData) {
      const { litellm_call_id, record_id } = JSON.parse(tag) as Record<string, string>;
      const records = arrived.get(String(litellm_call_id)) ?? new Map<string, number>();
      records.set(String(record_id), (records.get(String(record_id)) ?? 0) + 1);
      arrived.set(String(litellm_call_id), records);
    }
    return json({ success: true })(request, response);
  });
  onTestFinished(() => akto.close());

  // Node keeps what it compiled when a process ends well: the first one does, and the others start in half the time
  const env = {
    ...aktoAt(akto.url),
    ...{ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'turnip' },
    ...{ DATA_DIR: folder, NODE_COMPILE_CACHE: path.join(folder, 'compiled') },
  };
  const warmUp = await startServing(env, { limitMs: START_MS });
  warmUp.send('SIGTERM');
  await warmUp.exit;
  const said: Said = { acknowledged: new Set(), blocked: new Map() };
  /** Blocked calls that were replied to before their record was stored, as the log tells. */
  const told = new Set<string>();
  const size = () => said.acknowledged.size + said.blocked.size;
  for (let round = 0; round < rounds; round++) {
    const bridge = await startServing(env, { limitMs: START_MS });
    const before = size();
    const startedAt = Date.now();
    const senders = [
      logEvents(bridge, said, random),
      logEvents(bridge, said, random),
      ...['a turnip', 'a beet', 'a turnip', 'a pear'].map((words) =>
        callGuardrail(bridge, said, words, random),
      ),
    ];
    let isGone = false;
    void bridge.exit.then(() => {
      isGone = true;
    });
    // Now and then while it still starts, else once it has something to lose
    if (random() > 0.1) await until(() => isGone || size() > before);
    await wait(random() * 300);
    bridge.send('SIGKILL');
    await Promise.all([...senders, bridge.exit]);
    const lines = bridge.lines();
    for (const { msg, litellm_call_id } of lines) {
      if (msg.includes('before its record was stored')) told.add(String(litellm_call_id));
    }
    // The last lines of a process that is killed are lost, on a busy machine those of a second
    const loggedUntil = Date.parse(String(lines.at(-1)?.time));
    for (const [id, { at, ms }] of said.blocked)
      if (ms >= WAIT_MS && at >= loggedUntil && at >= startedAt) told.add(id);
  }

  const last = await startServing(env, { limitMs: START_MS });
  const { acknowledged, blocked } = said;
  const missing = (ids: Iterable<string>) => [...ids].filter((id) => !arrived.has(id));
  const promised = () => [...acknowledged, ...[...blocked.keys()].filter((id) => !told.has(id))];
  for (let tries = 0; tries < 2400 && missing(promised()).length > 0; tries++) await wait(50);
  await last.stop();

  expect(missing(promised())).toEqual([]);
  for (const records of arrived.values()) expect(records.size).toBe(1);
  const repeated = [...arrived.values()].filter((records) => Math.max(...records.values()) > 1).length;
  expect(repeated).toBeLessThanOrEqual(rounds * IN_FLIGHT);
  return {
    acknowledged: acknowledged.size,
    blocked: blocked.size,
    told: told.size,
    toldLost: missing(told).length,
    lost: missing(promised()).length,
    repeated,
  };
}

/** Sends events until the bridge is gone, and keeps the ids of those that it said it has. */
async function logEvents(bridge: ServingChild, said: Said, random: () => number): Promise<void> {
  for (;;) {
    const ids = Array.from({ length: 1 + Math.floor(random() * 5) }, () => randomUUID());
    try {
      if (
        !(await isLogged(
          bridge,
          ids.map((id) => eventOf(id, 'success')),
        ))
      )
        continue;
      for (const id of ids) said.acknowledged.add(id);
    } catch {
      return;
    }
  }
}

/** Sends guardrail calls until the bridge is gone, and keeps the ids of those that it blocked. LiteLLM logs some of them. */
async function callGuardrail(
  bridge: ServingChild,
  said: Said,
  words: string,
  random: () => number,
): Promise<void> {
  for (;;) {
    const id = randomUUID();
    const call = {
      input_type: 'request',
      litellm_call_id: id,
      litellm_trace_id: id,
      litellm_version: '1.110.2',
      texts: [words],
      structured_messages: [{ role: 'user', content: words }],
    };
    try {
      const startedAt = performance.now();
      const response = await fetch(bridge.url, { method: 'POST', body: JSON.stringify(call) });
      const { action } = (await response.json()) as { action: string };
      const ms = performance.now() - startedAt;
      if (action === 'BLOCKED') said.blocked.set(id, { at: Date.now(), ms });
      if (random() < 0.5) await isLogged(bridge, [eventOf(id, action === 'BLOCKED' ? 'failure' : 'success')]);
    } catch {
      return;
    }
  }
}

function eventOf(id: string, status: 'success' | 'failure') {
  return {
    litellm_call_id: id,
    id: `chatcmpl-${id}`,
    trace_id: id,
    status,
    startTime: Date.now() / 1000,
    endTime: Date.now() / 1000,
    messages: [{ role: 'user', content: 'When does the library open?' }],
    response:
      status === 'success' ? { choices: [{ message: { role: 'assistant', content: 'At nine.' } }] } : null,
  };
}

async function isLogged({ url }: ServingChild, events: object[]): Promise<boolean> {
  const response = await fetch(`${url}/v1/litellm/logs`, { method: 'POST', body: JSON.stringify(events) });
  await response.arrayBuffer();
  return response.status === 200;
}
