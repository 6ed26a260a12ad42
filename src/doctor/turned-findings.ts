import { commandLine } from '../config/command-line.ts';
import { AKTO_JUDGES_RESPONSES, isAtLeast } from '../litellm/releases.ts';
import { addressIn, isBridgeAt } from './address.ts';
import { listedCallbacks } from './wired-callbacks.ts';
import type { WiredGuardrail } from './wired-guardrails.ts';
import type { WiringContext, WiringReport } from './wiring.ts';

/** Integrations that a vendor brings into LiteLLM as a callback, and the variable with the address that they ask. */
const PLUGINS = [
  {
    name: "Capsule's plugin",
    callback: /capsule/i,
    variable: 'CAPSULE_LITELLM_ENDPOINT',
    limit: 'it judges requests alone, and shows neither prompt nor response in its records',
  },
  {
    name: "Akto's hook",
    callback: /\./,
    variable: 'DATA_INGESTION_SERVICE_URL',
    limit: 'it lets every call pass when the bridge does not answer',
  },
];

/** The name of the vendor's plugin that asks the bridge; undefined for none. */
export function turnedPlugin(report: WiringReport): string | undefined {
  const listed = listedCallbacks(report.config, 'callbacks');
  const plugin = PLUGINS.find(({ callback, variable }) => {
    const isListed = listed.some((name) => callback.test(name));
    return isListed && asksBridge(variable, report.context);
  });
  if (plugin === undefined) return undefined;
  report.add('integration_limited', ['litellm_settings', 'callbacks'], {
    message: `${plugin.name} asks the bridge: ${plugin.limit}`,
    advice: `For all that the bridge can, use the generic guardrail API: ${commandLine('litellm-config')} prints it.`,
  });
  return plugin.name;
}

function asksBridge(variable: string, context: WiringContext): boolean {
  const url = addressIn(context.env[variable] ?? '');
  return url !== undefined && isBridgeAt(url, context);
}

/** Adds what LiteLLM's guardrail `akto` cannot have judged. */
export function findAktoLimits(guardrails: readonly WiredGuardrail[], report: WiringReport): void {
  const { release } = report.context;
  const [first] = guardrails;
  if (first === undefined || guardrails.some(({ kind }) => kind !== 'akto')) return;
  if (isAtLeast(release, AKTO_JUDGES_RESPONSES)) return;
  report.add('integration_limited', first.path, {
    subject: first.name,
    message: `LiteLLM ${release} has the guardrail akto judge requests alone; its post_call only records responses`,
    advice: `Use LiteLLM ${AKTO_JUDGES_RESPONSES.join('.')} or newer, or the generic guardrail API: ${commandLine('litellm-config')} prints it.`,
  });
}
