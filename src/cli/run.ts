import packageJson from '../../package.json' with { type: 'json' };
import { backends } from '../backends/index.ts';
import { ConfigError, parseConfig } from '../config/config.ts';
import { readEnv } from '../config/env.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import { audit } from './audit.ts';
import { checkConfig, checkConnections } from './check-config.ts';
import { checkText } from './check-text.ts';
import { help } from './help.ts';
import { outbox } from './outbox.ts';
import { policy } from './policy.ts';
import { serve } from './serve.ts';
import { processTerminal } from './terminal.ts';
import { UsageError } from './usage.ts';

const WITH_ARGUMENTS: readonly string[] = ['outbox', 'policy', 'check', 'audit'];

/** Runs one command. Resolves with the exit code: 1 for what the operator can mend, 2 for a wrong command line. */
export async function run([command = 'serve', ...rest]: readonly string[]): Promise<number> {
  const connects = command === 'check-config' && rest[0] === '--connect';
  const [unexpected] = WITH_ARGUMENTS.includes(command) ? [] : connects ? rest.slice(1) : rest;
  if (unexpected !== undefined) return wrongUsage(`unexpected argument ${unexpected}`);
  try {
    switch (command) {
      case 'serve':
        await serve(parseConfig(readEnv(), backends));
        return 0;
      case 'check-config': {
        const config = parseConfig(readEnv(), backends);
        process.stdout.write(checkConfig(config));
        if (!connects) return 0;
        const { text, ok } = await checkConnections(config);
        process.stdout.write(text);
        return ok ? 0 : 1;
      }
      case 'outbox':
        return await outbox(rest, processTerminal());
      case 'policy':
        return await policy(rest, processTerminal());
      case 'check':
        return await checkText(rest, processTerminal());
      case 'audit':
        return await audit(rest, processTerminal());
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
    if (error instanceof UsageError) return wrongUsage(error.message, `${command} --help`);
    if (!(error instanceof Error)) throw error;
    process.stderr.write(`${isAboutSettings(error) ? '' : 'guardrail-bridge: '}${error.message}\n`);
    return 1;
  }
}

/** Whether an error says at length what is wrong in a configuration. */
function isAboutSettings(error: Error): boolean {
  return error instanceof ConfigError || error instanceof PolicyFileError;
}

function wrongUsage(problem: string, see = '--help'): number {
  process.stderr.write(`guardrail-bridge: ${problem}; see guardrail-bridge ${see}\n`);
  return 2;
}
