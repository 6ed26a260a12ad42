import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { DecisionRow } from '../../src/decisions/row.ts';
import type { MessagePlace } from '../../src/guardrail/message-place.ts';
import { fakeAkto } from '../support/akto.ts';
import { aktoAt, testBridge } from '../support/bridge.ts';
import { type CliOptions, runCli } from '../support/cli.ts';
import { fakeBackend } from '../support/closing.ts';
import { fill } from '../support/credentials.ts';
import { blocked, row, testKeeper } from '../support/decisions.ts';
import { temporaryFolder } from '../support/store.ts';
import { entryOf, HOUR_MS, settleAll, storedOutbox } from '../support/stored-outbox.ts';

const REF = '549861e136ee05f5';
const SECRET = `ghp_${fill(36)}`;
const CANARY = 'marmalade-quokka';
const NOW = Date.UTC(2026, 10, 27, 3, 0, 0);

const why = (dir: string, args: string, options: CliOptions = {}) =>
  runCli(['why', ...args.split(' ')], { now: () => NOW, ...options, env: { DATA_DIR: dir, ...options.env } });

/** A folder with these decisions, which nobody has open. */
async function folderWith(...rows: readonly DecisionRow[]): Promise<string> {
  const { keeper, dir } = testKeeper();
  for (const one of rows) keeper.append(one);
  await keeper.close();
  return dir;
}

test('a block is told in a sentence, with who, when, what and what can be done', async () => {
  const dir = await folderWith(
    row({ at: NOW - 3 * HOUR_MS - 2000 }),
    blocked(REF, {
      ...{
        at: NOW - 3 * HOUR_MS,
        by: 'prompt-injection',
        older: true,
        end_user: 'customer-7',
        allowed: ['pii-detector'],
      },
      policies: [
        {
          ...{ kind: 'prompt-injection', enforced: true, verdict: 'block', reason_code: 'prompt_injection' },
          ...{ rules: ['instruction-override'], places: [{ message: 3, role: 'user', part: 'content' }] },
        },
        {
          ...{ kind: 'secrets', enforced: false, verdict: 'redact', reason_code: 'secret_detected' },
          ...{ rules: ['aws-key'], places: [{ message: 1, role: 'system', part: 'content' }] },
        },
      ],
      backends: [
        {
          backend: 'lakera',
          mode: 'observe',
          result: 'block',
          ms: 132.4,
          categories: ['prompt_attack'],
          reason: 'Prompt attack […]',
        },
        { backend: 'akto', mode: 'enforce', result: 'http_status', status: 502, ms: 41 },
      ],
    }),
  );
  const { code, out, err } = await why(dir, REF);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(
    out,
  ).toBe(`Blocked by the policy prompt-injection of file version v1: rule instruction-override matched in message 3 (user), an older one.

  reference  ${REF}
  when       2026-11-27 00:00:00 UTC, 3h ago
  who        team payments, key nightly, user ada, end user customer-7
  model      gpt-5
  call       request of a chat, by /v1/chat/completions, /v1/messages or /v1/responses, pre_call or during_call, LiteLLM 1.110.2
  ids        call call-1, trace trace-1
  decided    in 1.5 ms, by prompt-injection
  policies   prompt-injection: blocks, by instruction-override in message 3 (user)
             secrets (observes): would redact, by aws-key in message 1 (system)
             pii-detector: allows
  vendors    lakera (observes): block, by prompt_attack, in 132 ms; it said: Prompt attack […]
             akto: no verdict: HTTP 502, in 41 ms
  client     was told [policy], and that an older message is the cause (do not retry; ask the user to write it differently)
  ended      blocked here; LiteLLM has logged nothing of it
  record     none: no backend takes records
  same call  request at 2026-11-26 23:59:58 UTC: Allowed.

To do: leave the older message out, or begin a new conversation
       the built-in policies judge; for others set POLICY_FILE: npm start --silent -- policy init policy.yaml
`);
});

test('a reference is found as a client writes it, a call by its id, of which the gravest decision is told', async () => {
  const dir = await folderWith(
    row({ at: NOW - 2000 }),
    blocked(REF, { at: NOW - 1000, input_type: 'response', shape: 'response' }),
  );
  const { out } = await why(dir, REF);
  for (const name of [REF.toUpperCase(), 'call-1']) expect((await why(dir, name)).out).toBe(out);
  for (const text of [
    `Reference: ${REF}.`,
    `Blocked by security policy. [policy] Reference: ${REF}`,
    `litellm.BadRequestError: {'error': 'Blocked by security policy. [policy]\nReference: ${REF}'} trace 00112233445566ff`,
    `This is not allowed here, ask IT about ${REF}, please.`,
  ])
    expect((await runCli(['why', text], { now: () => NOW, env: { DATA_DIR: dir } })).out, text).toBe(out);
});

