import { commandLine } from '../config/command-line.ts';
import { fieldsOf } from '../guardrail/json.ts';
import { isAtLeast, OLDEST_SUPPORTED } from '../litellm/releases.ts';
import { addNoCallback, findCallback, findLimit, findWithheld } from './callback-findings.ts';
import { findReach } from './guardrail-findings.ts';
import { listOf } from './guardrail-runs.ts';
import type { LitellmConfig } from './litellm-file.ts';
import { findModes } from './mode-findings.ts';
import { findUndropped } from './model-findings.ts';
import { findOptions, findUnusable } from './option-findings.ts';
import { pasteGuardrail } from './paste-lines.ts';
import { findSteps } from './step-findings.ts';
import { findStreams } from './stream-findings.ts';
import { findAktoLimits, turnedPlugin } from './turned-findings.ts';
import { findCallbacks, type WiredCallback } from './wired-callbacks.ts';
import { findGuardrails, type WiredGuardrail } from './wired-guardrails.ts';
import { type WiringContext, type WiringFinding, WiringReport } from './wiring.ts';

/** The result of reading LiteLLM's configuration. */
export type WiringResult = {
  /** Faults first, then by line. */
  readonly findings: readonly WiringFinding[];
  /** Variables that hold something which could not be compared, as they are not known here. */
  readonly unknownVariables: readonly string[];
};

/** Finds all that is wrong with how a configuration of LiteLLM is wired to the bridge. */
export function wiringFindings(config: LitellmConfig, context: WiringContext): WiringResult {
  const report = new WiringReport(config, context);
  findUnreadable(report);
  if (config.problems.some(({ isIgnored }) => !isIgnored))
    return { findings: report.sorted(), unknownVariables: [] };
  const guardrails = findGuardrails(config, context);
  const callbacks = findCallbacks(config, context, guardrails);
  const plugin = guardrails.length === 0 ? turnedPlugin(report) : undefined;
  const unusable = findUnusable(report);
  for (const guardrail of guardrails) {
    findReach(guardrail, report);
    findOptions(guardrail, report);
    findStreams(guardrail, report);
    findSteps(guardrail, report);
  }
  if (guardrails.length > 0) findModes(guardrails, unusable, report);
  else if (plugin === undefined && unusable.length === 0) addNobodyAsks(callbacks, report);
  findAktoLimits(guardrails, report);
  const isTurned = plugin !== undefined || guardrails.some(({ kind }) => kind === 'akto');
  const [asked] = guardrails;
  for (const callback of callbacks) findCallback(callback, asked, report);
  if (callbacks.length === 0 && !isTurned) addNoCallback(report);
  if (callbacks.length > 0) findWithheld(report);
  if (guardrails.length > 0) findUndropped(report);
  findLimit(report);
  return { findings: report.sorted(), unknownVariables: unknownIn(guardrails, callbacks) };
}

function findUnreadable(report: WiringReport): void {
  const { problems } = report.config;
  for (const { file, line, message, isIgnored } of problems) {
    report.findings.push({
      ...{ code: isIgnored ? 'option_ignored' : 'config_unreadable', subject: file, file, line },
      message: `${file}, line ${line}: ${message}`,
      advice: isIgnored ? 'Write all of it in one place.' : 'Mend it; LiteLLM does not start with it.',
    });
  }
  const { release } = report.context;
  if (isAtLeast(release, OLDEST_SUPPORTED)) return;
  report.add('release_unsupported', [], {
    message: `LiteLLM ${release} is older than ${OLDEST_SUPPORTED.join('.')}, the oldest supported release`,
    advice: 'Use a newer one; calls are judged, and records are incomplete.',
  });
}

/** Adds that no guardrail asks the bridge, or that it only records. */
function addNobodyAsks(callbacks: readonly WiredCallback[], report: WiringReport): void {
  const { value } = report.config;
  const below = listOf(fieldsOf(value.litellm_settings).guardrails);
  const isBelow = below.some((entry) => fieldsOf(entry).litellm_params !== undefined);
  if (callbacks.length > 0 && !isBelow) {
    report.add('only_recorded', ['guardrails'], {
      message: 'no guardrail asks the bridge: calls are recorded, and none is judged',
      advice: `Add guardrails, unless that is what you want: ${commandLine('litellm-config')} prints them.`,
    });
    return;
  }
  report.add('pre_call_missing', isBelow ? ['litellm_settings', 'guardrails'] : ['guardrails'], {
    message: isBelow
      ? 'guardrails stand under litellm_settings: LiteLLM takes them for those of an older form and does not start'
      : 'no guardrail asks the bridge: no call is judged',
    advice: isBelow ? 'Make guardrails a section of its own.' : 'Add guardrails.',
    paste: `guardrails:\n${(['pre', 'post', 'stream'] as const).map((kind) => pasteGuardrail(kind, report.context, undefined)).join('')}`,
  });
}

function unknownIn(
  guardrails: readonly WiredGuardrail[],
  callbacks: readonly WiredCallback[],
): readonly string[] {
  const told = [
    ...guardrails.flatMap(({ base, key }) => [base, key]),
    ...callbacks.flatMap(({ endpoint, key }) => [endpoint, key]),
  ];
  const unknown = told.flatMap((one) =>
    one?.text === undefined && one?.variable !== undefined ? [one.variable] : [],
  );
  return [...new Set(unknown)];
}
