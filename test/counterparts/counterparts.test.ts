import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testBridge } from '../support/bridge.ts';
import { counterparts } from './counterparts.ts';
import type { Server } from './server.ts';

describe.each(counterparts)('$name', ({ start, entry, samples }) => {
  const folder = mkdtempSync(join(tmpdir(), 'counterpart-'));
  let servers: readonly Server[] = [];
  let bridge: ReturnType<typeof testBridge>;

  beforeAll(async () => {
    servers = await start();
    const file = join(folder, 'policy.yaml');
    const backend = { name: 'house', url: servers[0]?.url, timeout: 20, unreachable_fallback: 'fail_closed' };
    // JSON is YAML
    writeFileSync(file, JSON.stringify({ backends: [{ ...backend, ...entry }] }));
    bridge = testBridge({ POLICY_FILE: file, HOUSE_TOKEN: 'house-token' });
  });
  afterAll(async () => {
    await bridge?.close();
    await Promise.all(servers.map((server) => server.kill()));
    rmSync(folder, { recursive: true });
  });

  const failures = () => bridge.lines.filter(({ msg }) => msg === 'no verdict').map(({ failure }) => failure);

  test.each(samples)('$name', async ({ call, reply }) => {
    const before = failures().length;
    expect(await bridge.ask(call)).toMatchObject({ status: 200, reply });
    // A block is a verdict, and not a failure under fail_closed
    expect(failures().slice(before)).toEqual([]);
  });

  test('killed in the middle of a call it gives no verdict, and is asked again once it is back', async () => {
    const [server] = servers;
    // A text that was allowed is not asked about again
    const call = (text: string) => ({ input_type: 'request', texts: [text] });
    await server?.freeze();
    const asked = bridge.ask(call('Does the library lend maps?'));
    await wait(200);
    await server?.kill();
    expect((await asked).reply.action).toBe('BLOCKED');
    expect(failures().at(-1)).toMatchObject({ kind: 'unreachable' });
    await server?.start();
    expect((await bridge.ask(call('Does it lend books?'))).reply.action).toBe('NONE');
  });
});
