import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { fakeAkto } from './akto.ts';
import { aktoAt, capsuleAt, testBridge } from './bridge.ts';
import { type FakeBackend, json, type Reply, type SeenRequest, startFakeBackend } from './fake-backend.ts';
import { listen } from './listen.ts';

export const LOGS = '/v1/litellm/logs';

/** A folder that is gone when the test ends. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type AktoRecord = {
  readonly statusCode: string;
  readonly tag: Record<string, string>;
  readonly request: unknown;
  readonly response: unknown;
  readonly text: string;
};

/** An envelope as a person would read it. */
export function readEnvelope(envelope: Record<string, string | null>): AktoRecord {
  const inner = (text: string | null | undefined) => {
    const { body } = JSON.parse(text ?? '{}') as { body?: string };
    return body === undefined ? undefined : JSON.parse(body);
  };
  return {
    statusCode: String(envelope.statusCode),
    tag: JSON.parse(envelope.tag ?? '{}') as Record<string, string>,
    request: inner(envelope.requestPayload),
    response: inner(envelope.responsePayload),
    text: JSON.stringify(envelope),
  };
}

/** Capsule's hooks: decides by a word in the conversation, keeps what is posted to it. */
export function fakeCapsule(forbidden = 'turnip') {
  const posted: Record<string, unknown>[] = [];
  const reply: Reply = (request: SeenRequest, response) => {
    if (request.path.endsWith('/events/post')) {
      posted.push(request.body as Record<string, unknown>);
      return json({ ok: true })(request, response);
    }
    const decision = request.text.includes(forbidden) ? 'deny' : 'allow';
    return json({ decision, reason: 'invented' })(request, response);
  };
  return { posted, reply };
}

/** Waits until something holds; the test's own limit ends a wait in vain. */
export async function until<T>(
  find: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found;
    await wait(10);
  }
}

/** A bridge that listens and keeps records in a folder, with an Akto and, if wanted, a Capsule that keep what they get. */
export async function recordingBridge(env: Record<string, string> = {}, { withCapsule = false } = {}) {
  const folder = env.DATA_DIR ?? temporaryFolder();
  const akto = fakeAkto({ result: { Allowed: true, Reason: '' } });
  const aktoServer = await startFakeBackend(akto.reply);
  const capsule = fakeCapsule();
  const servers: FakeBackend[] = [aktoServer];
  const vendors = { ...aktoAt(aktoServer.url) };
  if (withCapsule) {
    const server = await startFakeBackend(capsule.reply);
    servers.push(server);
    Object.assign(vendors, capsuleAt(server.url));
  }
  const bridge = testBridge({ ...vendors, DATA_DIR: folder, ...env });
  const server = await listen(bridge);
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await server.close();
    await bridge.close();
  };
  onTestFinished(async () => {
    await close();
    await Promise.all(servers.map((one) => one.close()));
  });
  const send = async (body: unknown, headers: Record<string, string> = {}) => {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(server.url + LOGS, {
      method: 'POST',
      body: isRaw ? (body as string) : JSON.stringify(body),
      headers,
    });
    return { status: response.status, reply: (await response.json()) as Record<string, unknown> };
  };
  const records = () => akto.recorded.map(readEnvelope);
  /** The records of one call at Akto, once there are `count`. */
  const recordsOf = (callId: string, count = 1) =>
    until(() => {
      const found = records().filter(({ tag }) => tag.litellm_call_id === callId);
      return found.length >= count && found;
    });
  return {
    ...bridge,
    ...server,
    close,
    folder,
    akto: { ...akto, server: aktoServer },
    capsule,
    send,
    records,
    recordsOf,
  };
}

/** An event of a call that went well, as LiteLLM logs it. */
export function eventOf(callId: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Date.now() / 1000;
  return {
    litellm_call_id: callId,
    id: `chatcmpl-${callId}`,
    status: 'success',
    call_type: 'acompletion',
    model_group: 'house-model',
    startTime: now - 1,
    endTime: now,
    messages: [{ role: 'user', content: 'When does the library open?' }],
    response: { choices: [{ message: { role: 'assistant', content: 'At nine.' } }] },
    metadata: { user_api_key_team_id: 'team-1' },
    ...more,
  };
}
