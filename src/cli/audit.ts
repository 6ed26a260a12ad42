import { auditKeys } from '../audit/chain.ts';
import { auditFolder } from '../audit/segments.ts';
import { variable } from '../config/read.ts';
import { SETTINGS } from '../config/settings.ts';
import { exportAudit } from './audit-export.ts';
import { AUDIT_HELP } from './audit-help.ts';
import type { AuditSource } from './audit-source.ts';
import { tail } from './audit-tail.ts';
import { verify } from './audit-verify.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';

/** One of the audit commands. Resolves with the exit code. */
type Command = (args: readonly string[], source: AuditSource, terminal: Terminal) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = { verify, tail, export: exportAudit };

/**
 * `guardrail-bridge audit …`: reads the decision log, also while a bridge writes it. Of the settings it reads `DATA_DIR`
 * and `AUDIT_KEY` alone, so it works where others are missing or wrong.
 *
 * @throws UsageError for a wrong command line, and an Error that an operator can read
 */
export async function audit([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const asksForHelp = [name, ...options].some((word) => word === '--help' || word === '-h');
  if (asksForHelp || name === 'help') {
    terminal.out.write(AUDIT_HELP);
    return 0;
  }
  if (name === undefined) throw new UsageError('audit needs a command');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`unknown command audit ${name}`);
  const env = terminal.env();
  const dir = variable(env, 'DATA_DIR') ?? SETTINGS.DATA_DIR.default;
  const source = { folder: auditFolder(dir), keys: auditKeys(variable(env, 'AUDIT_KEY')) };
  try {
    return await command(args, source, terminal);
  } catch (error) {
    throw explained(error, dir);
  }
}

function explained(error: unknown, dir: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && syscall === 'scandir') {
    const message = `there is no audit log in DATA_DIR (${dir}); set DATA_DIR as the bridge has it`;
    return new Error(message, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const message = `the audit log in DATA_DIR (${dir}) cannot be read (${code}): this user may not`;
    return new Error(message, { cause: error });
  }
  return error;
}
