import { variable } from '../config/read.ts';
import { SETTINGS } from '../config/settings.ts';
import { LedgerError } from '../outbox/ledger.ts';
import { isDamage, storageCode } from '../storage/storage-code.ts';
import { OUTBOX_HELP } from './help.ts';
import { drop, retry } from './outbox-change.ts';
import { exportRecords } from './outbox-export.ts';
import { list, show, status } from './outbox-read.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';

/** One of the outbox commands, on the outbox in a folder. Resolves with the exit code. */
type Command = (args: readonly string[], dir: string, terminal: Terminal) => number | Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = {
  status,
  list,
  show,
  retry,
  drop,
  export: exportRecords,
};

/**
 * `guardrail-bridge outbox …`: what waits, what could not be delivered, and what to do with it. Of the settings it reads
 * `DATA_DIR` alone, so it works where others are missing or wrong.
 *
 * @throws UsageError for a wrong command line, and an Error that an operator can read
 */
export async function outbox([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const asksForHelp = [name, ...options].some((word) => word === '--help' || word === '-h');
  if (asksForHelp || name === 'help') {
    terminal.out.write(OUTBOX_HELP);
    return 0;
  }
  if (name === undefined) throw new UsageError('outbox needs a command');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`unknown command outbox ${name}`);
  const dir = variable(terminal.env(), 'DATA_DIR') ?? SETTINGS.DATA_DIR.default;
  try {
    return await command(args, dir, terminal);
  } catch (error) {
    throw explained(error, dir);
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'it is busy; try again',
  SQLITE_READONLY: 'this user may not write there',
  SQLITE_CANTOPEN: 'this user may not read or write there',
  SQLITE_FULL: 'the disk is full',
};

/** What went wrong with the file, in words that say what to do. */
function explained(error: unknown, dir: string): unknown {
  const where = `DATA_DIR (${dir})`;
  if (error instanceof LedgerError) {
    return new Error(
      error.message === 'missing'
        ? `there is no outbox in ${where}; set DATA_DIR as the bridge has it`
        : `outbox.db in ${where} is no outbox of this version (${error.message})`,
      { cause: error },
    );
  }
  const code = storageCode(error);
  if (!code.startsWith('SQLITE_')) return error;
  const advice = isDamage(error)
    ? 'it is damaged; at its next start the bridge puts it aside and keeps what can be read'
    : (ADVICE[code] ?? 'look at the disk');
  return new Error(`the outbox in ${where} cannot be used (${code}): ${advice}`, { cause: error });
}
