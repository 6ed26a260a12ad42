import { type Path, PolicyFileError } from '../../policies/file/problems.ts';
import { FileReport } from '../../policies/file/report.ts';
import { checkPreset } from './check-preset.ts';
import { type Preset, PresetForm } from './shape.ts';

/** Thrown for a preset in a file of its own that cannot be used: every mistake in it, with its line. */
export class PresetError extends Error {
  override readonly name = 'PresetError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The preset cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Reads a preset, YAML or JSON. @throws PresetError */
export function readPreset(text: string): Preset {
  try {
    const report = new FileReport(text);
    const { content } = report;
    if (content === null || typeof content !== 'object' || Array.isArray(content)) {
      const is = content === null ? 'line 1: is empty' : 'line 1: is no mapping of keys';
      throw new PresetError([`${is}; backend init http prints one to start from`]);
    }
    const preset = presetIn(report, report.content, []);
    if (preset === undefined) throw new PresetError(report.problems.list());
    return preset;
  } catch (error) {
    throw error instanceof PolicyFileError ? new PresetError(error.problems) : error;
  }
}

/** The preset at a place of a file; undefined once its mistakes are reported. */
export function presetIn(report: FileReport, value: unknown, path: Path): Preset | undefined {
  const preset = report.shaped(PresetForm, value, path);
  if (preset === undefined) return undefined;
  let isUsable = true;
  checkPreset(preset, (at, message) => {
    isUsable = false;
    report.fail([...path, ...at], message);
  });
  return isUsable ? preset : undefined;
}
