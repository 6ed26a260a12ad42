import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Collector, startCollector } from '../support/otlp-collector.ts';
import { type Bridge, startBridge } from './bridge.ts';
import { call } from './client.ts';
import { type Provider, startProvider } from './provider.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { newestAlone, type Release } from './release.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SENT = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=1' };
const [newest] = newestAlone() as [Release];

// The way of a trace through LiteLLM: the newest release alone, as nothing of it is an interface of the bridge
describe(`traces through litellm ${newest.version}`, () => {
  let provider: Provider;
  let seen: Collector;
  let bridge: Bridge;
  let recorder: Recorder;
  let proxy: RunningProxy;

  beforeAll(async () => {
    provider = await startProvider();
    seen = await startCollector();
    recorder = await startRecorder();
    bridge = await startBridge({
      OTEL_EXPORTER_OTLP_ENDPOINT: seen.url,
      OTEL_METRICS_EXPORTER: 'none',
      BUILTIN_POLICY: 'on',
    });
    const entries = (name: string, api_base: string, params: object) =>
      ['pre_call', 'during_call', 'post_call'].map((mode) => ({
        guardrail_name: `${name}-${mode}`,
        litellm_params: { guardrail: 'generic_guardrail_api', mode, api_base, ...params },
      }));
    proxy = await startProxy({
      bin: newest.bin,
      providerUrl: provider.url,
      guardrails: [
        ...entries('told', bridge.url, { extra_headers: ['traceparent', 'tracestate'] }),
        ...entries('plain', bridge.url, {}),
        ...entries('recorded', recorder.url, {}),
      ],
    });
  });

  afterAll(async () => {
    await proxy?.stop();
    await bridge?.stop();
    await Promise.all([provider?.close(), seen?.close(), recorder?.close()]);
  });

  /** The spans of one chat by the guardrails of a name, and the id of its call. */
  async function spansOf(name: string, headers: Record<string, string>) {
    seen.spans.length = 0;
    const guardrails = ['pre_call', 'during_call', 'post_call'].map((mode) => `${name}-${mode}`);
    const messages = [{ role: 'user', content: 'When does the library open?' }];
    const answer = await call(
      proxy.url,
      '/v1/chat/completions',
      { model: 'house-model', messages, guardrails },
      headers,
    );
    expect(answer.status, answer.raw).toBe(200);
    const sides = () => seen.spans.filter((span) => span.name.startsWith('guardrail '));
    await expect.poll(() => sides().length, { timeout: 20_000 }).toBe(3);
    const ids = new Set(sides().map(({ attributes }) => String(attributes['litellm.call_id'])));
    expect(ids.size).toBe(1);
    const [callId = ''] = ids;
    return { spans: sides(), callId };
  }

  test('stand below the span of the client, where its headers are passed on', async () => {
    const { spans } = await spansOf('told', SENT);
    for (const span of spans)
      expect(span).toMatchObject({ traceId: TRACE, parentSpanId: SPAN, traceState: 'vendor=1' });
  });

  test('stand in the trace of the client all the same where they are not', async () => {
    const { spans } = await spansOf('plain', SENT);
    for (const span of spans) {
      expect(span.traceId).toBe(TRACE);
      expect(span.parentSpanId ?? '').toBe('');
    }
  });

  test('stand in one trace, made of the call id, for a client that is not traced', async () => {
    const { spans, callId } = await spansOf('plain', {});
    for (const span of spans) expect(span.traceId).toBe(callId.replaceAll('-', ''));
    const names = spans.map(({ name }) => name).toSorted();
    expect(names).toEqual(['guardrail request', 'guardrail request', 'guardrail response']);
  });

  test('LiteLLM itself sends no traceparent with a guardrail call', async () => {
    recorder.calls = [];
    const messages = [{ role: 'user', content: 'When does the library open?' }];
    const body = { model: 'house-model', messages, guardrails: ['recorded-pre_call'] };
    await call(proxy.url, '/v1/chat/completions', body, SENT);
    expect(recorder.calls.length).toBeGreaterThan(0);
    for (const { headers, body } of recorder.calls) {
      expect(headers.traceparent).toBeUndefined();
      expect(body.request_headers).toMatchObject({ traceparent: '[present]', tracestate: '[present]' });
      expect(body.litellm_trace_id).toBe(TRACE);
    }
  });
});
