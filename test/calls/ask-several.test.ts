import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { aktoAllows, aktoBlocks, fakeAkto } from '../support/akto.ts';
import { auditDir } from '../support/audit.ts';
import { testBridge } from '../support/bridge.ts';
import { fakeBackend } from '../support/closing.ts';
import { type Reply, silence } from '../support/fake-backend.ts';
import { readEnvelope, until } from '../support/recording-bridge.ts';

const TEXT = 'When does the library open?';
const CALL = { input_type: 'request', litellm_call_id: 'call-1', texts: [TEXT] };
const REASON = 'reason of a vendor';

/** A bridge with an Akto for each of some replies, set up by the policy file; `more` are keys of the entries. */
async function bridgeOf(
  replies: Readonly<Record<string, Reply>>,
  top = '',
  more: Readonly<Record<string, string>> = {},
  telemetry: 'on' | 'off' = 'off',
) {
  const audit = auditDir();
  const vendors = await Promise.all(
    Object.entries(replies).map(async ([name, reply]) => [name, await fakeBackend(reply)] as const),
  );
  const entries = vendors.map(
    ([name, { url }]) =>
      `  - { name: ${name}, kind: akto, url: "${url}", secret: { env: TOKEN }${more[name] ?? ''} }`,
  );
  const file = join(audit.dir, 'policy.yaml');
  writeFileSync(
    file,
    `policies: { chain: [audit-logger] }\npolicy: { audit-logger: { retention_days: 30 } }\nbackends:\n${entries.join('\n')}\n${top}\n`,
  );
  const bridge = testBridge({
    ...{ POLICY_FILE: file, TOKEN: 'akto-key', DATA_DIR: audit.dir, BLOCKED_MESSAGE: '{backend}: {reason}' },
    TELEMETRY: telemetry,
  });
  onTestFinished(() => bridge.close());
  const line = (msg: string) => bridge.lines.find((one) => one.msg === msg);
  return {
    ...bridge,
    audit,
    line,
    seen: Object.fromEntries(vendors.map(([name, { seen }]) => [name, seen])),
  };
}

test('a quorum blocks: log, audit row and record tell who agreed, the answer does not', async () => {
  const a = fakeAkto({ result: { Allowed: false, Reason: REASON, behaviour: 'block' } });
  const { ask, audit, line, lines, close } = await bridgeOf(
    { 'akto-a': a.reply, 'akto-b': aktoBlocks(REASON), 'akto-c': silence },
    'orchestration: { quorum: 2 }',
    { 'akto-c': ', timeout: 60' },
    'on',
  );
  const { reply } = await ask(CALL);
  expect(reply).toEqual({ action: 'BLOCKED', blocked_reason: `akto-a: ${REASON}` });
  const votes = { 'akto-a': 'block', 'akto-b': 'block' };
  expect(line('blocked')).toMatchObject({ backend: 'akto-a,akto-b', cause: 'verdict', votes });
  const record = await until(() => a.recorded.map(readEnvelope)[0]);
  expect(JSON.parse(record.tag.guardrail as string)).toMatchObject([
    {
      by: 'akto-a,akto-b',
      checks: [
        { backend: 'akto-a', result: 'block' },
        { backend: 'akto-b', result: 'block' },
      ],
    },
  ]);
  await close();
  const rows = audit.names().flatMap((name) => audit.rows(name));
  expect(rows).toContainEqual(expect.objectContaining({ verdict: 'block', by: 'akto-a,akto-b', votes }));
  expect(JSON.stringify([lines, rows])).not.toMatch(/library|reason of/);
});

test('a quorum that is not reached lets the call go on, and a line says who was outvoted', async () => {
  const { ask, line } = await bridgeOf(
    { 'akto-a': aktoBlocks(REASON), 'akto-b': aktoAllows, 'akto-c': aktoAllows },
    'orchestration: { quorum: 2 }',
  );
  expect((await ask(CALL)).reply).toEqual({ action: 'NONE' });
  expect(line('outvoted')).toMatchObject({
    votes: { 'akto-a': 'block', 'akto-b': 'allow', 'akto-c': 'allow' },
  });
});

