import { BUFFERS_STREAMS, isAtLeast, TAKES_STREAM_SCOPE } from '../litellm/releases.ts';

/** How LiteLLM handles streams: `examples/streaming` has each. */
export const STREAM_WAYS = ['buffered', 'pipeline', 'incremental-diff', 'fast'] as const;
export type StreamWay = (typeof STREAM_WAYS)[number];

/** The parts of a guardrail's entry that all have. */
export type EntryOptions = {
  /** Undefined for one that suits every release. */
  readonly release: string | undefined;
  /** As it is written into the file. */
  readonly base: string;
  readonly key: string;
  readonly timeoutSeconds: number;
};

/** Ends of the common lines; the first entry of a file explains them. */
type CommonNotes = {
  readonly base?: string;
  readonly key?: string;
  readonly timeout?: string;
  readonly fallback?: string;
};

type Entry = {
  readonly name: string;
  readonly about: string;
  readonly mode: string;
  readonly notes?: CommonNotes;
  readonly isStep?: boolean;
  /** Lines of its own. */
  readonly more?: readonly string[];
};

/** The lines of one entry of `guardrails`. */
function entryLines(
  { name, about, mode, notes = {}, isStep, more = [] }: Entry,
  options: EntryOptions,
): string {
  const note = (text: string | undefined) => (text === undefined ? '' : `  # ${text}`);
  return [
    `  - guardrail_name: ${name}${note(about)}`,
    '    litellm_params:',
    '      guardrail: generic_guardrail_api',
    `      mode: ${mode}`,
    `      api_base: ${options.base}${note(notes.base)}`,
    `      api_key: ${options.key}${note(notes.key)}`,
    isStep ? '      default_on: false  # the pipeline below runs it' : '      default_on: true',
    `      timeout: ${options.timeoutSeconds}${note(notes.timeout)}`,
    `      unreachable_fallback: fail_closed${note(notes.fallback)}`,
    ...more.map((line) => `      ${line}`),
    '',
  ].join('\n');
}

/** The guardrail that judges requests. */
export function requestEntry(options: EntryOptions, notes?: CommonNotes): string {
  const about = 'before the model is called: may block and redact';
  return entryLines({ name: 'bridge-pre', about, mode: 'pre_call', ...(notes && { notes }) }, options);
}

/** The guardrail that judges responses which are not streamed. */
export function plainEntry(options: EntryOptions): string {
  return entryLines(
    {
      name: 'bridge-post',
      about: 'responses that are not streamed: may block and redact',
      mode: 'post_call',
      more: [
        'stream_scope: non_streaming',
        'additional_provider_specific_params: { stream: false }  # tells the bridge that a redaction is delivered',
        ...(options.release === undefined
          ? [
              'streaming_end_of_stream_only: true  # for LiteLLM before 1.106.2, which asks both about each response',
            ]
          : []),
      ],
    },
    options,
  );
}

/** The guardrail that judges streams. */
export function streamEntry(way: Exclude<StreamWay, 'pipeline'>, options: EntryOptions): string {
  const isForAll = options.release === undefined;
  const own = {
    buffered: {
      about: 'streamed responses: may block. A stream is shown once it is judged',
      more: [
        'additional_provider_specific_params: { stream: true }  # tells the bridge that LiteLLM drops redactions: it blocks',
        'streaming_buffer_until_moderated: true  # nothing is shown before the verdict',
        ...(isForAll
          ? [
              'streaming_end_of_stream_only: true  # for LiteLLM before 1.108, which shows a stream before the verdict',
            ]
          : []),
      ],
    },
    'incremental-diff': {
      about: 'streamed responses: chats are redacted on the way, others are blocked',
      more: [
        'streaming_sampling_rate: 5  # looks at every fifth chunk and at the end',
        'streaming_transform_mode: incremental_diff',
        'additional_provider_specific_params: { stream: true, streaming_transform_mode: incremental_diff }',
      ],
    },
    fast: {
      about: 'streamed responses: may block, after up to four chunks of it were shown',
      more: [
        'streaming_sampling_rate: 5  # looks at every fifth chunk and at the end; 1 shows nothing after the forbidden word',
        'additional_provider_specific_params: { stream: true }  # tells the bridge that LiteLLM drops redactions: it blocks',
      ],
    },
  }[way];
  return entryLines(
    {
      name: 'bridge-stream',
      about: own.about,
      mode: 'post_call',
      more: ['stream_scope: streaming', ...own.more],
    },
    options,
  );
}

/** The guardrail that a pipeline runs for all responses. */
export function pipelineEntry(options: EntryOptions): string {
  return entryLines(
    {
      name: 'bridge-post',
      about: 'all responses: may block and redact. A stream is shown once it is judged',
      mode: 'post_call',
      isStep: true,
      more: [
        'additional_provider_specific_params: { pipeline: true }  # tells the bridge that redactions are delivered',
      ],
    },
    options,
  );
}

/** The guardrail that judges all responses where LiteLLM cannot tell streams apart. */
export function lateEntry(options: EntryOptions): string {
  return entryLines(
    {
      name: 'bridge-post',
      about: 'all responses: may block. A stream is judged when it was shown: LiteLLM 1.103 can do better',
      mode: 'post_call',
      more: ['streaming_end_of_stream_only: true'],
    },
    options,
  );
}

/** The guardrail that judges tools of MCP servers. */
export function mcpEntry(options: EntryOptions): string {
  return entryLines(
    {
      name: 'bridge-mcp',
      about:
        'calls of MCP tools, their results and descriptions. LiteLLM before 1.109 does not start, or starts without it',
      mode: '[pre_mcp_call, post_mcp_call]',
      more: ['extra_headers: [mcp-session-id]  # by which agent-firewall tells sessions apart'],
    },
    options,
  );
}

/** The policy that runs {@link pipelineEntry}. */
export const PIPELINE_LINES = `policies:
  bridge-responses:
    guardrails: { add: [bridge-post] }
    pipeline:
      mode: post_call
      steps:
        - guardrail: bridge-post
          on_pass: allow
          on_fail: block  # or modify_response, with modify_response_message: a response in place of an error
          on_error: block
          pass_data: true  # delivers the redaction

policy_attachments:
  - policy: bridge-responses
    scope: '*'  # every call
`;

/** The entry for streams that a release can keep. */
export function bestStreamEntry(options: EntryOptions): string {
  const { release } = options;
  if (release !== undefined && !isAtLeast(release, TAKES_STREAM_SCOPE)) return lateEntry(options);
  return streamEntry(
    release === undefined || isAtLeast(release, BUFFERS_STREAMS) ? 'buffered' : 'fast',
    options,
  );
}
