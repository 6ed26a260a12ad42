import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { startBridge } from './bridge.ts';
import { call } from './client.ts';
import { chat } from './endpoints.ts';
import { address, forbidden } from './fake-akto.ts';
import { type McpWorld, startMcpWorld } from './mcp-world.ts';
import { samples } from './policy-samples.ts';
import { policies } from './policy-world.ts';
import { type Provider, startProvider } from './provider.ts';
import { type GuardrailEntry, startProxy } from './proxy.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { blockStatus, does, releasesThat } from './release.ts';

// A real MCP server behind the real proxy: what reaches a tool, what comes back from it, which tools a client is shown.

const MARKER = '[EMAIL_ADDRESS]';
const BLOCKED = /Blocked by security policy\. \[(?:policy|not_allowed)\] Reference: [0-9a-f]{16}$/;

const POLICY = policies({
  'agent-firewall': {
    blocked_tools: ['directory-delete_file'],
    argument_rules: [{ tools: ['lookup'], deny_patterns: ['DROP TABLE'] }],
    rate_limits: { ping: 2 },
  },
  'banned-keywords': { keywords: [forbidden] },
  'prompt-injection': {},
  'pii-detector': { entities: ['EMAIL_ADDRESS'] },
});

/** The ways to a tool. */
const ways = (world: () => McpWorld) =>
  [
    ['/mcp/', (tool: string, args: object) => world().overMcp(tool, args)],
    ['/mcp-rest/', (tool: string, args: object) => world().overRest(tool, args)],
  ] as const;

/** A guardrail with this mode that is on for each call. */
const entry = (mode: string | string[], api_base: string) => ({
  guardrail_name: `further-${[mode].flat().join('-')}`,
  litellm_params: { guardrail: 'generic_guardrail_api', mode, api_base, default_on: true },
});

