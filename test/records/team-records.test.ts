import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fakeAkto } from '../support/akto.ts';
import { testBridge } from '../support/bridge.ts';
import { fakeBackend } from '../support/closing.ts';
import { json } from '../support/fake-backend.ts';
import { listen } from '../support/listen.ts';
import {
  eventOf,
  fakeCapsule,
  LOGS,
  readEnvelope,
  temporaryFolder,
  until,
} from '../support/recording-bridge.ts';

/** Stands in all that is said by and of the callers whose records are left out. */
const CANARY = 'c4n4ry';

/** An Akto that blocks a word, and keeps what it is sent. */
async function startAkto(token: string, forbidden = 'turnip') {
  const akto = fakeAkto({ token });
  const judging = fakeAkto({ token, result: { Allowed: false, Reason: 'no', behaviour: 'block' } });
  const server = await fakeBackend((request, response) => {
    const isBlocked = request.path.endsWith('/api/http-proxy') && request.text.includes(forbidden);
    return (isBlocked ? judging : akto).reply(request, response);
  });
  const ids = () => akto.recorded.map((envelope) => String(readEnvelope(envelope).tag.litellm_call_id));
  return { ...akto, server, ids };
}

async function startCapsule() {
  const capsule = fakeCapsule();
  const server = await fakeBackend(capsule.reply);
  return { ...capsule, server, ids: () => capsule.posted.map(({ requestId }) => String(requestId)) };
}

type World = Awaited<ReturnType<typeof vendors>>;

async function vendors() {
  const [main, payments, capsule] = [
    await startAkto('main'),
    await startAkto('payments'),
    await startCapsule(),
  ];
  return { main, payments, capsule };
}

const entry = {
  main: ({ main }: World) =>
    `{ name: akto-main, kind: akto, url: "${main.server.url}", secret: { env: MAIN } }`,
  payments: ({ payments }: World) =>
    `{ name: akto-payments, kind: akto, url: "${payments.server.url}", secret: { env: PAYMENTS } }`,
  capsule: ({ capsule }: World) =>
    `{ name: capsule-house, kind: capsule, url: "${capsule.server.url}", secret: { env: CAPSULE } }`,
};
const file = (backends: readonly string[], rules = '[]') =>
  `backends:\n${backends.map((one) => `  - ${one}\n`).join('')}rules: ${rules}\n`;

async function bridgeOf(text: string, env: Record<string, string> = {}, folder = temporaryFolder()) {
  const policyFile = path.join(temporaryFolder(), 'policy.yaml');
  fs.writeFileSync(policyFile, text);
  const bridge = testBridge({
    ...{ MAIN: 'main', PAYMENTS: 'payments', CAPSULE: 'capsule' },
    ...{ POLICY_FILE: policyFile, DATA_DIR: folder, LOG_LEVEL: 'trace', FAILURE_GRACE_SECONDS: '0.1' },
    // They are no records
    DECISIONS_DAYS: '0',
    ...env,
  });
  const server = await listen(bridge);
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await server.close();
    await bridge.close();
  };
  onTestFinished(close);
  await bridge.ready();
  const send = async (body: unknown) => {
    const response = await fetch(server.url + LOGS, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, reply: (await response.json()) as Record<string, unknown> };
  };
  const rewrite = (next: string) => {
    fs.writeFileSync(policyFile, next);
    bridge.reloadPolicies();
    expect(bridge.lines.filter(({ msg }) => msg.startsWith('the policy file cannot be used'))).toEqual([]);
  };
  return { ...bridge, ...server, folder, close, send, rewrite };
}

const team = (name: string) => ({ user_api_key_hash: 'a1'.repeat(32), user_api_key_team_alias: name });
const event = (id: string, name: string, more: object = {}) =>
  eventOf(id, { metadata: { ...team(name), requester_custom_headers: {} }, ...more });
