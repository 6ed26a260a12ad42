/**
 * Name of this program where it was started: in a clone through npm, else the command of its package, which npx finds by the name of the
 * package alone.
 */
const PROGRAM = import.meta.filename.endsWith('.ts')
  ? 'npm start --silent --'
  : process.env.npm_command === 'exec'
    ? 'npx litellm-guardrail-bridge'
    : 'guardrail-bridge';

/** A command line as it can be typed where this program was started. */
export const commandLine = (words: string): string => `${PROGRAM} ${words}`.trimEnd();