test('a sequence asks no further than it needs to', async () => {
  const { ask, seen } = await bridgeOf(
    { 'akto-a': aktoBlocks(REASON), 'akto-b': aktoAllows },
    'orchestration: sequence',
  );
  expect((await ask(CALL)).reply.action).toBe('BLOCKED');
  expect(seen['akto-b']?.filter(({ query }) => query.has('guardrails'))).toEqual([]);
});

test('a shadow that disagrees is counted and logged, and changes nothing', async () => {
  const { ask, line, metric } = await bridgeOf({ 'akto-a': aktoAllows, 'akto-s': aktoBlocks(REASON) }, '', {
    'akto-s': ', mode: shadow',
  });
  expect((await ask(CALL)).reply).toEqual({ action: 'NONE' });
  const disagrees = await until(() => line('shadow disagrees'));
  expect(disagrees).toMatchObject({
    ...{ level: 'info', litellm_call_id: 'call-1', backend: 'akto-s', shadow: 'block', decision: 'allow' },
  });
  expect(await metric('shadow_agreement_total{backend="akto-s",shadow="block",decision="allow"}')).toBe(1);
  expect(
    await metric('verdicts_total{backend="akto-s",mode="shadow",input_type="request",verdict="block"}'),
  ).toBe(1);
});

test('a second attempt gives the verdict of a vendor that hung, whose connection is closed', async () => {
  let asked = 0;
  let isClosed = false;
  const slowOnce: Reply = (request, response) => {
    if (++asked > 1) return aktoBlocks(REASON)(request, response);
    response.on('close', () => {
      isClosed = true;
    });
  };
  const { ask, metric } = await bridgeOf({ 'akto-a': slowOnce }, '', { 'akto-a': ', hedge_after: 0.05' });
  expect((await ask(CALL)).reply.action).toBe('BLOCKED');
  expect(await metric('hedges_total{backend="akto-a",result="second"}')).toBe(1);
  expect(
    await metric('verdicts_total{backend="akto-a",mode="enforce",input_type="request",verdict="block"}'),
  ).toBe(1);
  await until(() => isClosed);
});

test('a call out of the sample is not asked about, and is no allow', async () => {
  const { ask, metric, seen } = await bridgeOf({ 'akto-a': aktoBlocks(REASON) }, '', {
    'akto-a': ', sample: 0',
  });
  expect((await ask(CALL)).reply).toEqual({ action: 'NONE' });
  expect(await metric('unsampled_total{backend="akto-a",input_type="request"}')).toBe(1);
  expect(
    await metric('verdicts_total{backend="akto-a",mode="enforce",input_type="request",verdict="allow"}'),
  ).toBe(0);
  expect(seen['akto-a']?.filter(({ query }) => query.has('guardrails'))).toEqual([]);
});

test('a failure that is left to the next vendor is no bypass', async () => {
  const broken: Reply = (_, response) => {
    response.writeHead(500).end();
  };
  const { ask, line, metric } = await bridgeOf({ 'akto-a': broken, 'akto-b': aktoAllows }, 'on_error: next', {
    'akto-a': ', unreachable_fallback: fail_open',
  });
  expect((await ask(CALL)).reply).toEqual({ action: 'NONE' });
  expect(line('no verdict')).toMatchObject({ backend: 'akto-a', on_error: 'next', bypassed: false });
  expect(await metric('bypasses_total{backend="akto-a",input_type="request",fallback="fail_open"}')).toBe(0);
});

test('the way of asking changes with the file, between two calls', async () => {
  const { ask, audit, reloadPolicies, line } = await bridgeOf({
    'akto-a': aktoBlocks(REASON),
    'akto-b': aktoAllows,
  });
  expect((await ask(CALL)).reply.action).toBe('BLOCKED');
  appendFileSync(join(audit.dir, 'policy.yaml'), 'orchestration: { quorum: 2 }\n');
  reloadPolicies();
  expect((await ask({ ...CALL, litellm_call_id: 'call-2' })).reply.action).toBe('NONE');
  expect(line('outvoted')).toBeDefined();
});