const call = (id: string | null, name: string, text: string, more: object = {}) => ({
  ...{ input_type: 'request', litellm_call_id: id, litellm_trace_id: 't-1', litellm_version: '1.110.2' },
  ...{ model: 'house-model', request_data: team(name), texts: [text] },
  structured_messages: [{ role: 'user', content: text }],
  ...more,
});

/** All files of a folder as one text: what was written anywhere in them stands in it. */
const contentOf = (folder: string) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => fs.readFileSync(path.join(one.parentPath, one.name), 'latin1'))
    .join('\n');

const RULES = `
  - { name: legal, match: { team: legal }, records: none, backends: [] }
  - { name: quiet, match: { key_alias: quiet }, records: none }
  - { name: payments, match: { team: payments }, records: [akto-payments] }
  - { name: others, records: [akto-main, capsule-house] }`;

describe('records: none', () => {
  test('leaves no trace of a call: not on disk, at no vendor, in no metric', async () => {
    const world = await vendors();
    const backends = [entry.main(world), entry.payments(world), entry.capsule(world)];
    const { ask, send, app, close, folder, lines, metric } = await bridgeOf(file(backends, RULES));
    const alias = { user_api_key_hash: 'b2'.repeat(32), user_api_key_alias: 'quiet' };
    const quiet = { request_data: alias };
    const secret = `${CANARY} plan`;
    for (const [id, name, more] of [
      [`1-${CANARY}`, 'legal', {}],
      [`2-${CANARY}`, CANARY, quiet],
    ] as const) {
      const asked = call(id, name, secret, more);
      await ask(asked);
      const response = { ...asked, input_type: 'response', structured_messages: null };
      // A stream, of which what was delivered is kept for its record
      for (const text of ['An', 'An answer', `An answer ${CANARY}`, `An answer ${CANARY} end`])
        await ask({ ...response, texts: [text] });
      await ask(call(`blocked-${id}`, name, `${secret} turnip`, more));
      await ask(call(null, name, `${secret} turnip`, more));
      // A large call is judged in a thread of its own
      await ask(call(`large-${id}`, name, `${secret} turnip ${'x'.repeat(1_200_000)}`, more));
      const said = {
        messages: [{ role: 'user', content: secret }],
        stream: true,
        ...(more === quiet && { metadata: alias }),
      };
      const { reply } = await send([
        event(id, name, said),
        event(`failed-${id}`, name, { ...said, status: 'failure', id: `failed-${id}`, error_str: CANARY }),
        event(`blocked-${id}`, name, {
          ...said,
          status: 'failure',
          id: 'x',
          guardrail_information: [{ guardrail_status: 'guardrail_intervened' }],
        }),
        // Whose these are nobody knows
        event(`nobody-${id}`, name, { ...said, metadata: {} }),
        CANARY,
        { [CANARY]: CANARY },
      ]);
      expect(reply).toMatchObject({ new: 0, unrecorded: 4, bad: 2 });
    }
    await send([event('open-1', 'open')]);
    await until(() => world.main.ids().includes('open-1') && world.capsule.ids().includes('open-1'));
    // Longer than notes and results wait to be written
    await wait(1500);
    const told = [await (await app.request('/metrics')).text(), await (await app.request('/readyz')).text()];
    expect(await metric('telemetry_rows_total{result="unrecorded"}')).toBe(8);
    await close();
    expect(contentOf(folder)).not.toMatch(/c4n4ry/);
    for (const text of told) expect(text).not.toMatch(/c4n4ry|legal|quiet/);
    const { main, payments, capsule } = world;
    expect(JSON.stringify([main.recorded, payments.recorded, capsule.posted])).not.toMatch(/c4n4ry/);
    // One is judged by vendors, and none of these is asked to keep anything
    const seen = [main, payments, capsule].flatMap(({ server }) => server.seen);
    const named = seen.filter(({ text }) => text.includes(CANARY));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter(({ text }) => text.includes('legal'))).toEqual([]);
    for (const { path: address, query } of named) {
      expect(address).toMatch(/api\/http-proxy$|events\/pre$/);
      expect(query.get('ingest_data')).toBeNull();
    }
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  }, 60_000);

  test('of a blocked result of an MCP tool holds once its log event tells whose it was', async () => {
    const world = await vendors();
    const { ask, send, folder, close } = await bridgeOf(
      file([entry.main(world)], '[{ name: legal, match: { team: legal }, records: none }]'),
    );
    const result = { input_type: 'response', litellm_call_id: null, litellm_version: '1.110.2', model: null };
    const blocked = async (text: string) => {
      const { reply } = await ask({ ...result, texts: [`${text} turnip`], request_data: {} });
      return /[0-9a-f]{16}/.exec(String(reply.blocked_reason))?.[0];
    };
    const mcp = (id: string, name: string, ref: string | undefined) =>
      event(id, name, {
        ...{ status: 'failure', id, call_type: 'call_mcp_tool', response: null },
        error_information: { error_class: 'GuardrailRaisedException', error_message: `Reference: ${ref}` },
        metadata: { ...team(name), mcp_tool_call_metadata: { name: 'search', arguments: { q: name } } },
      });
    const refs = [await blocked(CANARY), await blocked('open')];
    expect(refs.every(Boolean)).toBe(true);
    await send([mcp(CANARY, 'legal', refs[0]), mcp('mcp-open', 'open', refs[1])]);
    const find = () => world.main.recorded.find((envelope) => JSON.stringify(envelope).includes('mcp-open'));
    const record = readEnvelope(await until(find));
    await close();
    // As it is without rules: a block, and not a failure of LiteLLM
    expect(record).toMatchObject({
      statusCode: '403',
      tag: { guardrail: expect.stringContaining('BLOCKED') },
    });
    expect(contentOf(folder)).not.toContain(CANARY);
    expect(JSON.stringify(world.main.recorded)).not.toContain(CANARY);
  });
});

