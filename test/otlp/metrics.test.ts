import { expect, test } from 'vitest';
import { readPromText } from '../../src/otlp/prometheus-text.ts';
import type { SeenMetric } from '../support/otlp-collector.ts';
import { collector, tracedBridge, untilThere } from './world.ts';

const CALL = { input_type: 'request', litellm_call_id: 'call-1', texts: ['Hello.'] };

/** The page of Prometheus as what an export should hold: by name, with the value or the buckets of each series. */
function expected(page: string) {
  return Object.fromEntries(
    readPromText(page).map(({ name, type, help, samples }) => [
      name,
      { type: type === 'counter' ? 'sum' : type, help, series: samples.length },
    ]),
  );
}

const seriesOf = ({ type, points }: SeenMetric) =>
  type === 'histogram' ? points.reduce((sum, { bounds = [] }) => sum + bounds.length + 3, 0) : points.length;

test('the metrics are those of /metrics, by the same names and labels, and none is counted twice', async () => {
  const seen = await collector();
  const bridge = tracedBridge(seen.url);
  for (let i = 0; i < 3; i++) await bridge.ask(CALL);
  const page = await (await bridge.app.request('/metrics')).text();
  await bridge.close();
  const last = seen.metrics.at(-1) ?? [];
  const found = Object.fromEntries(
    last.map((metric) => [
      metric.name,
      { type: metric.type, help: metric.description, series: seriesOf(metric) },
    ]),
  );
  const wanted = expected(page);
  // Those of the process come and go between two looks
  for (const one of [wanted, found])
    for (const name of Object.keys(one)) if (!name.startsWith('guardrail_bridge_')) delete one[name];
  expect(found).toEqual(wanted);
  expect(last.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes']),
  );

  const metric = (name: string) => last.find((one) => one.name === `guardrail_bridge_${name}`) as SeenMetric;
  const decisions = metric('decisions_total');
  expect(decisions).toMatchObject({ type: 'sum', isMonotonic: true, temporality: 2, unit: '' });
  const allowed = decisions.points.find(
    ({ labels }) => labels.action === 'NONE' && labels.input_type === 'request',
  );
  expect(allowed).toEqual({
    labels: { action: 'NONE', input_type: 'request' },
    value: 3,
    from: expect.any(Number),
  });
  // Since the start of the process, which counts
  expect(Math.abs((allowed?.from ?? 0) - performance.timeOrigin)).toBeLessThan(1000);

  const seconds = metric('decision_seconds');
  expect(seconds).toMatchObject({ type: 'histogram', temporality: 2 });
  const requests = seconds.points.find(({ labels }) => labels.input_type === 'request');
  expect(requests?.labels).toEqual({ input_type: 'request' });
  expect(requests?.count).toBe(3);
  expect(requests?.bounds?.slice(0, 3)).toEqual([0.0001, 0.00025, 0.0005]);
  expect(requests?.counts).toHaveLength((requests?.bounds?.length ?? 0) + 1);
  expect(requests?.counts?.reduce((sum, count) => sum + count, 0)).toBe(3);
  const text = /guardrail_bridge_decision_seconds_sum\{input_type="request"\} (\S+)/.exec(page)?.[1];
  expect(requests?.sum).toBe(Number(text));
});

test('each export says by whom it is, with what an operator adds', async () => {
  const seen = await collector();
  const bridge = tracedBridge(seen.url, {
    OTEL_SERVICE_NAME: 'bridge of payments',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=prod,team=a%2Cb',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20token-of-the-collector,x-scope=a',
    OTEL_METRIC_EXPORT_INTERVAL: '100',
  });
  await bridge.ask(CALL);
  await untilThere(() => seen.metrics.length >= 2);
  await bridge.close();
  const paths = new Set(seen.requests.map(({ path }) => path));
  expect([...paths].toSorted()).toEqual(['/v1/logs', '/v1/metrics', '/v1/traces']);
  for (const { headers } of seen.requests)
    expect(headers).toMatchObject({
      authorization: 'Bearer token-of-the-collector',
      'x-scope': 'a',
      'content-type': 'application/x-protobuf',
    });
  for (const resource of seen.resources)
    expect(resource).toMatchObject({
      'service.name': 'bridge of payments',
      'service.version': expect.stringMatching(/^\d/),
      'service.instance.id': seen.resources[0]?.['service.instance.id'],
      'deployment.environment.name': 'prod',
      team: 'a,b',
      'telemetry.sdk.language': 'nodejs',
    });
  expect(seen.scopes[0]).toMatchObject({ name: 'litellm-guardrail-bridge' });
});

test('each of the three can have an address of its own, or go nowhere', async () => {
  const [traces, others] = [await collector(), await collector()];
  const bridge = tracedBridge(others.url, {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${traces.url}/v1/traces`,
    OTEL_LOGS_EXPORTER: 'none',
  });
  await bridge.ask(CALL);
  await bridge.close();
  expect([...new Set(traces.requests.map(({ path }) => path))]).toEqual(['/v1/traces']);
  expect([...new Set(others.requests.map(({ path }) => path))]).toEqual(['/v1/metrics']);
});
