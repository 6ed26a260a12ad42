import { type Fields, fieldsOf, scalarText, textOf } from '../guardrail/json.ts';
import {
  CHECKS_GUARDRAIL_NUMBERS,
  isAtLeast,
  TAKES_MCP_MODES,
  TAKES_STREAM_SCOPE,
} from '../litellm/releases.ts';
import { nearest, quotedValue } from '../policies/file/nearest.ts';
import type { Path } from '../policies/file/problems.ts';
import { addressIn, isBridgeAt } from './address.ts';
import { listOf } from './guardrail-runs.ts';
import { startsWithout } from './mode-findings.ts';
import { STREAM_SCOPES, streamScope } from './stream-scopes.ts';
import { toldText } from './told-text.ts';
import {
  type GuardrailModes,
  isTrue,
  modesOf,
  paramPath,
  SERVED_GUARDRAILS,
  type ServedGuardrail,
  streamOption,
  type WiredGuardrail,
} from './wired-guardrails.ts';
import type { WiringReport } from './wiring.ts';

/** Parameters by which LiteLLM shows less of a call. */
const SKIPPING = [
  'skip_system_message_in_guardrail',
  'skip_tool_message_in_guardrail',
  'scan_only_tool_results',
  'experimental_use_latest_role_message_only',
  'only_scan_new_messages',
];
const STREAMING = [
  'streaming_sampling_rate',
  'streaming_end_of_stream_only',
  'streaming_buffer_until_moderated',
  'streaming_transform_mode',
];
const NEEDED = ['guardrail', 'mode'];
const COMMON = ['default_on', 'unreachable_fallback', 'stream_scope', 'optional_params', ...NEEDED];
/** Parameters that a misspelt one may mean. */
const KNOWN: Record<ServedGuardrail, readonly string[]> = {
  generic_guardrail_api: [
    ...[...COMMON, ...SKIPPING, ...STREAMING],
    ...['api_base', 'api_key', 'timeout', 'num_retries', 'fail_on_error', 'headers', 'extra_headers'],
    ...[
      'additional_provider_specific_params',
      'forward_messages_as_sent',
      'mcp_block_behavior',
      'run_in_parallel',
    ],
  ],
  akto: [
    ...[...COMMON, 'akto_base_url', 'akto_api_key', 'akto_account_id', 'akto_vxlan_id', 'akto_metadata'],
    ...[
      'guardrail_timeout',
      'file_guardrail_timeout',
      'file_guardrails',
      'response_guardrails',
      'context_source',
    ],
    ...['streaming_sampling_rate', 'on_flagged'],
  ],
};
const ENTRY_KEYS = [
  'guardrail_name',
  'litellm_params',
  'guardrail_info',
  'guardrail_id',
  'description',
  'policy_template',
];

/** Finds entries of `guardrails` that LiteLLM cannot use and that are probably meant for the bridge. @returns their modes */
export function findUnusable(report: WiringReport): readonly GuardrailModes[] {
  const unusable: GuardrailModes[] = [];
  const { config, context } = report;
  const { guardrails } = config.value;
  if (guardrails !== undefined && guardrails !== null && !Array.isArray(guardrails)) {
    report.add('guardrail_skipped', ['guardrails'], {
      message: 'guardrails is no list: LiteLLM does not start',
      advice: 'Begin each guardrail with a dash.',
    });
  }
  for (const [index, entry] of listOf(guardrails).entries()) {
    const path = ['guardrails', index];
    const fields = fieldsOf(entry);
    const params = fieldsOf(fields.litellm_params);
    const type = scalarText(params.guardrail ?? fields.guardrail);
    if (!findNeededKeys(fields, path, report)) {
      unusable.push(modesOf(params.mode ?? fields.mode));
      continue;
    }
    if (SERVED_GUARDRAILS.some((served) => served === type)) {
      findEntryKeys(fields, path, report);
      continue;
    }
    const url = addressIn(toldText(params.api_base, context.env)?.text ?? '');
    const meant = type === undefined ? undefined : nearest(type, SERVED_GUARDRAILS);
    const isOurs = url !== undefined && isBridgeAt(url, context);
    if (meant === undefined && !(isOurs && type === undefined)) continue;
    unusable.push(modesOf(params.mode));
    const said =
      type === undefined
        ? 'guardrail is missing'
        : `guardrail: ${quotedValue(type) ?? 'what is written there'} is none of LiteLLM's`;
    report.add('guardrail_skipped', [...path, 'litellm_params', 'guardrail'], {
      ...subjectOf(fields),
      message: `${said}: ${startsWithout(context.release)}`,
      ...{ advice: 'Write its type.', paste: `guardrail: ${meant ?? 'generic_guardrail_api'}` },
    });
  }
  return unusable;
}

function subjectOf({ guardrail_name }: Fields): { readonly subject?: string } {
  const subject = textOf(guardrail_name);
  return subject === undefined ? {} : { subject };
}

