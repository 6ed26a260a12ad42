import * as v from 'valibot';
import type { Backend } from '../backends/backend.ts';
import type { Setting, Settings } from '../guardrail/fields.ts';
import { commonSettings } from './backend.ts';
import { SETTING_GROUPS } from './settings.ts';

/** A setting as a reader is told of it. Its texts have code in backquotes. */
export type SettingRow = {
  readonly name: string;
  readonly unit: string;
  readonly default: string;
  readonly sentence: string;
};

/** Every setting that is read, by the heading it stands under. */
export function settingGroups(
  backends: readonly Backend[],
): readonly (readonly [string, readonly SettingRow[]])[] {
  const groups: [string, Settings][] = [
    ...Object.entries(SETTING_GROUPS),
    ...backends.map(({ name, settings, sharedSettings }): [string, Settings] => [
      `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
      { ...settings, ...sharedSettings, ...commonSettings(name) },
    ]),
  ];
  return groups.map(([title, settings]) => [title, Object.entries(settings).map(rowOf)]);
}

function rowOf([name, setting]: [string, Setting]): SettingRow {
  const { schema, sentence, formerly, otherwise = 'none' } = setting;
  return {
    name,
    unit: v.getDescription(schema) ?? '',
    default: setting.default === undefined ? otherwise : `\`${setting.default}\``,
    sentence:
      formerly === undefined ? sentence : `${sentence} Formerly \`${formerly}\`, which is still read.`,
  };
}

/** What `help settings` prints: every setting with its values, its default and what it does. */
export function settingsHelp(backends: readonly Backend[]): string {
  const blocks = settingGroups(backends).map(([title, rows]) => {
    const lines = rows.map(
      (row) => `  ${row.name} (${row.unit}; default ${row.default})\n      ${row.sentence}\n`,
    );
    return `${title}\n${lines.join('')}`;
  });
  return `${ABOUT}\n${blocks.join('\n')}`.replaceAll('`', '');
}

const ABOUT = `Settings are environment variables, or lines of a .env file in the working directory; the environment wins.
A variable that is set to nothing counts as not set. The settings of a vendor that begin with its name switch it on.
`;
