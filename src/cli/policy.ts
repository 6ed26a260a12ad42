import { POLICY_HELP } from './policy-help.ts';
import { lint } from './policy-lint.ts';
import { testPolicy } from './policy-test.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';

/** One of the policy commands. Resolves with the exit code. */
type Command = (args: readonly string[], terminal: Terminal) => number | Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = { lint, test: testPolicy };

/**
 * `guardrail-bridge policy …`: looks at a policy file without any bridge. It reads no settings.
 *
 * @throws UsageError for a wrong command line, and an Error that an operator can read
 */
export async function policy([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  if ([name, ...options].some((word) => word === '--help' || word === '-h') || name === 'help') {
    terminal.out.write(POLICY_HELP);
    return 0;
  }
  if (name === undefined) throw new UsageError('policy needs a command');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`unknown command policy ${name}`);
  return await command(args, terminal);
}
