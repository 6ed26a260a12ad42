import { textOf } from '../guardrail/json.ts';
import { ASKS_AFTERWARDS, isAtLeast, STARTS_WITHOUT_WRONG, TAKES_MCP_MODES } from '../litellm/releases.ts';
import { didYouMean, quotedValue } from '../policies/file/nearest.ts';
import { type PastedGuardrail, pasteGuardrail } from './paste-lines.ts';
import { isInScope } from './stream-scopes.ts';
import { type GuardrailModes, paramPath, type WiredGuardrail } from './wired-guardrails.ts';
import type { WiringReport } from './wiring.ts';

const MCP_MODES = ['pre_mcp_call', 'during_mcp_call', 'post_mcp_call'];
const KNOWN_MODES = ['pre_call', 'during_call', 'post_call', ...MCP_MODES];
/** Modes that LiteLLM knows, and in which this guardrail cannot judge a call. */
const LATE_MODES = ['logging_only', 'realtime_input_transcription'];

/**
 * Finds modes in which LiteLLM does not ask, and directions that nobody is asked about.
 *
 * @param unusable the modes of other entries, which were meant for the bridge and have a finding of their own
 * @see LiteLLM 1.110.2, `get_supported_event_hooks` in generic_guardrail_api.py, `_validate_event_hook` and `should_run_guardrail` in
 *   integrations/custom_guardrail.py; 1.83.14, whose generic guardrail takes `pre_call`, `post_call` and `during_call` alone
 */
export function findModes(
  guardrails: readonly WiredGuardrail[],
  unusable: readonly GuardrailModes[],
  report: WiringReport,
): void {
  const broken = guardrails.filter((guardrail) => findWrongMode(guardrail, report));
  const working = guardrails.filter((guardrail) => !broken.includes(guardrail));
  for (const guardrail of working) findUntoldDuringCall(guardrail, report);
  findMissing(working, [...broken.map(({ modes }) => modes), ...unusable], guardrails, report);
  for (const guardrail of working) findNotAlways(guardrail, working, report);
}

/** True if LiteLLM never asks this guardrail. */
function findWrongMode(guardrail: WiredGuardrail, report: WiringReport): boolean {
  const { name: subject, modes, params, kind } = guardrail;
  const { release } = report.context;
  const path = paramPath(guardrail, 'mode');
  const mode = JSON.stringify(modes.all.length === 1 ? modes.all[0] : modes.all).replaceAll('"', '');
  if (modes.isOdd || modes.all.length === 0) {
    const message = params.mode === undefined ? 'mode is missing' : 'mode is no text and no list of texts';
    report.add('mode_wrong', path, {
      ...{ subject, message: `${message}: ${startsWithout(release)}` },
      advice: 'Write one mode, or a list of them.',
      paste: 'mode: pre_call',
    });
    return true;
  }
  const tooNew = isAtLeast(release, TAKES_MCP_MODES)
    ? []
    : modes.all.filter((one) => MCP_MODES.includes(one));
  if (kind === 'generic_guardrail_api' && tooNew.length > 0) {
    report.add('mcp_mode_too_old', path, {
      ...{
        subject,
        message: `mode: ${mode}, which LiteLLM ${release} does not take: ${startsWithout(release)}`,
      },
      advice: `Leave ${tooNew.join(' and ')} out, or use LiteLLM ${TAKES_MCP_MODES.join('.')} or newer, where they stand in an entry of their own.`,
      ...(modes.all.length > tooNew.length && {
        paste: `mode: [${modes.all.filter((one) => !tooNew.includes(one)).join(', ')}]`,
      }),
    });
    return true;
  }
  const unknown = modes.all.find((one) => !KNOWN_MODES.includes(one) && !LATE_MODES.includes(one));
  if (unknown !== undefined) {
    const shown = quotedValue(unknown) ?? 'what is written there';
    report.add('mode_wrong', path, {
      ...{
        subject,
        message: `mode: ${shown} is no mode of LiteLLM${didYouMean(unknown, KNOWN_MODES)}: ${startsWithout(release)}`,
      },
      advice: `Write one of ${KNOWN_MODES.join(', ')}.`,
      paste: 'mode: pre_call',
    });
    return true;
  }
  const late = modes.all.find((one) => LATE_MODES.includes(one));
  if (late === undefined || (kind === 'akto' && late === 'logging_only')) return false;
  const effect =
    late === 'logging_only' && isAtLeast(release, ASKS_AFTERWARDS)
      ? 'LiteLLM asks when the client has its response, and nothing can be blocked'
      : startsWithout(release);
  report.add('mode_wrong', path, {
    ...{ subject, message: `mode: ${late} judges no call: ${effect}` },
    advice: 'Use pre_call for requests, post_call for responses, and a generic_api callback for records.',
    paste: 'mode: pre_call',
  });
  return true;
}

/** The consequence of an entry that LiteLLM refuses. */
export function startsWithout(release: string): string {
  return isAtLeast(release, STARTS_WITHOUT_WRONG)
    ? 'LiteLLM starts without this guardrail, and says so only in its log'
    : 'LiteLLM does not start';
}

