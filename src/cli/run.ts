import { backends } from '../backends/index.ts';
import { parseConfig } from '../config/config.ts';
import { envSources, readEnv } from '../config/read.ts';
import type { Terminal } from './terminal.ts';

/**
 * Runs one command line. `serve`, the default, loads no command parser: that takes 11 ms of its start.
 *
 * @returns the exit code: 0, 1 for a problem that the operator can fix, 2 for a wrong command line
 */
export async function run(args: readonly string[], terminal?: Terminal): Promise<number> {
  try {
    if (args.length === 0 || (args.length === 1 && args[0] === 'serve')) {
      const { serve } = await import('./serve.ts');
      await serve(parseConfig(readEnv(), backends, envSources().warnings));
      return 0;
    }
    if (args.length === 1 && args[0] === 'worker') {
      const { work } = await import('../workers/worker.ts');
      await work();
      return 0;
    }
    const { runProgram } = await import('./program.ts');
    return await runProgram(args, terminal);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const err = terminal?.err ?? process.stderr;
    // The message of an error with problems is a list with a heading of its own
    err.write(`${'problems' in error ? '' : 'guardrail-bridge: '}${error.message}\n`);
    return 1;
  }
}
