import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readLitellmConfig } from '../../src/doctor/litellm-file.ts';
import { litellmYaml, streamWaysOf } from '../../src/doctor/litellm-yaml.ts';
import type { WiringContext } from '../../src/doctor/wiring.ts';
import { wiringFindings } from '../../src/doctor/wiring-findings.ts';
import { FINDINGS } from '../../src/findings/finding.ts';
import * as allReleases from '../../src/litellm/releases.ts';
import { isAtLeast, type Release } from '../../src/litellm/releases.ts';

const SOURCES = join(import.meta.dirname, '..', '..', 'src', 'doctor');
const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples');
const KEY = 'invented-key-of-the-bridge';

const context: WiringContext = {
  release: '1.110.2',
  env: {
    BRIDGE_URL: 'http://bridge:8787',
    BRIDGE_LOGS_URL: 'http://bridge:8787/v1/litellm/logs',
    BRIDGE_API_KEY: KEY,
  },
  settings: {
    ...{ port: 8787, apiKeys: [KEY], isOpen: false, responseRedaction: 'auto' },
    ...{ longestCheckMs: 5000, takesRecords: true },
  },
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function rightConfig(release: string | undefined = context.release, more = {}): string {
  return litellmYaml({
    ...{ release, base: 'os.environ/BRIDGE_URL', key: 'os.environ/BRIDGE_API_KEY', timeoutSeconds: 30 },
    ...{
      streams: undefined,
      mcp: false,
      exampleUrl: 'http://bridge:8787',
      logsUrl: 'os.environ/BRIDGE_LOGS_URL',
    },
    ...more,
  });
}

function findingsIn(yaml: string, changed: Partial<WiringContext> = {}) {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, yaml);
  return wiringFindings(readLitellmConfig(file), { ...context, ...changed }).findings;
}

const faultsIn = (yaml: string, changed?: Partial<WiringContext>) =>
  findingsIn(yaml, changed).filter(({ code }) => FINDINGS[code] === 'fault');

/** Replaces a text that must be there; the n-th of it. */
function put(yaml: string, old: string, text: string, nth = 1): string {
  const parts = yaml.split(old);
  expect(parts.length, `${old} stands in the file`).toBeGreaterThan(nth);
  return [parts.slice(0, nth).join(old), parts.slice(nth).join(old)].join(text);
}

type Row = {
  readonly fault: string;
  readonly change: (yaml: string) => string;
  readonly codes: readonly string[];
  /** In the line to which the first finding points. */
  readonly at: string;
  readonly changed?: Partial<WiringContext>;
  /** The configuration before the change; by default that of the newest release. */
  readonly right?: string;
};

const settings = (more: Partial<WiringContext['settings']>) => ({
  settings: { ...context.settings, ...more },
});
const guardrailsOf = (yaml: string) => /\nguardrails:\n[\s\S]*?(?=\n\w)/.exec(yaml)?.[0] ?? '';
const entry = (yaml: string, name: string) =>
  new RegExp(String.raw` {2}- guardrail_name: ${name}[\s\S]*?(?=\n {2}-|\n\n|\n\w)`).exec(yaml)?.[0] ?? '';
const without = (name: string) => (yaml: string) => put(yaml, entry(yaml, name), '');
const inEntry = (name: string, old: string, text: string) => (yaml: string) =>
  put(yaml, entry(yaml, name), put(entry(yaml, name), old, text));
const everywhere = (old: string, text: string) => (yaml: string) => yaml.replaceAll(old, text);

