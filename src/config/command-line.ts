const PROGRAM = import.meta.filename.endsWith('.ts') ? 'npm start --silent --' : 'guardrail-bridge';

/** A command line as it can be typed where this program was started: in a clone through npm, else by its name. */
export const commandLine = (words: string): string => `${PROGRAM} ${words}`.trimEnd();
