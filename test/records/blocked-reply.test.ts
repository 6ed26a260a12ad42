import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks } from '../support/akto.ts';
import { aktoAt, capsuleAt, testBridge } from '../support/bridge.ts';
import { type FakeBackend, type Reply, startFakeBackend, text } from '../support/fake-backend.ts';
import { listen } from '../support/listen.ts';
import { mcpCall, mcpResult } from '../support/mcp.ts';
import { temporaryFolder, until } from '../support/recording-bridge.ts';

const CALL = {
  input_type: 'request',
  litellm_call_id: 'call-1',
  litellm_trace_id: 'trace-1',
  litellm_version: '1.110.2',
  texts: ['a turnip'],
};
const RESPONSE = { ...CALL, input_type: 'response' };

/** A bridge that listens, with an Akto that says the same to everything, and takes no records. */
async function start({
  reply = aktoBlocks(),
  env = {},
}: {
  reply?: Reply;
  env?: Record<string, string>;
} = {}) {
  const akto: FakeBackend = await startFakeBackend((seen, response) =>
    (seen.path.endsWith('ingestData') ? text('busy', 503) : reply)(seen, response),
  );
  const folder = temporaryFolder();
  const bridge = testBridge({ ...aktoAt(akto.url), DATA_DIR: folder, ...env });
  const server = await listen(bridge);
  await bridge.ready();
  // On a busy machine the thread takes longer to start than that
  await until(async () => (await bridge.metric('telemetry_outbox_up')) === 1);
  onTestFinished(async () => {
    await server.close();
    await bridge.close();
    await akto.close();
  });
  const database = () => new DatabaseSync(join(folder, 'outbox.db'), { readOnly: true, timeout: 5000 });
  return {
    ...bridge,
    akto,
    folder,
    async send(call: object = CALL, signal?: AbortSignal) {
      const body = JSON.stringify(call);
      const response = await fetch(server.url, { method: 'POST', body, ...(signal && { signal }) });
      return response.status === 200
        ? ((await response.json()) as { action: string }).action
        : response.status;
    },
    /** Blocked calls on record. */
    stored() {
      const db = database();
      const { blocked } =
        db.prepare("SELECT count(*) AS blocked FROM record WHERE outcome = 'blocked'").get() ?? {};
      db.close();
      return Number(blocked);
    },
    unstored: (reason: string) => bridge.metric(`telemetry_unstored_blocks_total{reason="${reason}"}`),
    logged: () => bridge.lines.filter(({ msg }) => msg.includes('before its record was stored')),
    /** Keeps the records thread from the disk until the function that is returned is called. */
    occupyDisk() {
      const db = new DatabaseSync(join(folder, 'outbox.db'));
      db.exec('BEGIN IMMEDIATE');
      return () => db.close();
    },
  };
}

describe('a BLOCKED reply comes when the record of its call is stored', () => {
  test.each<{ name: string; call?: object; reply?: Reply; env?: Record<string, string> }>([
    { name: 'a verdict' },
    { name: 'a verdict on a response', call: RESPONSE },
    {
      name: 'a policy, without a vendor being asked',
      env: { BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'turnip' },
    },
    { name: 'a call of a tool', call: mcpCall(['a turnip']) },
    { name: 'the result of a tool, which has no id', call: mcpResult('a turnip') },
    { name: 'a call without an id', call: { ...CALL, litellm_call_id: null } },
    { name: 'a vendor that fails, closed', reply: text('no', 500) },
    { name: 'no vendor at all, closed', env: aktoAt('http://127.0.0.1:1') },
  ])('$name', async ({ call = CALL, ...options }) => {
    const bridge = await start(options);
    // On a busy machine a record may take longer than its reply waits, which is told then
    await until(async () => {
      const before = { stored: bridge.stored(), told: bridge.logged().length };
      const litellm_call_id = 'litellm_call_id' in call && call.litellm_call_id && randomUUID();
      expect(await bridge.send({ ...call, litellm_call_id })).toBe('BLOCKED');
      const isTold = bridge.logged().length > before.told;
      if (!isTold) expect(bridge.stored()).toBeGreaterThan(before.stored);
      return !isTold;
    });
  });
});