const rows: readonly Row[] = [
  // Modes
  {
    fault: 'no guardrails at all',
    change: (y) =>
      put(put(y, guardrailsOf(y), '\n'), 'callbacks: [bridge]', 'callbacks: [otel]').replace(
        /callback_settings:\n[\s\S]*?\n\n/,
        '',
      ),
    codes: ['pre_call_missing', 'callback_missing'],
    at: '',
  },
  {
    fault: 'a callback and no guardrails',
    change: (y) => put(y, guardrailsOf(y), '\n'),
    codes: ['only_recorded'],
    at: '',
  },
  {
    fault: 'guardrails under litellm_settings',
    change: (y) =>
      put(
        put(y, guardrailsOf(y), '\n'),
        'litellm_settings:\n',
        `litellm_settings:\n${guardrailsOf(y).replaceAll(/^/gm, '  ')}\n`,
      ),
    codes: ['pre_call_missing'],
    at: 'guardrails:',
  },
  {
    fault: 'no guardrail for requests',
    change: without('bridge-pre'),
    codes: ['pre_call_missing'],
    at: 'bridge-stream',
  },
  {
    fault: 'no guardrail for responses without a stream',
    change: without('bridge-post'),
    codes: ['post_call_missing'],
    at: 'bridge-stream',
  },
  {
    fault: 'no guardrail for streams',
    change: without('bridge-stream'),
    codes: ['post_call_missing'],
    at: 'bridge-post',
  },
  {
    fault: 'no guardrail for responses',
    change: (y) => without('bridge-post')(without('bridge-stream')(y)),
    codes: ['post_call_missing'],
    at: 'bridge-pre',
  },
  {
    fault: 'requests for a stream alone',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: pre_call\n      stream_scope: streaming'),
    codes: ['pre_call_missing'],
    at: 'bridge-stream',
  },
  {
    fault: 'a misspelt mode',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: precall'),
    codes: ['mode_wrong'],
    at: 'mode: precall',
  },
  {
    fault: 'a list with an unknown mode',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: [pre_call, before]'),
    codes: ['mode_wrong'],
    at: 'mode: [',
  },
  {
    fault: 'no mode',
    change: inEntry('bridge-pre', '      mode: pre_call\n', ''),
    codes: ['mode_wrong'],
    at: 'litellm_params:',
  },
  {
    fault: 'a mode that is a number',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: 7'),
    codes: ['mode_wrong'],
    at: 'mode: 7',
  },
  {
    fault: 'logging_only',
    change: inEntry('bridge-post', 'mode: post_call', 'mode: logging_only'),
    codes: ['mode_wrong'],
    at: 'mode: logging_only',
  },
  {
    fault: 'realtime_input_transcription beside pre_call',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: [pre_call, realtime_input_transcription]'),
    codes: ['mode_wrong'],
    at: 'mode: [',
  },
  {
    fault: 'MCP modes in 1.108.14',
    right: rightConfig('1.109.3', { mcp: true }),
    change: (y) => y,
    changed: { release: '1.108.14' },
    codes: ['mcp_mode_too_old'],
    at: 'mode: [pre_mcp_call',
  },
  {
    fault: 'a mode by tags without a default',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: { tags: { "User-Agent: x": pre_call } }'),
    codes: ['not_default_on'],
    at: 'mode: {',
  },
  {
    fault: 'a default that a tag takes the place of',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: { tags: { x: pre_mcp_call }, default: pre_call }'),
    codes: ['not_default_on'],
    at: 'mode: {',
  },
  {
    fault: 'during_call alone, untold',
    change: inEntry('bridge-pre', 'mode: pre_call', 'mode: during_call'),
    codes: ['during_call_untold'],
    at: 'mode: during_call',
  },
  {
    fault: 'not default_on',
    change: inEntry('bridge-pre', 'default_on: true', 'default_on: false'),
    codes: ['not_default_on'],
    at: 'default_on: false',
  },
  {
    fault: 'default_on beside litellm_params',
    change: inEntry('bridge-pre', '    litellm_params:\n', '    default_on: true\n    litellm_params:\n'),
    codes: ['option_ignored'],
    at: 'default_on: true',
  },
  {
    fault: 'an entry without litellm_params',
    change: (y) =>
      put(
        y,
        '    litellm_params:\n      guardrail: generic_guardrail_api\n      mode: pre_call\n',
        '    guardrail: generic_guardrail_api\n    other:\n      mode: pre_call\n',
      ),
    codes: ['guardrail_skipped'],
    at: 'bridge-pre',
  },
  {
    fault: 'a misspelt guardrail',
    change: inEntry('bridge-pre', 'guardrail: generic_guardrail_api', 'guardrail: generic_guardrail'),
    codes: ['guardrail_skipped'],
    at: 'guardrail: generic_guardrail',
  },
  // Address, key, times
  {
    fault: 'no api_base',
    change: inEntry('bridge-post', '      api_base: os.environ/BRIDGE_URL\n', ''),
    codes: ['guardrail_skipped'],
    at: 'litellm_params:',
  },
  {
    fault: 'an api_base without a scheme',
    change: inEntry('bridge-post', 'os.environ/BRIDGE_URL', 'bridge:8787'),
    codes: ['guardrail_url_wrong'],
    at: 'api_base: bridge',
  },
  {
    fault: 'an api_base with the path and a slash',
    change: inEntry(
      'bridge-post',
      'os.environ/BRIDGE_URL',
      'http://bridge:8787/beta/litellm_basic_guardrail_api/',
    ),
    codes: ['guardrail_url_wrong'],
    at: 'api_base: http',
  },
  {
    fault: 'an api_base with the path for log events',
    change: inEntry('bridge-post', 'os.environ/BRIDGE_URL', 'http://bridge:8787/v1/litellm/logs'),
    codes: ['guardrail_url_wrong'],
    at: 'api_base: http',
  },
  {
    fault: 'the address of something else',
    change: (y) => y,
    changed: { env: { ...context.env, BRIDGE_URL: 'http://127.0.0.1:9999' } },
    codes: ['guardrail_url_wrong', 'guardrail_url_wrong', 'guardrail_url_wrong'],
    at: 'api_base',
  },
  {
    fault: 'another address than --bridge',
    change: (y) => y,
    changed: { bridge: 'http://guard.example:8787' },
    codes: ['guardrail_url_wrong', 'guardrail_url_wrong', 'guardrail_url_wrong', 'callback_url_wrong'],
    at: 'api_base',
  },
  {
    fault: 'no api_key',
    change: inEntry('bridge-post', '      api_key: os.environ/BRIDGE_API_KEY\n', ''),
    codes: ['guardrail_key_wrong'],
    at: 'litellm_params:',
  },
  {
    fault: 'another api_key',
    change: inEntry('bridge-post', 'os.environ/BRIDGE_API_KEY', 'some-other-key'),
    codes: ['guardrail_key_wrong'],
    at: 'api_key: some',
  },
  {
    fault: 'no timeout',
    change: inEntry('bridge-post', '      timeout: 30\n', ''),
    codes: ['timeout_missing'],
    at: 'litellm_params:',
  },
  {
    fault: "a timeout below the bridge's",
    change: inEntry('bridge-post', 'timeout: 30', 'timeout: 5'),
    codes: ['timeout_short'],
    at: 'timeout: 5',
  },
  {
    fault: 'a vendor that takes longer',
    change: (y) => y,
    changed: settings({ longestCheckMs: 40_000 }),
    codes: ['timeout_short', 'timeout_short', 'timeout_short'],
    at: 'timeout: 30',
  },
  {
    fault: 'a timeout that is no number',
    change: inEntry('bridge-post', 'timeout: 30', 'timeout: soon'),
    codes: ['guardrail_skipped'],
    at: 'timeout: soon',
  },
  {
    fault: 'fail_open',
    change: inEntry('bridge-post', 'fail_closed', 'fail_open'),
    codes: ['fail_open'],
    at: 'fail_open',
  },
  {
    fault: 'an unknown fallback',
    change: inEntry('bridge-post', 'fail_closed', 'open'),
    codes: ['guardrail_skipped'],
    at: 'unreachable_fallback',
  },
  {
    fault: 'fail_on_error: false',
    change: inEntry('bridge-post', 'timeout: 30', 'timeout: 30\n      fail_on_error: false'),
    codes: ['fail_on_error_off'],
    at: 'fail_on_error',
  },
  {
    fault: 'a misspelt parameter',
    change: inEntry('bridge-stream', 'streaming_buffer_until_moderated', 'streaming_buffer_untill_moderated'),
    codes: ['stream_shown_early', 'option_ignored'],
    at: 'mode: post_call',
  },
  {
    fault: 'a parameter that hides messages',
    change: inEntry('bridge-pre', 'timeout: 30', 'skip_system_message_in_guardrail: true\n      timeout: 30'),
    codes: ['messages_hidden'],
    at: 'skip_system',
  },
  {
    fault: 'an unknown stream_scope',
    change: inEntry('bridge-stream', 'stream_scope: streaming', 'stream_scope: streamed'),
    codes: ['option_ignored', 'redaction_untold'],
    at: 'stream_scope',
  },
  {
    fault: 'a rate of 0',
    change: inEntry('bridge-stream', 'stream_scope', 'streaming_sampling_rate: 0\n      stream_scope'),
    codes: ['guardrail_skipped'],
    at: 'streaming_sampling_rate',
  },
  {
    fault: 'six retries',
    change: inEntry('bridge-stream', 'stream_scope', 'num_retries: 6\n      stream_scope'),
    codes: ['guardrail_skipped'],
    at: 'num_retries',
  },
  // Streams
  {
    fault: 'stream: false without a scope',
    change: inEntry('bridge-post', '      stream_scope: non_streaming\n', ''),
    codes: ['stream_redaction_dropped'],
    at: 'additional_provider',
  },
  {
    fault: 'stream: true of responses without a stream',
    change: inEntry('bridge-post', '{ stream: false }', '{ stream: true }'),
    codes: ['redaction_untold'],
    at: 'additional_provider',
  },
  {
    fault: 'nothing said about streams',
    change: inEntry('bridge-post', '      additional_provider_specific_params: { stream: false }', '      #'),
    codes: ['redaction_untold'],
    at: 'mode: post_call',
  },
  {
    fault: 'RESPONSE_REDACTION=rewrite and nothing said',
    change: inEntry(
      'bridge-stream',
      '      additional_provider_specific_params: { stream: true }',
      '      #',
    ),
    changed: settings({ responseRedaction: 'rewrite' }),
    codes: ['stream_redaction_dropped'],
    at: 'mode: post_call',
  },
  {
    fault: 'incremental_diff told and not set',
    right: rightConfig('1.110.2', { streams: 'incremental-diff' }),
    change: inEntry('bridge-stream', '      streaming_transform_mode: incremental_diff\n', ''),
    codes: ['stream_redaction_dropped'],
    at: 'additional_provider',
  },
  {
    fault: 'a pipeline told and none there',
    right: rightConfig('1.110.2', { streams: 'pipeline' }),
    change: (y) =>
      put(y, /policies:[\s\S]*?\n\n/.exec(y)?.[0] ?? '?', '')
        .replace(/policy_attachments:[\s\S]*?\n\n/, '')
        .replace('default_on: false', 'default_on: true'),
    codes: ['stream_redaction_dropped'],
    at: 'additional_provider',
  },
  {
    fault: 'a pipeline and default_on',
    right: rightConfig('1.110.2', { streams: 'pipeline' }),
    change: everywhere('default_on: false', 'default_on: true'),
    codes: ['stream_redaction_dropped'],
    at: 'additional_provider',
  },
  {
    fault: 'a stream that is not held back',
    change: inEntry('bridge-stream', '      streaming_buffer_until_moderated', '      #'),
    codes: ['stream_shown_early'],
    at: 'mode: post_call',
  },
  {
    fault: 'a stream judged at its end and not held back',
    change: inEntry('bridge-stream', 'streaming_buffer_until_moderated', 'streaming_end_of_stream_only'),
    codes: ['stream_shown_early'],
    at: 'streaming_end_of_stream_only',
  },
  {
    fault: 'buffering in 1.106.12',
    change: (y) => y,
    changed: { release: '1.106.12' },
    codes: ['stream_shown_early'],
    at: 'streaming_buffer',
  },
  // Policies of LiteLLM
  {
    fault: 'a pipeline that is attached to one team',
    right: rightConfig('1.110.2', { streams: 'pipeline' }),
    change: everywhere("scope: '*'", 'teams: [research]'),
    codes: ['not_default_on'],
    at: 'guardrail: bridge-post',
  },
  {
    fault: 'a pipeline that is not attached',
    right: rightConfig('1.110.2', { streams: 'pipeline' }),
    change: (y) => y.replace(/policy_attachments:[\s\S]*?\n\n/, ''),
    codes: ['not_default_on'],
    at: 'guardrail: bridge-post',
  },
  {
    fault: 'a step that lets blocked calls go on',
    right: rightConfig('1.110.2', { streams: 'pipeline' }),
    change: everywhere('on_fail: block', 'on_fail: next'),
    codes: ['verdict_ignored'],
    at: 'on_fail: next',
  },
  {
    fault: 'a step that lets failures go on',
    right: rightConfig('1.110.2', { streams: 'pipeline' }),
    change: everywhere('on_error: block', 'on_error: allow'),
    codes: ['fail_on_error_off'],
    at: 'on_error: allow',
  },
  {
    fault: 'a pipeline of requests without pass_data',
    change: (y) =>
      `${inEntry('bridge-pre', 'default_on: true', 'default_on: false')(y)}\npolicies:\n  all:\n    pipeline: { mode: pre_call, steps: [{ guardrail: bridge-pre }] }\npolicy_attachments: [{ policy: all, scope: '*' }]\n`,
    codes: ['redaction_dropped'],
    at: 'guardrail: bridge-pre',
  },
  {
    fault: 'guardrails of some models alone',
    change: (y) =>
      inEntry(
        'bridge-pre',
        'default_on: true',
        'default_on: false',
      )(y).replace(
        'guardrails:\n',
        '  - model_name: other\n    litellm_params: { model: openai/other, guardrails: [bridge-pre], additional_drop_params: [extra_body, functions, prediction, response_format, system_prompt] }\nguardrails:\n',
      ),
    codes: ['not_default_on'],
    at: 'default_on: false',
  },
  // Callbacks
  {
    fault: 'no callback',
    change: (y) =>
      put(y, 'callbacks: [bridge]', 'callbacks: [otel]').replace(/callback_settings:\n[\s\S]*?\n\n/, ''),
    codes: ['callback_missing'],
    at: 'callbacks: [otel]',
  },
  {
    fault: 'no callback, and no vendor takes records',
    change: (y) =>
      put(y, 'callbacks: [bridge]', 'callbacks: [otel]').replace(/callback_settings:\n[\s\S]*?\n\n/, ''),
    changed: settings({ takesRecords: false }),
    codes: ['calls_unlogged'],
    at: 'callbacks: [otel]',
  },
  {
    fault: 'a callback without its settings',
    change: (y) => y.replace(/callback_settings:\n[\s\S]*?\n\n/, ''),
    codes: ['callback_missing'],
    at: 'callbacks: [bridge]',
  },
  {
    fault: 'settings of a callback that nobody names',
    change: everywhere('callbacks: [bridge]', 'callbacks: []'),
    codes: ['callback_missing'],
    at: 'bridge:',
  },
  {
    fault: 'callback_settings under litellm_settings',
    change: (y) =>
      y.replace(
        /\ncallback_settings:\n[\s\S]*?\n\n/,
        (text) => `${text.trimEnd().replaceAll(/\n/g, '\n  ')}\n\n`,
      ),
    codes: ['callback_missing'],
    at: 'callback_settings:',
  },
  {
    fault: 'callbacks that are no list',
    change: everywhere('callbacks: [bridge]', 'callbacks: bridge'),
    codes: ['callback_missing'],
    at: 'callbacks: bridge',
  },
  {
    fault: 'success_callback alone',
    change: everywhere('  callbacks: [bridge]', '  success_callback: [bridge]'),
    codes: ['callback_partial'],
    at: 'success_callback',
  },
  {
    fault: 'success_callback and failure_callback',
    change: everywhere('  callbacks: [bridge]', '  success_callback: [bridge]\n  failure_callback: [bridge]'),
    codes: ['callback_partial'],
    at: 'success_callback',
  },
  {
    fault: 'failure_callback alone',
    change: everywhere('  callbacks: [bridge]', '  failure_callback: [bridge]'),
    codes: ['callback_missing'],
    at: 'failure_callback',
  },
  {
    fault: 'a wrong callback_type',
    change: everywhere('callback_type: generic_api', 'callback_type: generic-api'),
    codes: ['callback_missing'],
    at: 'callback_type',
  },
  {
    fault: 'no callback_type',
    change: everywhere('    callback_type: generic_api\n', ''),
    codes: ['callback_missing'],
    at: 'bridge:',
  },
  {
    fault: 'a callback without headers',
    change: (y) => y.replace(/ {4}headers:.*\n.*\n/, ''),
    codes: ['callback_headers_missing'],
    at: 'bridge:',
  },
  {
    fault: 'headers without a key',
    change: (y) => y.replace(/ {4}headers:.*\n.*\n/, '    headers: { x-team: me }\n'),
    codes: ['callback_headers_missing'],
    at: 'headers',
  },
  {
    fault: 'a wrong key in headers',
    change: (y) => put(y, 'x-api-key: os.environ/BRIDGE_API_KEY', 'x-api-key: some-other-key'),
    codes: ['callback_key_wrong'],
    at: 'headers:',
  },
  {
    fault: 'a variable behind Bearer',
    change: (y) =>
      put(y, 'x-api-key: os.environ/BRIDGE_API_KEY', 'Authorization: Bearer os.environ/BRIDGE_API_KEY'),
    codes: ['callback_key_wrong'],
    at: 'headers:',
  },
  {
    fault: 'an endpoint without a path',
    change: (y) => y,
    changed: { env: { ...context.env, BRIDGE_LOGS_URL: 'http://bridge:8787' } },
    codes: ['callback_url_wrong'],
    at: 'endpoint:',
  },
  {
    fault: 'an endpoint with a slash at its end',
    change: everywhere(
      'endpoint: os.environ/BRIDGE_LOGS_URL',
      'endpoint: http://bridge:8787/v1/litellm/logs/',
    ),
    codes: ['callback_url_wrong'],
    at: 'endpoint:',
  },
  {
    fault: 'an endpoint at another port',
    change: everywhere(
      'endpoint: os.environ/BRIDGE_LOGS_URL',
      'endpoint: http://bridge:8788/v1/litellm/logs',
    ),
    codes: ['callback_url_wrong'],
    at: 'endpoint:',
  },
  {
    fault: 'no endpoint',
    change: everywhere('    endpoint: os.environ/BRIDGE_LOGS_URL', '    #'),
    codes: ['callback_url_wrong'],
    at: 'bridge:',
  },
  {
    fault: 'a filter of events',
    change: everywhere('    max_retries: 5', '    event_types: [llm_api_success]\n    max_retries: 5'),
    codes: ['callback_partial'],
    at: 'event_types',
  },
  {
    fault: 'events in the form of old',
    change: everywhere('  callbacks:', '  generic_api_use_v1: true\n  callbacks:'),
    codes: ['callback_partial'],
    at: 'generic_api_use_v1',
  },
  {
    fault: 'content kept out of events',
    change: everywhere('  callbacks:', '  turn_off_message_logging: true\n  callbacks:'),
    codes: ['content_withheld'],
    at: 'turn_off',
  },
  {
    fault: 'ids kept out of events',
    change: everywhere(
      '  callbacks:',
      '  standard_logging_payload_excluded_fields: [litellm_call_id]\n  callbacks:',
    ),
    codes: ['callback_partial'],
    at: 'standard_logging',
  },
  {
    fault: 'more callbacks than LiteLLM keeps',
    change: (y) => y,
    changed: { env: { ...context.env, LITELLM_MAX_CALLBACKS: '14' } },
    codes: ['callbacks_limit'],
    at: 'bridge-post',
  },
  // Models
  {
    fault: 'a model without additional_drop_params',
    change: (y) => y.replace(/ +additional_drop_params.*\n/, ''),
    codes: ['drop_params_unsafe'],
    at: 'litellm_params:',
  },
  {
    fault: 'additional_drop_params without extra_body',
    change: everywhere('[extra_body, ', '['),
    codes: ['drop_params_unsafe'],
    at: 'additional_drop_params',
  },
  // The file
  {
    fault: 'a key that stands twice',
    change: (y) => `${y}litellm_settings:\n  callbacks: [bridge]\n`,
    codes: ['option_ignored'],
    at: 'litellm_settings:',
  },
  { fault: 'a file that is no YAML', change: (y) => `${y}\n  - [`, codes: ['config_unreadable'], at: '' },
  {
    fault: 'a release that is too old',
    change: (y) => y,
    changed: { release: '1.81.14' },
    codes: ['release_unsupported', 'stream_shown_early'],
    at: '',
  },
];

