import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { KeptDecision } from '../../src/decisions/row.ts';
import { type Child, startChild } from '../support/child.ts';
import { keptIn } from '../support/decisions.ts';
import { temporaryFolder } from '../support/store.ts';

const CANARY = 'plum-canary-7f3a9c';
const AWS_KEY = `${'AKIA'}QW3RTY7UIOP4SDFG`;

async function served(env: Record<string, string>) {
  const child = startChild({
    env: {
      PORT: '0',
      HOST: '127.0.0.1',
      BUILTIN_POLICY: 'on',
      TELEMETRY: 'off',
      SHUTDOWN_DELAY: '0',
      ...env,
    },
  });
  onTestFinished(() => child.stop());
  const { port } = await child.line('listening');
  const ask = async (fields: Parameters<typeof call>[0]) => {
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      body: JSON.stringify(call(fields)),
    });
    return (await response.json()) as { action: string; blocked_reason?: string };
  };
  return { child, ask };
}

const call = ({ id, texts, ...fields }: { id?: unknown; texts?: unknown } & Record<string, unknown>) => ({
  ...{ input_type: 'request', litellm_call_id: id, litellm_trace_id: 'trace', litellm_version: '1.110.2' },
  ...{
    texts,
    structured_messages: Array.isArray(texts) ? texts.map((content) => ({ role: 'user', content })) : null,
  },
  request_data: { user_api_key_team_alias: 'payments', user_api_key_hash: 'ab'.repeat(32) },
  request_headers: { 'x-note': CANARY },
  ...fields,
});

const refOf = ({ blocked_reason = '' }: { blocked_reason?: string }) =>
  /[0-9a-f]{16}/.exec(blocked_reason)?.[0];

async function until(
  dir: string,
  isThere: (kept: readonly KeptDecision[]) => boolean,
): Promise<KeptDecision[]> {
  return vi.waitFor(async () => {
    const kept = await keptIn(dir);
    expect(isThere(kept)).toBe(true);
    return kept;
  }, 10_000);
}

async function killed(child: Child): Promise<void> {
  child.send('SIGKILL');
  await child.exit;
}

test('a process that is killed loses at most its last second, and the next one goes on with the file', async () => {
  const DATA_DIR = temporaryFolder();
  const first = await served({ DATA_DIR });
  for (let n = 0; n < 50; n++) await first.ask({ id: `call-${n}`, texts: ['hello'] });
  await until(DATA_DIR, (kept) => kept.length === 50);
  await killed(first.child);
  expect(await keptIn(DATA_DIR)).toHaveLength(50);
  const second = await served({ DATA_DIR });
  await second.ask({ id: 'after', texts: ['hello'] });
  second.child.send('SIGTERM');
  expect((await second.child.exit).code).toBe(0);
  expect((await keptIn(DATA_DIR)).map(({ litellm_call_id: id }) => id)).toContain('after');
  expect(await keptIn(DATA_DIR)).toHaveLength(51);
});

test('small, large and unreadable calls have rows under the reference that the client was told, and no content', async () => {
  const DATA_DIR = temporaryFolder();
  const { child, ask } = await served({ DATA_DIR, MAX_BODY_MB: '4' });
  const found = `${CANARY} ${AWS_KEY}`;
  const blockedRef = refOf(await ask({ id: 'small', texts: [found] }));
  await ask({ id: 'allowed', texts: [CANARY] });
  await ask({ id: 'allowed', texts: [`${CANARY} too`], input_type: 'response' });
  const largeRef = refOf(await ask({ id: 'large', texts: ['word '.repeat(300_000), found] }));
  const hugeRef = refOf(await ask({ id: 'huge', texts: [CANARY.repeat(400_000)] }));
  const badRef = refOf(await ask({ id: 'unreadable', texts: CANARY }));
  const kept = await until(DATA_DIR, ({ length }) => length === 6);
  const by = (ref: string | undefined) => kept.find((one) => one.ref === ref);
  expect(by(blockedRef)).toMatchObject({ litellm_call_id: 'small', category: 'policy', team: 'payments' });
  expect(by(largeRef)).toMatchObject({ litellm_call_id: 'large', category: 'policy', team: 'payments' });
  expect(by(hugeRef)).toMatchObject({ litellm_call_id: null, category: 'too_large', shape: 'unread' });
  expect(by(badRef)).toMatchObject({ litellm_call_id: null, category: 'unreadable', shape: 'unread' });
  expect(kept.filter(({ verdict }) => verdict === 'allow')).toHaveLength(2);
  for (const suffix of ['', '-wal']) {
    const bytes = readFileSync(join(DATA_DIR, `decisions.db${suffix}`));
    for (const content of [CANARY, AWS_KEY, AWS_KEY.slice(4)]) expect(bytes.includes(content)).toBe(false);
  }
  child.send('SIGTERM');
  await child.exit;
  expect(readFileSync(join(DATA_DIR, 'decisions.db')).includes(CANARY)).toBe(false);
});

test('the decisions of all workers are in one file', async () => {
  const DATA_DIR = temporaryFolder();
  const { child, ask } = await served({ DATA_DIR, WORKERS: '2' });
  // Each on a connection of its own
  await Promise.all(Array.from({ length: 20 }, (_, n) => ask({ id: `call-${n}`, texts: ['hello'] })));
  await until(DATA_DIR, ({ length }) => length === 20);
  await ask({ id: 'last', texts: ['hello'] });
  child.send('SIGTERM');
  expect((await child.exit).code).toBe(0);
  expect(await keptIn(DATA_DIR)).toHaveLength(21);
});

test('with DECISIONS_DAYS=0 there is no file', async () => {
  const DATA_DIR = temporaryFolder();
  const { child, ask } = await served({ DATA_DIR, DECISIONS_DAYS: '0' });
  await ask({ id: 'a', texts: ['hello'] });
  child.send('SIGTERM');
  expect((await child.exit).code).toBe(0);
  expect(await keptIn(DATA_DIR)).toEqual([]);
});
