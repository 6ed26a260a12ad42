import dotenv from 'dotenv';
import type { Env } from './read.ts';

/**
 * The environment of this process, over a `.env` file in the working directory: the only place that reads either.
 * The file does not change `process.env`.
 */
export function readEnv(): Env {
  const file: Record<string, string> = {};
  const { error } = dotenv.config({ processEnv: file, quiet: true });
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  // A variable set to nothing counts as not set, so it hides nothing either
  const set = Object.entries(process.env).filter(([, value]) => value?.trim());
  return { ...file, ...Object.fromEntries(set) };
}