test('the right configuration has no finding', () => {
  expect(findingsIn(rightConfig())).toEqual([]);
});

test.each(rows)('$fault', ({ change, changed, codes, at, right = rightConfig() }) => {
  const yaml = change(right);
  const findings = findingsIn(yaml, changed);
  expect(findings.map(({ code }) => code)).toEqual(codes);
  const [first] = findings;
  expect(yaml.split('\n')[(first?.line ?? 0) - 1]).toContain(at);
  for (const { message, advice, paste, line } of findings) {
    expect(message).toMatch(new RegExp(`config\\.yaml, line ${line}(?: \\([^)]+\\))?: `));
    expect(JSON.stringify({ message, advice, paste })).not.toContain(KEY);
    expect(message + advice).not.toContain('some-other-key');
  }
});

describe('a configuration that litellm-config prints', () => {
  const releases = Object.values(allReleases).filter((one) => Array.isArray(one)) as Release[];
  const versions = [
    ...new Set(releases.map(([major, minor = 0, patch = 0]) => `${major}.${minor}.${patch}`)),
  ];
  const supported = versions.filter((version) => isAtLeast(version, allReleases.OLDEST_SUPPORTED));

  test('is tried for every release that matters', () => {
    expect(supported).toEqual(
      expect.arrayContaining(['1.83.14', '1.103.0', '1.106.2', '1.108.0', '1.110.2']),
    );
  });

  test.each(supported)('has nothing wrong with LiteLLM %s', (release) => {
    for (const mcp of [false, true]) {
      for (const streams of [undefined, ...streamWaysOf(release)]) {
        expect(findingsIn(rightConfig(release, { mcp, streams }), { release })).toEqual([]);
      }
    }
  });

  test.each(supported)('without a release has no fault with LiteLLM %s', (release) => {
    expect(faultsIn(rightConfig(undefined), { release })).toEqual([]);
  });
});

