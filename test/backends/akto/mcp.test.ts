import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { aktoAllows, aktoBlocks, aktoRedacts, aktoReply } from '../../support/akto.ts';
import { aktoAt, testBridge } from '../../support/bridge.ts';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.ts';
import { mcpCall, mcpListed, mcpResult } from '../../support/mcp.ts';

let vendor: FakeBackend;
beforeAll(async () => {
  vendor = await startFakeBackend();
});
afterAll(() => vendor.close());
afterEach(() => {
  vendor.seen.length = 0;
});

const DESCRIPTIONS = ['Look a person up in the directory.', "The person's full name"] as const;

/** The reply of the bridge, and what Akto was sent. */
async function asked(call: object, reply = aktoAllows) {
  vendor.reply = reply;
  const bridge = testBridge(aktoAt(vendor.url));
  const replied = await bridge.ask(call);
  await bridge.close();
  const { query, body } = vendor.seen.at(-1)!;
  const envelope = body as Record<string, string>;
  const parsed = (name: string) => JSON.parse(envelope[name] as string);
  return { reply: replied.reply, query, envelope, parsed };
}

describe('the check of an MCP tool', () => {
  const tags = { 'mcp-server': 'MCP Server', 'mcp-client': 'litellm', mcp_server_name: 'unknown' };

  test('is a call of the tool in JSON-RPC, and no prompt', async () => {
    const { envelope, parsed, query } = await asked(mcpCall(['Ada Frost', 'a "quoted\\" word']));
    expect(query.has('guardrails')).toBe(true);
    expect(envelope).toMatchObject({ path: '/mcp', method: 'POST', responsePayload: '{}' });
    expect(parsed('requestPayload')).toEqual({
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
      params: { name: 'lookup', arguments: { texts: ['Ada Frost', 'a "quoted\\" word'] } },
    });
    expect(parsed('tag')).toEqual({ user_id: 'dana', ...tags, tool_name: 'lookup', call_type: 'tool_call' });
    expect(envelope.metadata).toBe(envelope.tag);
    expect(parsed('requestHeaders')).toMatchObject({
      'x-akto-installer-akto_session_id': 'trace-1',
      'x-akto-installer-akto_message_id': 'call-1',
    });
  });

  test('is the definition of the tool in a list', async () => {
    const { parsed } = await asked(mcpListed());
    expect(parsed('requestPayload')).toEqual({
      tools: [
        {
          name: 'lookup',
          description: 'Look a person up in the directory.',
          inputSchema: expect.objectContaining({ title: 'lookupArguments' }),
        },
      ],
    });
    expect(parsed('tag')).toMatchObject({ ...tags, tool_name: 'lookup', call_type: 'tool_discovery' });
  });

  test('is a result of an unknown tool, without a session', async () => {
    const { envelope, parsed, query } = await asked(mcpResult('Found Ada', 'Ada', 'name'));
    expect(query.has('response_guardrails')).toBe(true);
    expect(parsed('requestPayload')).toMatchObject({ params: { name: 'unknown', arguments: {} } });
    const content = ['Found Ada', 'Ada', 'name'].map((text) => ({ type: 'text', text }));
    expect(parsed('responsePayload')).toEqual({ jsonrpc: '2.0', id: 1, result: { content } });
    expect(parsed('tag')).toEqual({ ...tags, tool_name: 'unknown', call_type: 'tool_call' });
    expect(envelope.requestHeaders).toBe('{"content-type":"application/json"}');
  });

  test('blocks', async () => {
    expect((await asked(mcpCall(['Ada']), aktoBlocks())).reply).toMatchObject({ action: 'BLOCKED' });
  });

  test.each<[string, object, string, string[]]>([
    ['an argument', mcpCall(['dana in Rome']), 'dana', [...DESCRIPTIONS, '**** in Rome']],
    ['a description', mcpListed(), 'full', [DESCRIPTIONS[0], "The person's **** name"]],
    ['a result', mcpResult('dana'), 'dana', ['****']],
  ])('redacts %s', async (_, call, word, texts) => {
    const { reply } = await asked(call, aktoRedacts(word, '****'));
    expect(reply).toEqual({ action: 'GUARDRAIL_INTERVENED', texts });
  });

  test('reads a redaction that has the parameters alone', async () => {
    const params = { name: 'lookup', arguments: { texts: ['**** in Rome'] } };
    const ModifiedPayload = JSON.stringify(params);
    const { reply } = await asked(
      mcpCall(['dana in Rome']),
      aktoReply({ Allowed: true, Modified: true, ModifiedPayload }),
    );
    expect(reply.texts).toEqual([...DESCRIPTIONS, '**** in Rome']);
  });
});