test.each<[place: MessagePlace, client: string, advice: string]>([
  [
    { message: 1, role: 'system', part: 'content' },
    'was told [policy], and that an older message is the cause; the user can do nothing about the system prompt',
    'To do: it stands in the system prompt, so every call of this application is blocked: have it changed there',
  ],
  [
    { message: null, role: null, part: 'tools' },
    'was told [policy], and that an older message is the cause; the user can do nothing about the definition of a tool',
    'To do: it stands in the definition of a tool, so every call',
  ],
  [
    { message: 1, role: 'user', part: 'content' },
    'ask the user to write it differently',
    'To do: leave the older message out',
  ],
])('what is found in %o is told to whom it concerns', async (place, client, advice) => {
  const policy = {
    kind: 'secrets',
    enforced: true,
    verdict: 'block',
    reason_code: 'secret_detected',
  } as const;
  const policies = [{ ...policy, rules: ['aws-key'], places: [place] }];
  const dir = await folderWith(blocked(REF, { at: NOW - 1000, by: 'secrets', older: true, policies }));
  const { out } = await why(dir, REF);
  expect(out).toContain(client);
  expect(out).toContain(advice);
  expect(out).not.toContain('policy replay');
  const env = { REPLAY_DAYS: '7', POLICY_FILE: 'policy.yaml' };
  const own = (await why(dir, REF, { env })).out;
  expect(own).toContain('npm start --silent -- policy replay new.yaml --since 1d');
  expect(own).toContain('mode: observe under policy.secrets lets such calls pass');
});

test('--json prints the rows and the records', async () => {
  const rows = [row({ at: NOW - 2000 }), blocked(REF, { at: NOW - 1000, litellm_call_id: 'call-1' })];
  const dir = await folderWith(...rows);
  expect(JSON.parse((await why(dir, `${REF} --json`)).out)).toEqual({
    decisions: rows,
    ...{ records: [], receivers: [], problems: [] },
  });
});

test('an unknown reference ends with 1, and says where it looked and since when decisions are kept', async () => {
  const dir = await folderWith(row({ at: NOW - 3 * HOUR_MS }));
  expect(await why(dir, REF)).toEqual({
    ...{ code: 1, out: '' },
    err: `guardrail-bridge: no decision is called "${REF}" in ${dir}: they begin on 2026-11-27T00:00:00.000Z, DECISIONS_DAYS keeps them for 7 days\n`,
  });
  expect((await why(dir, 'call-9', { env: { DECISIONS_DAYS: '0' } })).err).toContain(
    'DECISIONS_DAYS is 0, so none are kept',
  );
});

test('while the database is down it tells what is on this machine, and says so', async () => {
  const dir = await folderWith(blocked(REF, { at: NOW - HOUR_MS }));
  const { code, out, err } = await why(dir, REF, {
    env: { DATABASE_URL: 'postgres://bridge@127.0.0.1:1/bridge' },
  });
  expect(code).toBe(0);
  expect(out).toMatch(/^Blocked by the policy secrets/);
  expect(err).toMatch(new RegExp(`^only what is in ${dir}: .*127\\.0\\.0\\.1`));
});

test('where nothing is kept it says what to set', async () => {
  expect(await why(temporaryFolder(), REF)).toMatchObject({
    code: 1,
    err: expect.stringMatching(
      /there are no decisions in DATA_DIR \(.*\); set DATA_DIR as the bridge has it, and DECISIONS_DAYS above 0\n$/,
    ),
  });
});

test.each(['549861e1', 'a b', '', 'x'.repeat(300)])(
  'what is neither a reference nor an id is quoted: %s',
  async (name) => {
    const { code, err } = await runCli(['why', name], { env: { DATA_DIR: temporaryFolder() } });
    expect(code).toBe(2);
    expect(err).toContain(`value '${name}' is invalid`);
    expect(err).toContain('see guardrail-bridge why --help');
  },
);