describe('examples', () => {
  const files = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.yaml') && /^(?:litellm|streaming|turned|(?:demo|teams)\/litellm)/.test(file),
  );

  test('are all there', () => {
    expect(files.length).toBeGreaterThanOrEqual(9);
  });

  test.each(files)('%s has no fault', (file) => {
    const config = readLitellmConfig(join(EXAMPLES, file));
    const release = file.includes('two-entries') ? '1.104.0' : '1.110.2';
    for (const env of [context.env, {}]) {
      const { findings } = wiringFindings(config, { ...context, release, env });
      expect(findings.filter(({ code }) => FINDINGS[code] === 'fault')).toEqual([]);
    }
  });
});

describe('a file', () => {
  test('that includes others is read as LiteLLM does, with their lines', () => {
    mkdirSync(join(folder, 'parts'), { recursive: true });
    writeFileSync(
      join(folder, 'parts', 'guards.yaml'),
      `guardrails:\n${entry(rightConfig(), 'bridge-post')}\n`,
    );
    writeFileSync(
      join(folder, 'parts', 'more.yaml'),
      `include: [guards.yaml]\nguardrails:\n${entry(rightConfig(), 'bridge-stream').replace('timeout: 30', 'timeout: 3')}\n`,
    );
    const first = without('bridge-post')(without('bridge-stream')(rightConfig()));
    const [short, ...others] = findingsIn(`include:\n  - parts/more.yaml\n${first}`);
    expect(others).toEqual([]);
    expect(short).toMatchObject({ code: 'timeout_short', file: join(folder, 'parts', 'more.yaml') });
    const line = readFileSync(short?.file ?? '', 'utf8').split('\n')[(short?.line ?? 0) - 1];
    expect(line).toContain('timeout: 3');
  });

  test('that is included and not there stops LiteLLM, and says so', () => {
    expect(findingsIn(`include: [nowhere.yaml]\n${rightConfig()}`)).toMatchObject([
      { code: 'config_unreadable', line: 1, message: expect.stringContaining('nowhere.yaml') },
    ]);
  });

  test('that is not there is named', () => {
    expect(() => readLitellmConfig(join(folder, 'none.yaml'))).toThrow(
      /none\.yaml cannot be read \(ENOENT\)/,
    );
  });

  test('whose section takes the place of another says so', () => {
    writeFileSync(join(folder, 'cache.yaml'), 'litellm_settings:\n  cache: true\n');
    const codes = findingsIn(`include: [cache.yaml]\n${rightConfig()}`).map(({ code }) => code);
    expect(codes).toEqual(['callback_missing', 'option_ignored']);
  });

  test('may share parts by anchors', () => {
    const shared =
      '&bridge { guardrail: generic_guardrail_api, api_base: os.environ/BRIDGE_URL, api_key: os.environ/BRIDGE_API_KEY, default_on: on, timeout: 30 }';
    const guardrails = `guardrails:
  - guardrail_name: pre
    litellm_params: { <<: ${shared}, mode: pre_call }
  - guardrail_name: post
    litellm_params:
      <<: *bridge
      mode: post_call
      stream_scope: non_streaming
      additional_provider_specific_params: { stream: false }
  - guardrail_name: streams
    litellm_params:
      <<: *bridge
      mode: post_call
      stream_scope: streaming
      streaming_buffer_until_moderated: true
      additional_provider_specific_params: { stream: true }
`;
    const yaml = put(rightConfig(), guardrailsOf(rightConfig()).slice(1), guardrails.slice(0, -1));
    expect(findingsIn(yaml)).toEqual([]);
    expect(findingsIn(yaml.replace('default_on: on', 'default_on: off')).map(({ code }) => code)).toEqual(
      Array(3).fill('not_default_on'),
    );
  });

  test('whose variables are not known here has no fault, and names them', () => {
    const file = join(folder, 'config.yaml');
    writeFileSync(file, rightConfig());
    const { findings, unknownVariables } = wiringFindings(readLitellmConfig(file), { ...context, env: {} });
    expect(findings).toEqual([]);
    expect(unknownVariables).toEqual(['BRIDGE_URL', 'BRIDGE_API_KEY', 'BRIDGE_LOGS_URL']);
  });

  test('with odd values anywhere is read to its end', () => {
    const odd = [
      'null',
      '7',
      '"x"',
      '[]',
      '{}',
      '[[{}]]',
      '{ a: { b: [null] } }',
      '2024-01-01',
      'true',
      '[1, null, {}]',
    ];
    const right = rightConfig('1.110.2', { streams: 'pipeline', mcp: true });
    const lines = right.split('\n');
    for (const [index, line] of lines.entries()) {
      const [, key] = /^( *(?:- )?[\w-]+:)/.exec(line) ?? [];
      if (key === undefined) continue;
      const indent = line.length - line.trimStart().length;
      const rest = lines.slice(index + 1);
      const end = rest.findIndex((one) => one.trim() !== '' && one.length - one.trimStart().length <= indent);
      for (const value of odd) {
        const yaml = [
          ...lines.slice(0, index),
          `${key} ${value}`,
          ...rest.slice(end < 0 ? rest.length : end),
        ];
        expect(() => findingsIn(yaml.join('\n'))).not.toThrow();
      }
    }
  });

  test('that is large is read quickly enough', () => {
    const models = Array.from(
      { length: 2000 },
      (_, index) => `  - { model_name: m${index}, litellm_params: { model: openai/m } }`,
    );
    const yaml = rightConfig().replace('model_list:\n', `model_list:\n${models.join('\n')}\n`);
    expect(findingsIn(yaml)).toMatchObject([
      { code: 'drop_params_unsafe', message: expect.stringContaining('and 1995 more') },
    ]);
  });
});