test('records of a team go to its own account, and those of others never', async () => {
  const world = await vendors();
  const backends = [entry.main(world), entry.payments(world), entry.capsule(world)];
  const { ask, send, metric } = await bridgeOf(file(backends, RULES));
  await ask(call('p-2', 'payments', 'a turnip'));
  await ask(call('o-2', 'open', 'a turnip'));
  await send([
    event('p-1', 'payments'),
    event('o-1', 'open'),
    event('p-3', 'payments', { status: 'failure', id: 'p-3' }),
  ]);
  const { main, payments, capsule } = world;
  await until(() => payments.ids().length >= 3 && main.ids().length >= 2 && capsule.ids().length >= 1);
  await wait(300);
  expect(payments.ids().sort()).toEqual(['p-1', 'p-2', 'p-3']);
  expect(main.ids().sort()).toEqual(['o-1', 'o-2']);
  expect(capsule.ids()).toContain('o-1');
  expect(capsule.ids().join(' ')).not.toContain('p-');
  expect(await metric('telemetry_delivered_total{backend="akto-payments"}')).toBe(3);
  expect(await metric('telemetry_delivered_total{backend="akto-main"}')).toBe(2);
});

test('a Capsule by another name gets no record of a call that it blocked itself, and every other one', async () => {
  const world = await vendors();
  const { ask } = await bridgeOf(file([entry.main(world), entry.capsule(world)]));
  world.main.server.reply = json({ success: true, data: { guardrailsResult: { Allowed: true } } });
  await ask(call('own', 'open', 'a turnip'));
  const { reply } = world.capsule;
  world.capsule.server.reply = (request, response) =>
    request.path.endsWith('/events/pre')
      ? json({ decision: 'allow' })(request, response)
      : reply(request, response);
  world.main.server.reply = (await startAkto('main')).server.reply;
  await ask(call('others', 'open', 'a turnip'));
  await until(() => world.capsule.ids().includes('others'));
  await wait(200);
  expect(world.capsule.ids()).toEqual(['others']);
});

