import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import dotenv from 'dotenv';
import * as v from 'valibot';
import type { Setting, Settings, Values } from '../guardrail/fields.ts';

/** The environment as the process has it: every value a text. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The environment of this process, over a `.env` file in the working directory: the only place that reads either.
 * The file does not change `process.env`.
 */
export function readEnv(): Env {
  const file: Record<string, string> = {};
  const { error } = dotenv.config({ processEnv: file, quiet: true });
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return { ...file, ...processEnv() };
}

/** The environment of this process alone, for what has settings of its own. */
export function processEnv(): Env {
  // A variable set to nothing counts as not set, so it hides nothing either
  return Object.fromEntries(Object.entries(process.env).filter(([, value]) => value?.trim()));
}

/** What is known of an environment beside its values. */
export type EnvSources = {
  /** The `.env` file that was read; undefined if there is none. */
  readonly file: string | undefined;
  /** Where a variable is set. */
  of(name: string): 'environment' | '.env';
};

/** Where the variables of {@link readEnv} are set. */
export function envSources(): EnvSources {
  const file = resolve('.env');
  return {
    file: existsSync(file) ? file : undefined,
    of: (name) => (process.env[name]?.trim() ? 'environment' : '.env'),
  };
}

/** Collects problems, which end the start, and warnings, which the log tells at start. */
export type Report = { readonly problems: string[]; readonly warnings: string[] };

/** Characters of a wrong value that its problem quotes. */
const QUOTED_CHARS = 60;

/**
 * Reads settings with their defaults. A wrong one goes to `problems`, with its value unless that is a secret.
 *
 * @param prefix the beginning of the names of their variables
 */
export function read<S extends Settings>(settings: S, env: Env, report: Report, prefix = ''): Values<S> {
  const entries = Object.entries(settings).map(([name, setting]) => [
    name,
    readOne(prefix + name, setting, env, report),
  ]);
  return Object.fromEntries(entries) as Values<S>;
}

function readOne(name: string, setting: Setting, env: Env, report: Report): unknown {
  const { source, text } = written(name, setting, env, report);
  const wanted = text ?? setting.default;
  if (wanted === undefined) return undefined;
  const parsed = v.safeParse(setting.schema, wanted);
  if (parsed.success) return parsed.output;
  const value = setting.secret ? '' : `; it is ${JSON.stringify(wanted.slice(0, QUOTED_CHARS))}`;
  report.problems.push(`${source}: ${parsed.issues[0].message}${value}`);
  return undefined;
}

/** The text of a setting, and the variable that it stands in: the one of its name, or of its former name. */
function written(name: string, { formerly }: Setting, env: Env, { problems, warnings }: Report) {
  const text = variable(env, name);
  const former = formerly === undefined ? undefined : variable(env, formerly);
  if (formerly === undefined || former === undefined) return { source: name, text };
  if (text === undefined) warnings.push(`${formerly} is now ${name}: rename it`);
  else if (text !== former)
    problems.push(`${formerly}: ${name}, its new name, has another value; remove ${formerly}`);
  return text === undefined ? { source: formerly, text: former } : { source: name, text };
}

/** The text of a variable. One that is set to nothing counts as not set, as compose files write it. */
export function variable(env: Env, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}
