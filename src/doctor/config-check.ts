import type { Config } from '../config/config.ts';
import { parseConfig } from '../config/config.ts';
import type { Env } from '../config/read.ts';
import { FINDINGS } from '../findings/finding.ts';
import { NEWEST_TESTED } from '../litellm/releases.ts';
import { bridgeFacts } from './bridge-facts.ts';
import type { Examined } from './check.ts';
import { type LitellmConfig, readLitellmConfig } from './litellm-file.ts';
import { wiringFindings } from './wiring-findings.ts';

export type ConfigCheckOptions = {
  /** Of LiteLLM; null for the newest known. */
  readonly release: string | null;
  /** The bridge's address as somebody told it. */
  readonly bridge: string | undefined;
  /** The settings of the bridge; undefined if they cannot be used. */
  readonly config: Config | undefined;
  readonly env: Env;
};

/** Reads LiteLLM's configuration. */
export function examineConfig(file: string, options: ConfigCheckOptions): Examined {
  const { bridge, config, env } = options;
  const release = options.release ?? NEWEST_TESTED.join('.');
  const settings = bridgeFacts(config ?? parseConfig({}, []));
  let read: LitellmConfig;
  try {
    read = readLitellmConfig(file);
  } catch (error) {
    const { message } = error as Error;
    const advice = 'name the file with which LiteLLM starts';
    return {
      checks: [{ section: 'litellm', ok: false, text: message }],
      findings: [{ code: 'config_unreadable', subject: file, message, advice }],
    };
  }
  const { findings, unknownVariables } = wiringFindings(read, { release, bridge, settings, env });
  const faults = findings.filter(({ code }) => FINDINGS[code] === 'fault').length;
  const result = faults === 0 ? 'is right' : 'has faults';
  const restart = findings.length === 0 ? '' : '; restart LiteLLM once it is mended';
  const guess = options.release === null ? ', the newest known: say yours with --release' : '';
  const unknown =
    unknownVariables.length === 0
      ? ''
      : `; not compared, as they are not set here: ${unknownVariables.join(', ')}`;
  const text = `${file} ${result} for LiteLLM ${release}${guess}${unknown}${restart}`;
  return { checks: [{ section: 'litellm', ok: faults === 0, text }], findings };
}
