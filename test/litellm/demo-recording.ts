import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chatClient } from '../../src/demo/chat-client.ts';
import { startDemoBridge } from '../../src/demo/demo-bridge.ts';
import {
  DEMO_CALLS,
  litellmConfig,
  litellmSettings,
  readDemoFile,
  type Shown,
} from '../../src/demo/demo-calls.ts';
import { freePort, startLitellm } from '../../src/demo/litellm-process.ts';
import { INSTALLED_RELEASE } from '../../src/demo/litellm-program.ts';
import { type DemoRecording, RECORDING_FILE } from '../../src/demo/replay.ts';
import { type RecordedCall, startRecorder } from './recorder.ts';
import { ensureVenv } from './venv.ts';

const key = 'sk-invented-demo-key';

/** Has a LiteLLM make the calls of the demo, and keeps what it asks about them and what their clients read. */
export async function recordDemo(
  litellm: string,
  program: string,
): Promise<{ recording: DemoRecording; read: Map<string, { shown: Shown; pieces: string[] }> }> {
  const folder = await mkdtemp(join(tmpdir(), 'demo-recording-'));
  const bridge = await startDemoBridge(folder, 'invented-bridge-key', true);
  const recorder = await startRecorder(async ({ method, path, headers, body }: RecordedCall) => {
    const { 'content-length': _, ...sent } = headers;
    try {
      const reply = await fetch(bridge.url + path, { method, headers: sent, body: JSON.stringify(body) });
      return { status: reply.status, json: await reply.json() };
    } catch {
      return { status: 503, json: {} }; // log events of a proxy that ends, to a bridge that has ended
    }
  });
  const ends = [bridge.stop, recorder.close, () => rm(folder, { recursive: true, force: true })];
  try {
    const { signal: stop } = new AbortController();
    const proxy = await startLitellm({
      ...{ program, folder, port: await freePort(), env: { PATH: process.env.PATH }, limitMs: 120_000, stop },
      config: litellmConfig(readDemoFile(), true),
      settings: litellmSettings({ ...bridge, url: recorder.url }, key),
    });
    ends.unshift(proxy.stop);
    const ask = chatClient(proxy.url, key, stop);
    const asked: DemoRecording['asked'] = {};
    const read = new Map<string, { shown: Shown; pieces: string[] }>();
    for (const call of DEMO_CALLS) {
      recorder.calls.length = 0;
      const pieces: string[] = [];
      read.set(call.outcome, { shown: await ask(call, (piece) => pieces.push(piece)), pieces });
      const guardrailCalls = recorder.calls.filter(({ path }) => path.startsWith('/beta/'));
      asked[call.outcome] = guardrailCalls.map(({ body }) => body) as DemoRecording['asked'][string];
    }
    return { recording: { litellm, asked }, read };
  } finally {
    for (const end of ends) await end();
  }
}

// node test/litellm/demo-recording.ts writes what the demo replays
if (import.meta.main) {
  const { bin, litellm } = await ensureVenv(INSTALLED_RELEASE, false, console.log);
  const { recording } = await recordDemo(litellm, join(bin, 'litellm'));
  await writeFile(RECORDING_FILE, `${JSON.stringify(recording, null, 2)}\n`);
}
