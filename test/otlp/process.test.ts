import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServing } from '../support/child.ts';
import { ask, startWorkers } from '../support/workers.ts';
import { collector, untilThere } from './world.ts';

const GUARDRAIL = '/beta/litellm_basic_guardrail_api';
const call = (n: number) => ({ input_type: 'request', litellm_call_id: `call-${n}`, texts: ['Hello.'] });
const LOADS = ['--import', join(import.meta.dirname, 'loads.ts')];
const OTEL = { OTEL_METRICS_EXPORTER: 'none' };

/** A bridge in a process of its own. */
async function serving(env: Record<string, string>, options = {}) {
  const child = await startServing(env, options);
  onTestFinished(child.stop);
  return child;
}

/** The priorities that the threads of a process have, each once. @see proc_pid_stat(5) */
function niceOf(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1'),
  );
  const nice = tasks.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]));
  return [...new Set(nice)].toSorted((a, b) => a - b);
}

/** The modules that a process has loaded: by thread, those of packages by their names. */
function loadedIn(stderr: string) {
  const all = [...stderr.matchAll(/^loaded (main|thread) (\S+)$/gm)].map(([, thread, url]) => ({
    thread,
    url,
  }));
  const packages = all.flatMap(({ thread, url }) => {
    const name = /\/node_modules\/(@opentelemetry\/[^/]+)/.exec(url ?? '')?.[1];
    return name === undefined ? [] : [`${thread} ${name}`];
  });
  return { files: all.length, packages: [...new Set(packages)].toSorted() };
}

test('nothing of OpenTelemetry is loaded unless it is asked for, and then by the thread alone', async () => {
  const seen = await collector();
  const env = { BUILTIN_POLICY: 'on' };
  const off = await serving(env, { nodeArgs: LOADS });
  const disabled = await serving(
    { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: seen.url, OTEL_SDK_DISABLED: 'true' },
    { nodeArgs: LOADS },
  );
  const on = await serving({ ...env, ...OTEL, OTEL_EXPORTER_OTLP_ENDPOINT: seen.url }, { nodeArgs: LOADS });
  if (process.platform === 'linux') {
    expect(niceOf(off.pid)).toEqual([0]);
    await expect.poll(() => niceOf(on.pid), { timeout: 20_000, interval: 20 }).toEqual([0, 10]);
  }
  for (const child of [off, disabled, on]) {
    expect((await ask(child.url, GUARDRAIL, call(1))).status).toBe(200);
    child.send('SIGTERM');
    await child.exit;
  }
  const [none, neither, some] = [off, disabled, on].map((child) => loadedIn(child.stderr()));
  expect(none?.files).toBeGreaterThan(100);
  // prom-client asks for its interfaces, as it always has
  const always = ['main @opentelemetry/api'];
  expect(none?.packages).toEqual(always);
  expect(neither?.packages).toEqual(always);
  expect(some?.packages).toEqual(expect.arrayContaining(['thread @opentelemetry/sdk-trace']));
  expect(some?.packages.filter((name) => name.startsWith('main'))).toEqual(always);
  expect(seen.spans.map(({ name }) => name)).toContain('guardrail request');
});

test('a bridge that ends has exported all, by what a .env file says, and tells what it does not speak', async () => {
  const seen = await collector();
  const cwd = mkdtempSync(join(tmpdir(), 'otlp-'));
  writeFileSync(
    join(cwd, '.env'),
    [
      `OTEL_EXPORTER_OTLP_ENDPOINT=${seen.url}/`,
      'OTEL_EXPORTER_OTLP_PROTOCOL=grpc',
      'OTEL_SERVICE_NAME=of a file',
      '',
    ].join('\n'),
  );
  const child = await serving({ SHUTDOWN_DELAY: '0' }, { cwd });
  for (let n = 0; n < 50; n++) await ask(child.url, GUARDRAIL, call(n));
  child.send('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(seen.spans.filter(({ name }) => name === 'guardrail request')).toHaveLength(50);
  expect(seen.resources[0]?.['service.name']).toBe('of a file');
  const warning = child.lines().find(({ msg }) => msg.startsWith('OTEL_EXPORTER_OTLP_PROTOCOL'));
  expect(warning).toMatchObject({ level: 'warn', msg: expect.stringContaining('"grpc" is not spoken here') });
  const decided = seen.metrics
    .at(-1)
    ?.find(({ name }) => name === 'guardrail_bridge_decisions_total')
    ?.points.find(({ labels }) => labels.action === 'NONE' && labels.input_type === 'request');
  expect(decided?.value).toBe(50);
});

test('workers have one sender: each call once, counts of all, lines with their worker', async () => {
  const seen = await collector();
  const child = await startWorkers({
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: seen.url, OTEL_METRIC_EXPORT_INTERVAL: '500' },
    ...{ BUILTIN_POLICY: 'on', BANNED_KEYWORDS: 'tulip', SHUTDOWN_DELAY: '0' },
  });
  for (let n = 0; n < 20; n++) await ask(child.url, GUARDRAIL, call(n));
  await ask(child.url, GUARDRAIL, { ...call(20), texts: ['a tulip'] });
  await untilThere(() => seen.records.some(({ body }) => body === 'blocked'));
  child.send('SIGTERM');
  await child.exit;
  const calls = seen.spans.filter(({ name }) => name === 'guardrail request');
  expect(calls.map(({ attributes }) => attributes['litellm.call_id']).toSorted()).toEqual(
    Array.from({ length: 21 }, (_, n) => `call-${n}`).toSorted(),
  );
  const blocked = seen.records.find(({ body }) => body === 'blocked');
  expect(blocked?.attributes.worker).toBeOneOf([1, 2]);
  const span = calls.find(({ attributes }) => attributes['litellm.call_id'] === 'call-20');
  expect(blocked?.traceId).toBe(span?.traceId);
  const last = seen.metrics.at(-1) ?? [];
  const points = last.find(({ name }) => name === 'guardrail_bridge_decisions_total')?.points ?? [];
  expect(points.reduce((sum, { value = 0 }) => sum + value, 0)).toBe(21);
  expect(new Set(last.map(({ name }) => name)).size).toBe(last.length);
  // One process speaks for all
  expect(new Set(seen.resources.map((one) => one['service.instance.id'])).size).toBe(1);
});

test('exports take the forward proxy, but to hosts without one', async () => {
  const seen = await collector();
  const asked: string[] = [];
  const proxy = createServer((incoming, response) => {
    asked.push(incoming.url ?? '');
    const { pathname } = new URL(incoming.url ?? '', 'http://proxied');
    const onward = request(
      seen.url + pathname,
      { method: incoming.method, headers: incoming.headers },
      (reply) => {
        response.writeHead(reply.statusCode ?? 502);
        reply.pipe(response);
      },
    );
    incoming.pipe(onward);
  });
  proxy.on('connect', (incoming, socket) => {
    asked.push(incoming.url ?? '');
    const onward = connect(seen.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void proxy.close());
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  for (const [more, isAsked] of [
    [{}, true],
    [{ NO_PROXY: 'collector.example' }, false],
  ] as const) {
    asked.length = 0;
    const env = { ...OTEL, ...more, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example:4318' };
    const child = await serving({
      ...env,
      HTTP_PROXY: url,
      SHUTDOWN_DELAY: '0',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    });
    await ask(child.url, GUARDRAIL, call(1));
    child.send('SIGTERM');
    await child.exit;
    expect(asked.some((target) => target.includes('collector.example'))).toBe(isAsked);
  }
  expect(seen.spans.length).toBeGreaterThan(0);
});
