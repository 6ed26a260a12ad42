import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { type Bridge, startBridge } from './bridge.ts';
import { killAtExit } from './children.ts';
import { call, events } from './client.ts';
import { startFakeAkto } from './fake-akto.ts';
import { freePort, type GuardrailEntry, masterKey, type RunningProxy, startProxy } from './proxy.ts';
import type { RecordedCall, Recorder } from './recorder.ts';
import type { Release } from './release.ts';

const bridgeKey = 'invented-bridge-key';
const example = resolve(import.meta.dirname, '..', '..', 'examples', 'litellm-mcp.yaml');

/** The result of a tool, or the error in its place. */
export interface ToolResult {
  status: number;
  /** The texts of the result. */
  texts: string[];
  structured: unknown;
  isError: boolean;
}

/** A proxy in front of a real MCP server, with a bridge that has policies and asks an Akto. */
export interface McpWorld {
  bridge: Bridge;
  akto: Recorder;
  proxy: RunningProxy;
  /** Calls that reached a tool since the last look. */
  arrived(): Promise<Record<string, unknown>[]>;
  /** Calls a tool over `/mcp/`, by its name with the server. */
  overMcp(tool: string, args: object, headers?: Record<string, string>): Promise<ToolResult>;
  /** The reply to any other message over `/mcp/`, as JSON. */
  sendMcp(method: string, params: object): Promise<string>;
  /** Calls a tool over `/mcp-rest/`, by its own name. */
  overRest(tool: string, args: object): Promise<ToolResult>;
  /** Descriptions of the tools that a client is shown, by their names. */
  list(): Promise<Record<string, string>>;
  /** Lists the tools and calls one with the client of PyPI's `mcp`. */
  withPython(tool: string, args: object): Promise<{ tools: string[]; texts: string[]; isError: boolean }>;
  /** Checks that Akto was asked for since the last look, by their tool and what it was sent. */
  asked(): { tool: string; type: string; request: unknown; response: unknown }[];
  /** Records that Akto was handed so far. */
  records(): { tags: Record<string, string>; request: unknown; status: string }[];
  stop(): Promise<void>;
}