/** In `during_call` the request is on its way already: the bridge blocks what it would redact, if it knows. */
function findUntoldDuringCall(guardrail: WiredGuardrail, report: WiringReport): void {
  const { name: subject, modes, params, kind } = guardrail;
  const late = modes.all.find((mode) => mode === 'during_call' || mode === 'during_mcp_call');
  if (late === undefined || kind === 'akto') return;
  const told = params.additional_provider_specific_params as { mode?: unknown } | undefined;
  if (textOf(told?.mode) === late) return;
  report.add('during_call_untold', paramPath(guardrail, 'mode'), {
    ...{
      subject,
      message: `mode: ${late}, and no parameter tells the bridge so: LiteLLM drops its redactions of requests`,
    },
    advice:
      'Say it under additional_provider_specific_params, so that the bridge blocks instead; better use pre_call.',
    paste: `additional_provider_specific_params: { mode: ${late} }`,
  });
}

/** Half of the calls, which some guardrail has to be asked about. */
type Wanted = {
  readonly code: 'pre_call_missing' | 'post_call_missing';
  readonly streamed: boolean;
  readonly modes: readonly string[];
  readonly what: string;
  readonly paste: PastedGuardrail;
};

const REQUESTS = ['pre_call', 'during_call'];
const RESPONSES = ['post_call'];
const WANTED: readonly Wanted[] = [
  {
    code: 'pre_call_missing',
    streamed: false,
    modes: REQUESTS,
    what: 'requests without a stream',
    paste: 'pre',
  },
  { code: 'pre_call_missing', streamed: true, modes: REQUESTS, what: 'requests for a stream', paste: 'pre' },
  {
    code: 'post_call_missing',
    streamed: false,
    modes: RESPONSES,
    what: 'responses without a stream',
    paste: 'post',
  },
  { code: 'post_call_missing', streamed: true, modes: RESPONSES, what: 'streams', paste: 'stream' },
];

function findMissing(
  working: readonly WiredGuardrail[],
  broken: readonly GuardrailModes[],
  all: readonly WiredGuardrail[],
  report: WiringReport,
): void {
  const { release } = report.context;
  const missing = WANTED.filter(({ modes, streamed }) => {
    const covers = (guardrail: WiredGuardrail) =>
      modes.some(
        (mode) => guardrail.modes.all.includes(mode) && isInScope(guardrail, mode, { release, streamed }),
      );
    return !working.some(covers) && !broken.some((one) => mayMean(one, modes));
  });
  for (const [code, halves] of Map.groupBy(missing, (one) => one.code)) {
    const [first] = halves as [Wanted];
    const both = code === 'pre_call_missing' ? 'requests' : 'responses';
    const pasted = new Set(halves.map(({ paste }) => paste));
    const like = all.at(-1);
    report.add(code, like?.path ?? ['guardrails'], {
      message: `no guardrail of the bridge is asked about ${halves.length > 1 ? both : first.what}`,
      advice: 'Add this to guardrails.',
      paste: [...pasted].map((kind) => pasteGuardrail(kind, report.context, like)).join(''),
    });
  }
}

/** True if a guardrail that LiteLLM refuses was probably meant for these modes. */
function mayMean({ all }: GuardrailModes, wanted: readonly string[]): boolean {
  const known = all.filter((mode) => KNOWN_MODES.includes(mode));
  return known.length < all.length || known.length === 0 || known.some((mode) => wanted.includes(mode));
}

/**
 * A guardrail that only some calls run, unless others like it judge all.
 *
 * @see litellm-enterprise 0.1.83, `_should_run_if_mode_by_tag` in integrations/custom_guardrail.py: the modes of a tag are in place of
 *   the default
 */
function findNotAlways(
  guardrail: WiredGuardrail,
  working: readonly WiredGuardrail[],
  report: WiringReport,
): void {
  const { name: subject, modes, runs, runsBy } = guardrail;
  const others = working.filter((one) => one !== guardrail && one.runs === 'always');
  const isCovered = (mode: string) => others.some((one) => one.modes.untagged.includes(mode));
  if (runs !== 'always' && !modes.all.every(isCovered)) {
    const path = paramPath(guardrail, 'default_on');
    if (runsBy.steps.length > 0 || runsBy.byPolicy !== 'on_request') {
      const [first] = runsBy.steps;
      report.add('not_default_on', first?.path ?? path, {
        subject,
        message:
          runsBy.byPolicy === 'partly'
            ? 'it runs only for the calls that policy_attachments names; no guardrail judges the others'
            : 'no policy_attachments puts its policy in force, so that it never runs',
        advice: 'Attach the policy to every call.',
        paste: `policy_attachments:\n  - policy: ${String(first?.path[1] ?? 'NAME')}\n    scope: '*'\n`,
      });
      return;
    }
    const message =
      runsBy.byModels === 'partly'
        ? 'it is not default_on, and only some models have it in their guardrails: calls to the others are not judged'
        : 'it is not default_on: only calls that ask for it are judged';
    report.add('not_default_on', path, { subject, message, advice: 'Set it.', paste: 'default_on: true' });
    return;
  }
  if (modes.byTag === undefined) return;
  const always = modes.all.filter((mode) =>
    [modes.untagged, ...(modes.byTag ?? [])].every((some) => some.includes(mode)),
  );
  const sometimes = modes.all.filter((mode) => !always.includes(mode) && !isCovered(mode));
  if (sometimes.length === 0) return;
  report.add('not_default_on', paramPath(guardrail, 'mode'), {
    subject,
    message: `${sometimes.join(' and ')} only for some tags of a call, which its client can choose; a LiteLLM without a licence fails every call`,
    advice: 'Write the mode without tags.',
    paste: `mode: ${modes.all.length === 1 ? modes.all[0] : `[${modes.all.join(', ')}]`}`,
  });
}
