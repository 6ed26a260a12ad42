/** Measures streamed responses: the engine's time for each round, and the characters that a backend is sent. */
import { setTimeout as wait } from 'node:timers/promises';
import { aktoAllows } from '../support/akto.ts';
import { startFakeBackend } from '../support/fake-backend.ts';
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

async function post(server: Server, id: string, text: string): Promise<void> {
  const reply = await fetch(`http://127.0.0.1:${server.port}/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': 'bench-key' },
    body: JSON.stringify({ input_type: 'response', litellm_call_id: id, texts: [text] }),
  });
  const { action } = (await reply.json()) as { action?: string };
  if (action !== 'NONE') throw new Error(`a round got ${reply.status} ${action}`);
}

/** Characters of responses that a backend was sent, whole or in part, beside their lengths. */
async function sentToBackend(growth: number): Promise<void> {
  const backend = await startFakeBackend(aktoAllows);
  const akto = { AKTO_GUARDRAIL_API_BASE: backend.url, AKTO_API_KEY: 'bench-token' };
  const env = bridgeEnv({ ...akto, STREAM_CHECK_GROWTH: String(growth) });
  const server = await startServer(undefined, '../../src/main.ts', [], env);
  const results: string[] = [];
  for (const length of LENGTHS) {
    const whole = prose(length, length);
    const before = backend.seen.length;
    for (let end = ROUND; end < length + ROUND; end += ROUND) {
      await post(server, `response-${length}`, whole.slice(0, end));
    }
    const during = backend.seen.length - before;
    await wait(QUIET_MS);
    const checks = backend.seen.slice(before).map(({ body }) => responseLength(body));
    if (Math.max(...checks) !== length) throw new Error(`a response of ${length} was not judged to its end`);
    const ratio = checks.reduce((sum, chars) => sum + chars, 0) / length;
    results.push(`${length}: ${ratio.toFixed(2)} (${during} checks, ${checks.length - during} late)`);
    if (growth !== 1)
      target(`characters sent for a response of ${length} <= 1.2x`, ratio, (times) => times <= 1.205);
  }
  await server.stop();
  await backend.close();
  console.log(
    `characters sent to Akto for each of a response, STREAM_CHECK_GROWTH=${growth}: ${results.join('; ')}`,
  );
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
  for (const growth of [6, 1]) await sentToBackend(growth);
}