test('the record of its call is told for each vendor, with what the outbox knows', async () => {
  const stored = storedOutbox();
  onTestFinished(() => stored.remove());
  const times = { startedAt: NOW - HOUR_MS, endedAt: NOW - HOUR_MS, trace: 'trace-1' };
  const outbox = stored.open(NOW - HOUR_MS);
  await outbox.accept([entryOf('call-1', { ...times, backends: ['akto', 'capsule', 'third', 'fourth'] })]);
  await settleAll(outbox, 'akto', 'delivered');
  await settleAll(outbox, 'capsule', 'dead', { reason: `HTTP 400: ${CANARY}` });
  await settleAll(outbox, 'third', 'retry', { dueAt: NOW + 12_000 });
  const { keeper } = testKeeper({ dir: stored.dir });
  keeper.append(row({ at: NOW - HOUR_MS }));
  keeper.append(row({ at: NOW - HOUR_MS, litellm_call_id: 'call-2' }));
  await keeper.close();
  const env = { AKTO_GUARDRAIL_API_BASE: 'http://127.0.0.1:1', AKTO_API_KEY: 'k' };
  const { out } = await why(stored.dir, 'call-1', { env });
  expect(out).toContain(`  record    akto: delivered
            capsule: given up (HTTP 400); try it again: npm start --silent -- outbox retry 1
            fourth: waits since 1h, and goes out as soon as it is taken
            third: waits since 1h after 1 try, next try in 12s
`);
  expect(out).not.toContain(CANARY);
  expect((await why(stored.dir, 'call-2', { env })).out).toContain(
    'record    none yet: it comes when LiteLLM logs the call',
  );
});

test('a call that was refused unread is known by its reference', async () => {
  const dir = temporaryFolder();
  const bridge = testBridge({ DATA_DIR: dir, TELEMETRY: 'off', MAX_BODY_MB: '0.001' });
  const { reply } = await bridge.ask({ input_type: 'request', texts: ['x'.repeat(5000)] });
  await bridge.close();
  const ref = /Reference: (\w+)/.exec(String(reply.blocked_reason))?.[1] ?? '';
  const { out } = await why(dir, ref, { now: Date.now });
  expect(out).toMatch(/^Blocked unread: it is larger than MAX_BODY_MB/);
  expect(out).toContain('not known, as it was not read');
});

test('it works while the bridge runs and when it does not, and tells no content', async () => {
  const akto = fakeAkto({
    result: {
      Allowed: false,
      Reason: `Prompt injection: "${CANARY}" by ${CANARY.toUpperCase()}`,
      behaviour: 'block',
    },
  });
  const server = await fakeBackend(akto.reply);
  const dir = temporaryFolder();
  const file = join(dir, 'policy.yaml');
  const policy = { secrets: { action: 'block' }, 'pii-detector': { mode: 'observe' } };
  fs.writeFileSync(file, JSON.stringify({ policies: { chain: Object.keys(policy) }, policy }));
  const env = { ...aktoAt(server.url), DATA_DIR: dir, POLICY_FILE: file };
  const bridge = testBridge(env);
  onTestFinished(() => bridge.close());
  const ask = async (id: string, text: string, fields = {}) => {
    const call = {
      input_type: 'request',
      litellm_version: '1.110.2',
      litellm_call_id: id,
      litellm_trace_id: 't',
      model: 'm',
    };
    const rows = [
      { role: 'system', content: 'be kind' },
      { role: 'user', content: text },
    ];
    const { reply } = await bridge.ask({
      ...call,
      texts: ['be kind', text],
      structured_messages: rows,
      ...fields,
    });
    return /Reference: (\w+)/.exec(String(reply.blocked_reason))?.[1] ?? '';
  };
  const byPolicy = await ask('call-a', `${CANARY} ${SECRET} ada@example.com`);
  const byVendor = await ask('call-b', `please eat ${CANARY}`);
  const told: string[] = [];
  const look = async (...args: string[]) => {
    const { code, out } = await runCli(args, { env });
    expect(code).toBe(0);
    told.push(out);
    return out;
  };
  for (const isRunning of [true, false]) {
    if (!isRunning) await bridge.close();
    const delivered = async () =>
      expect((await runCli(['why', byVendor], { env })).out).toContain('akto: delivered');
    await vi.waitFor(delivered, 10_000);
    const first = await look('why', byPolicy);
    expect(first).toMatch(
      /^Blocked by the policy secrets of file version \S+: rule github-token matched in message 2 \(user\)\./,
    );
    expect(first).toContain('pii-detector (observes): would redact, by email-address in message 2 (user)');
    const second = await look('why', byVendor);
    expect(second).toMatch(/^Blocked by akto\./);
    expect(second).toMatch(/vendors {4}akto: block, in [\d.]+ ms; it said: Prompt injection \[…\]/);
    for (const name of [byPolicy, byVendor]) await look('why', name, '--json');
    await look('decisions', 'list');
    await look('decisions', 'list', '--json');
    for (const by of ['team', 'rule', 'backend', 'policy', 'category'])
      await look('decisions', 'top', '--by', by);
  }
  for (const word of [CANARY, 'quokka', SECRET.slice(4, 20), 'ada@', 'be kind', 'please eat'])
    expect(told.join('\n').toLowerCase()).not.toContain(word.toLowerCase());
});
