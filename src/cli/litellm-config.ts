import { type Command, InvalidArgumentError, Option } from 'commander';
import { parse } from 'yaml';
import { backends } from '../backends/index.ts';
import { policiesOf } from '../calls/policies.ts';
import { isLoopback } from '../config/backend.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { bridgeFacts } from '../doctor/bridge-facts.ts';
import { STREAM_WAYS, type StreamWay } from '../doctor/litellm-entries.ts';
import { litellmYaml, streamWaysOf } from '../doctor/litellm-yaml.ts';
import { timeoutAbove } from '../doctor/paste-lines.ts';
import { LOGS_PATH } from '../http/app.ts';
import { isAtLeast, TAKES_MCP_MODES } from '../litellm/releases.ts';
import { printableJson } from './output.ts';
import { addressOption, supportedRelease, type Terminal, writeLines } from './terminal.ts';

type Options = {
  readonly release?: string;
  readonly streams?: StreamWay;
  readonly mcp?: boolean;
  readonly bridge?: string;
  readonly key: string;
  readonly out?: string;
  readonly json?: boolean;
};

const ABOUT = `
Without --release it suits every release that is supported. What it prints passes
guardrail-bridge doctor --litellm FILE. Streams can be
buffered: nothing is shown before the verdict, and a redaction blocks (from 1.108);
pipeline: the same, and redactions are delivered (from 1.103);
incremental-diff: chats flow and are redacted (from 1.106.2);
fast: streams flow, and a block cuts them (from 1.106.2).`;

/** Adds `litellm-config`. */
export function addLitellmConfig(program: Command, terminal: Terminal): void {
  const streams = new Option('--streams <way>', 'how to handle streams; by default the first that it can');
  program
    .command('litellm-config')
    .description("print LiteLLM's configuration for the settings of this bridge")
    .option('--release <version>', 'for this release of LiteLLM alone', supportedRelease)
    .addOption(streams.choices(STREAM_WAYS))
    .option('--mcp', 'with a guardrail for MCP tools; with --release also where agent-firewall is in a chain')
    .option(
      '--bridge <url>',
      "the bridge's address for LiteLLM, in place of the variable BRIDGE_URL",
      addressOption('--bridge', 'http://bridge:8787'),
    )
    .option(
      '--key <variable>',
      "the variable of LiteLLM that holds the bridge's key",
      variableName,
      'BRIDGE_API_KEY',
    )
    .option('--out <file>', 'write it to a new file')
    .option('--json', 'print JSON, which LiteLLM reads too')
    .addHelpText('after', ABOUT)
    .action(async (options: Options) => {
      const yaml = litellmYaml(yamlOptions(options, parseConfig(terminal.env(), backends)));
      const text = options.json ? `${printableJson(parse(yaml), 2)}\n` : yaml;
      await writeLines([text], options.out, terminal);
      if (options.out !== undefined) terminal.err.write(`${options.out} is written\n`);
    });
}

function yamlOptions({ release, streams, mcp, bridge, key }: Options, config: Config) {
  const known = streamWaysOf(release);
  if (streams !== undefined && !known.includes(streams)) {
    const ways = known.length === 0 ? 'it knows none' : `it knows ${known.join(', ')}`;
    throw new InvalidArgumentError(
      `--streams ${streams}: LiteLLM ${release} does not know this way; ${ways}`,
    );
  }
  const wantsMcp = mcp === true || hasAgentFirewall(config);
  return {
    ...{ release, streams, key: `os.environ/${key}` },
    // A file for every release has none: older ones would not take it
    mcp: mcp === true || (wantsMcp && release !== undefined && isAtLeast(release, TAKES_MCP_MODES)),
    base: bridge ?? 'os.environ/BRIDGE_URL',
    logsUrl: bridge === undefined ? 'os.environ/BRIDGE_LOGS_URL' : bridge + LOGS_PATH,
    exampleUrl: exampleUrl(config),
    timeoutSeconds: timeoutAbove(bridgeFacts(config).longestCheckMs),
  };
}

/** Where LiteLLM may reach the bridge: by the name of a container, unless the bridge listens at one address alone. */
function exampleUrl({ server: { host, port } }: Config): string {
  const isOwn = !isLoopback(host) && host !== '0.0.0.0' && host !== '::';
  return `http://${isOwn ? (host.includes(':') ? `[${host}]` : host) : 'bridge'}:${port}`;
}

function hasAgentFirewall(config: Config): boolean {
  return policiesOf(config)?.file.policies.has('agent-firewall') === true;
}

function variableName(text: string): string {
  if (/^[A-Za-z_]\w*$/.test(text)) return text;
  throw new InvalidArgumentError('Write the name of a variable, and not the key');
}
