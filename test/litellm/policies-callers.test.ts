import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bridge } from './bridge.ts';
import { events, type Seen } from './client.ts';
import { chat, messages, responses } from './endpoints.ts';
import { redacted, samples, shownOf } from './policy-samples.ts';
import { gate, StreamReader } from './policy-stream.ts';
import { bearer, type PolicyWorld, policies, startPolicyWorld } from './policy-world.ts';
import { does, releasesThat } from './release.ts';

const secret = samples.github;
const question = 'How long does a plum cake bake?';
const leak = `Is ${secret} valid?`;
const refusal = /Blocked by security policy\. \[(?:policy|not_allowed)\] Reference: [0-9a-f]{16}/;
const story = 'Slice the plums, fold them into the batter and bake the cake for fifty minutes. ';

const enforce = { mode: 'enforce' };
const incremental = { mode: 'post_call', streaming_transform_mode: 'incremental_diff' };
const guardrails = {
  pre: { mode: 'pre_call' },
  post: { mode: 'post_call' },
  each: { mode: 'post_call', streaming_sampling_rate: 1 },
  end: { mode: 'post_call', streaming_end_of_stream_only: true },
  incremental,
};

const setups = {
  callers: {
    policy: policies(
      { secrets: { action: 'block', mode: 'observe' }, 'banned-keywords': { keywords: ['turnip'] } },
      {
        rules: [
          { name: 'team', match: { team: 'payments' }, ...enforce },
          { name: 'team-id', match: { team: 'team-8' }, ...enforce },
          { name: 'key', match: { key_alias: 'note*' }, ...enforce },
          { name: 'user', match: { user: 'dora' }, ...enforce },
          { name: 'end-user', match: { end_user: 'guest-*' }, ...enforce },
          { name: 'model', match: { model: 'house-claude' }, ...enforce },
          { name: 'header', match: { header: { 'x-litellm-kiosk': ['yes'] } }, ...enforce },
          { name: 'no-words', match: { end_user: 'cook' }, trusted: true, chain: ['secrets'] },
          {
            name: 'lenient',
            match: { end_user: 'lenient' },
            trusted: true,
            caller_may_skip: ['banned-keywords'],
          },
          { name: 'responses', match: { end_user: 'watched', input_type: 'response' }, ...enforce },
        ],
      },
    ),
  },
  agents: {
    policy: policies({
      rbac: {
        deny_if_missing: [],
        roles: {
          clerk: { allowed_models: ['house-model'] },
          searcher: {},
          anyone: { allowed_models: ['house-*'], denied_tools: ['web_search*'] },
        },
        assignments: [
          { role: 'clerk', teams: ['payments'] },
          { role: 'searcher', users: ['dora'] },
        ],
        default_role: 'anyone',
      },
      'agent-firewall': { blocked_tools: ['shell_*'], argument_rules: [{ path_traversal: true }] },
    }),
    guardrails,
  },
  sampled: { policy: policies({ secrets: { action: 'block', mode: 'sample', sample: 50 } }) },
  models: {
    policy: policies(
      { secrets: { action: 'block' }, 'banned-keywords': { keywords: ['turnip'] } },
      { rules: [{ name: 'lenient', match: { model: ['house-claude'] }, chain: ['banned-keywords'] }] },
    ),
  },
  observe: {
    policy: policies(
      {
        secrets: { mode: 'observe', action: 'redact' },
        'banned-keywords': { mode: 'observe', keywords: ['turnip'] },
      },
      { rules: [{ name: 'sales-team', match: { team: 'sales' } }] },
    ),
    env: { RESPONSE_REDACTION: 'rewrite' },
  },
  reload: {
    policy: policies({ secrets: { action: 'redact' } }),
    env: { RESPONSE_REDACTION: 'rewrite' },
    guardrails,
  },
  audit: {
    policy: policies({ secrets: { action: 'block' }, 'audit-logger': {} }),
    env: { TELEMETRY: 'off' },
    hasData: true,
  },
};

