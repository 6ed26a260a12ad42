import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../src/demo/litellm-process.ts';
import { killAtExit } from './children.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { newestAlone } from './release.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const guide = readFileSync(join(ROOT, 'examples/teams/README.md'), 'utf8');
const [serveBridge = '', serveLitellm = '', ask = '', decisions = '', makeKey = '', check = ''] = [
  ...guide.matchAll(/^```sh\n(.*?)^```$/gms),
].map(([, block = '']) => block);

const names = {
  user_api_key_alias: 'payments-ci',
  user_api_key_user_id: 'ada',
  user_api_key_user_email: 'ada@example.com',
  user_api_key_team_id: 'team-1',
  user_api_key_team_alias: 'payments',
};
const forged = Object.fromEntries(
  [
    ...Object.keys(names),
    'user_api_key_hash',
    'user_api_key_token',
    'user_api_key_end_user_id',
    'user_api_key_org_id',
  ].map((name) => [name, 'forged']),
);
const inHeaders = {
  'x-litellm-team-id': 'forged',
  'x-litellm-key-alias': 'forged',
  'x-litellm-user-id': 'forged',
  'x-team': 'forged',
};

describe.each(newestAlone())('the guide to teams, litellm $version', ({ bin }) => {
  const folder = mkdtempSync(join(tmpdir(), 'teams-'));
  const children: ChildProcess[] = [];
  let port: number;
  let bridgeUrl: string;
  let recorder: Recorder;
  const text = (block: string) =>
    block
      .replaceAll('http://127.0.0.1:4000', `http://127.0.0.1:${port}`)
      .replace('--port 4000', `--port ${port}`);
  const env = () => ({
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    LITELLM_LOCAL_MODEL_COST_MAP: 'True',
    LITELLM_MODE: 'PRODUCTION',
    PYTHONDONTWRITEBYTECODE: '1',
  });

  /** Starts a block of the guide that goes on, and waits until it answers. */
  const start = async (block: string, more: Record<string, string>, url: string) => {
    const child = spawn('sh', ['-c', block], { cwd: ROOT, env: { ...env(), ...more }, detached: true });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    killAtExit(() => process.kill(-(child.pid as number), 'SIGKILL'));
    for (const giveUpAt = Date.now() + 120_000; ; await wait(100)) {
      if (
        await fetch(url).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
      if (child.exitCode !== null || Date.now() > giveUpAt) throw new Error(output);
    }
  };

  beforeAll(async () => {
    port = await freePort();
    const bridgePort = await freePort();
    bridgeUrl = `http://127.0.0.1:${bridgePort}`;
    recorder = await startRecorder(async ({ method, path, headers, body }) => {
      const { 'content-length': _, ...sent } = headers;
      try {
        const reply = await fetch(bridgeUrl + path, { method, headers: sent, body: JSON.stringify(body) });
        return { status: reply.status, json: await reply.json() };
      } catch {
        return { status: 503, json: {} };
      }
    });
    await start(serveBridge, { PORT: String(bridgePort), DATA_DIR: folder }, `${bridgeUrl}/readyz`);
    await start(
      text(serveLitellm).replaceAll('http://127.0.0.1:8787', recorder.url),
      {},
      `http://127.0.0.1:${port}/health/liveliness`,
    );
  });

  afterAll(async () => {
    for (const child of children.toReversed()) {
      process.kill(-(child.pid as number), 'SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await recorder?.close();
    rmSync(folder, { recursive: true });
  });

  test('blocks one team, lets the other pass, and knows no third', async () => {
    const { stdout } = await run('sh', ['-c', text(ask)], { cwd: ROOT });
    const [payments = '', sales, nobody] = stdout.split('\n').filter((line) => line !== '');
    expect(payments).toMatch(
      /^\{"error":\{"message":"Blocked by security policy\. \[policy\] Reference: [0-9a-f]{16}/,
    );
    expect(sales).toContain("At nine o'clock, every day but Sunday.");
    expect(nobody).toMatch(/^\{"error":\{"message":"no such key"/);
  });

  test('tells which team was blocked, and by what', async () => {
    for (const giveUpAt = Date.now() + 30_000; ; await wait(200)) {
      // Before the first is stored there is no file, and the commands end with 1
      const { stdout } = await run('sh', ['-c', decisions], {
        cwd: ROOT,
        env: { ...env(), DATA_DIR: folder },
      }).catch((error: { readonly stdout: string }) => error);
      // The call may be stored between the two commands
      const isThere = /^payments .*[1-9]/m.test(stdout) && stdout.includes('banned-keywords');
      if (Date.now() < giveUpAt && !isThere) continue;
      expect(stdout).toMatch(/^payments .*[1-9]/m);
      expect(stdout).toMatch(/payments.*banned-keywords|banned-keywords.*payments/);
      expect(stdout).not.toContain('nightfall');
      return;
    }
  });

  test('makes a key and the hash that stands in the file', async () => {
    const { stdout } = await run('sh', ['-c', makeKey]);
    expect(stdout).toMatch(/^sk-[0-9a-f]{48}\n[0-9a-f]{64} /);
    const hash = await run('sh', ['-c', 'printf %s sk-payments-example | sha256sum']);
    expect(readFileSync(join(ROOT, 'examples/teams/keys.yaml'), 'utf8')).toContain(hash.stdout.slice(0, 64));
  });

  test('judges a text as a caller of the team', async () => {
    const { stdout } = await run('sh', ['-c', check], { cwd: ROOT, env: { ...env(), DATA_DIR: folder } });
    expect(stdout).toMatch(/block.*banned-keywords/s);
  });

  const endpoints = {
    '/v1/chat/completions': { messages: [{ role: 'user', content: 'hello' }] },
    '/v1/messages': { max_tokens: 9, messages: [{ role: 'user', content: 'hello' }] },
    '/v1/responses': { input: 'hello' },
  };
  const told = async (path: keyof typeof endpoints, body: object, headers: Record<string, string>) => {
    recorder.calls.length = 0;
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer sk-payments-example',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify({ model: 'assistant', ...endpoints[path], ...body }),
    });
    expect(response.status, await response.text()).toBe(200);
    const calls = recorder.calls.filter((call) => call.path.startsWith('/beta/'));
    // Old releases ask once for each guardrail of the example
    expect(new Set(calls.map(({ body }) => body.input_type))).toEqual(new Set(['request', 'response']));
    return calls.map(
      ({ body }) => body as { request_data: Record<string, string>; request_headers: Record<string, string> },
    );
  };

  describe.each(Object.keys(endpoints) as (keyof typeof endpoints)[])('%s', (path) => {
    test.each<[string, object, Record<string, string>]>([
      ['nothing', {}, {}],
      ['metadata', { metadata: forged }, {}],
      ['litellm_metadata', { litellm_metadata: forged }, {}],
      ['metadata as a text', { metadata: JSON.stringify(forged) }, {}],
      ['litellm_metadata as a text', { litellm_metadata: JSON.stringify(forged) }, {}],
      ['names beside model', forged, {}],
      ['extra_body', { extra_body: { metadata: forged, litellm_metadata: forged } }, {}],
      ['headers', {}, inHeaders],
    ])('%s forges no name of the caller', async (_, body, headers) => {
      for (const { request_data } of await told(path, body, headers)) {
        const { user_api_key_hash: hash, ...others } = request_data;
        expect(others).toEqual(names);
        expect(readFileSync(join(ROOT, 'examples/teams/keys.yaml'), 'utf8')).toContain(
          `${hash}: # sk-payments-example`,
        );
      }
    });

    test.each<[string, object, Record<string, string>]>([
      ['user', { user: 'chosen' }, {}],
      ['safety_identifier', { safety_identifier: 'chosen' }, {}],
      ['metadata', { metadata: { user_id: 'chosen' } }, {}],
      ['litellm_metadata', { litellm_metadata: { user: 'chosen' } }, {}],
      ['x-litellm-end-user-id', {}, { 'x-litellm-end-user-id': 'chosen' }],
      ['x-litellm-customer-id', {}, { 'x-litellm-customer-id': 'chosen' }],
    ])('%s chooses the end user, and the guide says so', async (name, body, headers) => {
      for (const { request_data } of await told(path, body, headers)) {
        expect(request_data).toMatchObject({ ...names, user_api_key_end_user_id: 'chosen' });
      }
      expect(/^\| end user \|.*\*\*yes\*\*/m.exec(guide)?.[0]).toContain(`\`${name}\``);
    });

    test('headers come as they were sent, and the guide says so', async () => {
      for (const { request_headers } of await told(path, {}, inHeaders)) {
        expect(request_headers).toMatchObject({ ...inHeaders, 'x-team': '[present]' });
      }
      expect(guide).toMatch(/^\| headers \|.*\*\*yes\*\*/m);
    });
  });
});
