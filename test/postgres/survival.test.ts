import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAt, capsuleAt } from '../support/bridge.ts';
import { json, startFakeBackend, text } from '../support/fake-backend.ts';
import { randomFrom } from '../support/random.ts';
import { type Replica, startReplicas } from './replicas.ts';
import { newSchema, type Postgres, startPostgres } from './server.ts';

/** Guardrail calls and log events together, and how often something is killed meanwhile. A thousand rounds were run once. */
const EVENTS = Number(process.env.SURVIVAL_EVENTS ?? 50_000);
const ROUNDS = Number(process.env.SURVIVAL_ROUNDS ?? 200);
const GRACE_MS = 30_000;
const SENDERS = 12;
const POST_EVENTS = 40;
/** Records in flight to a vendor when a replica is killed: those of the batches that it had begun. */
const IN_FLIGHT = 500;
/** So long a blocked call waits for its record. */
const BLOCKED_MS = 50;

const POLICIES = `
pack: { name: survival, version: 1.0.0 }
policies: { chain: [banned-keywords] }
policy: { banned-keywords: { keywords: [turnip] } }
rules:
  - name: everybody
    match: { team: '*' }
    backends: []
`;

test('every acknowledged record arrives once at each vendor, whatever is killed', {
  timeout: 240_000 + EVENTS * 8 + ROUNDS * 4000,
}, async () => {
  const random = randomFrom(14);
  const postgres = await startPostgres();
  onTestFinished(() => postgres.remove());
  const vendors = {
    akto: await startRecorder(random, 'akto'),
    capsule: await startRecorder(random, 'capsule'),
  };
  const policies = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'survival-')), 'policies.yaml');
  onTestFinished(() => fs.rmSync(path.dirname(policies), { recursive: true, force: true }));
  fs.writeFileSync(policies, POLICIES);
  const { replicas, balancer } = await startReplicas(3, {
    ...aktoAt(vendors.akto.url),
    ...capsuleAt(vendors.capsule.url),
    ...{ POLICY_FILE: policies, FAILURE_GRACE_SECONDS: String(GRACE_MS / 1000) },
    ...{ DATABASE_URL: postgres.url, DATABASE_SCHEMA: newSchema(), DATABASE_CONNECT_TIMEOUT: '1' },
    ...{ DATABASE_STATEMENT_TIMEOUT: '2', SHUTDOWN_TIMEOUT: '2' },
  });
  /** Blocked calls that were replied to before their record was stored, and those whose record only one replica had, as the logs tell. */
  const told = new Set<string>();
  const alone = new Set<string>();
  for (const replica of replicas) {
    replica.onEnd = (child) => {
      for (const { msg, litellm_call_id } of child.lines()) {
        if (msg.includes('before its record was stored')) told.add(String(litellm_call_id));
        if (msg.includes('waits on this machine for the database')) alone.add(String(litellm_call_id));
      }
    };
  }

  const traffic = new Traffic(balancer.url, random);
  const startedAt = performance.now();
  const sending = traffic.run(EVENTS);
  const killed = await killAll(replicas, postgres, random, () => traffic.size);
  await sending;
  const sentMs = performance.now() - startedAt;

  const isTold = (id: string) => told.has(id) || (traffic.blocked.get(id)?.ms ?? 0) >= BLOCKED_MS;
  const promised = () => [
    ...traffic.acknowledged.keys(),
    ...[...traffic.blocked.keys()].filter((id) => !isTold(id)),
  ];
  const missing = () =>
    Object.values(vendors).flatMap(({ arrived }) => promised().filter((id) => !arrived.has(id)));
  for (let tries = 0; tries < 1200 && missing().length > 0; tries++) await wait(100);
  for (const replica of replicas) await replica.end('SIGTERM');
  expect(missing().length, missing().slice(0, 5).join(' ')).toBe(0);

  let twice = 0;
  const late = { deferred: new Set(), unstored: new Set(), unanswered: new Set(), grace: new Set() };
  const wrong: string[] = [];
  for (const [name, { arrived }] of Object.entries(vendors)) {
    for (const [id, records] of arrived) {
      if (records.size > 1) {
        const statuses = [...records.keys()].map((record) => vendors.akto.statuses.get(record));
        const reason = traffic.reasonFor(id, isTold(id) || alone.has(id));
        // Two blocks of one call are one record whenever they come
        if (reason !== undefined && !statuses.every((status) => status === '403')) late[reason].add(id);
        else wrong.push(`${name} ${id}: ${[...records.keys()]} ${statuses} of ${traffic.historyOf(id)}`);
      }
      twice += [...records.values()].filter((times) => times > 1).length;
    }
  }
  const whole = [...traffic.judged].filter((id) => (vendors.akto.notes.get(id) ?? 0) >= 2).length;
  console.log(
    `survival: ${traffic.size} events (${traffic.calls} calls) in ${Math.round(sentMs / 1000)} s, ${ROUNDS} rounds: ` +
      `${killed.kill} kills and ${killed.term} ends of replicas, ${killed.fast} restarts, ${killed.crash} crashes and ` +
      `${killed.pause} stalls of Postgres; ${traffic.acknowledged.size} records acknowledged and ${traffic.blocked.size} calls ` +
      `blocked, 0 lost; ${twice} redelivered under the same id; with a late second record ${late.deferred.size} of ${traffic.deferred.size} ` +
      `calls with a deferred event, ${late.unstored.size} whose block did not wait, ${late.unanswered.size} without a reply, ${late.grace.size} after the grace; ${told.size} blocked calls said that ` +
      `they did not wait, and the records of ${alone.size} waited on their replica; ${whole} of ${traffic.judged.size} records have the notes of both sides`,
  );
  expect(wrong, wrong.join('\n')).toEqual([]);
  // They are possible, not usual
  expect(Object.values(late).reduce((sum, { size }) => sum + size, 0)).toBeLessThan(traffic.calls / 100);
  expect(twice).toBeLessThanOrEqual(2 * ROUNDS * IN_FLIGHT);
  expect(traffic.acknowledged.size).toBeGreaterThan(EVENTS / 5);
  // Notes are not acknowledged: those of the last moment before a kill may be gone, or come too long after an outage. With something killed
  // every two seconds 0.58 were whole, with something each three or four 0.88 and more;
  // on a machine with other work 0.28 and 0.49
  expect(whole / traffic.judged.size).toBeGreaterThan(0.25);
});

