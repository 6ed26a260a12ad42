import { DROPPED_BY_EXAMPLES } from '../litellm/coverage-hidden.ts';
import {
  BUFFERS_STREAMS,
  DELIVERS_BY_PIPELINE,
  isAtLeast,
  type Release,
  TAKES_MCP_MODES,
  TAKES_STREAM_SCOPE,
} from '../litellm/releases.ts';
import {
  type EntryOptions,
  lateEntry,
  mcpEntry,
  PIPELINE_LINES,
  pipelineEntry,
  plainEntry,
  requestEntry,
  STREAM_WAYS,
  type StreamWay,
  streamEntry,
} from './litellm-entries.ts';

export type LitellmYamlOptions = EntryOptions & {
  /** Undefined for the one that shows least before its verdict in this release. */
  readonly streams: StreamWay | undefined;
  /** True with a guardrail for MCP tools. */
  readonly mcp: boolean;
  /** The address of the bridge for the comments, without a path. */
  readonly exampleUrl: string;
  /** The address for log events, as it is written into the file. */
  readonly logsUrl: string;
};

const NEEDS: Record<StreamWay, Release> = {
  buffered: BUFFERS_STREAMS,
  pipeline: DELIVERS_BY_PIPELINE,
  'incremental-diff': TAKES_STREAM_SCOPE,
  fast: TAKES_STREAM_SCOPE,
};

/** The ways to handle streams that a release knows. */
export function streamWaysOf(release: string | undefined): readonly StreamWay[] {
  return STREAM_WAYS.filter((way) => release === undefined || isAtLeast(release, NEEDS[way]));
}

/** A complete configuration of LiteLLM that has the bridge judge and record every call. */
export function litellmYaml(options: LitellmYamlOptions): string {
  const { release, mcp } = options;
  const [best] = streamWaysOf(release);
  const way = options.streams ?? best;
  const sections = [
    head(),
    `guardrails:\n${guardrails(way, options)}`,
    ...(way === 'pipeline' ? [PIPELINE_LINES] : []),
    ...(mcp && release !== undefined && !isAtLeast(release, TAKES_MCP_MODES)
      ? [`# No guardrail for MCP tools: LiteLLM ${release} takes none, 1.109 does\n`]
      : []),
    callback(options),
    'general_settings:\n  master_key: os.environ/LITELLM_MASTER_KEY\n',
  ];
  return sections.join('\n');
}

function head(): string {
  return `# A complete configuration of a stock LiteLLM Proxy that asks the bridge about every request and every response, and has
# it record every call.
model_list:
  - model_name: gpt-4o-mini  # change: your models
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/OPENAI_API_KEY
      # LiteLLM passes these on and shows them to no guardrail; extra_body can replace the whole prompt. Put this on every model.
      # Structured output needs response_format: take it out for apps that use it, and what stands in a schema is judged by nobody
      additional_drop_params: [${DROPPED_BY_EXAMPLES.join(', ')}]
`;
}

function guardrails(way: StreamWay | undefined, options: LitellmYamlOptions): string {
  const { release, mcp, exampleUrl } = options;
  const isLiteral = !options.base.startsWith('os.environ/');
  const entries = [
    requestEntry(options, {
      base: isLiteral ? 'LiteLLM adds the path' : `such as ${exampleUrl}; LiteLLM adds the path`,
      key: "one of the bridge's BRIDGE_API_KEYS",
      timeout: "seconds LiteLLM waits for the bridge; above the bridge's GUARDRAIL_TIMEOUT",
      fallback: 'what LiteLLM does when the bridge itself is down, or says `defer`',
    }),
    ...responses(way, options),
    ...(mcp && (release === undefined || isAtLeast(release, TAKES_MCP_MODES)) ? [mcpEntry(options)] : []),
  ];
  return entries.join('\n');
}

function responses(way: StreamWay | undefined, options: LitellmYamlOptions): readonly string[] {
  if (way === undefined) return [lateEntry(options)];
  if (way === 'pipeline') return [pipelineEntry(options)];
  return [plainEntry(options), streamEntry(way, options)];
}

function callback({ logsUrl, exampleUrl, key }: LitellmYamlOptions): string {
  const about = logsUrl.startsWith('os.environ/') ? `such as ${exampleUrl}/v1/litellm/logs; ` : '';
  return `litellm_settings:
  callbacks: [bridge]  # every success and every failure, for the records of the vendors

callback_settings:
  bridge:
    callback_type: generic_api
    endpoint: ${logsUrl}  # ${about}LiteLLM adds nothing
    headers:  # without them LiteLLM does not start
      x-api-key: ${key}
    max_retries: 5  # of a POST the bridge did not take, as while it restarts; older releases repeat none
    retry_delay: 0.5  # seconds, twice as long each time
`;
}
