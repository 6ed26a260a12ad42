import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { forbidden } from './fake-akto.ts';
import { type McpWorld, startMcpWorld } from './mcp-world.ts';
import { policies } from './policy-world.ts';
import { releasesThat } from './release.ts';

// LiteLLM's own guardrail `akto` for calls of MCP tools, pointed at the bridge, beside the logger that sends it log events.

const REFERENCE = /Reference: [0-9a-f]{16}/;
const POLICY = policies({
  'banned-keywords': { keywords: [forbidden] },
  'pii-detector': { entities: ['EMAIL_ADDRESS'] },
});

describe.each(releasesThat('judges MCP calls'))(
  'guardrail akto of litellm $version at the bridge, for MCP',
  (release) => {
    let world: McpWorld;
    beforeAll(async () => {
      world = await startMcpWorld(release, POLICY, () => [
        {
          guardrail_name: 'akto',
          litellm_params: {
            guardrail: 'akto',
            mode: ['pre_mcp_call', 'post_mcp_call'],
            akto_base_url: 'os.environ/BRIDGE_URL',
            akto_api_key: 'os.environ/BRIDGE_API_KEY',
            default_on: true,
          },
        },
      ]);
    });
    afterAll(() => world?.stop());
    beforeEach(async () => {
      await world.arrived();
      world.asked();
    });

    test('an allowed tool is called, and is one record with its name and arguments', async () => {
      const result = await world.overMcp('lookup', { name: 'Ada', note: 'a first note' });
      expect(result).toMatchObject({ isError: false, texts: ['Found Ada.'] });
      await sleep(8000);
      world.asked();
      const records = world.records().filter((record) => JSON.stringify(record).includes('a first note'));
      expect(records).toMatchObject([
        {
          status: '200',
          tags: { tool_name: 'lookup', call_type: 'tool_call', mcp_server_name: 'directory' },
        },
      ]);
    });

    test('a result that is blocked does not reach its caller, who is told the message of the bridge', async () => {
      const result = await world.overMcp('lookup', { name: forbidden });
      expect([result.isError, result.texts.join()]).toEqual([true, expect.stringMatching(REFERENCE)]);
    });

    // LiteLLM puts the definition of a tool that it knows into each call of it, and its guardrail takes that for a listing
    test('arguments of a tool are not shown before it is called', async () => {
      await world.overMcp('lookup', { name: 'Ada', note: 'bob@example.org' });
      expect(await world.arrived()).toMatchObject([{ note: 'bob@example.org' }]);
      expect(JSON.stringify(world.asked())).not.toMatch(/bob@|EMAIL_ADDRESS/);
    });
  },
);