/** Finds what an entry lacks. @returns false if LiteLLM does not start with it, whoever it asks */
function findNeededKeys(fields: Fields, path: Path, report: WiringReport): boolean {
  const missing = ['guardrail_name', 'litellm_params'].find(
    (key) => fields[key] === undefined || fields[key] === null,
  );
  if (missing === undefined) return true;
  report.add('guardrail_skipped', path, {
    ...{ ...subjectOf(fields), message: `${missing} is missing: LiteLLM does not start` },
    advice: missing === 'guardrail_name' ? 'Name it.' : 'Put its parameters under litellm_params.',
    paste: missing === 'guardrail_name' ? 'guardrail_name: bridge-pre' : 'litellm_params:',
  });
  return false;
}

/** Finds keys of an entry that belong into its `litellm_params`. */
function findEntryKeys(fields: Fields, path: Path, report: WiringReport): void {
  const known = [...KNOWN.generic_guardrail_api, ...KNOWN.akto];
  for (const key of Object.keys(fields)) {
    if (ENTRY_KEYS.includes(key) || !known.includes(key)) continue;
    report.add('option_ignored', [...path, key], {
      ...{
        ...subjectOf(fields),
        message: `${key} stands beside litellm_params, where LiteLLM does not look`,
      },
      advice: 'Move it under litellm_params.',
    });
  }
}

/**
 * Finds parameters that LiteLLM ignores, or for which it refuses the guardrail, and those that hide parts of calls.
 *
 * @see LiteLLM 1.110.2, `BaseLitellmParams` in types/guardrails.py: it takes any key, so that a misspelt one has no effect
 */
export function findOptions(guardrail: WiredGuardrail, report: WiringReport): void {
  const { name: subject, params, kind } = guardrail;
  const { release } = report.context;
  const known = KNOWN[kind];
  for (const key of Object.keys(params)) {
    const meant = known.includes(key) ? undefined : nearest(key, known);
    if (meant === undefined) continue;
    report.add('option_ignored', paramPath(guardrail, key), {
      ...{ subject, message: `LiteLLM knows no ${quotedValue(key) ?? 'such key'} and ignores it` },
      ...{ advice: `Did you mean ${meant}?`, paste: `${meant}: ${scalarText(params[key]) ?? ''}`.trim() },
    });
  }
  for (const key of SKIPPING) if (isTrue(params[key])) addSkipping(guardrail, key, report);
  if (kind === 'akto') return;
  findStreamOptions(guardrail, report);
  const retries = params.num_retries;
  if (isAtLeast(release, TAKES_MCP_MODES) && retries !== undefined && retries !== null) {
    const count = Number(scalarText(retries));
    if (!(Number.isInteger(count) && count >= 0 && count <= 5))
      report.add('guardrail_skipped', paramPath(guardrail, 'num_retries'), {
        ...{ subject, message: `num_retries is no number from 0 to 5: ${startsWithout(release)}` },
        ...{ advice: 'Leave it out.', paste: 'num_retries: 0' },
      });
  }
}

function addSkipping(guardrail: WiredGuardrail, key: string, report: WiringReport): void {
  report.add('messages_hidden', paramPath(guardrail, key), {
    ...{
      subject: guardrail.name,
      message: `${key}: LiteLLM shows the bridge a part of the messages, and sends all to the model`,
    },
    advice: 'Leave it out, or know that nobody judges the others.',
    paste: `${key}: false`,
  });
}

function findStreamOptions(guardrail: WiredGuardrail, report: WiringReport): void {
  const { name: subject, params, modes } = guardrail;
  const { release } = report.context;
  const rate = streamOption(guardrail, 'streaming_sampling_rate');
  const isChecked = isAtLeast(release, CHECKS_GUARDRAIL_NUMBERS) && rate !== undefined && rate !== null;
  if (isChecked && !(Number(scalarText(rate)) >= 1)) {
    report.add('guardrail_skipped', paramPath(guardrail, 'streaming_sampling_rate'), {
      ...{
        subject,
        message: `streaming_sampling_rate is less than 1, or no number: ${startsWithout(release)}`,
      },
      ...{ advice: 'Leave it out, or write 1 or more.', paste: 'streaming_sampling_rate: 5' },
    });
  }
  const transform = streamOption(guardrail, 'streaming_transform_mode');
  if (
    transform !== undefined &&
    transform !== null &&
    !['block_only', 'incremental_diff'].includes(String(transform))
  ) {
    report.add('option_ignored', paramPath(guardrail, 'streaming_transform_mode'), {
      ...{
        subject,
        message:
          'streaming_transform_mode is neither block_only nor incremental_diff: LiteLLM takes it for block_only',
      },
      ...{ advice: 'Write one of them.', paste: 'streaming_transform_mode: incremental_diff' },
    });
  }
  if (params.stream_scope === undefined || !isAtLeast(release, TAKES_STREAM_SCOPE)) return;
  const scopes = modes.all.map((mode) => streamScope(guardrail, mode));
  const isMapping = typeof params.stream_scope === 'object' && params.stream_scope !== null;
  if (scopes.every((scope) => (scope === undefined ? isMapping : STREAM_SCOPES.includes(scope)))) return;
  report.add('option_ignored', paramPath(guardrail, 'stream_scope'), {
    ...{
      subject,
      message: `stream_scope is none of ${STREAM_SCOPES.join(', ')}: LiteLLM asks about streams and about all else`,
    },
    ...{ advice: 'Write one of them.', paste: 'stream_scope: both' },
  });
}