describe.each(releasesThat('judges MCP calls'))('LiteLLM $version', (release) => {
  /** Judges beside the others by words of its own; what it is shown is kept. */
  let during: { shown: Recorder; stop(): Promise<void> };
  let world: McpWorld;
  beforeAll(async () => {
    during = await startDuring();
    world = await startMcpWorld(release, POLICY, (example) => [
      ...example,
      entry('during_mcp_call', during.shown.url),
    ]);
  });
  afterAll(async () => {
    await world?.stop();
    await during?.stop();
  });
  beforeEach(async () => {
    await world.arrived();
    world.asked();
  });

  describe.each(ways(() => world))('MCP tool calls, request, over %s', (way, callTool) => {
    const isRest = way === '/mcp-rest/';
    const refused = { isError: true, status: isRest ? 400 : 200 };

    test('an allowed tool is called, and the vendor is shown the call', async () => {
      expect(await callTool('lookup', { name: 'Ada', note: 'hello' })).toEqual({
        ...{ status: 200, isError: false, texts: ['Found Ada.'], structured: { name: 'Ada', found: 1 } },
      });
      expect(await world.arrived()).toEqual([{ tool: 'lookup', name: 'Ada', note: 'hello', limit: 1 }]);
      const checks = world.asked().filter(({ type }) => type === 'tool_call');
      expect(checks).toMatchObject([
        { tool: 'lookup', request: { params: { name: 'lookup', arguments: { texts: ['Ada', 'hello'] } } } },
        {
          tool: 'unknown',
          response: { result: { content: expect.arrayContaining([{ type: 'text', text: 'Found Ada.' }]) } },
        },
      ]);
    });

    test('a blocked tool is not called', async () => {
      const { texts, ...result } = await callTool('delete_file', { path: '/tmp/a' });
      expect(result).toMatchObject({ isError: true, status: isRest ? 403 : 200 });
      expect(texts.join()).toContain('Tool delete_file is unavailable after MCP guardrail checks');
      expect(await world.arrived()).toEqual([]);
    });

    test('a forbidden argument stops the call', async () => {
      const { texts, ...result } = await callTool('lookup', { name: 'Ada', note: 'x; DROP TABLE users' });
      expect(result).toMatchObject(refused);
      expect(texts.join()).toMatch(BLOCKED);
      expect(await world.arrived()).toEqual([]);
    });

    test('a forbidden word among the arguments stops the call', async () => {
      expect(await callTool('lookup', { name: forbidden })).toMatchObject(refused);
      expect(await world.arrived()).toEqual([]);
    });

    test('the tool gets the marker in place of what is redacted', async () => {
      expect(await callTool('lookup', { name: 'Ada', note: `mail ${address}`, limit: 3 })).toMatchObject({
        isError: false,
      });
      expect(await world.arrived()).toEqual([
        { tool: 'lookup', name: 'Ada', note: `mail ${MARKER}`, limit: 3 },
      ]);
    });

    test('arguments of a tool are redacted whose description would be too', async () => {
      expect(await callTool('ask', { name: address })).toMatchObject({ isError: false });
      expect(await world.arrived()).toEqual([{ tool: 'ask', name: MARKER }]);
    });

    test('a tool with a poisoned description cannot be called', async () => {
      const { texts, isError } = await callTool('weather', { city: 'Rome' });
      expect(isError).toBe(true);
      expect(texts.join()).toContain('Tool weather is unavailable after MCP guardrail checks');
      expect(await world.arrived()).toEqual([]);
    });
  });

  describe.each(ways(() => world))('MCP tool calls, response, over %s', (_, callTool) => {
    test('a result is redacted, in its texts and its structured content', async () => {
      const text = `Write to ${MARKER} today.`;
      expect(await callTool('read_page', { page: 'address' })).toMatchObject({
        ...{ isError: false, texts: [text], structured: { result: text } },
      });
    });

    test.each(['forbidden', 'poisoned'])('a %s result does not arrive', async (page) => {
      const { texts, isError, structured } = await callTool('read_page', { page });
      expect({ isError, structured }).toEqual({ isError: true, structured: undefined });
      expect(texts).toEqual([expect.stringMatching(BLOCKED)]);
      expect(await world.arrived()).toHaveLength(1);
    });

    test('a key that would have to be redacted blocks the result', async () => {
      const { texts, isError } = await callTool('read_keys', { page: 'x' });
      expect({ texts, isError }).toEqual({ texts: [expect.stringMatching(BLOCKED)], isError: true });
    });
  });

  describe('MCP `tools/list`, request', () => {
    test('shows no blocked and no poisoned tool, and descriptions without what is redacted', async () => {
      expect(await world.list()).toEqual({
        'directory-lookup': 'Look a person up in the directory.',
        'directory-read_page': 'Read a page.',
        'directory-read_keys': 'Read a page, by its address.',
        'directory-attach': 'Attach a page.',
        'directory-ask': `Ask ${MARKER} about a person.`,
        'directory-ping': '',
      });
    });

    test('costs a vendor nothing the second time', async () => {
      await world.list();
      world.asked();
      await world.list();
      expect(world.asked()).toEqual([]);
    });
  });

  describe.each(ways(() => world))('during_mcp_call, over %s', (_, callTool) => {
    const refused = { isError: true, texts: [expect.stringMatching(BLOCKED)] };
    const shown = () => during.shown.calls.splice(0).map(({ body }) => body);

    test('an allowed tool is called, and the guardrail is shown no definition', async () => {
      shown();
      expect(await callTool('lookup', { name: 'Ada', note: 'hello' })).toMatchObject({ isError: false });
      const calls = shown();
      expect(calls).toMatchObject([
        { texts: ['Ada', 'hello'], tools: [{ function: { name: 'lookup', description: '' } }] },
      ]);
      // Described in the schema
      expect(JSON.stringify(calls)).not.toContain('full name');
    });

    test.each([
      ['a forbidden word', 'rhubarb'],
      ['what would have to be redacted', samples.github],
    ])('%s refuses a call whose tool runs all the same', async (_what, note) => {
      expect(await callTool('lookup', { name: 'Ada', note })).toMatchObject(refused);
      await vi.waitFor(
        async () => expect(await world.arrived()).toMatchObject([{ tool: 'lookup', note }]),
        5_000,
      );
    });
  });

  test('what LiteLLM does not show is not judged: prompts, resources, resources in a result, titles of tools', async () => {
    expect(await world.sendMcp('prompts/get', { name: 'directory-prompt' })).toContain(forbidden);
    expect(await world.sendMcp('resources/read', { uri: 'pages://forbidden' })).toContain(forbidden);
    expect(world.asked()).toEqual([]);
    expect(await world.sendMcp('tools/call', { name: 'directory-attach', arguments: {} })).toContain(
      forbidden,
    );
    expect(await world.sendMcp('tools/list', {})).toContain(forbidden);
  });

  test('a call is counted once, and the third of a tool that may be called twice in a minute is refused', async () => {
    const results = [];
    for (let i = 0; i < 3; i++) results.push(await world.overMcp('ping', {}));
    expect(results.map(({ isError }) => isError)).toEqual([false, false, true]);
    expect(await world.arrived()).toEqual([{ tool: 'ping' }, { tool: 'ping' }]);
  });

  test('each call is on record once, as a call of its tool', async () => {
    await world.overMcp('lookup', { name: 'on record' });
    await world.overMcp('lookup', { name: `not ${forbidden}` });
    const { texts } = await world.overMcp('read_page', { page: 'forbidden' });
    const ref = /[0-9a-f]{16}/.exec(texts.join())?.[0];
    const recorded = (words: string) =>
      world.records().filter(({ request }) => JSON.stringify(request).includes(words));
    const blocked = () => world.records().filter(({ tags }) => tags.ref === ref);
    const count = () => [recorded('on record').length, blocked().length];
    await vi.waitFor(() => expect(count()).toEqual([1, 1]), { timeout: 30_000, interval: 500 });
    expect(recorded('on record')).toMatchObject([
      {
        status: '200',
        request: { method: 'tools/call', params: { name: 'lookup', arguments: { name: 'on record' } } },
        tags: { tool_name: 'lookup', mcp_server_name: 'directory', outcome: 'success' },
      },
    ]);
    expect(recorded(`not ${forbidden}`)).toMatchObject([
      {
        status: '403',
        request: { params: { arguments: { texts: [`not ${forbidden}`] } } },
        tags: { outcome: 'blocked' },
      },
    ]);
    expect(recorded('default-message-value')).toEqual([]);
    expect(blocked()).toMatchObject([
      {
        status: '403',
        request: { params: { name: 'read_page', arguments: { page: 'forbidden' } } },
        tags: { mcp_server_name: 'directory', outcome: 'blocked', user_id: 'default_user_id' },
      },
    ]);
    expect(world.records().filter(({ tags }) => tags.outcome === 'failure')).toEqual([]);
  });

  test('the client of PyPI’s mcp sees the same', async () => {
    const { tools, ...result } = await world.withPython('lookup', { name: address });
    expect(tools).toEqual(expect.arrayContaining(['directory-lookup']));
    expect(tools).not.toEqual(expect.arrayContaining(['directory-weather']));
    expect(result).toEqual({ texts: [`Found ${MARKER}.`], isError: false });
    const refused = await world.withPython('read_page', { page: 'forbidden' });
    expect(refused).toMatchObject({ isError: true, texts: [expect.stringMatching(BLOCKED)] });
  });
});

