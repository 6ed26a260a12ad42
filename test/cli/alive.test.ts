import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { fakeAkto } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { type ServingChild, startChild, startServing } from '../support/child.ts';
import { json, startFakeBackend } from '../support/fake-backend.ts';
import { metric } from '../support/listen.ts';
import { mount } from '../support/mount.ts';
import { eventOf, LOGS, temporaryFolder, until } from '../support/recording-bridge.ts';

const MISTAKES = pathToFileURL(join(import.meta.dirname, '..', 'support', 'mistakes.ts'));
const stops: (() => Promise<void>)[] = [];

// A busy machine takes its time to start processes and threads again
const LIMIT_MS = 60_000;

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function serving(...[env, options]: Parameters<typeof startServing>): Promise<ServingChild> {
  const child = await startServing({ BANNED_KEYWORDS: 'nightingale', ...env }, options);
  stops.push(child.stop);
  return child;
}

/** The action for a text. */
async function ask(url: string, text: string, id = 'a'): Promise<unknown> {
  const body = JSON.stringify({ input_type: 'request', litellm_call_id: id, texts: [text] });
  const response = await fetch(url, { method: 'POST', body, headers: { connection: 'close' } });
  return ((await response.json()) as Record<string, unknown>).action;
}

/** Judges as ever, and ends when it is told to. */
async function isWell(child: ServingChild): Promise<void> {
  expect(await ask(child.url, 'hello')).toBe('NONE');
  expect(await ask(child.url, 'a nightingale')).toBe('BLOCKED');
  child.send('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
}

test.each([
  { mistake: 'a promise that nobody handles', signal: 'SIGUSR2', kind: 'rejection' },
  { mistake: 'an exception that nobody catches', signal: 'SIGWINCH', kind: 'exception' },
] as const)(
  '$mistake is counted and logged without its words, and ends no call',
  async ({ signal, kind }) => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const akto = await startFakeBackend(async (request, response) => {
      await released;
      await json({ data: { guardrailsResult: { Allowed: true } } })(request, response);
    });
    stops.push(akto.close);
    const child = await serving({
      ...aktoAt(akto.url),
      AKTO_GUARDRAIL_TIMEOUT: '60',
      BUILTIN_POLICY: 'on',
      NODE_OPTIONS: `--import ${MISTAKES}`,
    });
    const inFlight = ask(child.url, 'hello');
    await until(() => akto.seen.length === 1);
    child.send(signal);
    const lines = await until(() => {
      const found = child.lines().filter(({ msg }) => msg === 'uncaught error');
      return found.length === 3 && found;
    });
    release();
    expect(await inFlight).toBe('NONE');
    expect(lines.every((line) => line.level === 'error' && line.kind === kind)).toBe(true);
    expect(lines.map(({ failure }) => failure)).toContainEqual({
      kind: 'bug',
      error: 'Error',
      at: expect.arrayContaining([expect.stringContaining('mistakes.ts')]),
    });
    expect(child.stdout()).not.toContain('nightingale');
    const metrics = await (await fetch(`${child.url}/metrics`)).text();
    expect(metric(metrics, 'uncaught_errors_total', { kind })).toBe(3);
    await isWell(child);
    expect(child.stderr()).toBe('');
  },
  LIMIT_MS,
);

test(
  'signals that pause, wake or mean a broken pipe end nothing',
  async () => {
    const child = await serving();
    child.send('SIGPIPE');
    child.send('SIGSTOP');
    const held = ask(child.url, 'hello');
    await wait(300);
    child.send('SIGCONT');
    expect(await held).toBe('NONE');
    await isWell(child);
  },
  LIMIT_MS,
);

test(
  'a log on a full disk costs lines, and neither calls nor the end',
  async () => {
    const full = fs.openSync('/dev/full', 'w');
    onTestFinished(() => fs.closeSync(full));
    const free = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => free.once('listening', resolve));
    const { port } = free.address() as net.AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const env = { PORT: String(port), SHUTDOWN_DELAY: '0', BANNED_KEYWORDS: 'nightingale' };
    const child = startChild({ env, output: full });
    stops.push(child.stop);
    const url = `http://127.0.0.1:${port}`;
    await until(() => ask(url, 'hello').catch(() => false));
    for (let i = 0; i < 20; i++) expect(await ask(url, 'a nightingale')).toBe('BLOCKED');
    await isWell({ ...child, port, url });
    expect(child.stderr()).toBe('');
  },
  LIMIT_MS,
);