test('every caller of a repeated call waits for its record', async () => {
  const waiting: (() => void)[] = [];
  const bridge = await start({
    async reply(seen, response) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return aktoBlocks()(seen, response);
    },
  });
  const first = bridge.send();
  await until(() => waiting.length > 0);
  const second = bridge.send();
  await until(async () => (await bridge.metric('repeated_calls_total')) === 1);
  waiting[0]?.();
  expect(await Promise.race([first, second])).toBe('BLOCKED');
  expect(bridge.stored() + bridge.logged().length).toBeGreaterThan(0);
  expect(await Promise.all([first, second])).toEqual(['BLOCKED', 'BLOCKED']);
  await until(() => bridge.stored() === 1);
});

test('a disk that is slow holds a BLOCKED reply up for a moment, and its record is stored later', async () => {
  const bridge = await start();
  const release = bridge.occupyDisk();
  expect(await bridge.send()).toBe('BLOCKED');
  expect(bridge.stored()).toBe(0);
  expect(await bridge.unstored('slow')).toBe(1);
  expect(bridge.logged()).toMatchObject([{ level: 'warn', litellm_call_id: 'call-1', reason: 'slow' }]);
  release();
  await until(() => bridge.stored() === 1);
});

test('allowed calls and deferred ones do not wait for the disk', async () => {
  let reply = aktoAllows;
  const bridge = await start({
    reply: (...args) => reply(...args),
    env: { AKTO_UNREACHABLE_FALLBACK: 'defer' },
  });
  const release = bridge.occupyDisk();
  expect(await bridge.send()).toBe('NONE');
  reply = text('no', 500);
  expect(await bridge.send({ ...CALL, litellm_call_id: 'call-2' })).toBe(503);
  release();
  expect(bridge.logged()).toEqual([]);
});

test('the record of a blocked call is stored, though its caller has hung up', async () => {
  const bridge = await start();
  const release = bridge.occupyDisk();
  const leaving = new AbortController();
  const left = expect(bridge.send(CALL, leaving.signal)).rejects.toThrow();
  await until(() => bridge.akto.seen.length > 0);
  await wait(20);
  leaving.abort();
  await left;
  expect(bridge.stored()).toBe(0);
  release();
  await until(() => bridge.stored() === 1);
});

test('a BLOCKED reply does not wait for an outbox that cannot be used, and its record is stored when it can', async () => {
  const bridge = await start();
  const aside = `${bridge.folder}-aside`;
  fs.renameSync(bridge.folder, aside);
  onTestFinished(() => fs.rmSync(aside, { recursive: true, force: true }));
  fs.writeFileSync(bridge.folder, 'in the way');
  await until(async () => {
    expect(await bridge.send()).toBe('BLOCKED');
    return (await bridge.unstored('unavailable')) === 1;
  });
  fs.rmSync(bridge.folder);
  await until(async () => (await bridge.metric('telemetry_rows_total{result="block_new"}')) === 1);
  expect(bridge.stored()).toBe(1);
}, 20_000);

test('a BLOCKED reply does not wait for an outbox that is full', async () => {
  const bridge = await start({ env: { OUTBOX_MAX_MB: '1' } });
  const long = 'a turnip '.repeat(120_000);
  expect(
    await bridge.send({ ...CALL, texts: [long], structured_messages: [{ role: 'user', content: long }] }),
  ).toBe('BLOCKED');
  expect(bridge.logged()).toMatchObject([{ reason: expect.stringMatching(/^(?:full|slow)$/) }]);
  expect(await bridge.send({ ...CALL, litellm_call_id: 'call-2' })).toBe('BLOCKED');
  await until(() => bridge.stored() === 1);
});

test('a BLOCKED reply waits for nothing where no records are kept', async () => {
  const { close, ask, metric } = testBridge({
    ...capsuleAt('http://127.0.0.1:1'),
    TELEMETRY: 'off',
  });
  onTestFinished(close);
  expect((await ask(CALL)).reply.action).toBe('BLOCKED');
  expect(await metric('telemetry_unstored_blocks_total{reason="slow"}')).toBe(0);
});
