import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { aktoAt } from '../support/bridge.ts';
import { type ServingChild, startServing } from '../support/child.ts';
import { fakeBackend } from '../support/closing.ts';
import { connect, type RawClient, rawHead, rawPost } from '../support/raw-client.ts';

const CALL = rawPost({ input_type: 'request', texts: ['hello'] });
const ALLOWED = '{"data":{"guardrailsResult":{"Allowed":true}}}';
const clients: RawClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

/** It ends long before its timeout, and is killed by its test otherwise. */
async function serving(env: Record<string, string> = {}): Promise<ServingChild> {
  const child = await startServing({ SHUTDOWN_TIMEOUT: '60', BODY_TIMEOUT: '60', ...env });
  onTestFinished(child.stop);
  return child;
}

async function client({ port }: ServingChild, ...pieces: string[]): Promise<RawClient> {
  const raw = await connect(port);
  clients.push(raw);
  raw.write(...pieces);
  return raw;
}

/** Until the bridge has read what was sent before. */
async function read({ url }: ServingChild): Promise<void> {
  await wait(50);
  await (await fetch(`${url}/healthz`, { headers: { connection: 'close' } })).text();
}

const ENDED = { code: 0, signal: null };

test.each([
  { name: 'that never sent anything', pieces: [], replies: 0 },
  { name: 'with half of a head', pieces: [CALL.slice(0, 30)], replies: 0 },
  {
    name: 'with nearly all of a head',
    pieces: [`${CALL.slice(0, CALL.indexOf('\r\n\r\n'))}\r\n`],
    replies: 0,
  },
  { name: 'kept after a reply', pieces: [CALL], replies: 1 },
  { name: 'with half of the next head', pieces: [CALL, CALL.slice(0, 30)], replies: 1 },
  {
    name: 'whose refused body has not ended',
    pieces: [rawHead(1000, { ':path': '/other' }), 'x'],
    replies: 1,
  },
])(
  'a connection $name does not hold the exit, and is no call that was cut off',
  async ({ pieces, replies }) => {
    const child = await serving();
    const raw = await client(child, ...pieces);
    for (let i = 0; i < replies; i++) await raw.reply();
    await read(child);
    child.send('SIGTERM');
    expect(await child.exit).toEqual(ENDED);
    await raw.closed;
    expect(raw.rest()).toBe('');
    expect(child.stdout()).not.toContain('cut off');
    expect(child.lines().at(-1)).toMatchObject({ msg: 'stopped' });
  },
);

test('a hundred connections that never sent anything do not hold it either', async () => {
  const child = await serving();
  await Promise.all(Array.from({ length: 100 }, () => client(child)));
  child.send('SIGTERM');
  expect(await child.exit).toEqual(ENDED);
  expect(child.stdout()).not.toContain('cut off');
});

test('a call to a slow vendor gets its reply, while other connections are closed at once', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const akto = await fakeBackend(async (_, response) => {
    await released;
    response.end(ALLOWED);
  });
  const child = await serving(aktoAt(akto.url));
  const idle = await client(child);
  const raw = await client(child, CALL);
  while (akto.seen.length < 1) await wait(5);
  await read(child);
  child.send('SIGTERM');
  await child.line('draining');
  await idle.closed;
  release();
  expect((await raw.reply()).body).toBe('{"action":"NONE"}');
  expect(await child.exit).toEqual(ENDED);
  expect(child.stdout()).not.toContain('cut off');
});

test('a half-sent body may still arrive', async () => {
  const child = await serving();
  const raw = await client(child, CALL.slice(0, -10));
  await read(child);
  child.send('SIGTERM');
  await child.line('draining');
  await wait(50);
  raw.write(CALL.slice(-10));
  expect((await raw.reply()).body).toBe('{"action":"NONE"}');
  expect(await child.exit).toEqual(ENDED);
  expect(child.stdout()).not.toContain('cut off');
});

test('a half-sent body that does not arrive is given up after BODY_TIMEOUT, with a reply', async () => {
  const child = await serving({ BODY_TIMEOUT: '0.5' });
  const raw = await client(child, CALL.slice(0, -10));
  await read(child);
  child.send('SIGTERM');
  expect((await raw.reply()).body).toContain('"action":"BLOCKED"');
  expect(await child.exit).toEqual(ENDED);
  expect(child.stdout()).not.toContain('cut off');
});

test.each([
  ['at the end of SHUTDOWN_TIMEOUT', { SHUTDOWN_TIMEOUT: '0.3' }, 1],
  ['at a second signal', {}, 2],
])('%s calls without a reply are cut off and counted; other connections are not', async (_, env, signals) => {
  const child = await serving(env);
  await client(child);
  await client(child, CALL.slice(0, 30));
  const kept = await client(child, CALL);
  await kept.reply();
  for (const half of [CALL.slice(0, -1), CALL.slice(0, -10)]) await client(child, half);
  await read(child);
  for (let i = 0; i < signals; i++) {
    child.send('SIGTERM');
    await child.line('draining');
  }
  expect(await child.exit).toEqual(ENDED);
  expect(child.lines().filter(({ msg }) => msg.includes('cut off'))).toMatchObject([
    { level: 'warn', calls: 2 },
  ]);
});

test('where calls are cut off the logs are closed all the same', async () => {
  const akto = await fakeBackend(() => {});
  const child = await serving({
    ...{ ...aktoAt(akto.url), AKTO_GUARDRAIL_TIMEOUT: '60', SHUTDOWN_TIMEOUT: '0.3' },
    DATA_DIR: mkdtempSync(join(tmpdir(), 'drain-')),
    POLICY_FILE: join(import.meta.dirname, '../../examples/policies/audit-logger.yaml'),
    AUDIT_KEY: 'a key of sixteen characters',
  });
  await client(child, CALL);
  while (akto.seen.length === 0) await wait(5);
  child.send('SIGTERM');
  expect(await child.exit).toEqual(ENDED);
  const messages = child.lines().map(({ msg }) => msg);
  expect(messages.slice(messages.indexOf('draining') + 1)).toEqual(
    expect.arrayContaining(['calls that have no reply yet are cut off', 'head of the audit log', 'stopped']),
  );
});
