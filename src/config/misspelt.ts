import { readFileSync } from 'node:fs';
import { distance } from 'fastest-levenshtein';
import type { Backend } from '../backends/backend.ts';
import { didYouMean } from '../policies/file/nearest.ts';
import { ownNames, prefixOf } from './backend.ts';
import type { Env } from './read.ts';
import { SETTINGS } from './settings.ts';

/**
 * Warnings of misspelt variables, which would leave a guardrail or a setting off without a word.
 *
 * @param policyFile can name variables of its own: `secret: { env: NAME }`
 */
export function misspeltVariables(
  env: Env,
  definitions: readonly Backend[],
  policyFile: string | undefined,
): readonly string[] {
  const vendors = definitions
    .filter(({ environment }) => environment !== undefined)
    .map((definition) => ({ prefix: prefixOf(definition.kind), names: ownNames(definition) }));
  const shared = definitions.flatMap(({ environment }) => Object.keys(environment?.sharedSettings ?? {}));
  const known = new Set([...OWN, ...shared, ...vendors.flatMap(({ names }) => names)]);
  let named: ReadonlySet<string> | undefined;
  const isNamed = (name: string) => {
    named ??= namesIn(policyFile);
    return named.has(name);
  };
  return Object.keys(env).flatMap((name) => {
    if (known.has(name) || env[name] === undefined) return [];
    const vendor = vendors.find(({ prefix }) => name.startsWith(prefix));
    if (vendor !== undefined && isNamed(name)) return [];
    if (vendor !== undefined)
      return `${name} is set and not read by the bridge; is it misspelt?${didYouMean(name, vendor.names).replace(/^; d/, ' D')}`;
    const meant = OWN.find((setting) => isSlip(name, setting));
    return meant === undefined || isNamed(name)
      ? []
      : `${name} is set and not read by the bridge; did you mean ${meant}?`;
  });
}

/** As in `secret: { env: NAME }`. */
const ENV = /\benv["']?\s*:\s*["']?(\w+)/g;

/** Variables that a policy file names; its mistakes are told by who reads it for its policies. */
function namesIn(file: string | undefined): ReadonlySet<string> {
  if (file === undefined) return new Set();
  try {
    return new Set(Array.from(readFileSync(file, 'utf8').matchAll(ENV), ([, name = '']) => name));
  } catch {
    return new Set();
  }
}

const OWN = Object.entries(SETTINGS).flatMap(([name, setting]) => [
  name,
  ...('formerly' in setting ? [setting.formerly] : []),
]);

/** Fewer letters make too many names of others. */
const LEAST_CHARS = 7;

/** True for a name that is written with one wrong letter, two that changed places, or with other signs between its words. */
function isSlip(name: string, setting: string): boolean {
  if (name.length < LEAST_CHARS || name === name.toLowerCase()) return false;
  const [a, b] = [flat(name), flat(setting)];
  return a === b || distance(a, b) === 1 || (distance(a, b) === 2 && sorted(a) === sorted(b));
}

const flat = (name: string) => name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
const sorted = (name: string) => [...name].sort().join('');
