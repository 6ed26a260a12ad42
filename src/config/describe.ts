import * as v from 'valibot';
import type { Backend } from '../backends/backend.ts';
import type { Settings } from '../guardrail/fields.ts';
import { commonSettings } from './backend.ts';
import { SETTING_GROUPS } from './settings.ts';

/** Every setting that is read, by the heading it stands under. */
export function settingGroups(backends: readonly Backend[]) {
  const own = Object.entries(SETTING_GROUPS).map(([title, settings]) => [title, rowsOf(settings)] as const);
  const ofVendors = backends.flatMap((definition) => {
    const { kind, environment } = definition;
    if (environment === undefined) return [];
    const { settings, sharedSettings } = environment;
    const title = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const shared = rowsOf(sharedSettings, ` Read only if ${title} is on.`);
    return [[title, [...rowsOf(settings), ...shared, ...rowsOf(commonSettings(definition))]] as const];
  });
  return [...own, ...ofVendors];
}

/** Settings as the help and the guide describe them, with code in backquotes. */
function rowsOf(settings: Settings, note = '') {
  return Object.entries(settings).map(([name, setting]) => {
    const { schema, sentence, formerly, secret, otherwise = 'none' } = setting;
    const former = formerly === undefined ? '' : ` Its former name \`${formerly}\` is still read.`;
    return {
      name,
      unit: v.getDescription(schema) ?? '',
      default: setting.default === undefined ? otherwise : `\`${setting.default}\``,
      sentence: sentence + former + note,
      /** The default as one would write it. */
      written: setting.default,
      formerly,
      secret,
    };
  });
}

/** The text of `help settings`: every setting with its values, its default and what it does. */
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
A variable that is set to nothing counts as not set. A vendor is on as soon as one of its settings is set.
`;