type Killed = { kill: number; term: number; fast: number; crash: number; pause: number };

/** Kills replicas and ends Postgres in turn, and starts them again. */
async function killAll(
  replicas: readonly Replica[],
  postgres: Postgres,
  random: () => number,
  progress: () => number,
): Promise<Killed> {
  const killed: Killed = { kill: 0, term: 0, fast: 0, crash: 0, pause: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const before = progress();
    const dice = random();
    const replica = replicas[Math.floor(random() * replicas.length)] as Replica;
    if (dice < 0.75) {
      const signal = dice < 0.65 ? 'SIGKILL' : 'SIGTERM';
      killed[signal === 'SIGKILL' ? 'kill' : 'term']++;
      await replica.end(signal);
      await wait(random() * 100);
      await replica.start();
    } else if (dice < 0.93) {
      const mode = dice < 0.86 ? 'fast' : 'immediate';
      killed[mode === 'fast' ? 'fast' : 'crash']++;
      await postgres.stop(mode);
      await wait(random() * 300);
      await postgres.start();
    } else {
      killed.pause++;
      postgres.pause();
      await wait(300 + random() * 1500);
      postgres.resume();
    }
    // Only once there is something to lose again
    for (let tries = 0; tries < 100 && progress() < before + 20; tries++) await wait(10);
    await wait(random() * 150);
  }
  return killed;
}

