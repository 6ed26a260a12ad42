import type { Env } from '../config/read.ts';
import { quotedValue } from '../policies/file/nearest.ts';

/** A text in LiteLLM's configuration as LiteLLM has it once it runs. */
export type ToldText = {
  /** Undefined if it stands in a variable that is not known here. */
  readonly text: string | undefined;
  /** The variable that it stands in. */
  readonly variable?: string;
  /** As it is written; never shown where it may be a secret. */
  readonly written: string;
};

const PREFIX = 'os.environ/';

/**
 * The text that LiteLLM reads; undefined if there is none.
 *
 * @see LiteLLM 1.110.2, `_resolved_config_value` in proxy_server.py: only a text that begins with `os.environ/` is a variable
 */
export function toldText(value: unknown, env: Env): ToldText | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const written = typeof value === 'object' ? '' : String(value);
  if (!written.startsWith(PREFIX)) return { text: written, written };
  const name = written.slice(PREFIX.length);
  return { text: env[name]?.trim() || undefined, variable: name, written };
}

/** A text for a message: its variable, and its value if that may be shown. */
export function shownText({ text, variable }: ToldText): string {
  const value = text === undefined ? undefined : quotedValue(text);
  if (variable === undefined) return value ?? 'what is written there';
  return value === undefined ? variable : `${value} (${variable})`;
}
