import { type Command, InvalidArgumentError } from 'commander';
import { NoOutboxError } from '../outbox/admin.ts';
import { VersionError } from '../outbox/schema.ts';
import { isDamage, storageCode } from '../storage/storage-code.ts';
import { type DropOptions, drop, type RetryOptions, retry } from './outbox-change.ts';
import { type ExportOptions, exportRecords, type ListOptions, list, show, status } from './outbox-read.ts';
import { dataDir, type Terminal } from './terminal.ts';

const MAX_ROWS = 10_000;
const BACKEND = ['--backend <name>', 'of one backend; intake: rows that could not be read at all'] as const;
const DEAD = ['--dead', 'dead letters only, which are not tried again by themselves'] as const;
const ABOUT = `
DATA_DIR says where the outbox is (./data). All of it works while a bridge runs.
Records hold prompts and responses, as far as TELEMETRY_CONTENT keeps them: show
and export print them.`;
const ID = 'the number in the first column of list, or the beginning of a record_id';

/**
 * Adds `outbox …`: the records that a backend has not got yet. Of the settings it reads `DATA_DIR` alone, so it works
 * where others are missing or wrong.
 */
export function addOutbox(program: Command, terminal: Terminal): void {
  const outbox = program
    .command('outbox')
    .description('see, retry, drop or export the records that a backend has not got yet')
    .addHelpText('after', ABOUT);
  /** Runs a command on the folder of the outbox. */
  const inFolder = async (command: (dir: string) => void | Promise<void>) => {
    const dir = dataDir(terminal.env());
    try {
      await command(dir);
    } catch (error) {
      throw explained(error, dir);
    }
  };
  outbox
    .command('status')
    .description('count what is due, waits or is dead for each backend')
    .option('--json', 'print { data_dir, bridge_running, used_bytes, backends }')
    .action((options: { json?: boolean }) => inFolder((dir) => status(options, dir, terminal)));
  outbox
    .command('list')
    .description('list deliveries, oldest first')
    .option(...BACKEND)
    .option(...DEAD)
    .option('--limit <n>', 'number of rows', rowLimit, 50)
    .option('--json', 'print { total, deliveries }')
    .action((options: ListOptions) => inFolder((dir) => list(options, dir, terminal)));
  outbox
    .command('show')
    .description('print a record')
    .argument('<id>', ID)
    .option('--json', 'print it on one line')
    .action((id: string, options: { json?: boolean }) => inFolder((dir) => show(id, options, dir, terminal)));
  outbox
    .command('retry')
    .description('make deliveries due again: dead letters, and those that wait for their next try')
    .argument('[ids...]', ID)
    .option(...BACKEND)
    .option('--all', 'in place of IDs')
    .option('--json', 'print { retried, already_due, held, intake, bridge_running }')
    .action((ids: string[], options: RetryOptions) => inFolder((dir) => retry(ids, options, dir, terminal)));
  outbox
    .command('drop')
    .description('give deliveries up for good')
    .argument('[ids...]', ID)
    .option(...BACKEND)
    .option(...DEAD)
    .option('--all', 'in place of IDs')
    .option('--yes', 'drop without IDs')
    .option('--json', 'print { dropped }')
    .action((ids: string[], options: DropOptions) => inFolder((dir) => drop(ids, options, dir, terminal)));
  outbox
    .command('export')
    .description('write a line of JSON for each record')
    .option(...BACKEND)
    .option(...DEAD)
    .option('--out <file>', 'a new file instead of standard output')
    .option('--json', 'with --out: print { exported }')
    .action((options: ExportOptions) => inFolder((dir) => exportRecords(options, dir, terminal)));
}

function rowLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_ROWS) return limit;
  throw new InvalidArgumentError(`Write a number, 1 to ${MAX_ROWS}`);
}

const ADVICE: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'it is busy; try again',
  SQLITE_READONLY: 'this user may not write there',
  SQLITE_CANTOPEN: 'this user may not read or write there',
  SQLITE_FULL: 'the disk is full',
};

/** An error about the file of the outbox, in words that say what to do. */
function explained(error: unknown, dir: string): unknown {
  const where = `DATA_DIR (${dir})`;
  if (error instanceof NoOutboxError) {
    return new Error(
      error.message === 'missing'
        ? `there is no outbox in ${where}; set DATA_DIR as the bridge has it`
        : `outbox.db in ${where} is not an outbox`,
      { cause: error },
    );
  }
  if (error instanceof VersionError) return new Error(`${where}: ${error.message}`, { cause: error });
  const code = storageCode(error);
  if (!code.startsWith('SQLITE_')) return error;
  const advice = isDamage(error)
    ? 'it is damaged; at its next start the bridge puts it aside and keeps what can be read'
    : (ADVICE[code] ?? 'look at the disk');
  return new Error(`the outbox in ${where} cannot be used (${code}): ${advice}`, { cause: error });
}
