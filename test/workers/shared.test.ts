import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks, fakeAkto } from '../support/akto.ts';
import { aktoAt } from '../support/bridge.ts';
import { runChild } from '../support/child.ts';
import { fakeBackend } from '../support/closing.ts';
import { eventOf, LOGS, readEnvelope } from '../support/recording-bridge.ts';
import { STATE_CASES, type StateCall } from '../support/state-calls.ts';
import { ask, GUARDRAIL, judged, load, startWorkers, type WorkersChild } from '../support/workers.ts';

const GUARD = { timeout: 15_000, interval: 20 };
const folder = () => mkdtempSync(join(tmpdir(), 'workers-'));
const count = (child: WorkersChild, msg: string) => child.lines().filter((line) => line.msg === msg).length;
const bans = (word: string) =>
  JSON.stringify({
    policies: { chain: ['banned-keywords'] },
    policy: { 'banned-keywords': { keywords: [word] } },
  });

/** A kept connection to each of two workers. */
async function connections({ url }: WorkersChild): Promise<readonly http.Agent[]> {
  const agents = [1, 2].map(() => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  onTestFinished(() => {
    for (const agent of agents) agent.destroy();
  });
  for (const agent of agents) await ask(url, '/healthz', undefined, agent);
  return agents;
}

test('a call is judged by what other workers know of it, and policies change for all at once', async () => {
  const file = join(folder(), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await startWorkers({ POLICY_FILE: file, BLOCKED_HISTORY: 'block', LOG_LEVEL: 'debug' });
  const agents = await connections(child);
  const say = async (id: string, call: StateCall, at: number) => {
    const ids = { litellm_call_id: id, litellm_trace_id: `trace of ${id}`, litellm_version: '1.110.2' };
    const { body } = await ask(child.url, GUARDRAIL, { ...ids, ...call }, agents[at]);
    return JSON.parse(body) as { action: string; texts?: readonly string[] };
  };
  let reloads = 0;
  for (const { name, policies, before = [], calls, actions, texts, times = 1 } of STATE_CASES) {
    // Some begin with the same policies
    writeFileSync(file, JSON.stringify({ pack: { name }, ...policies }));
    child.send('SIGHUP');
    reloads++;
    await expect.poll(() => count(child, 'policies read again'), GUARD).toBe(reloads);
    for (const [n, pair] of before.entries())
      for (const call of pair) for (const at of [0, 1]) await say(`before ${n} ${at}`, call, at);
    for (let n = 0; n < times * 2 ** calls.length; n++) {
      const id = randomUUID();
      const places = calls.map((_, i) => (n >> i) % 2);
      const replies = [];
      for (const [i, call] of calls.entries()) replies.push(await say(id, call, places[i] as number));
      const got = replies.map(({ action }) => action);
      if (typeof actions === 'function') expect(actions(got), `${name}, ${places}: ${got}`).toBe(true);
      else expect(got, `${name}, workers: ${places}`).toEqual(actions);
      if (texts !== undefined) expect(replies.at(-1)?.texts).toEqual(texts);
    }
  }
  expect(count(child, 'policies read again')).toBe(STATE_CASES.length);
  const seen = new Set(child.lines().flatMap(({ worker, action }) => (action === 'BLOCKED' ? [worker] : [])));
  expect(seen).toEqual(new Set([1, 2]));
  expect(child.stdout()).not.toContain('replicas share');
});

test('under load no call is judged by the old policies once the log tells of new ones, and a file that cannot be used changes nothing', async () => {
  const file = join(folder(), 'policy.yaml');
  writeFileSync(file, bans('tulip'));
  const child = await startWorkers({ POLICY_FILE: file });
  const calls = load(child.url, 8, () => ({ texts: ['a rose'] }));
  for (let n = 0; n < 10; n++) {
    const word = `word${n}`;
    writeFileSync(file, bans(word));
    child.send('SIGHUP');
    await expect
      .poll(() => count(child, 'policies read again'), { timeout: 20_000, interval: 1 })
      .toBe(n + 1);
    const actions = await Promise.all([1, 2, 3, 4].map(() => judged(child.url, { texts: [word] })));
    expect(actions).toEqual(['BLOCKED', 'BLOCKED', 'BLOCKED', 'BLOCKED']);
    writeFileSync(file, '{');
    child.send('SIGHUP');
    await expect
      .poll(() => count(child, 'the policy file cannot be used; the last good one stays'), GUARD)
      .toBeGreaterThan(n);
    expect(await Promise.all([1, 2].map(() => judged(child.url, { texts: [word] })))).toEqual([
      'BLOCKED',
      'BLOCKED',
    ]);
  }
  await calls.stop();
  expect(calls.failed).toEqual([]);
  expect(new Set(calls.actions)).toEqual(new Set(['NONE']));
  expect(await child.metric('policy_reloads_total', { result: 'changed' })).toBe(10);
});

test('what was blocked on one worker is removed from the history on all others, those too that start later', async () => {
  const akto = await fakeBackend((request, response) =>
    (request.text.includes('plum') ? aktoBlocks('No plums') : aktoAllows)(request, response),
  );
  const child = await startWorkers(aktoAt(akto.url));
  const say = async (contents: readonly string[], agent?: http.Agent) => {
    const call = {
      ...{ litellm_version: '1.110.2', litellm_trace_id: 'trace', texts: contents },
      ...{ structured_messages: contents.map((content) => ({ role: 'user', content })) },
      request_data: { user_api_key_hash: 'hash-1' },
    };
    return judged(child.url, call, agent);
  };
  const [first, second] = await connections(child);
  expect(await say(['a plum that nobody wants'], first)).toBe('BLOCKED');
  for (const agent of [first, second])
    expect(await say(['a plum that nobody wants', 'hello'], agent)).toBe('GUARDRAIL_INTERVENED');
  const [killed] = child.workers();
  process.kill(killed as number, 'SIGKILL');
  await child.line('a worker ended');
  await expect.poll(async () => (await child.readiness()).body.workers, GUARD).toMatchObject({ up: 2 });
  for (let i = 0; i < 4; i++)
    expect(await say(['a plum that nobody wants', 'hello'])).toBe('GUARDRAIL_INTERVENED');
});

/** Workers that keep records, and an Akto that gets them. */
async function recording(env: Readonly<Record<string, string>> = {}) {
  const akto = fakeAkto({ result: { Allowed: true, Reason: '' } });
  const server = await fakeBackend(akto.reply);
  const dir = folder();
  const child = await startWorkers({ ...aktoAt(server.url), DATA_DIR: dir, TELEMETRY: 'on', ...env });
  return { child, dir, akto, records: () => akto.recorded.map(readEnvelope) };
}

test('the record of a call tells of all its parts, whichever workers they met, and one process has the outbox', async () => {
  const { child, dir, records } = await recording();
  const agents = await connections(child);
  for (let n = 0; n < 8; n++) {
    const ids = { litellm_call_id: `call-${n}`, litellm_trace_id: `trace-${n}`, litellm_version: '1.110.2' };
    const places = [n % 2, (n >> 1) % 2, (n >> 2) % 2];
    const call = { input_type: 'request', texts: ['When does the library open?'] };
    await ask(child.url, GUARDRAIL, { ...ids, ...call }, agents[places[0] as number]);
    await ask(
      child.url,
      GUARDRAIL,
      { ...ids, input_type: 'response', texts: ['At nine.'] },
      agents[places[1] as number],
    );
    // At once: the notes of the two wait in their workers
    const posted = await ask(child.url, LOGS, [eventOf(`call-${n}`)], agents[places[2] as number]);
    expect(posted.status).toBe(200);
  }
  await expect.poll(() => records().length, GUARD).toBe(8);
  for (const { tag } of records())
    expect(JSON.parse(tag.guardrail ?? '')).toMatchObject([
      { input_type: 'request' },
      { input_type: 'response' },
    ]);
  const owners = [child.pid, ...child.workers()].filter((pid) =>
    readdirSync(`/proc/${pid}/fd`).some((fd) =>
      readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(`${dir}/outbox.db`),
    ),
  );
  expect(owners).toEqual([child.pid]);
  expect(await child.metric('telemetry_rows_total', { result: 'new' })).toBe(8);
  expect(await child.metric('telemetry_outbox_up')).toBe(1);
  expect((await child.readiness()).body.outbox).toMatchObject({ storage: null });
});

test('a blocked call waits for its record on the disk, which a killed worker does not take with it', async () => {
  const { child, records } = await recording({ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip' });
  for (let n = 0; n < 4; n++) {
    const call = { litellm_call_id: `call-${n}`, litellm_version: '1.110.2', texts: ['a tulip'] };
    expect(await judged(child.url, call)).toBe('BLOCKED');
  }
  for (const pid of child.workers()) process.kill(pid, 'SIGKILL');
  await expect.poll(() => records().length, GUARD).toBe(4);
  for (const { tag } of records()) expect(tag).toMatchObject({ outcome: 'blocked' });
});

test('every acknowledged event is delivered once, and every reply has its audit row, while workers are killed', async () => {
  const policy = join(folder(), 'policy.yaml');
  writeFileSync(
    policy,
    JSON.stringify({
      policies: { chain: ['banned-keywords', 'audit-logger'] },
      policy: { 'banned-keywords': { keywords: ['tulip'] }, 'audit-logger': { log_all_access: true } },
    }),
  );
  const { child, dir, records } = await recording({
    POLICY_FILE: policy,
    AUDIT_KEY: 'a key of sixteen characters',
  });
  const acknowledged: string[] = [];
  const replied: string[] = [];
  let isOver = false;
  let sent = 0;
  const client = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!isOver) {
      const id = `call-${sent++}`;
      try {
        await judged(
          child.url,
          { litellm_call_id: id, litellm_version: '1.110.2', texts: ['a rose'] },
          agent,
        );
        replied.push(id);
        const { status } = await ask(child.url, LOGS, [eventOf(id)], agent);
        if (status === 200) acknowledged.push(id);
      } catch {}
    }
    agent.destroy();
  };
  const clients = Array.from({ length: 6 }, client);
  onTestFinished(() => {
    isOver = true;
  });
  for (let kills = 1; kills <= 3; kills++) {
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length, GUARD).toBeGreaterThan(before + 50);
    process.kill(child.workers()[0] as number, 'SIGKILL');
    await expect.poll(() => count(child, 'a worker ended'), GUARD).toBe(kills);
    await expect.poll(async () => (await child.readiness()).body.workers, GUARD).toMatchObject({ up: 2 });
  }
  isOver = true;
  await Promise.all(clients);
  const delivered = () => records().map(({ tag }) => tag.litellm_call_id as string);
  const missing = () => {
    const known = new Set(delivered());
    return acknowledged.filter((id) => !known.has(id));
  };
  await expect.poll(missing, GUARD).toEqual([]);
  expect(delivered().length).toBe(new Set(delivered()).size);

  child.send('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  const audit = join(dir, 'audit');
  const rows = readdirSync(audit)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(audit, name), 'utf8').trim().split('\n'));
  const logged = new Set(
    rows.map((row) => (JSON.parse(row) as { litellm_call_id?: string }).litellm_call_id),
  );
  expect(replied.filter((id) => !logged.has(id))).toEqual([]);
  const env = { DATA_DIR: dir, AUDIT_KEY: 'a key of sixteen characters' };
  expect(await runChild({ args: ['audit', 'verify'], env })).toMatchObject({ code: 0 });
}, 60_000);
