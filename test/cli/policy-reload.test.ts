import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { aktoAllows } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { toolCall } from '../support/call.ts';
import { type ServingChild, startServing } from '../support/child.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
import { metric } from '../support/listen.ts';

const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'policy-reload-'));
  closes.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A policy file that bans one word. */
const bans = (word: string, more: object = {}) =>
  JSON.stringify({
    policies: { chain: ['banned-keywords'] },
    policy: { 'banned-keywords': { keywords: [word] } },
    ...more,
  });

const entry = (name: string) => ({ name, kind: 'akto', url: 'http://127.0.0.1:9', secret: { env: 'TOKEN' } });

async function serving(file: string, env: Record<string, string> = {}) {
  const child = await startServing({ POLICY_FILE: file, ...env });
  closes.push(child.stop);
  return child;
}

async function ask({ url }: ServingChild, call: object): Promise<{ status: number; action: string }> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ input_type: 'request', ...call }),
  });
  const { action } = (await response.json()) as { action: string };
  return { status: response.status, action };
}

const say = async (child: ServingChild, text: string) => (await ask(child, { texts: [text] })).action;
const reloads = async ({ url }: ServingChild, result: string) =>
  metric(await (await fetch(`${url}/metrics`)).text(), 'policy_reloads_total', { result });
const lines = (child: ServingChild, msg: string) => child.lines().filter((line) => line.msg === msg);
const FAILED = 'the policy file cannot be used; the last good one stays';
const PRESET = `title: Own
judges: [request]
reads: texts
secret: required
headers: { authorization: Bearer $secret }
asks: [{ path: /check, body: { text: $text } }]
reply: { block: [{ /flagged: true }], allow: [{ /flagged: false }] }
`;
const HANG_GUARD = { timeout: 10_000, interval: 20 };

