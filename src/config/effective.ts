import { isAbsolute, resolve } from 'node:path';
import type { Backend } from '../backends/backend.ts';
import { withUpperCaseProxies } from './config.ts';
import { settingGroups } from './describe.ts';
import { type Env, type EnvSources, variable } from './read.ts';

/** A setting as it is in force. */
export type EffectiveSetting = {
  readonly name: string;
  /** The text that is read, or that of the default; null where there is neither. Of a secret never more than the host of an address. */
  readonly value: string | null;
  readonly isSecret: boolean;
  /** The default, in words: `5, or the vendor's own`. */
  readonly otherwise: string;
  /** The path that a relative one means. */
  readonly path?: string;
  /** `default`, `environment`, `.env` (behind them the name in lower case, where it is read so), or the setting that names the file it stands in. */
  readonly source: string;
};

/** Every setting with the value in force and where it comes from, by the heading it stands under. */
export function effectiveSettings(
  env: Env,
  sources: EnvSources,
  definitions: readonly Backend[],
): readonly (readonly [title: string, rows: readonly EffectiveSetting[]])[] {
  const all = withUpperCaseProxies(env);
  const sourceOf = (name: string): string => {
    const lower = name.toLowerCase();
    return variable(env, name) === undefined ? `${sources.of(lower)} (${lower})` : sources.of(name);
  };
  return settingGroups(definitions).map(([title, rows]) => [
    title,
    rows.map(({ name, formerly, secret, unit, written, ...row }): EffectiveSetting => {
      const isSecret = secret === true;
      const known = { name, isSecret, otherwise: row.default.replaceAll('`', '') };
      const read = [name, formerly].find((one) => one !== undefined && variable(all, one) !== undefined);
      if (read !== undefined) {
        const text = variable(all, read) ?? '';
        const value = isSecret ? masked(name, text, unit) : text.replace(LITELLM_KEYS, 'sk-…');
        return { ...known, value, ...pathOf(value, unit), source: sourceOf(read) };
      }
      const file = FROM_FILE[name];
      if (file !== undefined && variable(env, file) !== undefined)
        return { ...known, value: HIDDEN, source: file };
      return { ...known, value: written ?? null, ...pathOf(written, unit), source: 'default' };
    }),
  ]);
}

function pathOf(value: string | undefined, unit: string): { readonly path?: string } {
  if (value === undefined || !['path', 'folder'].includes(unit) || isAbsolute(value)) return {};
  return { path: resolve(value) };
}

/** Settings whose value can stand in a file that another one names. */
const FROM_FILE: Readonly<Record<string, string>> = { PGPASSWORD: 'DATABASE_PASSWORD_FILE' };

const HIDDEN = 'set, not shown';
/** Keys that are any good are longer. */
const SHORT = 16;
const IS_KEY = /_(?:KEYS?|TOKEN)$|PASSWORD/;
/** Hashes and aliases are wanted where somebody writes the keys themselves. */
const LITELLM_KEYS = /\bsk-[^\s,]+/g;

/** A secret as far as it may be shown: that it is there, if it is short, and of an address its host. */
function masked(name: string, text: string, unit: string): string {
  const url = unit === 'address' ? URL.parse(text) : null;
  if (url !== null && url.host !== '') {
    const hidden = url.username !== '' || url.password !== '' || url.pathname.length > 1 || url.search !== '';
    return `${url.protocol}//${url.host}${hidden ? '/…' : ''}`;
  }
  return text.length < SHORT && IS_KEY.test(name) ? `${HIDDEN}; shorter than ${SHORT} characters` : HIDDEN;
}
