/** Measures streamed responses: the engine's time for each round, and the characters that a backend is sent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { aktoAllows } from '../support/akto.ts';
import { json, startFakeBackend } from '../support/fake-backend.ts';
import { judgeWith } from '../support/policies.ts';
import { median } from './compare.ts';
import { type Chain, callOf, engineOf, readChains, TIMEOUT_MS } from './policy-chains.ts';
import { CLEAN, type MakeText } from './policy-texts.ts';
import { type Server, startServer } from './processes.ts';
import { bridgeEnv, quick, target } from './stand.ts';

const ROUND = 20;
const LENGTH = 8_000;
const STREAMS = quick ? 8 : 40;
const LENGTHS = [300, 1_000, 4_320, 5_000, 20_000];
/** Longer than the bridge waits for another round. */
const QUIET_MS = 2_500;

const prose = CLEAN['English prose'] as MakeText;

async function engineTime(chain: Chain): Promise<void> {
  const engine = engineOf(chain);
  const rounds = LENGTH / ROUND;
  const times: number[][] = Array.from({ length: rounds }, () => []);
  for (let stream = 0; stream < STREAMS; stream += 1) {
    const whole = prose(LENGTH, stream);
    for (let round = 0; round < rounds; round += 1) {
      const text = whole.slice(0, (round + 1) * ROUND);
      const call = callOf(text, { input_type: 'response', litellm_call_id: `stream-${stream}` });
      const start = performance.now();
      await judgeWith(engine, call, { timeoutMs: TIMEOUT_MS });
      if (stream >= STREAMS / 4) times[round]?.push(performance.now() - start);
    }
  }
  const at = (from: number) => median(times.slice(from, from + 20).flat()) * 1_000;
  const whole = times.reduce((sum, own) => sum + median(own), 0);
  console.log(
    `${chain.name} chain, a response of ${LENGTH} characters in rounds of ${ROUND}: ${at(0).toFixed(0)} us a round at the ` +
      `beginning, ${at(rounds / 2).toFixed(0)} in the middle, ${at(rounds - 20).toFixed(0)} at the end; ${whole.toFixed(1)} ms in all`,
  );
}

/** How LiteLLM delivers the responses: redactions of a stream are dropped, or delivered. */
const DELIVERIES = {
  block_only: { stream: true },
  incremental_diff: { streaming_transform_mode: 'incremental_diff' },
} as const;
type Delivery = keyof typeof DELIVERIES;

async function post(server: Server, id: string, text: string, delivery: Delivery): Promise<void> {
  const call = {
    ...{
      input_type: 'response',
      litellm_call_id: id,
      texts: [text],
      model: 'house',
      litellm_version: '1.110.2',
    },
    additional_provider_specific_params: DELIVERIES[delivery],
  };
  const reply = await fetch(`http://127.0.0.1:${server.port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'bench-key' },
    body: JSON.stringify(call),
  });
  const { action } = (await reply.json()) as { action?: string };
  if (action !== 'NONE') throw new Error(`a round got ${reply.status} ${action}`);
}

/** A vendor that judges whole calls, and one that judges texts, with the characters of a response in what each is sent. */
const VENDORS = {
  akto: { allows: aktoAllows, chars: responseLength },
  'guardrails-ai': {
    allows: json({ validationPassed: true }),
    chars: (body: unknown) => (body as { llm_output: string }).llm_output.length,
  },
} as const;

type Asking = {
  readonly vendor: keyof typeof VENDORS;
  readonly growth: number;
  readonly delivery: Delivery;
};

/** Characters of responses that a backend was sent, whole or in part, beside their lengths. */
async function sentToBackend({ vendor, growth, delivery }: Asking): Promise<void> {
  const { allows, chars } = VENDORS[vendor];
  const backend = await startFakeBackend(allows);
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const POLICY_FILE = join(folder, 'policy.yaml');
  const entry = {
    name: 'house',
    kind: vendor,
    url: backend.url,
    ...(vendor !== 'akto' && { guard: 'house' }),
  };
  writeFileSync(POLICY_FILE, JSON.stringify({ policies: { chain: [] }, backends: [entry] }));
  const env = bridgeEnv({ POLICY_FILE, STREAM_CHECK_GROWTH: String(growth) });
  const server = await startServer(undefined, '../../src/main.ts', [], env);
  const results: string[] = [];
  for (const length of LENGTHS) {
    const whole = prose(length, length);
    const before = backend.seen.length;
    for (let end = ROUND; end < length + ROUND; end += ROUND) {
      await post(server, `response-${length}`, whole.slice(0, end), delivery);
    }
    const during = backend.seen.length - before;
    if (growth > 1 && delivery === 'block_only') await wait(QUIET_MS);
    const seen = backend.seen.slice(before);
    const last = JSON.stringify(whole.slice(-ROUND)).slice(1, -1);
    if (!seen.at(-1)?.text.replaceAll('\\\\', '\\').includes(last.slice(-8)))
      throw new Error(`a response of ${length} was not judged to its end`);
    const ratio = seen.reduce((sum, { body }) => sum + chars(body), 0) / length;
    results.push(`${length}: ${ratio.toFixed(2)} (${during} checks, ${seen.length - during} late)`);
    if (vendor !== 'akto' && growth > 1 && delivery === 'block_only')
      target(`characters sent for a response of ${length} <= 1.2x`, ratio, (times) => times <= 1.2);
  }
  await server.stop();
  await backend.close();
  rmSync(folder, { recursive: true });
  const setting = `${vendor}, STREAM_CHECK_GROWTH=${growth}, ${delivery}`;
  console.log(`characters sent for each of a response, ${setting}: ${results.join('; ')}`);
}

function responseLength(body: unknown): number {
  const { responsePayload } = body as { responsePayload: string };
  const inner = JSON.parse((JSON.parse(responsePayload) as { body: string }).body) as {
    choices: { message: { content: string } }[];
  };
  return inner.choices.reduce((sum, { message }) => sum + message.content.length, 0);
}

export async function responses(): Promise<void> {
  console.log();
  for (const chain of await readChains()) await engineTime(chain);
  await sent();
}

/** Characters that vendors are sent, by setting. */
export async function sent(): Promise<void> {
  for (const growth of [6, 1]) {
    await sentToBackend({ vendor: 'akto', growth, delivery: 'block_only' });
    await sentToBackend({ vendor: 'guardrails-ai', growth, delivery: 'block_only' });
  }
  await sentToBackend({ vendor: 'guardrails-ai', growth: 1, delivery: 'incremental_diff' });
}
