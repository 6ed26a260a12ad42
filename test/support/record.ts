import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sink } from '../../src/backends/backend.ts';
import { backends } from '../../src/backends/index.ts';
import { sinkOf as boundSink } from '../../src/backends/sinks.ts';
import { parseConfig } from '../../src/config/config.ts';
import type { CallRecord, CheckNote, VerdictNote } from '../../src/guardrail/record.ts';

/** An event as LiteLLM logs one, with an invented call in it. */
export const EVENT = {
  id: 'chatcmpl-1',
  litellm_call_id: 'call-1',
  trace_id: 'trace-of-the-event',
  session_id: '',
  call_type: 'acompletion',
  status: 'success',
  model: 'openai/house-model-upstream',
  model_group: 'house-model',
  startTime: 1795244873.318215,
  endTime: 1795244873.325549,
  messages: [{ role: 'user', content: 'How long does a plum cake bake?' }],
  model_parameters: { temperature: 0.5 },
  response: {
    id: 'chatcmpl-1',
    choices: [{ index: 0, message: { role: 'assistant', content: 'An "hour".' } }],
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  },
  error_information: { error_code: '', error_class: '', error_message: '' },
  metadata: { user_api_key_request_route: '/v1/chat/completions', user_api_key_user_id: 'user-1' },
};

export const FAILED = {
  ...EVENT,
  status: 'failure',
  response: {},
  error_information: { error_code: '429', error_class: 'RateLimitError', error_message: 'Too many pans.' },
};

/** A call of a tool through LiteLLM's MCP gateway. */
export const MCP = {
  ...EVENT,
  call_type: 'call_mcp_tool',
  model: 'MCP: recipes-find',
  model_group: 'MCP: recipes-find',
  messages: null,
  response: { content: [{ type: 'text', text: 'plum cake' }] },
  metadata: {
    ...EVENT.metadata,
    mcp_tool_call_metadata: { name: 'find', arguments: { fruit: 'plum' }, mcp_server_name: 'recipes' },
  },
};

export const BLOCK = {
  by: 'akto',
  cause: 'verdict',
  reason: 'No plums here',
  ref: '0123456789abcdef',
  input_type: 'request',
} as const;

export function recordOf(fields: Partial<CallRecord> = {}): CallRecord {
  return {
    record_id: 'record-1',
    outcome: 'success',
    event: EVENT,
    verdicts: [],
    erased: [],
    masked: [],
    ...fields,
  };
}

export function noteOf(fields: Partial<VerdictNote> = {}): VerdictNote {
  const said = { action: 'NONE', by: null, at: 1795244873320, ms: 2, checks: [] } as const;
  return {
    litellm_call_id: 'call-1',
    litellm_trace_id: 'trace-1',
    input_type: 'request',
    ...said,
    ...fields,
  };
}

export const checkBy = (backend: string, result: CheckNote['result']): CheckNote => ({
  backend,
  mode: 'enforce',
  result,
  ms: 1,
});

/** The sink of the one backend that an environment configures. */
export function sinkOf(env: Record<string, string>): Sink {
  const [backend] = parseConfig(env, backends).backends;
  const sink = backend && boundSink(backend);
  if (sink === undefined) throw new Error('takes no records');
  return sink;
}

type Logged = {
  readonly log_posts: readonly { readonly body: string }[];
  /** Posts of a vendor's own integration, in use beside the bridge, for the same call. */
  readonly vendor_posts?: readonly { readonly path: string; readonly body: Record<string, unknown> }[];
};

const FIXTURES = join(import.meta.dirname, '..', 'fixtures');

/** Events that a real LiteLLM logged. */
export function recordedEvents(release: string, name: string): Record<string, unknown>[] {
  return readLogged(release, name).events;
}

/** The calls that a vendor's own integration was recorded with, by the beginning of their names. */
export function recordedWith(integration: string) {
  return readdirSync(FIXTURES)
    .filter((folder) => folder.startsWith('logs-'))
    .flatMap((folder) =>
      readdirSync(join(FIXTURES, folder))
        .filter((file) => file.startsWith(integration))
        .map((file) => {
          const release = folder.replace('logs-', '');
          const name = file.replace('.json', '');
          return { name: `${release} ${name}`, ...readLogged(release, name) };
        }),
    );
}

function readLogged(release: string, name: string) {
  const file = join(FIXTURES, `logs-${release}`, `${name}.json`);
  const { log_posts, vendor_posts = [] } = JSON.parse(readFileSync(file, 'utf8')) as Logged;
  const rows = log_posts.flatMap(({ body }) => JSON.parse(body) as (Record<string, unknown> | null)[]);
  return { events: rows.filter((row) => row !== null), vendor_posts };
}