test('policies are read again on SIGHUP, and the log says so once', async () => {
  const file = join(folder(), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await serving(file);
  expect([await say(child, 'tulip'), await say(child, 'crocus')]).toEqual(['BLOCKED', 'NONE']);
  writeFileSync(file, bans('crocus'));
  child.send('SIGHUP');
  await expect.poll(() => say(child, 'crocus'), HANG_GUARD).toBe('BLOCKED');
  expect(await say(child, 'tulip')).toBe('NONE');
  const unchanged = await reloads(child, 'unchanged');
  child.send('SIGHUP');
  await expect.poll(() => reloads(child, 'unchanged'), HANG_GUARD).toBeGreaterThan(unchanged);
  expect(lines(child, 'policies read again')).toHaveLength(1);
  expect(await reloads(child, 'changed')).toBe(1);
});

test('policies are read again when the file changes, and when it is exchanged', async () => {
  const dir = folder();
  const file = join(dir, 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await serving(file);
  // The file is looked at for the first time some time after the start
  await wait(1200);
  writeFileSync(file, bans('crocus'));
  await expect.poll(() => say(child, 'crocus'), HANG_GUARD).toBe('BLOCKED');
  writeFileSync(join(dir, 'next'), bans('snowdrop'));
  renameSync(join(dir, 'next'), file);
  await expect.poll(() => say(child, 'snowdrop'), HANG_GUARD).toBe('BLOCKED');
});

test('a secret and a preset that come after the policy file that names them are waited for', async () => {
  const dir = folder();
  const file = join(dir, 'policy.yaml');
  const naming = (secret: string, preset: string) =>
    JSON.stringify({
      policies: { chain: [] },
      backends: [
        {
          name: 'own',
          kind: 'http',
          preset: { file: preset },
          url: 'http://127.0.0.1:9',
          secret: { file: secret },
        },
      ],
    });
  writeFileSync(join(dir, 'one'), 'key-one');
  writeFileSync(join(dir, 'good.yaml'), PRESET);
  writeFileSync(file, naming('one', 'good.yaml'));
  const child = await serving(file);
  const failed = (problem: RegExp) => () =>
    lines(child, FAILED).some((line) => problem.test(String(line.problems)));
  await wait(1200);
  writeFileSync(join(dir, 'later.yaml'), 'judges: nobody');
  writeFileSync(file, naming('two', 'later.yaml'));
  await expect.poll(failed(/later/), HANG_GUARD).toBe(true);
  await wait(1200);
  writeFileSync(join(dir, 'later.yaml'), PRESET);
  await expect.poll(failed(/the file two cannot be read/), HANG_GUARD).toBe(true);
  await wait(1200);
  writeFileSync(join(dir, 'two'), 'key-two');
  await expect.poll(() => lines(child, 'policies read again').length, HANG_GUARD).toBe(1);
});

test('policies are read again when a ConfigMap is exchanged by its symbolic link', async () => {
  const dir = folder();
  for (const [version, word] of [
    ['..1', 'tulip'],
    ['..2', 'crocus'],
  ] as const) {
    mkdirSync(join(dir, version));
    writeFileSync(join(dir, version, 'policy.yaml'), bans(word));
  }
  symlinkSync('..1', join(dir, '..data'));
  symlinkSync(join('..data', 'policy.yaml'), join(dir, 'policy.yaml'));
  const child = await serving(join(dir, 'policy.yaml'));
  expect(await say(child, 'tulip')).toBe('BLOCKED');
  await wait(1200);
  symlinkSync('..2', join(dir, '..data_tmp'));
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
  rmSync(join(dir, '..1'), { recursive: true });
  await expect.poll(() => say(child, 'crocus'), HANG_GUARD).toBe('BLOCKED');
  expect(lines(child, 'the policy file cannot be used; the last good one stays')).toEqual([]);
});

test('a policy file that cannot be used is logged with its mistakes and counted, and the last good one stays', async () => {
  const file = join(folder(), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await serving(file);
  const policy_version = lines(child, 'policies')[0]?.policy_version;

  const broken = [
    { text: '{', problem: /line 1/ },
    { text: bans('tulip', { unknown: 1 }), problem: /unknown/ },
    { text: 'policies:\n  chain:\n    - secret\n', problem: /line 3: policies\.chain\[0\]/ },
    { text: undefined, problem: /ENOENT/ },
  ];
  for (const [index, { text, problem }] of broken.entries()) {
    if (text === undefined) rmSync(file);
    else writeFileSync(file, text);
    child.send('SIGHUP');
    await expect
      .poll(() => lines(child, FAILED).some((line) => problem.test(String(line.problems))), HANG_GUARD)
      .toBe(true);
    expect(await say(child, 'tulip')).toBe('BLOCKED');
    expect(await reloads(child, 'failed')).toBeGreaterThan(index);
  }
  for (const line of lines(child, FAILED)) expect(line).toMatchObject({ level: 'error', policy_version });
  expect(await reloads(child, 'changed')).toBe(0);

  writeFileSync(file, bans('crocus'));
  child.send('SIGHUP');
  await expect.poll(() => say(child, 'crocus'), HANG_GUARD).toBe('BLOCKED');
});

test('no call fails while policies are read again and again, and calls in flight end under the old ones', async () => {
  const file = join(folder(), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const held = Promise.withResolvers<void>();
  let checks = 0;
  const akto = await startFakeBackend(async (request, response) => {
    if (request.text.includes('slow')) {
      checks++;
      await held.promise;
    }
    return aktoAllows(request, response);
  });
  closes.push(() => akto.close());
  const child = await serving(file, { ...aktoAt(akto.url), GUARDRAIL_TIMEOUT: '15' });

  const inFlight = Array.from({ length: 5 }, (_, i) => ask(child, { texts: [`slow ${i}`] }));
  await expect.poll(() => checks, HANG_GUARD).toBe(5);
  const texts = ['tulip', 'a rose', 'crocus'];
  const calls: Promise<{ status: number; action: string }>[] = [];
  for (let reload = 0; reload < 20; reload++) {
    // Every third one cannot be used
    writeFileSync(file, reload % 3 === 2 ? '{' : bans('tulip', { pack: { name: `number-${reload}` } }));
    child.send('SIGHUP');
    for (let i = 0; i < 10; i++) calls.push(ask(child, { texts: [texts[i % 3]] }));
    await wait(15);
  }
  const replies = await Promise.all(calls);
  expect(replies).toEqual(
    Array.from({ length: 200 }, (_, i) => ({ status: 200, action: (i % 10) % 3 === 0 ? 'BLOCKED' : 'NONE' })),
  );
  held.resolve();
  expect(await Promise.all(inFlight)).toEqual(
    Array.from({ length: 5 }, () => ({ status: 200, action: 'NONE' })),
  );
  expect(await reloads(child, 'changed')).toBeGreaterThan(2);
});

test('sessions of agents outlive a reload', async () => {
  const file = join(folder(), 'policy.yaml');
  const firewall = (name: string) =>
    JSON.stringify({
      pack: { name },
      policies: { chain: ['agent-firewall'] },
      policy: { 'agent-firewall': { max_actions_per_session: 2 } },
    });
  writeFileSync(file, firewall('one'));
  const child = await serving(file);
  const act = async (id: string) => {
    const tool_calls = [toolCall('{}', 'pay', id)];
    return (
      await ask(child, {
        input_type: 'response',
        litellm_call_id: id,
        litellm_trace_id: 'session',
        tool_calls,
      })
    ).action;
  };
  expect([await act('a'), await act('b')]).toEqual(['NONE', 'NONE']);
  writeFileSync(file, firewall('two'));
  child.send('SIGHUP');
  await child.line('policies read again');
  expect(await act('c')).toBe('BLOCKED');
});

test('SIGHUP without a policy file is a line in the log, and the process goes on', async () => {
  const child = await startServing({ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' });
  closes.push(child.stop);
  child.send('SIGHUP');
  expect(await child.line('SIGHUP reads POLICY_FILE again, and there is none')).toMatchObject({
    level: 'warn',
  });
  expect([await say(child, 'tulip'), await say(child, 'crocus')]).toEqual(['BLOCKED', 'NONE']);
});

test('a file that loses its backends and policies is told of, and so is which backends are gone', async () => {
  const file = join(folder(), 'policy.yaml');
  writeFileSync(
    file,
    JSON.stringify({ policies: { chain: [] }, backends: [entry('own-a'), entry('own-b')] }),
  );
  const child = await serving(file, { TOKEN: 'key' });
  writeFileSync(
    file,
    JSON.stringify({ policies: { chain: [] }, backends: [entry('own-b'), entry('own-c')] }),
  );
  child.send('SIGHUP');
  const read = () => lines(child, 'policies read again').at(-1);
  await expect.poll(read, HANG_GUARD).toMatchObject({ backends: ['own-b', 'own-c'], gone: ['own-a'] });
  await expect.poll(() => lines(child, 'backend').at(-1), HANG_GUARD).toMatchObject({ backend: 'own-c' });
  writeFileSync(file, JSON.stringify({ policies: { chain: [] } }));
  child.send('SIGHUP');
  await expect.poll(read, HANG_GUARD).toMatchObject({ backends: [], gone: ['own-b', 'own-c'] });
  const warned = () => child.lines().some(({ msg }) => /^nothing judges/.test(String(msg)));
  await expect.poll(warned, HANG_GUARD).toBe(true);
});
