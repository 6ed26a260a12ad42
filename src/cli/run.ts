import packageJson from '../../package.json' with { type: 'json' };
import { backends } from '../backends/index.ts';
import { ConfigError, parseConfig } from '../config/config.ts';
import { readEnv } from '../config/env.ts';
import { checkConfig } from './check-config.ts';
import { help } from './help.ts';
import { serve } from './serve.ts';

/** Runs one command. Resolves with the exit code: 1 for what the operator can mend, 2 for a wrong command line. */
export async function run([command = 'serve', ...rest]: readonly string[]): Promise<number> {
  if (rest.length > 0) return wrongUsage(`unexpected argument ${rest[0]}`);
  try {
    switch (command) {
      case 'serve':
        await serve(parseConfig(readEnv(), backends));
        return 0;
      case 'check-config':
        process.stdout.write(checkConfig(parseConfig(readEnv(), backends)));
        return 0;
      case '--help':
      case '-h':
      case 'help':
        process.stdout.write(help(backends));
        return 0;
      case '--version':
      case '-v':
        process.stdout.write(`${packageJson.version}\n`);
        return 0;
      default:
        return wrongUsage(`unknown command ${command}`);
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    process.stderr.write(
      `${error instanceof ConfigError ? error.message : `guardrail-bridge: ${error.message}`}\n`,
    );
    return 1;
  }
}

function wrongUsage(problem: string): number {
  process.stderr.write(`guardrail-bridge: ${problem}; see guardrail-bridge --help\n`);
  return 2;
}
