import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Case, cases, type Outcome } from './cases.ts';
import { call } from './client.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { type RecordedCall, type Recorder, startRecorder } from './recorder.ts';
import { does, type Release } from './release.ts';

const record = process.env.RECORD_FIXTURES === '1';

// Bodies that LiteLLM really sends. Replayed by the ordinary tests; RECORD_FIXTURES=1 writes them anew.
describe.each(inject('releases'))('the guardrail calls of litellm $version', (release) => {
  const folder = join(import.meta.dirname, '..', 'fixtures', `litellm-${release.version}`);
  const recorded = record || existsSync(folder);
  const sent: string[] = [];
  let provider: Provider;
  let recorder: Recorder;
  let proxy: RunningProxy;

  beforeAll(async () => {
    provider = await startProvider();
    recorder = await startRecorder();
    proxy = await startProxy({
      bin: release.bin,
      providerUrl: provider.url,
      guardrails: ['pre_call', 'post_call'].map((mode) => ({
        guardrail_name: `record-${mode}`,
        litellm_params: {
          guardrail: 'generic_guardrail_api',
          mode,
          api_base: recorder.url,
          default_on: true,
          headers: { 'x-bridge-mode': mode },
          api_key: 'invented-bridge-key',
          extra_headers: ['x-team-notes'],
          additional_provider_specific_params: { tenant: 'kitchen' },
        },
      })),
    });
    if (record) {
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
    }
  });

  afterAll(async () => {
    await proxy?.stop();
    await recorder?.close();
    await provider?.close();
  });

  test.each(cases)('$name', async (item) => {
    provider.reset(item.response ?? {});
    recorder.calls = [];
    const seen = await call(proxy.url, item.path, item.body, item.headers);
    const calls = recorder.calls;

    const kinds = [...new Set(calls.map(({ body }) => body.input_type))];
    expect({ status: seen.status, calls: kinds }, seen.raw.slice(0, 600)).toEqual(outcomeOf(item, release));
    for (const { path, headers } of calls) {
      expect(path).toBe('/beta/litellm_basic_guardrail_api');
      expect(headers['content-type']).toBe('application/json');
      expect(headers['user-agent']).toBe(`litellm/${release.version}`);
      expect(headers['x-api-key']).toBe('invented-bridge-key');
      expect(headers['x-bridge-mode']).toMatch(/^(pre|post)_call$/);
    }

    for (const [name, content] of filesOf(item, calls, proxy.url)) {
      sent.push(name);
      if (record) await writeFile(join(folder, name), content);
      if (!recorded) continue;
      const now = JSON.parse(content) as Body | Body[];
      const then = JSON.parse(await readFile(join(folder, name), 'utf8')) as Body | Body[];
      if (Array.isArray(now) && Array.isArray(then)) expectSameStream(now, then);
      else expect(now).toEqual(then);
    }
  });

  // Skipped for a release newer than the last recording.
  test.skipIf(!recorded)('every recorded body is still sent', async () => {
    expect(sent.sort()).toEqual((await readdir(folder)).sort());
  });
});

type Body = Record<string, unknown>;

const outcomeOf = ({ outcome, before }: Case, release: Release): Outcome =>
  before === undefined || does(release, before.trait) ? outcome : before.outcome;

/** Compares streams. The number of rounds depends on network chunks; their kind, growth and end do not. */
function expectSameStream(now: Body[], then: Body[]): void {
  expect(now[0]).toEqual(then[0]);
  expect(now.at(-1)).toEqual(then.at(-1));
  const texts = now
    .filter((body) => body.input_type === 'response')
    .map((body) => (body.texts as string[])[0] ?? '');
  for (const [index, text] of texts.slice(0, -1).entries()) {
    if (texts[index + 1] !== '') expect(texts[index + 1]).toContain(text);
  }
}

/** Names and contents of the files for one client request: a body each, or all bodies of a stream in order. */
function filesOf(item: Case, calls: RecordedCall[], proxyUrl: string): [string, string][] {
  const bodies = calls.map(({ body }) => settle(body, proxyUrl));
  const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  if (item.name.endsWith('-stream')) return bodies.length > 0 ? [[`${item.name}.json`, text(bodies)]] : [];
  return bodies.map((body) => [`${item.name}-${String(body.input_type)}.json`, text(body)]);
}

/** Replaces what differs from run to run: ids, the proxy's port. */
function settle(body: Body, proxyUrl: string): Body {
  const fixed = JSON.stringify(body).replaceAll(new URL(proxyUrl).host, 'litellm.example.com');
  return {
    ...(JSON.parse(fixed) as Body),
    litellm_call_id: '00000000-0000-4000-8000-000000000001',
    litellm_trace_id: '00000000-0000-4000-8000-000000000002',
  };
}