/** A vendor that takes records, slowly and not always; it keeps how often each record arrived, by call. */
async function startRecorder(random: () => number, name: 'akto' | 'capsule') {
  const arrived = new Map<string, Map<string, number>>();
  /** Decisions in the record of a call. */
  const notes = new Map<string, number>();
  const add = (callId: string, recordId: string) => {
    const records = arrived.get(callId) ?? new Map<string, number>();
    records.set(recordId, (records.get(recordId) ?? 0) + 1);
    arrived.set(callId, records);
  };
  /** The status of each record. */
  const statuses = new Map<string, string>();
  const server = await startFakeBackend(async (seen, response) => {
    server.seen.length = 0;
    await wait(random() * 10);
    if (random() < 0.02) return text('busy', 503)(seen, response);
    if (name === 'akto') {
      for (const { tag, statusCode } of (seen.body as { batchData: Sent[] }).batchData) {
        statuses.set(String((JSON.parse(tag) as Record<string, string>).record_id), statusCode);
        const { litellm_call_id, record_id, guardrail } = JSON.parse(tag) as Record<string, string>;
        add(String(litellm_call_id), String(record_id));
        notes.set(String(litellm_call_id), (String(guardrail).match(/"action"/g) ?? []).length);
      }
    } else
      add(String((seen.body as { requestId: string }).requestId), String(seen.headers['idempotency-key']));
    return json({ success: true })(seen, response);
  });
  onTestFinished(() => server.close());
  return { url: server.url, arrived, notes, statuses };
}

/** How long the reply to a blocked call took, and when it came. */
type Blocked = { readonly ms: number; readonly at: number; readonly side: string };

/** A record as Akto gets it. */
type Sent = { readonly tag: string; readonly statusCode: string };

const FILLER =
  'The library of the town opens at nine, and closes at six; on Sundays it stays closed. '.repeat(12);

/** LiteLLM as far as the bridges see it: guardrail calls before and after the model, and batches of log events that are sent until they are taken. */
class Traffic {
  readonly #url: string;
  readonly #random: () => number;
  readonly #agent = new Agent({ connections: 64 });
  /** When a replica said that it has the event, by call. */
  readonly acknowledged = new Map<string, Map<string, number>>();
  readonly blocked = new Map<string, Blocked>();
  /** Calls that both sides of were judged, and whose success was acknowledged. */
  readonly judged = new Set<string>();
  /** Calls with an event that was acknowledged in a POST of which something waits on the machine of its replica. */
  readonly deferred = new Set<string>();
  /** Calls that were to be judged by a replica that did not reply. */
  readonly unanswered = new Set<string>();
  size = 0;
  calls = 0;
  #queue: Record<string, unknown>[] = [];

  constructor(url: string, random: () => number) {
    this.#url = url;
    this.#random = random;
  }

  /** Sends about so many guardrail calls and log events. */
  async run(events: number): Promise<void> {
    const sender = async () => {
      while (this.size < events) await this.#call();
    };
    await Promise.all(Array.from({ length: SENDERS }, sender));
    await this.#flush();
    await this.#agent.close();
  }

  /**
   * Why a call can have a second record: no replica said that the database had all of it, or its success came so late that its failure may
   * have been delivered.
   */
  reasonFor(id: string, isTold: boolean): 'deferred' | 'unstored' | 'unanswered' | 'grace' | undefined {
    if (this.deferred.has(id)) return 'deferred';
    if (isTold) return 'unstored';
    if (this.unanswered.has(id)) return 'unanswered';
    const times = this.acknowledged.get(id);
    const waited = (times?.get('success') ?? 0) - (times?.get('failure') ?? Number.POSITIVE_INFINITY);
    return waited > GRACE_MS / 2 ? 'grace' : undefined;
  }

  /** The events of a call with the times at which they were taken, for a failure of the test. */
  historyOf(id: string): string {
    const events = [...(this.acknowledged.get(id) ?? [])].map(([status, at]) => `${status} ${at}`);
    const block = this.blocked.get(id);
    return [...events, ...(block === undefined ? [] : [`${block.side} blocked ${block.at}`])].join(', ');
  }