describe.each(releasesThat('has stream settings'))('policies and who calls, litellm $version', (release) => {
  let world: PolicyWorld<keyof typeof setups>;

  beforeAll(async () => {
    world = await startPolicyWorld(release, setups);
  });

  afterAll(async () => {
    await world?.stop();
  });

  describe('rules by caller', () => {
    type Ask = {
      endpoint?: typeof chat;
      body?: Record<string, unknown>;
      headers?: Record<string, string>;
    };
    const ask = async ({ endpoint = chat, body, headers }: Ask, prompt = leak) => {
      world.provider.reset();
      return world.send(endpoint, { ...endpoint.ask(prompt), ...body }, ['callers-pre'], headers);
    };

    test.each<[string, Ask]>([
      ['a team, by its alias', { headers: bearer('payments') }],
      ['a team, by its id', { headers: bearer('sales') }],
      ['a virtual key, by its alias', { headers: bearer('notebook') }],
      ['a user', { headers: bearer('dora') }],
      ['an end user', { body: { user: 'guest-7' } }],
      ['a model', { endpoint: messages }],
      ['a header', { headers: { 'x-litellm-kiosk': 'yes' } }],
      ['all who ask for it', { headers: { 'x-litellm-guardrail-enforce': 'true' } }],
    ])('%s is refused, where others are only observed', async (_who, caller) => {
      const seen = await ask(caller);

      expect(seen.status, seen.raw).toBe(400);
      expect(seen.raw).toMatch(refusal);
      expect(world.provider.calls).toEqual([]);
      expect((await ask(caller, question)).status).toBe(200);
    });

    test.each<[string, Ask]>([
      ['a caller without a team', {}],
      ['another end user', { body: { user: 'gus-7' } }],
      ['another value of the header', { headers: { 'x-litellm-kiosk': 'no' } }],
      ['a rule for responses', { body: { user: 'watched' } }],
    ])('%s passes', async (_who, caller) => {
      const seen = await ask(caller);

      expect(seen.status, seen.raw).toBe(200);
      expect(JSON.stringify(world.provider.calls)).toContain(secret);
    });

    test('a rule for responses judges them', async () => {
      world.provider.reset({ text: `It is ${secret}` });
      const body = { ...chat.ask(question), user: 'watched' };
      const seen = await world.send(chat, body, ['callers-post']);

      expect(seen.raw).toMatch(refusal);
      expect(shownOf(secret, seen.raw)).toEqual([]);
      const other = await world.send(chat, chat.ask(question), ['callers-post']);
      expect(other.raw).toContain(secret);
    });

    test('a rule with its own chain replaces the chain for all', async () => {
      expect((await ask({}, 'Peel a turnip')).raw).toMatch(refusal);
      expect((await ask({ body: { user: 'cook' } }, 'Peel a turnip')).status).toBe(200);
    });

    test('a caller can skip a policy only where the rule says so', async () => {
      const headers = { 'x-litellm-guardrail-skip': 'banned-keywords,secrets' };
      expect((await ask({ headers }, 'Peel a turnip')).raw).toMatch(refusal);
      const lenient = { headers, body: { user: 'lenient' } };
      expect((await ask(lenient, 'Peel a turnip')).status).toBe(200);
    });
  });

  describe('actions of agents', () => {
    const allowed = { name: 'read_file', arguments: '{"path":"menu/plums"}' };
    const deniedCalls = [
      ['a tool that is blocked', { name: 'shell_run', arguments: '{"command":"ls plums"}' }],
      ['a path that traverses', { name: 'read_file', arguments: '{"path":"menu/../../etc/plums"}' }],
    ] as const;

    describe.each([chat, messages, responses])('$name', (endpoint) => {
      test.each(deniedCalls)('%s is refused', async (_what, call) => {
        world.provider.reset({ toolCalls: [call] });
        const seen = await world.send(endpoint, endpoint.ask(question), ['agents-post']);

        expect(seen.status, seen.raw).toBe(400);
        expect(seen.raw).toMatch(refusal);
        expect(seen.raw).not.toContain('plums');
      });

      test.each(deniedCalls)('%s ends a stream with streaming_end_of_stream_only', async (_what, call) => {
        world.provider.reset({ text: story, toolCalls: [call] });
        const body = { ...endpoint.ask(question), stream: true };
        const seen = await world.send(endpoint, body, ['agents-end']);

        expectRefusal(seen);
        const isHeld = endpoint !== chat || does(release, 'holds the end of chats');
        expect(endOf(seen) === undefined).toBe(isHeld);
      });

      test('another tool passes', async () => {
        world.provider.reset({ text: story, toolCalls: [allowed] });
        const plain = await world.send(endpoint, endpoint.ask(question), ['agents-post']);
        const body = { ...endpoint.ask(question), stream: true };
        const streamed = await world.send(endpoint, body, ['agents-end']);

        expect(plain.status, plain.raw).toBe(200);
        expect(plain.raw).toContain('menu/plums');
        expect(streamed.raw).not.toMatch(refusal);
        expect(endOf(streamed)).toBeDefined();
      });
    });

    test.each(deniedCalls)('%s ends a stream of incremental_diff', async (_what, call) => {
      for (const text of ['', story, 'Well, here it is, as you asked for.']) {
        world.provider.reset({ text, toolCalls: [call] });
        const body = { ...chat.ask(question), stream: true };
        const seen = await world.send(chat, body, ['agents-incremental']);

        expectRefusal(seen);
        expect(endOf(seen)).toBeUndefined();
      }
    });

    // Tool calls in streams, as LiteLLM handles them by default. A failure here is good news.
    describe('LiteLLM by default', () => {
      const [, [, call]] = deniedCalls;

      test('LEAKS: the end of a stream comes before the refusal, unless it is a fifth chunk', async () => {
        const ends = [];
        for (const text of ['', 'one', 'one, two', 'one, two, th', 'one, two, three,']) {
          world.provider.reset({ text, toolCalls: [call] });
          const body = { ...chat.ask(question), stream: true };
          const seen = await world.send(chat, body, ['agents-post']);
          expectRefusal(seen);
          ends.push(endOf(seen));
        }
        expect(ends).toEqual([undefined, ...Array(4).fill('"finish_reason":"tool_calls"')]);
      });

      test('LEAKS: a stream of /v1/responses is not refused at all, or after its end', async () => {
        world.provider.reset({ toolCalls: [call] });
        const body = { ...responses.ask(question), stream: true };
        const seen = await world.send(responses, body, ['agents-post']);

        expect(refusal.test(seen.raw)).toBe(!does(release, 'samples responses'));
        expect(endOf(seen)).toBe('"type":"response.completed"');
      });

      test('BREAKS: a stream of /v1/responses that calls a tool is cut off at streaming_sampling_rate 1', async () => {
        world.provider.reset({ toolCalls: [allowed] });
        const body = { ...responses.ask(question), stream: true };

        const sent = world.send(responses, body, ['agents-each']);

        if (!does(release, 'samples responses')) {
          expect(endOf(await sent)).toBe('"type":"response.completed"');
          return;
        }
        if (!does(release, 'ends failed streams')) {
          await expect(sent).rejects.toThrow(/terminated|fetch failed/);
          return;
        }
        const { raw } = await sent;
        // 1.109.3 adds [DONE]
        const last = events(raw).findLast(({ data }) => data !== '[DONE]');
        expect(last?.data, raw.slice(-600)).toMatchObject({
          type: 'response.failed',
          response: {
            error: { message: expect.stringMatching(/validation errors for GenericGuardrailAPIRequest/) },
          },
        });
        expect(raw).not.toMatch(refusal);
      });

      test('LEAKS: arguments are shown before they are judged', async () => {
        for (const guardrail of ['agents-post', 'agents-end', 'agents-incremental']) {
          world.provider.reset({ text: story, toolCalls: [call] });
          const body = { ...chat.ask(question), stream: true };
          const seen = await world.send(chat, body, [guardrail]);

          expect(seen.raw).toContain('etc/plums');
        }
      });
    });

    test('a role may use its models only', async () => {
      const ask = (model: string, who?: 'payments' | 'sales') => {
        world.provider.reset();
        const headers = who === undefined ? {} : bearer(who);
        return world.send(chat, { ...chat.ask(question), model }, ['agents-pre'], headers);
      };
      const refused = await ask('house-claude', 'payments');

      expect(refused.status, refused.raw).toBe(400);
      expect(refused.raw).toMatch(refusal);
      expect(world.provider.calls).toEqual([]);
      expect((await ask('house-model', 'payments')).status).toBe(200);
      expect((await ask('house-claude', 'sales')).status).toBe(200);
      expect((await ask('house-claude')).status).toBe(200);
    });
  });

  test('a role is that of the key, and not of the user that a client names; a tool has all of its names', async () => {
    const tools = [{ type: 'web_search', name: 'ok', function: { name: 'ok', parameters: {} } }];
    const ask = (more: object, headers?: Record<string, string>) => {
      world.provider.reset();
      return world.send(chat, { ...chat.ask(question), ...more }, ['agents-pre'], headers);
    };
    for (const body of [
      { tools, user: 'dora' },
      { tools, metadata: { user_id: 'dora' } },
    ]) {
      const seen = await ask(body);
      expect(seen.status, seen.raw).toBe(400);
      expect(seen.raw).toMatch(refusal);
      expect(world.provider.calls).toEqual([]);
    }
    expect((await ask({ user: 'dora' })).status).toBe(200);
    expect((await ask({ tools }, bearer('dora'))).status).toBe(200);
  });

  describe('ids that a client chooses', () => {
    /** The call id alone, or the trace id too. */
    const ids: [string, (id: string) => Record<string, string>][] = [
      ['a call id', (id) => ({ 'x-litellm-call-id': id })],
      ['a call id and a trace id', (id) => ({ 'x-litellm-call-id': id, 'x-litellm-trace-id': id })],
    ];

    test.each(ids)('%s that passed a sample once says nothing of the next call', async (what, headersOf) => {
      const passes = async (id: string) => {
        const { raw } = await world.send(chat, chat.ask(leak), ['sampled-pre'], headersOf(id));
        return !refusal.test(raw);
      };
      world.provider.reset();
      let lucky = 0;
      while (lucky < 30 && !(await passes(`${what} ${lucky}`))) lucky++;
      const next: boolean[] = [];
      while (next.length < 30 && !next.includes(false)) next.push(await passes(`${what} ${lucky}`));

      expect(lucky, 'a call passes').toBeLessThan(30);
      expect(next, 'a later one is refused').toContain(false);
    });

    test('a response stands in a sample where its request does', async () => {
      world.provider.reset({ text: `It is ${secret}` });
      const both = ['sampled-pre', 'sampled-post'];
      const refused = [];
      for (let i = 0; i < 12; i++) {
        const { raw } = await world.send(chat, chat.ask(leak), both);
        refused.push(refusal.test(raw));
      }
      expect(new Set(refused)).toEqual(new Set([true, false]));
      // A refused request never came to the model, so no response was refused
      expect(world.provider.calls).toHaveLength(refused.filter((one) => !one).length);
    });

    test.each(ids)(
      'a call of another model under %s does not loosen the response to the first',
      async (what, headersOf) => {
        const headers = headersOf(`models, ${what}`);
        const lenient = { ...chat.ask(question), model: 'house-claude' };
        const proceed = gate();
        const answer = `${story}The key is ${secret}. ${story}`;
        world.provider.reset({
          text: answer,
          beforeChunk: (index) => (index > 2 ? proceed.opened : Promise.resolve()),
        });
        const body = { ...chat.ask(question), stream: true };
        const stream = new StreamReader(await world.open(chat, body, ['models-pre', 'models-post'], headers));
        await stream.until((text) => text.length > 4);
        world.provider.respondTo = ({ stream: isStream }) =>
          isStream ? world.provider.response : { text: answer };
        const second = await world.send(chat, lenient, ['models-pre'], headers);
        proceed.open();
        await stream.end();
        const alone = await world.send(chat, lenient, ['models-pre', 'models-post']);
        world.provider.respondTo = undefined;

        expect(second.status, second.raw).toBe(200);
        expect(stream.raw).toMatch(refusal);
        expect(alone.raw).toContain(secret);
      },
    );
  });

  test('a policy that observes counts its decisions, and changes nothing', async () => {
    const { observe } = world.bridges;
    const counted = async (result: string, policy: string, rule: string, team: string) =>
      (await metricOf(observe, `would_${result}_total`, { policy, rule, team })) ?? 0;
    const prompt = `Peel a turnip with ${secret}`;

    world.provider.reset({ text: `A turnip for ${secret}` });
    const guards = ['observe-pre', 'observe-post'];
    const first = await world.send(chat, chat.ask(prompt), guards, bearer('sales'));
    await world.send(chat, chat.ask(question), ['observe-pre'], bearer('sales'));
    await world.send(chat, chat.ask(prompt), ['observe-pre'], bearer('payments'));
    await world.send(chat, chat.ask(prompt), ['observe-pre']);

    expect(first.status).toBe(200);
    expect(first.raw).toContain(`A turnip for ${secret}`);
    expect(JSON.stringify(world.provider.calls[0]?.body)).toContain(prompt);
    for (const [result, policy] of [
      ['redact', 'secrets'],
      ['block', 'banned-keywords'],
    ] as const) {
      expect(await counted(result, policy, 'sales-team', 'sales')).toBe(2);
      expect(await counted(result, policy, 'default', 'payments')).toBe(1);
      expect(await counted(result, policy, 'default', '')).toBe(1);
    }
    expect(JSON.stringify(observe.lines)).not.toContain('turnip');
  });

  test('a reload of the policy file stops no call under way', async () => {
    const { reload } = world.bridges;
    const word = 'rutabaga';
    const both = ['reload-pre', 'reload-post'];
    const proceed = gate();
    world.provider.reset({
      text: `${story}The key is ${secret}. ${story}`,
      async beforeChunk(index) {
        if (index === 10) await proceed.opened;
      },
    });
    const body = { ...chat.ask(question), stream: true };
    const stream = new StreamReader(await world.open(chat, body, ['reload-incremental']));
    await stream.until((text) => text.length > 4);

    let isOver = false;
    const others: Seen[] = [];
    world.provider.respondTo = ({ stream: isStream }) => (isStream ? world.provider.response : {});
    const traffic = Promise.all(
      [0, 1].map(async () => {
        while (!isOver) others.push(await world.send(chat, chat.ask(question), both));
      }),
    );
    const wanted = { secrets: { action: 'redact' }, 'banned-keywords': { keywords: [word] } };
    expect((await world.send(chat, chat.ask(`Peel a ${word}`), both)).status).toBe(200);
    await world.rewrite('reload', policies(wanted));
    await said(reload, 'policies read again');
    const refused = await world.send(chat, chat.ask(`Peel a ${word}`), both);
    await world.rewrite('reload', 'policies: [broken');
    await said(reload, 'the policy file cannot be used; the last good one stays');
    const stillRefused = await world.send(chat, chat.ask(`Peel a ${word}`), both);
    proceed.open();
    const whole = await stream.end();
    isOver = true;
    await traffic;
    world.provider.respondTo = undefined;

    expect(refused.raw).toMatch(refusal);
    expect(stillRefused.raw).toMatch(refusal);
    expect(whole).toBe(`${story}The key is ${redacted}. ${story}`);
    expect(stream.raw).not.toContain('"error"');
    expect(others.length).toBeGreaterThan(2);
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200]));
  });

  test('the audit log of a run holds the decisions, verifies, and has no content', async () => {
    const canary = 'marzipan-canary';
    world.provider.reset({ text: `A ${canary}, or ${secret}` });
    const send = (prompt: string, guardrail: string) =>
      world.send(chat, chat.ask(`${prompt} ${canary}`), [guardrail], bearer('sales'));
    const allowed = await send(question, 'audit-pre');
    const refused = await send(leak, 'audit-pre');
    const cut = await send(question, 'audit-post');
    const reference = /Reference: ([0-9a-f]{16})/.exec(refused.raw)?.[1];
    await world.bridges.audit.stop();

    const log = await audit(world.folderOf('audit'), 'export', '--format', 'jsonl');
    const rows = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ event_type }) => event_type === 'decision');
    const idOf = ({ headers }: Seen) => headers.get('x-litellm-call-id');
    expect(rows).toMatchObject([
      { verdict: 'allow', input_type: 'request', litellm_call_id: idOf(allowed), team: 'sales' },
      {
        verdict: 'block',
        input_type: 'request',
        litellm_call_id: idOf(refused),
        reason_code: 'secret_detected',
        ref: reference,
        key: 'sales-desk',
        user: 'bob',
      },
      { verdict: 'block', input_type: 'response', litellm_call_id: idOf(cut) },
    ]);
    expect(log).not.toContain(canary);
    expect(shownOf(secret, log)).toEqual([]);
    expect(await audit(world.folderOf('audit'), 'verify')).toMatch(/^ok, 4 rows in 1 segment, head 4:/m);
  });
});

