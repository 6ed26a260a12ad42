/** Whole calls at an even pace: a guardrail call about a request, one about its response, and then its log event. */
import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { chatBody, responseBody, SERIAL } from './body.ts';
import { logBody } from './log-event.ts';
import type { Server } from './processes.ts';
import { KB } from './stand.ts';

/** From a request to its response, and from there to its event. */
const RESPONSE_MS = 400;
/** LiteLLM logs what has ended in batches. */
const POSTS_A_SECOND = 5;

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const headers = { 'content-type': 'application/json', 'x-api-key': 'bench-key' };

/** The reply; a bridge that does not reply in time must not end the measurement. */
function post(server: Server, path: string, body: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { agent, port: server.port, host: '127.0.0.1', method: 'POST', path };
    const length = Buffer.byteLength(body);
    const asked = request({ ...options, headers: { ...headers, 'content-length': length } }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      reply.on('end', () => resolve(text));
      reply.on('error', () => resolve(''));
    });
    asked.on('error', () => resolve(''));
    asked.end(body);
  });
}

/** So many calls a second at an even pace, or so many callers that each wait until their call is logged. */
export type Pace = { readonly perSecond: number } | { readonly callers: number };

/** Calls until it is told to stop, each request sent to the next server; their parts are counted. */
export function startCalls(servers: readonly Server[], pace: Pace) {
  const mark = `${SERIAL} `;
  const bodies = {
    request: chatBody(4 * KB, '', mark),
    response: responseBody(2 * KB, mark),
    event: logBody(10 * KB),
  };
  const numbered = (body: string, serial: number) => body.replaceAll(SERIAL, String(serial).padStart(8, '0'));
  const counts = { calls: 0, verdicts: 0, events: 0, stored: 0, deferred: 0 };
  let sent = 0;
  const next = () => servers[sent++ % servers.length] as Server;
  let ended: { readonly serial: number; logged(): void }[] = [];
  const judge = async (side: 'request' | 'response', serial: number) => {
    const reply = await post(next(), '/beta/litellm_basic_guardrail_api', numbered(bodies[side], serial));
    if (reply === '{"action":"NONE"}') counts.verdicts += 1;
  };
  const call = async (serial: number, responseMs: number) => {
    counts.calls += 1;
    await judge('request', serial);
    await wait(responseMs);
    await judge('response', serial);
    await new Promise<void>((logged) => ended.push({ serial, logged }));
  };
  const log = async () => {
    const batch = ended;
    ended = [];
    if (batch.length === 0) return;
    const rows = batch.map(({ serial }) => numbered(bodies.event, serial).slice(1, -1));
    const reply = await post(next(), '/v1/litellm/logs', `[${rows.join()}]`);
    const receipt = (name: string) => Number(new RegExp(`"${name}":(\\d+)`).exec(reply)?.[1] ?? 0);
    counts.stored += receipt('new');
    counts.deferred += receipt('deferred');
    counts.events += batch.length;
    for (const { logged } of batch) logged();
  };
  let isStopped = false;
  const start = performance.now();
  const perSecond = 'perSecond' in pace ? pace.perSecond : 0;
  const calls = setInterval(() => {
    const due = ((performance.now() - start) / 1000) * perSecond;
    while (counts.calls < due) void call(counts.calls, RESPONSE_MS);
  }, 8);
  const caller = async () => {
    while (!isStopped) await call(counts.calls, 0);
  };
  const callers = Array.from({ length: 'callers' in pace ? pace.callers : 0 }, caller);
  const logs = setInterval(() => void log(), 1000 / POSTS_A_SECOND);
  /** Begins no more, and resolves when those under way are logged. */
  const stop = async () => {
    clearInterval(calls);
    isStopped = true;
    await Promise.all(callers);
    await wait(2 * RESPONSE_MS);
    clearInterval(logs);
    await log();
  };
  return { counts, stop };
}