describe('other guardrails and loggers', () => {
  const foreign = `  - guardrail_name: other
    litellm_params: { guardrail: generic_guardrail_api, mode: pre_call, api_base: "https://other.example/v1", api_key: theirs }
  - guardrail_name: pii
    litellm_params: { guardrail: presidio, mode: nonsense }
`;
  test('are not judged', () => {
    const yaml = rightConfig()
      .replace('guardrails:\n', `guardrails:\n${foreign}`)
      .replace(
        'callback_settings:\n',
        'callback_settings:\n  lake: { callback_type: generic_api, endpoint: "https://lake.example", headers: {} }\n',
      );
    expect(findingsIn(yaml)).toEqual([]);
  });

  test('of Akto, pointed at the bridge, are', () => {
    const akto = readFileSync(join(EXAMPLES, 'turned', 'akto.yaml'), 'utf8');
    expect(findingsIn(akto)).toEqual([]);
    expect(
      findingsIn(put(akto, 'guardrail_timeout: 10', 'guardrail_timeout: 4')).map(({ code }) => code),
    ).toEqual(['timeout_short']);
    expect(findingsIn(put(akto, 'os.environ/BRIDGE_API_KEY', 'wrong-one')).map(({ code }) => code)).toEqual([
      'guardrail_key_wrong',
    ]);
    expect(findingsIn(akto, { release: '1.104.0' }).map(({ code }) => code)).toEqual(['integration_limited']);
  });

  test("of Capsule's plugin, pointed at the bridge, count", () => {
    const plugin = 'litellm_settings:\n  callbacks: [capsule_litellm_plugin.capsule_callback]\n';
    const pointed = { env: { CAPSULE_LITELLM_ENDPOINT: 'http://bridge:8787' } };
    expect(findingsIn(plugin, pointed).map(({ code }) => code)).toEqual(['integration_limited']);
    expect(findingsIn(plugin, { env: {} }).map(({ code }) => code)).toEqual([
      'pre_call_missing',
      'callback_missing',
    ]);
  });
});