describe.each(inject('releases').filter((release) => !does(release, 'judges MCP calls')))(
  'LiteLLM $version, which judges no MCP calls',
  (release) => {
    const doesStart = does(release, 'skips wrong entries');
    const both = (url: string) => entry(['pre_call', 'pre_mcp_call'], url);
    let provider: Provider;
    /** Behind the guardrail with both modes. */
    let behind: Recorder;
    let world: McpWorld;
    beforeAll(async () => {
      [provider, behind] = await Promise.all([startProvider(), startRecorder()]);
      const isUsable = ({ litellm_params }: { litellm_params: { mode?: unknown } }) =>
        typeof litellm_params.mode === 'string';
      const entries = (example: GuardrailEntry[]) => [
        ...example.filter(isUsable),
        ...(doesStart ? [both(behind.url)] : []),
      ];
      world = await startMcpWorld(release, POLICY, entries, provider.url);
    });
    afterAll(async () => {
      await world?.stop();
      await Promise.all([provider?.close(), behind?.close()]);
    });
    beforeEach(async () => {
      await world.arrived();
      world.asked();
    });
    afterEach(() => expect(behind.calls).toEqual([]));

    describe.each(ways(() => world))('over %s', (_, callTool) => {
      test('MCP tool calls, request, not asked about: a blocked tool runs with what is forbidden', async () => {
        expect(await callTool('delete_file', { path: forbidden })).toMatchObject({ isError: false });
        expect(await world.arrived()).toEqual([{ tool: 'delete_file', path: forbidden }]);
        expect(world.asked()).toEqual([]);
      });

      test('MCP tool calls, response, not asked about: a forbidden result arrives', async () => {
        const { texts } = await callTool('read_page', { page: 'forbidden' });
        expect(texts.join()).toContain(forbidden);
        expect(world.asked()).toEqual([]);
      });
    });

    test('MCP `tools/list`, request, not asked about: a poisoned description is shown', async () => {
      expect(Object.keys(await world.list())).toEqual(
        expect.arrayContaining(['directory-weather', 'directory-delete_file']),
      );
      expect(world.asked()).toEqual([]);
    });

    test('with pre_call and pre_mcp_call in one entry LiteLLM does not start, or without that guardrail', async () => {
      if (!doesStart) {
        const options = { bin: release.bin, providerUrl: provider.url, guardrails: [both(behind.url)] };
        await expect(startProxy(options)).rejects.toThrow(/did not start.*pre_mcp_call/s);
        return;
      }
      expect(world.proxy.log()).toContain('proxy is starting WITHOUT this guardrail');
      const passed = await call(world.proxy.url, chat.path, chat.ask('Hello'));
      expect(passed.status, passed.raw).toBe(200);
      // One that stands by itself still judges
      const refused = await call(world.proxy.url, chat.path, chat.ask(forbidden));
      expect(refused.status, refused.raw).toBe(blockStatus(release));
      expect(provider.calls).toHaveLength(1);
    });
  },
);

async function startDuring() {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-during-'));
  const file = join(folder, 'policy.json');
  const kinds = { 'banned-keywords': { keywords: ['rhubarb'] }, secrets: { action: 'redact' } };
  await writeFile(file, JSON.stringify(policies(kinds)));
  const bridge = await startBridge({ POLICY_FILE: file });
  const shown = await startRecorder(async ({ path, body }) => {
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(`${bridge.url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return { json: await reply.json() };
  });
  const stop = async () => {
    await Promise.all([bridge.stop(), shown.close()]);
    await rm(folder, { recursive: true, force: true });
  };
  return { shown, stop };
}
