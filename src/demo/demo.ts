import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isAtLeast, TAKES_STREAM_SCOPE } from '../litellm/releases.ts';
import { chatClient } from './chat-client.ts';
import { type DemoBridge, startDemoBridge } from './demo-bridge.ts';
import { litellmConfig, litellmSettings, readDemoFile } from './demo-calls.ts';
import type { DemoSurroundings } from './demo-surroundings.ts';
import { freePort, isUp, LitellmStartError, type RunningLitellm, startLitellm } from './litellm-process.ts';
import type { LitellmProgram } from './litellm-program.ts';
import { chooseProgram } from './program-choice.ts';
import { readRecording, replayClient } from './replay.ts';
import { showCalls } from './show-calls.ts';
import { stayLines } from './stay-lines.ts';

export type DemoOptions = {
  /** Keeps all running until it is stopped. */
  readonly stay: boolean;
  /** Takes recorded calls, also where there is a LiteLLM. */
  readonly replay: boolean;
  /** Port of LiteLLM; a free one without it. */
  readonly port: number | undefined;
  /** How long LiteLLM may take to start. */
  readonly startLimitMs: number;
};

/**
 * Shows what the bridge does, with a real LiteLLM if there is or can be one, else with recorded calls. Everything of it runs on
 * loopback, in a temporary folder, and ends with it.
 *
 * @returns false if a call did not end as it should
 * @throws Error that an operator can read
 */
export async function demo(options: DemoOptions, surroundings: DemoSurroundings): Promise<boolean> {
  const { paper, command, why, stop } = surroundings;
  const port = await freePort(options.port);
  const program = options.replay ? undefined : await chooseProgram(surroundings);
  const startedAt = performance.now();
  const streams = program?.version === undefined || isAtLeast(program.version, TAKES_STREAM_SCOPE);
  const folder = await mkdtemp(join(tmpdir(), 'guardrail-demo-'));
  const ends = [() => rm(folder, { recursive: true, force: true })];
  try {
    const bridge = await startDemoBridge(folder, newKey('bridge'), streams);
    ends.push(bridge.stop);
    const file = readDemoFile();
    const key = newKey('sk');
    const config = litellmConfig(file, streams);
    const litellm = program && (await start(program, { config, port, key, bridge }, options, surroundings));
    if (litellm !== undefined) ends.push(litellm.stop);
    const recording = litellm === undefined ? readRecording() : undefined;
    if (recording !== undefined) {
      paper.line(`These calls were recorded with LiteLLM ${recording.litellm}; the bridge judges them now.`);
    } else if (!streams) {
      const first = TAKES_STREAM_SCOPE.join('.');
      paper.line(
        `This LiteLLM drops redactions of streams, so no response is streamed; from ${first} on they are.`,
      );
    }
    stop.throwIfAborted();
    const isRight = await showCalls(paper, {
      said: file.said,
      streams: recording !== undefined || streams,
      ask:
        litellm === undefined
          ? replayClient(recording ?? readRecording(), bridge, stop)
          : chatClient(litellm.url, key, stop),
      why: (reference) => why(reference, folder),
    });
    const took = ((performance.now() - startedAt) / 1000).toFixed(1);
    paper.line(
      `\n${isRight ? 'All three ended as they should' : 'Not all ended as they should'}, after ${took} s.`,
    );
    if (options.stay) {
      paper.line(stayLines({ bridge, command, litellm: litellm && { url: litellm.url, key } }));
      if (!stop.aborted) await once(stop, 'abort');
    } else paper.line(`To see them on a page, and to try your own: ${command} demo --stay`);
    return isRight;
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

/**
 * Shows the calls through a LiteLLM that others run, with the models of the demo; waits for it if it still starts.
 *
 * @returns false if a call did not end as it should
 * @throws Error if it does not start in time
 */
export async function demoThrough(
  proxy: { readonly url: string; readonly key: string; readonly page: string | undefined },
  { startLimitMs }: DemoOptions,
  { paper, env, why, stop }: DemoSurroundings,
): Promise<boolean> {
  const done = paper.waiting(`Waiting for LiteLLM at ${proxy.url}:`);
  const giveUpAt = performance.now() + startLimitMs;
  while (!(await isUp(proxy.url, stop))) {
    stop.throwIfAborted();
    if (performance.now() > giveUpAt) throw new Error(`--proxy: nothing answers at ${proxy.url}`);
    await wait(200);
  }
  done();
  const dataDir = env.DATA_DIR;
  const isRight = await showCalls(paper, {
    ...{ ask: chatClient(proxy.url, proxy.key, stop), said: readDemoFile().said, streams: true },
    why: async (reference) => (dataDir === undefined ? [] : why(reference, dataDir)),
  });
  const key = env.BRIDGE_API_KEY;
  if (proxy.page !== undefined)
    paper.line(`\nSee these calls on the page: ${proxy.page}${key === undefined ? '' : `, key ${key}`}`);
  return isRight;
}

/** Undefined if LiteLLM did not start, which is told. */
async function start(
  program: LitellmProgram,
  { config, port, key, bridge }: { config: string; port: number; key: string; bridge: DemoBridge },
  { startLimitMs: limitMs }: DemoOptions,
  { paper, env, stop }: DemoSurroundings,
): Promise<RunningLitellm | undefined> {
  const done = paper.waiting('Starting LiteLLM with a mock model, and no key of any provider:');
  try {
    const litellm = await startLitellm({
      ...{ program: program.file, folder: bridge.folder, config, port, env, limitMs, stop },
      settings: litellmSettings(bridge, key),
    });
    done();
    return litellm;
  } catch (error) {
    done();
    stop.throwIfAborted();
    if (!(error instanceof LitellmStartError)) throw error;
    paper.line(`LiteLLM did not start: ${error.message}. Its last lines:`);
    for (const line of error.lastLines) paper.line(paper.dim(`  ${line}`));
    return undefined;
  }
}

const newKey = (prefix: string) => `${prefix}-demo-${randomBytes(8).toString('hex')}`;