test('a bridge without keys at loopback asks for none', () => {
  const yaml = rightConfig()
    .replaceAll('os.environ/BRIDGE_URL', 'http://127.0.0.1:8787')
    .replaceAll(/ +api_key: os.environ.BRIDGE_API_KEY.*\n/g, '');
  const settingsWithout = { settings: { ...context.settings, apiKeys: [] } };
  expect(findingsIn(yaml, settingsWithout)).toEqual([]);
  expect(findingsIn(yaml).map(({ code }) => code)).toEqual(Array(3).fill('guardrail_key_wrong'));
});

test('the page about the doctor tells each finding', () => {
  const page = readFileSync(join(SOURCES, 'README.md'), 'utf8');
  const files = readdirSync(SOURCES).filter(
    (file) => file.endsWith('-findings.ts') && !file.startsWith('canary'),
  );
  const texts = files.map((file) => readFileSync(join(SOURCES, file), 'utf8')).join();
  const codes = Object.keys(FINDINGS).filter((code) => texts.includes(`'${code}'`));
  expect(codes.length).toBeGreaterThan(25);
  expect(codes.filter((code) => code !== 'release_unsupported' && !page.includes(`\`${code}\``))).toEqual([]);
  const tested = new Set(rows.flatMap((row) => row.codes));
  expect(codes.filter((code) => code !== 'integration_limited' && !tested.has(code))).toEqual([]);
});
