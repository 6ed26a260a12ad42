/** Measures what shared state adds to a call: a request that one replica judges and its response at another, beside one bridge that is alone. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startPostgres } from '../postgres/server.ts';
import { chatBody, prose } from './body.ts';
import { spread } from './compare.ts';
import { type Server, startServer } from './processes.ts';
import { bridgeEnv, KB, quick, target } from './stand.ts';

const SECONDS = quick ? 1 : 2;
const TURNS = quick ? 2 : 4;
/** Between two calls of one of several callers: 32 of them make 320 calls a second. */
const PAUSE_MS = 200;
const WARM_UP_S = quick ? 2 : 6;

type Times = { readonly request: number[]; readonly response: number[] };
type Pair = readonly [asked: Server, answered: Server];

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

function post({ port }: Server, body: string): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'x-api-key': 'bench-key',
      'content-length': Buffer.byteLength(body),
    };
    const path = '/beta/litellm_basic_guardrail_api';
    const sent = http.request({ port, host: '127.0.0.1', path, method: 'POST', headers, agent }, (reply) => {
      let text = '';
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => {
        if (reply.statusCode !== 200 || text.includes('BLOCKED')) reject(new Error(`a call got ${text}`));
        else resolve(performance.now() - startedAt);
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const request = chatBody(4 * KB, 'write to ada.frost@example.org');

/** Of a response, beside its text. */
type Said = { readonly tool_calls?: readonly object[] };

async function exchange([asked, answered]: Pair, times: Times, more: Said): Promise<void> {
  const litellm_call_id = randomUUID();
  const named = { litellm_call_id, litellm_trace_id: litellm_call_id, litellm_version: '1.110.2' };
  const call = { ...(JSON.parse(request) as { request_data: object }), ...named };
  times.request.push(await post(asked, JSON.stringify(call)));
  const { request_data } = call;
  const said = {
    texts: [prose(1000, 3)],
    model: 'gpt-4.1-mini',
    additional_provider_specific_params: { stream: false },
    ...more,
  };
  times.response.push(
    await post(answered, JSON.stringify({ input_type: 'response', ...named, request_data, ...said })),
  );
}

async function measured(pair: Pair, callers: number, seconds: number, more: Said): Promise<Times> {
  const times: Times = { request: [], response: [] };
  const end = performance.now() + seconds * 1000;
  const caller = async () => {
    while (performance.now() < end) {
      await exchange(pair, times, more);
      if (callers > 1) await wait(PAUSE_MS * (0.5 + Math.random()));
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return times;
}

const at = (times: readonly number[], share: number) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;

/** In turns, so that the noise of the machine falls out. */
async function compared(
  { name: label, more = {} }: Case,
  alone: Pair,
  sharing: Pair,
  callers: number,
): Promise<number> {
  for (const pair of [alone, sharing]) await measured(pair, callers, 1, more);
  const rounds: { alone: Times; sharing: Times }[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    rounds.push({
      alone: await measured(alone, callers, SECONDS, more),
      sharing: await measured(sharing, callers, SECONDS, more),
    });
  }
  const added = (['request', 'response'] as const).map((side) => {
    const all = (who: 'alone' | 'sharing', share: number) =>
      spread(rounds.map((round) => at(round[who][side], share))).median;
    const more = spread(rounds.map((round) => at(round.sharing[side], 0.5) - at(round.alone[side], 0.5)));
    const ms = (value: number) => value.toFixed(2);
    console.log(
      `${label}, ${callers} caller${callers === 1 ? '' : 's'}, ${side.padEnd(8)}: p50 ${ms(all('alone', 0.5))} alone, ${ms(all('sharing', 0.5))} shared, ` +
        `added ${ms(more.median)} [${ms(more.low)}..${ms(more.high)}], ratio ${ms(all('sharing', 0.5) / all('alone', 0.5))}; ` +
        `p99 ${ms(all('alone', 0.99))} alone, ${ms(all('sharing', 0.99))} shared`,
    );
    return more.median;
  });
  return Math.max(...added);
}

const BY_MODEL = {
  policies: { chain: ['secrets'] },
  rules: [{ name: 'strict', match: { model: 'gpt-4*' }, chain: ['secrets'] }],
};
const REVERSIBLE = {
  policies: { chain: ['pii-detector'] },
  policy: { 'pii-detector': { action: 'redact', redaction: { reversible: true } } },
};

const NONE = { policies: { chain: [] } };
const AGENTS = {
  policies: { chain: ['agent-firewall'] },
  policy: { 'agent-firewall': { max_actions_per_session: 1_000_000 } },
};
const ACTION = {
  id: 'call_1',
  type: 'function',
  function: { name: 'look_up', arguments: '{"city": "Rome"}' },
};

type Case = {
  readonly name: string;
  readonly policies: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly more?: Said;
};

export async function state(): Promise<void> {
  const postgres = await startPostgres();
  const folder = mkdtempSync(join(tmpdir(), 'bench-state-'));
  const stub = await startServer(1, './reference.ts', ['stub']);
  const vendor = { AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${stub.port}`, AKTO_API_KEY: 'bench-token' };
  const cases: readonly Case[] = [
    { name: 'rules by model', policies: BY_MODEL },
    { name: 'markers', policies: REVERSIBLE },
    { name: "a vendor's request", policies: NONE, env: vendor },
    { name: 'blocked history', policies: NONE, env: { BLOCKED_HISTORY: 'remove' } },
    { name: 'actions of agents', policies: AGENTS, more: { tool_calls: [ACTION] } },
  ];
  try {
    for (const one of cases) {
      const { name, policies, env = {}, more = {} } = one;
      const POLICY_FILE = join(folder, 'policies.json');
      writeFileSync(POLICY_FILE, JSON.stringify(policies));
      const common = bridgeEnv({ POLICY_FILE, BLOCKED_HISTORY: 'block', ...env });
      const shared = { DATABASE_URL: postgres.url, STATE_KEY: 'ab'.repeat(32), ...common };
      const start = (env: Record<string, string>) => startServer(0, '../../src/main.ts', [], env);
      const [alone, a, b] = [await start(common), await start(shared), await start(shared)];
      for (const pair of [
        [alone, alone],
        [a, b],
      ] as const)
        await measured(pair, 8, WARM_UP_S, more);
      for (const callers of [1, 32]) {
        const added = await compared(one, [alone, alone], [a, b], callers);
        target(`${name}, ${callers} callers: <= 1 ms added at p50`, added, (ms) => ms <= 1);
      }
      for (const server of [alone, a, b]) await server.stop();
    }
  } finally {
    agent.destroy();
    await stub.stop();
    await postgres.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}