  async #call(): Promise<void> {
    const id = randomUUID();
    const dice = this.#random();
    this.calls++;
    const words = dice < 0.08 ? 'Cook a turnip.' : 'When does the library open?';
    const said = dice < 0.16 ? 'Have a turnip.' : 'At nine.';
    const startedAt = Date.now();
    const before = await this.#judge(id, 'request', words);
    if (before === 'BLOCKED') {
      if (this.#random() < 0.5) await this.#log(eventOf(id, 'failure', startedAt));
      return;
    }
    if (dice > 0.75) await this.#log(eventOf(id, 'failure', startedAt));
    if (dice > 0.9) return;
    const after = await this.#judge(id, 'response', said);
    if (after === 'BLOCKED' && this.#random() < 0.5) return;
    if (before !== undefined && after === 'NONE') this.judged.add(id);
    await this.#log(eventOf(id, 'success', startedAt));
  }

  /** The action of the reply; undefined for a call that no replica replied to. */
  async #judge(id: string, input_type: 'request' | 'response', words: string): Promise<string | undefined> {
    this.size++;
    const call = {
      ...{
        input_type,
        litellm_call_id: id,
        litellm_trace_id: id,
        litellm_version: '1.110.2',
        model: 'gpt-4o',
      },
      request_data: { user_api_key_team_alias: 'library', user_api_key_hash: 'a'.repeat(64) },
      texts: [words],
      ...(input_type === 'request' && { structured_messages: [{ role: 'user', content: words }] }),
    };
    const startedAt = performance.now();
    try {
      const { action } = (await this.#post('/beta/litellm_basic_guardrail_api', call)) as { action: string };
      if (action === 'BLOCKED')
        this.blocked.set(id, { ms: performance.now() - startedAt, at: Date.now(), side: input_type });
      return action;
    } catch {
      this.unanswered.add(id);
      return undefined;
    }
  }

  async #log(event: Record<string, unknown>): Promise<void> {
    this.size++;
    this.#queue.push(event);
    if (this.#queue.length >= POST_EVENTS) await this.#flush();
  }

  async #flush(): Promise<void> {
    const events = this.#queue.splice(0);
    for (let tries = 0; events.length > 0 && tries < 200; tries++) {
      try {
        const receipt = (await this.#post('/v1/litellm/logs', events)) as { deferred?: number };
        for (const { litellm_call_id, status } of events) {
          if (receipt.deferred) this.deferred.add(String(litellm_call_id));
          const times = this.acknowledged.get(String(litellm_call_id)) ?? new Map<string, number>();
          times.set(String(status), Date.now());
          this.acknowledged.set(String(litellm_call_id), times);
        }
        return;
      } catch {
        await wait(50 + this.#random() * 200);
      }
    }
    if (events.length > 0) throw new Error('log events were never taken');
  }

  async #post(route: string, body: object): Promise<unknown> {
    const { statusCode, body: reply } = await request(this.#url + route, {
      ...{ method: 'POST', body: JSON.stringify(body), dispatcher: this.#agent, headersTimeout: 20_000 },
    });
    const read = await reply.text();
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    return JSON.parse(read);
  }
}

function eventOf(id: string, status: 'success' | 'failure', startedAt: number) {
  return {
    litellm_call_id: id,
    id: `chatcmpl-${id}`,
    trace_id: id,
    ...{ status, model: 'gpt-4o', call_type: 'acompletion' },
    startTime: startedAt / 1000,
    endTime: Date.now() / 1000,
    metadata: { user_api_key_team_alias: 'library', user_api_key_hash: 'a'.repeat(64) },
    messages: [
      { role: 'system', content: FILLER },
      { role: 'user', content: 'When does the library open?' },
    ],
    response:
      status === 'success' ? { choices: [{ message: { role: 'assistant', content: 'At nine.' } }] } : null,
  };
}
