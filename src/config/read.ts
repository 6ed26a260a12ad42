import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import dotenv from 'dotenv';
import * as v from 'valibot';
import type { Setting, Settings, Values } from '../guardrail/fields.ts';
import { unreadable } from '../guardrail/unreadable-file.ts';

/** The environment as the process has it: every value a text. */
export type Env = Readonly<Record<string, string | undefined>>;

/**
 * The environment of this process, over a `.env` file in the working directory: the only place that reads either.
 * The file does not change `process.env`.
 */
export function readEnv(): Env {
  const file: Record<string, string> = {};
  const { error } = dotenv.config({ processEnv: file, quiet: true });
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'ENOENT')
    throw new Error(`.env ${unreadable('.env', error)}`, { cause: error });
  return { ...file, ...processEnv() };
}

/** The environment of this process alone, for what has settings of its own. */
export function processEnv(): Env {
  // A variable set to nothing counts as not set, so it hides nothing either
  return Object.fromEntries(Object.entries(process.env).filter(([, value]) => value?.trim()));
}

/** Facts about an environment beside its values. */
export type EnvSources = {
  /** The `.env` file that was read; undefined if there is none. */
  readonly file: string | undefined;
  /** Warnings of lines of it that are not read, without what they say. */
  readonly warnings: readonly string[];
  /** Where a variable is set. */
  of(name: string): 'environment' | '.env';
};

/** Where the variables of {@link readEnv} are set. */
export function envSources(): EnvSources {
  const path = resolve('.env');
  const file = existsSync(path) ? path : undefined;
  return {
    file,
    warnings: file === undefined ? [] : unreadLines(readFileSync(file, 'utf8')),
    of: (name) => (process.env[name]?.trim() ? 'environment' : '.env'),
  };
}

/** An assignment as dotenv reads it. @see LINE in lib/main.js of dotenv 18 */
const ASSIGNMENT =
  /^\s*(?:export\s+)?[\w.-]+(?:\s*=\s*?|:\s+?)(?:\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/gm;

/** Warnings of lines of a `.env` file that dotenv passes over. */
export function unreadLines(text: string): readonly string[] {
  const left = text.replace(/\r\n?/g, '\n').replace(ASSIGNMENT, (read) => read.replace(/[^\n]/g, ''));
  return left
    .split('\n')
    .flatMap((line, index) =>
      /^\s*(?:#.*)?$/.test(line) ? [] : `.env: line ${index + 1} is no NAME=value and is not read`,
    );
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