/** @param entries makes the guardrails out of those of the example */
export async function startMcpWorld(
  release: Release,
  policy: unknown,
  entries: (example: GuardrailEntry[]) => GuardrailEntry[],
  providerUrl = 'http://127.0.0.1:9',
): Promise<McpWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'litellm-mcp-'));
  const policyFile = join(folder, 'policy.json');
  const callsFile = join(folder, 'calls.ndjson');
  await writeFile(policyFile, JSON.stringify(policy)); // JSON is YAML
  await writeFile(callsFile, '');
  const server = await startMcpServer(release, callsFile);
  const akto = await startFakeAkto('allow');
  const bridge = await startBridge({
    POLICY_FILE: policyFile,
    BRIDGE_API_KEYS: bridgeKey,
    DATA_DIR: join(folder, 'data'),
    AKTO_GUARDRAIL_API_BASE: akto.url,
    AKTO_API_KEY: 'invented-akto-token',
  });
  const { model_list: _, ...sections } = parse(await readFile(example, 'utf8')) as Record<string, unknown> & {
    mcp_servers: { directory: Record<string, unknown> };
    guardrails: GuardrailEntry[];
  };
  const directory = { ...sections.mcp_servers.directory, url: server.url };
  const guardrails = entries(sections.guardrails);
  const proxy = await startProxy({
    bin: release.bin,
    providerUrl,
    guardrails,
    sections: { ...sections, mcp_servers: { directory }, guardrails },
    env: {
      OPENAI_API_KEY: 'invented',
      LITELLM_MASTER_KEY: masterKey,
      BRIDGE_URL: bridge.url,
      BRIDGE_LOGS_URL: `${bridge.url}/v1/litellm/logs`,
      BRIDGE_API_KEY: bridgeKey,
    },
  });

  let seen = 0;
  const batches: RecordedCall[] = [];
  /** Made of its address in old releases. */
  const serverId = async () => {
    const headers = { authorization: `Bearer ${masterKey}` };
    const servers = (await (await fetch(`${proxy.url}/v1/mcp/server`, { headers })).json()) as object[];
    return servers.map((one) => ('server_id' in one ? one.server_id : undefined))[0];
  };
  const rpc = async (method: string, params: object, headers: Record<string, string> = {}) => {
    const message = { jsonrpc: '2.0', id: 1, method, params };
    const accept = 'application/json, text/event-stream';
    const { status, raw, json } = await call(proxy.url, '/mcp/', message, { accept, ...headers });
    return { status, message: (json ?? events(raw)[0]?.data) as { result?: Record<string, unknown> } };
  };
  return {
    bridge,
    akto,
    proxy,
    async arrived() {
      const lines = (await readFile(callsFile, 'utf8')).trim().split('\n').slice(seen).filter(Boolean);
      seen += lines.length;
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async overMcp(tool, args, headers) {
      const { status, message } = await rpc(
        'tools/call',
        { name: `directory-${tool}`, arguments: args },
        headers,
      );
      return resultOf(status, message.result ?? {});
    },
    async sendMcp(method, params) {
      return JSON.stringify((await rpc(method, params)).message);
    },
    async overRest(tool, args) {
      const body = { server_id: await serverId(), name: tool, arguments: args };
      const { status, json } = await call(proxy.url, '/mcp-rest/tools/call', body);
      return resultOf(status, json as Record<string, unknown>);
    },
    async list() {
      const { message } = await rpc('tools/list', {});
      const tools = message.result?.tools as { name: string; description?: string }[];
      return Object.fromEntries(tools.map(({ name, description = '' }) => [name, description]));
    },
    async withPython(tool, args) {
      const script = join(import.meta.dirname, 'mcp-client.py');
      const given = [`${proxy.url}/mcp/`, masterKey, `directory-${tool}`, JSON.stringify(args)];
      const options = { env: { NO_PROXY: '*' }, timeout: 60_000 };
      const { stdout } = await promisify(execFile)(join(release.bin, 'python'), [script, ...given], options);
      return JSON.parse(stdout) as { tools: string[]; texts: string[]; isError: boolean };
    },
    asked() {
      const checks = akto.calls.filter(({ path }) => path.endsWith('/api/http-proxy'));
      batches.push(...akto.calls.filter(({ path }) => path.endsWith('/api/ingestData')));
      akto.calls = [];
      return checks.map(checkOf);
    },
    records() {
      const sent = [...batches, ...akto.calls.filter(({ path }) => path.endsWith('/api/ingestData'))];
      return sent.flatMap(({ body }) =>
        (body.batchData as Record<string, string>[]).map(
          ({ tag = '', requestPayload = '', status = '' }) => ({
            tags: JSON.parse(tag) as Record<string, string>,
            request: JSON.parse(requestPayload) as unknown,
            status,
          }),
        ),
      );
    },
    async stop() {
      await proxy.stop();
      await bridge.stop();
      server.stop();
      await akto.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function resultOf(status: number, result: Record<string, unknown>): ToolResult {
  const content = (result.content ?? []) as { text: string }[];
  const detail = result.detail as { message?: string; error?: string } | undefined;
  const error = detail?.message ?? detail?.error;
  return {
    status,
    texts: error === undefined ? content.map(({ text }) => text) : [error],
    structured: result.structuredContent,
    isError: error !== undefined || result.isError === true,
  };
}

function checkOf({ body }: RecordedCall) {
  const { tool_name, call_type } = JSON.parse(String(body.tag)) as Record<string, string>;
  return {
    tool: String(tool_name),
    type: String(call_type),
    request: JSON.parse(String(body.requestPayload)) as unknown,
    response: JSON.parse(String(body.responsePayload)) as unknown,
  };
}

async function startMcpServer(release: Release, callsFile: string) {
  const port = await freePort();
  const script = join(import.meta.dirname, 'mcp-server.py');
  const child = spawn(join(release.bin, 'python'), [script, String(port), callsFile], {
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (data: Buffer) => (log += data.toString('utf8')));
  const kill = () => child.kill('SIGKILL');
  const forget = killAtExit(kill);
  const giveUpAt = Date.now() + 60_000;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || Date.now() > giveUpAt) {
      kill();
      throw new Error(`the MCP server did not start:\n${log.slice(-2_000)}`);
    }
    await sleep(200);
  }
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    stop() {
      kill();
      forget();
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
