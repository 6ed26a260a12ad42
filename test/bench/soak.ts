/**
 * Measures memory over time, at the load of a busy proxy: 125 calls a second, each with a guardrail call about its request, one about its
 * response, and then its log event, with one vendor that judges and takes records. It takes a tenth of a core.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chatBody, responseBody, SERIAL } from './body.ts';
import { median, spread } from './compare.ts';
import { folderOnDisk } from './disk.ts';
import { logBody } from './log-event.ts';
import type { ThreadMemory } from './memory-probe.ts';
import { residentMb, type Server, startServer } from './processes.ts';
import { bridgeEnv, KB, minutes, target } from './stand.ts';

const CALLS_A_SECOND = 125;
/** LiteLLM logs what has ended in batches. */
const POSTS_A_SECOND = 5;
/** From a request to its response, and from there to its event. */
const RESPONSE_MS = 400;
const SAMPLE_MS = 30_000;
/** Until then code is compiled, heaps and caches find their size. */
const SETTLE_MINUTES = 5;

const AIM_MB = 300;
const PROBE = new URL('./memory-probe.ts', import.meta.url).href;

type Sample = { readonly minute: number; readonly mb: number; readonly threads: readonly ThreadMemory[] };

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const headers = { 'content-type': 'application/json', 'x-api-key': 'bench-key' };

/** The status; a bridge that does not reply in time must not end the measurement. */
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

/** Calls at an even pace until it is told to stop; their parts are counted. */
function startCalls(server: Server) {
  const mark = `${SERIAL} `;
  const bodies = {
    request: chatBody(4 * KB, '', mark),
    response: responseBody(2 * KB, mark),
    event: logBody(10 * KB),
  };
  const numbered = (body: string, serial: number) => body.replaceAll(SERIAL, String(serial).padStart(8, '0'));
  const counts = { calls: 0, verdicts: 0, events: 0, stored: 0 };
  let ended: number[] = [];
  const judge = async (side: 'request' | 'response', serial: number) => {
    const reply = await post(server, '/beta/litellm_basic_guardrail_api', numbered(bodies[side], serial));
    if (reply === '{"action":"NONE"}') counts.verdicts += 1;
  };
  const call = async (serial: number) => {
    counts.calls += 1;
    await judge('request', serial);
    await wait(RESPONSE_MS);
    await judge('response', serial);
    ended.push(serial);
  };
  const log = async () => {
    const serials = ended;
    ended = [];
    if (serials.length === 0) return;
    counts.events += serials.length;
    const rows = serials.map((serial) => numbered(bodies.event, serial).slice(1, -1));
    const reply = await post(server, '/v1/litellm/logs', `[${rows.join()}]`);
    counts.stored += Number(/"new":(\d+)/.exec(reply)?.[1] ?? 0);
  };
  const start = performance.now();
  const calls = setInterval(() => {
    const due = ((performance.now() - start) / 1000) * CALLS_A_SECOND;
    while (counts.calls < due) void call(counts.calls);
  }, 8);
  const logs = setInterval(() => void log(), 1000 / POSTS_A_SECOND);
  const stop = () => {
    clearInterval(calls);
    clearInterval(logs);
  };
  return { counts, stop };
}

function threadsOf(folder: string): ThreadMemory[] {
  const files = readdirSync(folder).filter((name) => /^memory\.\d+$/.test(name));
  return files.toSorted().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ThreadMemory);
}

/** Slope of a line through the samples, MB a minute, and twice its standard error. */
function slopeOf(samples: readonly Sample[]): { readonly slope: number; readonly noise: number } {
  const mean = (pick: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const [minute, mb] = [mean((sample) => sample.minute), mean((sample) => sample.mb)];
  const sum = (pick: (sample: Sample) => number) =>
    samples.reduce((total, sample) => total + pick(sample), 0);
  const spreadOfTime = sum((sample) => (sample.minute - minute) ** 2);
  const slope = sum((sample) => (sample.minute - minute) * (sample.mb - mb)) / spreadOfTime;
  const rest = sum((sample) => (sample.mb - mb - slope * (sample.minute - minute)) ** 2);
  return { slope, noise: 2 * Math.sqrt(rest / Math.max(1, samples.length - 2) / spreadOfTime) };
}

const whole = (mb: number) => mb.toFixed(0).padStart(4);

export async function soak(): Promise<void> {
  const stub = await startServer(undefined, './reference.ts', ['stub']);
  const probes = folderOnDisk();
  const server = await startServer(
    undefined,
    '../../src/main.ts',
    [],
    bridgeEnv({
      ...{ AKTO_GUARDRAIL_API_BASE: `http://127.0.0.1:${stub.port}`, AKTO_API_KEY: 'bench-token' },
      ...{
        DATA_DIR: folderOnDisk(),
        MEMORY_PROBE: join(probes, 'memory'),
        NODE_OPTIONS: `--import=${PROBE}`,
      },
    }),
  );
  console.log(
    `\nsoak: ${2 * CALLS_A_SECOND} guardrail calls and ${CALLS_A_SECOND} events of 10 KB a second for ${minutes} minutes`,
  );
  console.log('minute  RSS   of each thread: heap used/reserved (young) + outside of the heap, MB');
  const { counts, stop } = startCalls(server);
  const start = performance.now();
  const samples: Sample[] = [];
  for (let n = 1; n <= (minutes * 60_000) / SAMPLE_MS; n += 1) {
    await wait(start + n * SAMPLE_MS - performance.now());
    const sample = {
      minute: (n * SAMPLE_MS) / 60_000,
      mb: residentMb(server.pid),
      threads: threadsOf(probes),
    };
    samples.push(sample);
    const threads = sample.threads.map(
      ({ used, reserved, young, external }) =>
        `${whole(used)}/${whole(reserved)} (${whole(young)}) +${whole(external)}`,
    );
    console.log(`${sample.minute.toFixed(1).padStart(6)} ${whole(sample.mb)}   ${threads.join('  |  ')}`);
  }
  stop();
  await wait(2 * RESPONSE_MS);
  const settled = samples.filter(({ minute }) => minute > Math.min(SETTLE_MINUTES, minutes / 2));
  const { slope, noise } = slopeOf(settled);
  const mb = spread(settled.map((sample) => sample.mb));
  const most = Math.max(...samples.map((sample) => sample.mb));
  console.log(
    `${counts.calls} calls, ${counts.verdicts} verdicts, ${counts.events} events, ${counts.stored} stored; ` +
      `memory ${median(settled.map((sample) => sample.mb)).toFixed(0)} MB [${mb.low.toFixed(0)}..${mb.high.toFixed(0)}], at most ${most.toFixed(0)}; ` +
      `slope ${slope.toFixed(2)} +- ${noise.toFixed(2)} MB a minute`,
  );
  await server.stop();
  await stub.stop();
  target(`soak of ${minutes} minutes in <= ${AIM_MB} MB`, most, (value) => value <= AIM_MB);
  target('  slope in MB a minute no larger than its noise', slope, (value) => value <= Math.max(noise, 0.05));
  target(
    '  all calls judged, all events stored',
    Math.min(counts.verdicts / 2, counts.stored) / counts.calls,
    (share) => share > 0.99,
  );
}
