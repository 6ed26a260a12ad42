import type { Command } from 'commander';
import { readSettings } from '../config/config.ts';
import { NoOutboxError, OutboxAdmin } from '../outbox/admin.ts';
import { VersionError } from '../outbox/schema.ts';
import { isDamage, storageCode } from '../storage/storage-code.ts';
import { drop, retry } from './outbox-change.ts';
import { expectBackend, exportRecords, list, type OutboxCommand, show, status } from './outbox-read.ts';
import { countOf, type Terminal } from './terminal.ts';

const BACKEND = ['--backend <name>', 'of one backend; intake: rows that could not be read at all'] as const;
const DEAD = ['--dead', 'dead letters only, which are not tried again by themselves'] as const;
const ALL = ['--all', 'in place of IDs'] as const;
const ID = 'the number in the first column of list, or the beginning of a record_id';
const ABOUT = `
DATA_DIR says where the outbox is (./data). All of it works while a bridge runs.
Records hold prompts and responses, as far as TELEMETRY_CONTENT keeps them: show
and export print them.`;

/**
 * Adds `outbox …`: the records that a backend has not got yet. Of the settings it reads `DATA_DIR` alone, so it works
 * where others are missing or wrong.
 */
export function addOutbox(program: Command, terminal: Terminal): void {
  const outbox = program
    .command('outbox')
    .description('see, retry, drop or export the records that a backend has not got yet')
    .addHelpText('after', ABOUT);
  const add = (
    name: string,
    run: (command: OutboxCommand) => void | Promise<void>,
    access: 'read' | 'write' = 'read',
  ) =>
    outbox.command(name).action(async function (this: Command) {
      const { DATA_DIR: dir } = readSettings(terminal.env(), 'DATA_DIR');
      const options = this.opts<OutboxCommand['options']>();
      let admin: OutboxAdmin | undefined;
      try {
        admin = new OutboxAdmin(dir, access);
        expectBackend(admin, options.backend, terminal.env());
        await run({ admin, dir, words: this.args, options, terminal });
      } catch (error) {
        throw explained(error, dir);
      } finally {
        admin?.close();
      }
    });
  add('status', status)
    .description('count what is due, waits or is dead for each backend')
    .option('--json', 'print { data_dir, bridge_running, used_bytes, backends }');
  add('list', list)
    .description('list deliveries, oldest first')
    .option(...BACKEND)
    .option(...DEAD)
    .option('--limit <n>', 'number of rows', countOf(1, 10_000), 50)
    .option('--json', 'print { total, deliveries }');
  add('show', show)
    .description('print a record')
    .argument('<id>', ID)
    .option('--json', 'print it on one line');
  add('retry', retry, 'write')
    .description('make deliveries due again: dead letters, and those that wait for their next try')
    .argument('[ids...]', ID)
    .option(...BACKEND)
    .option(...ALL)
    .option('--json', 'print { retried, already_due, held, intake, bridge_running }');
  add('drop', drop, 'write')
    .description('give deliveries up for good')
    .argument('[ids...]', ID)
    .option(...BACKEND)
    .option(...DEAD)
    .option(...ALL)
    .option('--yes', 'drop without IDs')
    .option('--json', 'print { dropped }');
  add('export', exportRecords)
    .description('write a line of JSON for each record')
    .option(...BACKEND)
    .option(...DEAD)
    .option('--out <file>', 'a new file instead of standard output')
    .option('--json', 'with --out: print { exported }');
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
  const message = problemWith(error, where);
  return message === undefined ? error : new Error(message, { cause: error });
}

function problemWith(error: unknown, where: string): string | undefined {
  if (error instanceof NoOutboxError) {
    return error.message === 'missing'
      ? `there is no outbox in ${where}; set DATA_DIR as the bridge has it`
      : `outbox.db in ${where} is not an outbox`;
  }
  if (error instanceof VersionError) return `${where}: ${error.message}`;
  const code = storageCode(error);
  if (!code.startsWith('SQLITE_')) return undefined;
  const advice = isDamage(error)
    ? 'it is damaged; at its next start the bridge puts it aside and keeps what can be read'
    : (ADVICE[code] ?? 'look at the disk');
  return `the outbox in ${where} cannot be used (${code}): ${advice}`;
}
