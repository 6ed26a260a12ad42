import { backends as kinds } from '../backends/index.ts';
import { policiesOf } from '../calls/policies.ts';
import { startWarnings } from '../calls/start-warnings.ts';
import { commandLine } from '../config/command-line.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Env } from '../config/read.ts';
import { type BridgeFinding, FINDINGS } from '../findings/finding.ts';
import type { BackendConfig } from '../guardrail/backend-config.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import { examineBackend } from './backend-check.ts';
import { type ExaminedBridge, examineBridge } from './bridge-check.ts';
import { BridgeClient } from './bridge-client.ts';
import { callsPlace, opsPlace } from './bridge-place.ts';
import { type Examined, SECTIONS, together } from './check.ts';
import { examineConfig } from './config-check.ts';
import { examineDatabase } from './database-check.ts';
import { type DoctorClock, type ExaminedProxy, examineProxy } from './proxy-check.ts';
import { ProxyClient } from './proxy-client.ts';

export type ExaminationOptions = {
  readonly env: Env;
  /** Of how the settings were read. */
  readonly warnings: readonly string[];
  /** Path of LiteLLM's configuration. */
  readonly litellm?: string | undefined;
  /** Of LiteLLM, in place of that of the proxy. */
  readonly release?: string | undefined;
  readonly proxy?: { readonly url: string; readonly key: string } | undefined;
  readonly model?: string | undefined;
  /** Address of the bridge, in place of that of the settings. */
  readonly bridge?: string | undefined;
  /** Address of its readiness and metrics, in place of that of the settings. */
  readonly ops?: string | undefined;
  readonly asksBridge: boolean;
  readonly asksBackends: boolean;
} & DoctorClock;

/** All that the doctor found. Its JSON form is stable. */
export type Examination = Examined & {
  /** True if there is no fault; warnings may be. */
  readonly ok: boolean;
  /** The release of LiteLLM; null if nothing tells it. */
  readonly release: string | null;
};

/** Looks at the settings, LiteLLM's configuration, the running bridge, a running proxy, and all backends. Throws nothing of what it finds. */
export async function examine(options: ExaminationOptions): Promise<Examination> {
  const { env, asksBridge, asksBackends } = options;
  const settings = examineSettings(env, options.warnings);
  const { config } = settings;
  const vendors = asksBackends && config !== undefined ? askBackends(config, settings.backends) : [];
  const client = new BridgeClient(callsPlace(options), opsPlace(options));
  const bridge = asksBridge || options.proxy !== undefined ? await examineBridge(client) : undefined;
  const proxy = await askProxy(options, client, bridge);
  const release = options.release ?? proxy?.release ?? null;
  const file =
    options.litellm === undefined
      ? undefined
      : examineConfig(options.litellm, { release, bridge: options.bridge, config, env });
  const looks = [settings, file, proxy, bridge, ...(await Promise.all(vendors))];
  const done = looks.filter((look) => look !== undefined);
  const { checks } = together(done);
  const found = onlyOnce(done);
  return {
    ok: found.every(({ code }) => FINDINGS[code] !== 'fault'),
    release,
    checks: [...checks].sort((a, b) => SECTIONS.indexOf(a.section) - SECTIONS.indexOf(b.section)),
    findings: found,
  };
}

type Settings = Examined & {
  /** Undefined if they cannot be used; without policies if those cannot. */
  readonly config: Config | undefined;
  /** Those of the environment and of the policy file. */
  readonly backends: readonly BackendConfig[];
};

const SETTINGS_ADVICE = `${commandLine('config')} shows all settings in force, and where each is from`;

function examineSettings(env: Env, warnings: readonly string[]): Settings {
  let config: Config | undefined;
  try {
    // Its name in LiteLLM's environment, which the doctor reads too, and no slip there
    config = parseConfig({ ...env, BRIDGE_API_KEY: undefined }, kinds, warnings);
    const file = policiesOf(config)?.file;
    const backends = [...config.backends, ...(file?.backends ?? [])];
    const policies = file === undefined ? 'no policies' : `policies ${file.name}`;
    const text = `can be used: ${policies}, ${backends.length === 0 ? 'no backend' : backends.map(({ name }) => name).join(', ')}`;
    const findings = startWarnings(config, file).map(
      (message): BridgeFinding => ({ code: 'settings_doubtful', message, advice: SETTINGS_ADVICE }),
    );
    return { config, backends, checks: [{ section: 'settings', ok: true, text }], findings };
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof PolicyFileError)) throw error;
    const findings = error.problems.map(
      (message): BridgeFinding => ({
        code: 'settings_wrong',
        message,
        advice: `mend it; ${commandLine('help settings')} lists all settings, policy kinds all policies`,
      }),
    );
    const checks = [{ section: 'settings', ok: false, text: 'cannot be used' } as const];
    const usable = config && { ...config, policies: { ...config.policies, file: undefined, builtin: false } };
    return { config: usable, backends: config?.backends ?? [], checks, findings };
  }
}

/** Looks at backends and, where there is one, the database that replicas share. */
export function askBackends(
  { proxy, database }: Config,
  backends: readonly BackendConfig[],
): readonly Promise<Examined>[] {
  return [
    ...backends.map((backend) => examineBackend(backend, proxy)),
    ...(database === undefined ? [] : [examineDatabase(database)]),
  ];
}

async function askProxy(
  { proxy, model, now, sleep }: ExaminationOptions,
  bridge: BridgeClient,
  known: ExaminedBridge | undefined,
): Promise<ExaminedProxy | undefined> {
  if (proxy === undefined) return undefined;
  return examineProxy(new ProxyClient(proxy.url, proxy.key), {
    bridge,
    reply: known?.reply,
    model,
    now,
    sleep,
  });
}

/**
 * The findings of all looks, each once: what one tells with its subject, another can tell without, and live traffic since when it is. The
 * first, which is of a file if one was read, says most.
 */
function onlyOnce(looks: readonly Examined[]): readonly BridgeFinding[] {
  const kept: BridgeFinding[] = [];
  for (const { findings } of looks) {
    const before = kept.length;
    for (const finding of findings) {
      const { code, subject, since } = finding;
      const at = kept.findIndex(
        (one) => one.code === code && (subject === undefined || one.subject === subject),
      );
      if (at < 0 || at >= before) kept.push(finding);
      else if (since !== undefined) kept[at] = { since, ...(kept[at] as BridgeFinding) };
    }
  }
  return kept;
}
