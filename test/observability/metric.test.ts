import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { counter, gauge, histogram, registerIn } from '../../src/observability/metric.ts';

function opened<M extends Parameters<typeof registerIn>[2]>(metrics: M) {
  const registry = new Registry();
  registerIn(registry, 'bridge_', metrics);
  const lines = async () => (await registry.metrics()).split('\n').filter((line) => line !== '');
  return { ...metrics, lines };
}

test('every combination of label values is at zero from the start', async () => {
  const calls_total = counter('Calls.', { kind: ['a', 'b'], mode: ['x', 'y'] });
  const { lines } = opened({ calls_total: calls_total.zero({ kind: ['c'], mode: ['z'] }) });
  expect(await lines()).toEqual([
    '# HELP bridge_calls_total Calls.',
    '# TYPE bridge_calls_total counter',
    'bridge_calls_total{kind="a",mode="x"} 0',
    'bridge_calls_total{kind="a",mode="y"} 0',
    'bridge_calls_total{kind="b",mode="x"} 0',
    'bridge_calls_total{kind="b",mode="y"} 0',
    'bridge_calls_total{kind="c",mode="z"} 0',
  ]);
});

test('a metric with a label of which no value is listed starts without a series', async () => {
  const { calls_total: metric, lines } = opened({ calls_total: counter('Calls.', { team: [] }) });
  expect(await lines()).toHaveLength(2);
  metric.inc({ team: 'a' });
  expect((await lines()).at(-1)).toBe('bridge_calls_total{team="a"} 1');
});

test('a value that is not listed gets a series of its own, in the order of the labels', async () => {
  const { calls_total: metric, lines } = opened({
    calls_total: counter('Calls.', { kind: ['a'], mode: ['x'] }),
  });
  metric.inc({ mode: 'y', kind: 'b' }, 2);
  expect((await lines()).at(-1)).toBe('bridge_calls_total{kind="b",mode="y"} 2');
});

test('a metric without labels is at zero, then counts', async () => {
  const { calls_total: calls, up, lines } = opened({ calls_total: counter('Calls.'), up: gauge('Up.') });
  expect(await lines()).toEqual(expect.arrayContaining(['bridge_calls_total 0', 'bridge_up 0']));
  calls.inc();
  calls.inc({}, 3);
  up.set({}, 1);
  expect(await lines()).toEqual(expect.arrayContaining(['bridge_calls_total 4', 'bridge_up 1']));
});

test('a cell that is kept counts with those that are looked up', async () => {
  const { calls_total: metric, lines } = opened({ calls_total: counter('Calls.', { kind: ['a', 'b'] }) });
  const kept = metric.at({ kind: 'a' });
  kept.inc();
  kept.inc(5);
  metric.inc({ kind: 'a' });
  expect((await lines()).slice(2)).toEqual([
    'bridge_calls_total{kind="a"} 7',
    'bridge_calls_total{kind="b"} 0',
  ]);
});

test('quotes, backslashes and line ends in a label value are escaped, and label values are not mixed up', async () => {
  const { calls_total: metric, lines } = opened({ calls_total: counter('Calls.', { team: [], rule: [] }) });
  metric.inc({ team: 'a "b"\n\\c', rule: 'r' });
  metric.inc({ team: 'a', rule: 'bc' });
  metric.inc({ team: 'ab', rule: 'c' });
  expect((await lines()).slice(2)).toEqual([
    'bridge_calls_total{team="a \\"b\\"\\n\\\\c",rule="r"} 1',
    'bridge_calls_total{team="a",rule="bc"} 1',
    'bridge_calls_total{team="ab",rule="c"} 1',
  ]);
});

test('the buckets of a histogram are cumulative and include their bound', async () => {
  const seconds = histogram([0.5, 1, 2])('Time.', { kind: ['a'] });
  const { lines } = opened({ seconds });
  for (const value of [0.5, 0.6, 1, 7]) seconds.observe({ kind: 'a' }, value);
  expect((await lines()).slice(1)).toEqual([
    '# TYPE bridge_seconds histogram',
    'bridge_seconds_bucket{le="0.5",kind="a"} 1',
    'bridge_seconds_bucket{le="1",kind="a"} 3',
    'bridge_seconds_bucket{le="2",kind="a"} 3',
    'bridge_seconds_bucket{le="+Inf",kind="a"} 4',
    'bridge_seconds_sum{kind="a"} 9.1',
    'bridge_seconds_count{kind="a"} 4',
  ]);
});

test('a gauge can be set for each scrape, and forget its series', async () => {
  const { size, lines } = opened({ size: gauge('Size.', { kind: ['a'] }) });
  for (const kind of ['a', 'b']) size.set({ kind }, 7);
  expect((await lines()).slice(2)).toEqual(['bridge_size{kind="a"} 7', 'bridge_size{kind="b"} 7']);
  size.clear();
  size.set({ kind: 'c' }, 7);
  expect((await lines()).slice(2)).toEqual(['bridge_size{kind="c"} 7']);
});

test('two metrics of one name are refused', () => {
  const registry = new Registry();
  registerIn(registry, 'bridge_', { calls_total: counter('Calls.') });
  const again = () => registerIn(registry, 'bridge_', { calls_total: counter('Calls.') });
  expect(again).toThrow('already been registered');
});
