import type { GuardrailCall } from '../../guardrail/call.ts';
import { mcpToolOf } from '../../guardrail/mcp-tool.ts';

/** Both sides of a call of an MCP tool as Akto is to judge them, and its tags. */
export type McpExchange = {
  readonly request: object;
  /** Undefined before the tool was called. */
  readonly response: object | undefined;
  readonly tags: Readonly<Record<string, string>>;
};

const RPC = { jsonrpc: '2.0', id: 1 };
/** LiteLLM shows neither the server nor, of a result, the tool. */
const UNKNOWN = 'unknown';

/**
 * A call of an MCP tool, its result, or the definition of a tool; undefined for any other call. The arguments come without their
 * names.
 *
 * @see LiteLLM 1.110.2, `build_mcp_payload` in litellm/proxy/guardrails/guardrail_hooks/akto/akto.py
 */
export function mcpExchange(call: GuardrailCall): McpExchange | undefined {
  if (call.shape === 'mcp_result') {
    const content = call.texts.map((text) => ({ type: 'text', text }));
    return {
      request: toolsCall(UNKNOWN, {}),
      response: { ...RPC, result: { content } },
      tags: tagsOf(UNKNOWN, 'tool_call'),
    };
  }
  const tool = mcpToolOf(call);
  if (tool === undefined) return undefined;
  const { name, description, schema, texts } = tool;
  const isCall = texts.length > 0;
  return {
    request: isCall ? toolsCall(name, { texts }) : { tools: [{ name, description, inputSchema: schema }] },
    response: undefined,
    tags: tagsOf(name, isCall ? 'tool_call' : 'tool_discovery'),
  };
}

function toolsCall(name: string, args: object): object {
  return { ...RPC, method: 'tools/call', params: { name, arguments: args } };
}

function tagsOf(tool: string, callType: 'tool_call' | 'tool_discovery') {
  return {
    'mcp-server': 'MCP Server',
    'mcp-client': 'litellm',
    mcp_server_name: UNKNOWN,
    tool_name: tool,
    call_type: callType,
  };
}
