/** Measures chats: one of 4 KB, and one that is sent again with each turn. */
import { parseGuardrailCall } from '../../src/litellm/request.ts';
import type { Engine } from '../../src/policies/engine.ts';
import { judgeWith } from '../support/policies.ts';
import { chatBody, SERIAL } from './body.ts';
import { median, spread } from './compare.ts';
import { type Chain, callOf, engineOf, fresh, readChains, TIMEOUT_MS } from './policy-chains.ts';
import { CLEAN, type MakeText } from './policy-texts.ts';
import { beside, bridge, KB, quick, target } from './stand.ts';

const BYTES = 4 * KB;
const TURNS = 50;
const CHATS = quick ? 20 : 200;

const prose = CLEAN['English prose'] as MakeText;
const us = (ms: number) => `${(1_000 * ms).toFixed(0)} us`;

/** Milliseconds that the engine takes for a call. */
async function timed(engine: Engine, call: ReturnType<typeof callOf>): Promise<number> {
  const start = performance.now();
  await judgeWith(engine, call, { timeoutMs: TIMEOUT_MS });
  return performance.now() - start;
}

/** The body that the load sends, in which no text was seen before. */
function freshChat() {
  const parsed = parseGuardrailCall(chatBody(BYTES, '', `${SERIAL} `).replaceAll(SERIAL, fresh().trimEnd()));
  if ('bad' in parsed) throw new Error(parsed.bad.message);
  return parsed.call;
}

async function inProcess(chain: Chain): Promise<number> {
  const engine = engineOf(chain);
  const rounds = quick ? 500 : 5_000;
  const times: number[] = [];
  for (let i = 0; i < 2 * rounds; i += 1) {
    const ms = await timed(engine, freshChat());
    if (i >= rounds) times.push(ms);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  const chars = freshChat().texts.join('').length;
  console.log(
    `${chain.name} chain, a chat of 4 KB (${chars} characters to read): p50 ${us(at(0.5))}, p99 ${us(at(0.99))}`,
  );
  return at(0.5);
}

async function overHttp(): Promise<void> {
  const off = await bridge({ BUILTIN_POLICY: 'off' });
  const on = await bridge({ BUILTIN_POLICY: 'on' });
  const at1 = { bytes: BYTES, concurrency: 1 };
  await beside('policies off and on, 1 caller', off, on, at1);
  await beside('  all of each chat new', off, on, { ...at1, route: 'new' });
  for (const server of [off, on]) await server.stop();
}

/** Median times of the first and the last turn of conversations to which each turn adds some messages. */
async function turns(chain: Chain, lengths: readonly number[]): Promise<void> {
  const engine = engineOf(chain);
  const first: number[] = [];
  const last: number[] = [];
  for (let chat = 0; chat < CHATS; chat += 1) {
    const texts: string[] = [];
    for (let turn = 1; turn <= TURNS; turn += 1) {
      for (const length of lengths) texts.push(prose(length, chat * TURNS + turn).replace(/^.{9}/s, fresh()));
      const structured_messages = texts.map((content, i) => ({
        role: i % 2 ? 'assistant' : 'user',
        content,
      }));
      const ms = await timed(engine, callOf([...texts], { structured_messages }));
      // The first calls find cold code
      if (chat < CHATS / 4) continue;
      if (turn === 1) first.push(ms);
      if (turn === TURNS) last.push(ms);
    }
  }
  const [one, fifty] = [median(first), median(last)];
  const { low, high } = spread(last.map((ms) => ms / one));
  console.log(
    `${chain.name} chain, turn ${TURNS} beside turn 1, ${lengths.join(' + ')} new characters a turn: ` +
      `${us(one)}, then ${us(fifty)}: ${(fifty / one).toFixed(1)} times [${low.toFixed(1)}..${high.toFixed(1)}]`,
  );
}

export async function chats(): Promise<void> {
  console.log();
  await overHttp();
  console.log();
  for (const chain of await readChains()) {
    const p50 = await inProcess(chain);
    if (chain.name === 'default') {
      target('4 KB chat judged by the default chain in <= 0.1 ms p50', p50, (ms) => ms <= 0.1);
    }
    await turns(chain, [400]);
    await turns(chain, [200, 200]);
  }
}