test(
  'more connections than the system allows are not taken, and cost no record',
  async () => {
    const akto = fakeAkto({ result: { Allowed: true, Reason: '' } });
    const server = await startFakeBackend(akto.reply);
    stops.push(server.close);
    const env = {
      ...aktoAt(server.url),
      BUILTIN_POLICY: 'on',
      AKTO_MODE: 'observe',
      DATA_DIR: temporaryFolder(),
    };
    const child = await serving(env, { ulimit: '-n 128' });
    const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const post = (body: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const options = { method: 'POST', agent: kept };
        http
          .request(child.url + LOGS, options, (response) =>
            response.resume().on('end', () => resolve(response.statusCode)),
          )
          .on('error', reject)
          .end(body);
      });
    expect(await post('[]')).toBe(200);
    const sockets = Array.from({ length: 200 }, () =>
      net.connect(child.port, '127.0.0.1').on('error', () => {}),
    );
    const agent = new http.Agent({ keepAlive: false, timeout: 300 });
    const beside = new Promise((resolve) => {
      http.get(`${child.url}/healthz`, { agent }, resolve).on('error', resolve).on('timeout', resolve);
    });
    await beside;
    expect(await post(JSON.stringify([eventOf('crowded')]))).toBe(200);
    await wait(500);
    for (const socket of sockets) socket.destroy();
    kept.destroy();
    await until(() => akto.recorded.length > 0);
    expect(akto.recorded).toHaveLength(1);
    await until(() => ask(child.url, 'hello').catch(() => false));
    await isWell(child);
    expect(child.stderr()).toBe('');
  },
  LIMIT_MS,
);

test(
  'a full disk under the audit log is told, and calls are judged',
  async (context) => {
    const folder = temporaryFolder();
    mount(context, folder, 'size=64k');
    const file = join(temporaryFolder(), 'policy.yaml');
    fs.writeFileSync(
      file,
      `pack: { name: t, version: 1.0.0 }
policies: { chain: [banned-keywords, audit-logger] }
policy: { banned-keywords: { keywords: [nightingale] } }
`,
    );
    const child = await serving({
      BANNED_KEYWORDS: '',
      POLICY_FILE: file,
      DATA_DIR: folder,
      TELEMETRY: 'off',
    });
    for (let i = 0; i < 400; i++) expect(await ask(child.url, 'a nightingale')).toBe('BLOCKED');
    expect(await child.line('the audit log cannot be written')).toMatchObject({ code: 'ENOSPC' });
    const metrics = await (await fetch(`${child.url}/metrics`)).text();
    expect(metric(metrics, 'audit_lost_total')).toBeGreaterThan(0);
    await isWell(child);
  },
  LIMIT_MS,
);

test(
  'a message that ends the thread of records each time is given up, and costs no other record',
  async () => {
    const akto = fakeAkto({ result: { Allowed: true, Reason: '' } });
    const server = await startFakeBackend(akto.reply);
    stops.push(server.close);
    const child = await serving({
      ...aktoAt(server.url),
      AKTO_MODE: 'observe',
      BUILTIN_POLICY: 'on',
      BANNED_KEYWORDS: 'nightingale,deadly nightshade',
      DATA_DIR: temporaryFolder(),
      NODE_OPTIONS: `--import ${MISTAKES}`,
    });
    const texts = [
      'a nightingale',
      'deadly nightshade',
      ...Array.from({ length: 5 }, () => 'the nightingale'),
    ];
    const actions = await Promise.all(texts.map((text) => ask(child.url, text, randomUUID())));
    expect(new Set(actions)).toEqual(new Set(['BLOCKED']));
    await child.line('the record of a blocked call was lost');
    // A delivery whose thread ends before it is noted is made again
    const arrived = () => new Set(akto.recorded.map(({ tag }) => tag)).size;
    await until(() => arrived() === 6);
    const metrics = await (await fetch(`${child.url}/metrics`)).text();
    expect(metric(metrics, 'telemetry_restarts_total')).toBe(3);
    expect(metric(metrics, 'telemetry_lost_total')).toBe(1);
    expect(await ask(child.url, 'one more nightingale', randomUUID())).toBe('BLOCKED');
    await until(() => arrived() === 7);
    await isWell(child);
  },
  LIMIT_MS,
);
