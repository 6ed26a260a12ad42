import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { newCanaryId } from '../../src/guardrail/canary.ts';
import { testBridge } from '../support/bridge.ts';
import { ask, startWorkers } from '../support/workers.ts';

const KEY = 'bridge-key-1';
const headers = { 'x-api-key': KEY };

function bridgeWithKey(env: Record<string, string> = {}) {
  const bridge = testBridge({ BRIDGE_API_KEYS: KEY, ...env });
  onTestFinished(() => bridge.close());
  const seen = async (id: string, sent: Record<string, string> = headers) => {
    const response = await bridge.app.request(`/v1/canaries/${id}`, { headers: sent });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return { ...bridge, seen };
}

const call = (id: string, more: object = {}) => ({
  ...{ input_type: 'request', litellm_call_id: id, litellm_version: '1.110.2', texts: ['plums'] },
  ...more,
});

describe('what the bridge tells of a call of the doctor', () => {
  test('is which sides were judged, how, and in what way a response is delivered', async () => {
    const { ask, seen } = bridgeWithKey();
    const id = newCanaryId();
    expect((await seen(id)).body).toMatchObject({ seen: [], response_redaction: 'auto' });
    await ask(call(id), headers);
    const params = { additional_provider_specific_params: { stream: true } };
    await ask(call(id, { input_type: 'response', model: 'm', ...params }), headers);
    expect((await seen(id)).body.seen).toEqual([
      { kind: 'judged', input_type: 'request', action: 'NONE', litellm_version: '1.110.2' },
      {
        ...{ kind: 'judged', input_type: 'response', action: 'NONE', litellm_version: '1.110.2' },
        ...{ wiring: 'block_only', unapplied: 'stream' },
      },
    ]);
  });

  test('is no content, also of a call that was blocked', async () => {
    const { ask, seen } = bridgeWithKey();
    const id = newCanaryId();
    await ask(call(id, { texts: [`AKIA${'ABCDEFGHIJKLMNOP'}`] }), headers);
    const { body } = await seen(id);
    expect(body.seen).toMatchObject([{ action: 'BLOCKED' }]);
    expect(JSON.stringify(body)).not.toContain('AKIA');
  });

  test('is for those alone who have a key', async () => {
    const { seen, metric } = bridgeWithKey();
    expect((await seen(newCanaryId(), {})).status).toBe(401);
    expect((await seen(newCanaryId(), { 'x-api-key': 'bridge-key-2' })).status).toBe(401);
    expect(await metric('rejected_total{reason="unauthorized"}')).toBe(2);
  });

  test.each(['9c2e7d1a-0000-4000-8000-000000000000', 'guardrail-bridge-doctor-1'])(
    'is nothing about other calls: %s',
    async (id) => {
      const { ask, seen } = bridgeWithKey();
      await ask(call(id), headers);
      expect(await seen(id)).toMatchObject({ status: 404, body: { error: { type: 'not_found' } } });
    },
  );

  test('is bounded: clients can choose ids', async () => {
    const { ask, seen } = bridgeWithKey();
    const ids = Array.from({ length: 1100 }, newCanaryId);
    for (const id of ids) await ask(call(id), headers);
    expect((await seen(ids[0] as string)).body.seen).toEqual([]);
    const last = ids.at(-1) as string;
    for (let n = 0; n < 40; n++) await ask(call(last, { litellm_version: `1.110.${n}` }), headers);
    expect((await seen(last)).body.seen).toHaveLength(16);
  });

  test('is its end, however many rounds a stream was judged in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'canary-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { ask, app, seen } = bridgeWithKey({ DATA_DIR: folder });
    const id = newCanaryId();
    for (let n = 0; n < 40; n++) await ask(call(id, { litellm_version: `1.110.${n}` }), headers);
    await ask(call(id, { litellm_version: '1.110.0' }), headers);
    const body = JSON.stringify([{ id: 'r-1', litellm_call_id: id, status: 'success' }]);
    await app.request('/v1/litellm/logs', { method: 'POST', headers, body });
    await expect
      .poll(async () => (await seen(id)).body.seen)
      .toContainEqual({ kind: 'logged', outcome: 'success' });
    expect((await seen(id)).body.seen).toHaveLength(17);
  });

  test('is that LiteLLM has logged it, though no backend takes records', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'canary-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const { app, seen } = bridgeWithKey({ DATA_DIR: folder });
    const id = newCanaryId();
    const body = JSON.stringify([{ id: 'r-1', litellm_call_id: id, status: 'success' }]);
    await app.request('/v1/litellm/logs', { method: 'POST', headers, body });
    await expect
      .poll(async () => (await seen(id)).body)
      .toMatchObject({
        ...{ reads_events: true, takes_records: false },
        seen: [{ kind: 'logged', outcome: 'success' }],
      });
  });

  test('is known to each worker, log events too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'canary-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const child = await startWorkers({ DATA_DIR: folder });
    const id = newCanaryId();
    for (const input_type of ['request', 'response']) await ask(child.url, '/', call(id, { input_type }));
    const events = [{ id: 'r-1', litellm_call_id: id, status: 'success' }];
    await ask(child.url, '/v1/litellm/logs', events);
    await expect
      .poll(async () => {
        const replies = await Promise.all([1, 2, 3, 4].map(() => ask(child.url, `/v1/canaries/${id}`)));
        return replies.map(({ body }) => (JSON.parse(body) as { seen: unknown[] }).seen.length);
      })
      .toEqual([3, 3, 3, 3]);
  });
});