describe('a reload of the policy file', () => {
  test('that brings the first backend which takes records starts to keep them', async () => {
    const world = await vendors();
    const { send, rewrite, app, metric } = await bridgeOf('policies: { chain: [secrets] }\n');
    expect((await send([event('early', 'open')])).reply).toMatchObject({ accepted: 0 });
    expect(await (await app.request('/readyz')).json()).not.toHaveProperty('outbox');
    rewrite(file([entry.main(world)]));
    expect((await send([event('later', 'open')])).reply).toMatchObject({ new: 1 });
    await until(() => world.main.ids().includes('later'));
    expect(await (await app.request('/readyz')).json()).toHaveProperty('outbox');
    expect(await metric('telemetry_delivered_total{backend="akto-main"}')).toBe(1);
    expect(world.main.ids()).toEqual(['later']);
  });

  test('changes where the records go that are accepted from then on', async () => {
    const world = await vendors();
    const backends = [entry.main(world), entry.payments(world)];
    const { send, rewrite } = await bridgeOf(file(backends, '[{ name: all, records: [akto-main] }]'));
    await send([event('a', 'open')]);
    rewrite(file(backends, '[{ name: all, records: [akto-payments] }]'));
    await send([event('b', 'open')]);
    rewrite(file(backends, '[{ name: all, records: none }]'));
    expect((await send([event('c', 'open')])).reply).toMatchObject({ unrecorded: 1 });
    rewrite(file(backends));
    await send([event('d', 'open')]);
    const { main, payments } = world;
    await until(() => main.ids().includes('d') && payments.ids().includes('d'));
    expect([main.ids(), payments.ids()]).toEqual([
      ['a', 'd'],
      ['b', 'd'],
    ]);
  });

  test('keeps undelivered records under the name of their backend: changed, gone and back', async () => {
    const world = await vendors();
    const { main, payments } = world;
    // It refuses our token at first
    const wrong = entry.main(world).replace('MAIN', 'PAYMENTS');
    const { send, rewrite, app, metric, lines } = await bridgeOf(file([wrong, entry.payments(world)]));
    await send([event('a', 'open')]);
    const held = async () =>
      ((await (await app.request('/readyz')).json()) as { outbox: { held: string[] } }).outbox.held;
    await until(async () => (await held()).includes('akto-main'));
    await until(() => payments.ids().includes('a'));
    // Gone
    rewrite(file([entry.payments(world)]));
    await send([event('b', 'open')]);
    await until(() => payments.ids().includes('b'));
    await until(async () => (await held()).length === 0);
    expect(await metric('telemetry_backlog_records{backend="akto-main"}')).toBe(1);
    expect(main.ids()).toEqual([]);
    // Back, with the right token
    rewrite(file([entry.payments(world), entry.main(world)]));
    await until(() => main.ids().includes('a'));
    await send([event('c', 'open')]);
    await until(() => main.ids().includes('c'));
    expect(main.ids()).toEqual(['a', 'c']);
    expect(payments.ids()).toEqual(['a', 'b', 'c']);
    expect(lines.filter(({ msg }) => msg.startsWith('telemetry failed'))).toEqual([]);
  });

  test('has a changed backend tried at once, though its token was refused', async () => {
    const world = await vendors();
    const wrong = entry.main(world).replace('MAIN', 'PAYMENTS');
    const { send, rewrite, metric } = await bridgeOf(file([wrong]));
    await send([event('a', 'open')]);
    await until(async () => (await metric('telemetry_held{backend="akto-main"}')) === 1);
    rewrite(file([entry.main(world)]));
    await until(() => world.main.ids().includes('a'));
    await until(async () => (await metric('telemetry_held{backend="akto-main"}')) === 0);
  });
});
