import { expect, test } from 'vitest';
import { selfSigned } from '../support/certificate.ts';
import type { CollectorReply } from '../support/otlp-collector.ts';
import { collector, tracedBridge, untilThere } from './world.ts';

const CALL = { input_type: 'request', litellm_call_id: 'call-1', texts: ['Hello.'] };
const BEGINS = 'OTLP cannot be exported; calls are judged as before, and what does not fit is lost';
const ENDS = 'OTLP is exported again';
const TIMEOUT = { OTEL_EXPORTER_OTLP_TIMEOUT: '1000', OTEL_METRICS_EXPORTER: 'none' };

const status =
  (code: number, headers: Record<string, string> = {}): CollectorReply =>
  (response) =>
    response.writeHead(code, headers).end('content of the collector');

const FAILURES: readonly (readonly [what: string, reply: CollectorReply, why: string])[] = [
  ['refuses the token', status(401), 'http_401'],
  ['is busy for longer than an export may take', status(429, { 'retry-after': '60' }), 'refused'],
  ['has a mistake', status(500), 'http_500'],
  ['does not reply', () => {}, 'timeout'],
  [
    'replies with one byte after the other',
    (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(timer));
    },
    'timeout',
  ],
  ['closes the connection', (response) => response.destroy(), 'ECONNRESET'],
];

test('a collector that fails costs no verdict, is told once, and is forgotten when it is well', async () => {
  // All at once: each takes seconds
  await Promise.all(
    FAILURES.map(async ([what, reply, why]) => {
      const seen = await collector();
      seen.reply = reply;
      const bridge = tracedBridge(seen.url, TIMEOUT);
      expect((await bridge.ask(CALL)).reply.action, what).toBe('NONE');
      await untilThere(() => bridge.messages().includes(BEGINS));
      const told = bridge.lines.find(({ msg }) => msg === BEGINS);
      expect(told, what).toMatchObject({ level: 'error', why, host: `127.0.0.1:${seen.port}` });
      expect(JSON.stringify(bridge.lines), what).not.toContain('content of the collector');
      await untilSample(bridge.metric, 'otlp_lost_total{signal="traces",reason="failed"}');

      seen.reply = seen.taken;
      await bridge.ask(CALL);
      bridge.log.warn('one more');
      await untilThere(() => bridge.messages().includes(ENDS));
      await bridge.close();
      const about = bridge.messages().filter((msg) => msg.startsWith('OTLP'));
      expect(about.slice(0, 2), what).toEqual([BEGINS, ENDS]);
      const end = bridge.lines.find(({ msg }) => msg === ENDS);
      expect(end?.lost, what).toMatchObject({ traces: expect.any(Number) });
    }),
  );
});

/** Waits until a sample is above zero. */
async function untilSample(metric: (sample: string) => Promise<number | undefined>, sample: string) {
  for (;;) {
    const value = await metric(sample);
    if (value !== undefined && value > 0) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('an export that is to be tried again after a second is, and nothing is lost', async () => {
  const seen = await collector();
  let refused = 0;
  seen.reply = (response, path) => {
    if (refused++ > 1) seen.taken(response, path);
    else response.writeHead(429, { 'retry-after': '1' }).end();
  };
  const bridge = tracedBridge(seen.url, { OTEL_METRICS_EXPORTER: 'none' });
  await bridge.ask(CALL);
  await untilThere(() => refused > 3);
  await bridge.close();
  expect(bridge.messages()).not.toContain(BEGINS);
  expect(await bridge.metric('otlp_lost_total{signal="traces",reason="failed"}')).toBe(0);
});

test('one that is not there, or that nobody has signed, is told by its code', async () => {
  const seen = await collector(selfSigned());
  for (const [address, why] of [
    ['http://127.0.0.1:1', 'ECONNREFUSED'],
    [seen.url, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const) {
    const bridge = tracedBridge(address, TIMEOUT);
    expect((await bridge.ask(CALL)).reply.action).toBe('NONE');
    await untilThere(() => bridge.messages().includes(BEGINS));
    expect(bridge.lines.find(({ msg }) => msg === BEGINS)).toMatchObject({ why });
  }
});

test('one that hangs keeps nobody waiting: the queue is bounded, what does not fit is counted, and the end is', async () => {
  const seen = await collector();
  seen.reply = () => {};
  const bridge = tracedBridge(seen.url, { ...TIMEOUT, OTEL_EXPORTER_OTLP_TIMEOUT: '600000' });
  for (let i = 0; i < 4000; i++) await bridge.ask({ ...CALL, litellm_call_id: `call-${i}` });
  const lost = await untilSample(bridge.metric, 'otlp_lost_total{signal="traces",reason="full"}');
  expect(lost).toBeGreaterThan(0);
  expect(bridge.lines.find(({ msg }) => msg === BEGINS)).toMatchObject({ why: 'full' });
  expect(bridge.messages().filter((msg) => msg === BEGINS)).toHaveLength(1);
  const started = performance.now();
  await bridge.close();
  expect(performance.now() - started).toBeLessThan(20_000);
});
