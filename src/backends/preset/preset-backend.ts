import * as v from 'valibot';
import { type Backend, defineBackend, type EntryFiles, type Judges, SetupError } from '../backend.ts';
import { optionEntries } from './options.ts';
import { PresetError, presetIn, readPreset } from './read-preset.ts';
import type { OptionValues, Preset } from './shape.ts';
import { judgesMedia, type PresetConfig, Vendor } from './vendor.ts';

/** The same for every preset: how it is told from its configuration, opened and asked. */
const SHARED = {
  judges: (config: PresetConfig): Judges => ({
    request: config.preset.judges.includes('request'),
    response: config.preset.judges.includes('response'),
    media: judgesMedia(config),
  }),
  reads: ({ preset }: PresetConfig) => preset.reads,
  isIdempotent: ({ preset }: PresetConfig) => preset.idempotent,
  open: (config: PresetConfig) => new Vendor(config),
};

/** The backend that a preset describes. */
export function presetBackend(kind: string, preset: Preset, more: v.ObjectEntries = {}): Backend {
  const { url, secret, variables } = preset;
  return defineBackend({
    kind,
    ...SHARED,
    options: { ...optionEntries(preset), ...more },
    ...(url !== undefined && { defaultUrl: url }),
    ...(secret === 'required' && { secret: 'required' as const }),
    variables,
    setup({ url, secret, options }) {
      const { preset: _, ...values } = options as OptionValues;
      const config = { kind, preset, url, secret, options: values };
      // Tells of options that do not fit before a call does
      new Vendor(config);
      return config;
    },
    check: (call, { state, ...context }) => state.check(call, context),
  });
}

/** A vendor by a preset of one's own: in a file beside the policy file, or within its entry. */
export const ownPreset: Backend = defineBackend({
  kind: 'http',
  ...SHARED,
  options: { preset: v.unknown() },
  ofEntry({ preset: given }, files) {
    const preset = readOwnPreset(given, files);
    return preset && presetBackend('http', preset, { preset: v.unknown() });
  },
  setup() {
    throw new SetupError('preset', 'is missing; write {file: path}, or the preset itself');
  },
  check: (call, { state, ...context }) => state.check(call, context),
});

function readOwnPreset(given: unknown, { report, path, readFile }: EntryFiles): Preset | undefined {
  const at = [...path, 'preset'];
  const file = v.safeParse(v.strictObject({ file: v.string() }), given);
  if (!file.success) {
    const isMissing = given === undefined || given === null || typeof given !== 'object';
    if (isMissing) report.fail(at, 'must be {file: path}, or the preset itself; backend init prints one');
    return isMissing ? undefined : presetIn(report, given, at);
  }
  try {
    return readPreset(readFile(file.output.file));
  } catch (error) {
    if (error instanceof SetupError) report.fail(at, error.message);
    else if (!(error instanceof PresetError)) throw error;
    else for (const problem of error.problems) report.fail(at, `${file.output.file}, ${problem}`);
    return undefined;
  }
}