/** Runs `guardrail-bridge audit` as an operator does. */
async function audit(dataDir: string, ...args: string[]): Promise<string> {
  const src = resolve(import.meta.dirname, '..', '..', 'src');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['-r', resolve(src, 'node-version.cjs'), resolve(src, 'main.ts'), 'audit', ...args],
    { cwd: dataDir, env: { PATH: process.env.PATH ?? '', DATA_DIR: dataDir } },
  );
  return stdout;
}

async function metricOf(bridge: Bridge, name: string, labels: Record<string, string>) {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = (await bridge.metrics())
    .split('\n')
    .find(
      (text) => text.startsWith(`guardrail_bridge_${name}{`) && wanted.every((label) => text.includes(label)),
    );
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

/** Waits until a bridge has logged a line. */
async function said(bridge: Bridge, msg: string): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!bridge.lines.some((line) => line.msg === msg)) {
    if (Date.now() > giveUpAt) throw new Error(`the bridge did not say: ${msg}`);
    await sleep(50);
  }
}

/** That a stream ended with the refusal. */
function expectRefusal(seen: Seen): void {
  expect(seen.status, seen.raw).toBe(200);
  const all = events(seen.raw);
  const last = all.at(-1)?.data === '[DONE]' ? all.at(-2) : all.at(-1);
  expect(JSON.stringify(last)).toMatch(refusal);
}

/** The mark that tells a client that the model waits for the result of a tool. */
function endOf(seen: Seen): string | undefined {
  const marks = /"finish_reason":"tool_calls"|"stop_reason":"tool_use"|"type":"response.completed"/;
  return marks.exec(seen.raw)?.[0];
}
