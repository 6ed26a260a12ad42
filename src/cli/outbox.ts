import type { Command } from 'commander';
import { withOutbox } from '../answers/outbox-place.ts';
import { drop, retry } from './outbox-change.ts';
import { expectBackend, exportRecords, list, type OutboxCommand, show, status } from './outbox-read.ts';
import { countOf, type Terminal } from './terminal.ts';

const BACKEND = ['--backend <name>', 'of one backend; intake: rows that could not be read at all'] as const;
const DEAD = ['--dead', 'dead letters only, which are not tried again by themselves'] as const;
const ALL = ['--all', 'in place of IDs'] as const;
const ID = 'the number in the first column of list, or the beginning of a record_id';
const LOCAL = ['--local', 'with DATABASE_URL: the outbox in DATA_DIR all the same'] as const;
const ABOUT = `
DATA_DIR says where the outbox is (./data), and DATABASE_URL where replicas share
one: what waits in DATA_DIR for that is counted by status. All of it works while
bridges run.
Records hold prompts and responses, as far as TELEMETRY_CONTENT keeps them: show
and export print them.`;

/**
 * Adds `outbox …`: the records that a backend has not got yet. Of the settings it reads `DATA_DIR` and those of the database alone, so it
 * works where others are missing or wrong.
 */
export function addOutbox(program: Command, terminal: Terminal): void {
  const outbox = program
    .command('outbox')
    .description('see, retry, drop or export the records that a backend has not got yet')
    .addHelpText('after', ABOUT);
  const add = (
    name: string,
    run: (command: OutboxCommand) => Promise<void>,
    access: 'read' | 'write' = 'read',
  ) =>
    outbox
      .command(name)
      .option(...LOCAL)
      .action(function (this: Command) {
        const env = terminal.env();
        const options = this.opts<OutboxCommand['options'] & { readonly local?: boolean }>();
        return withOutbox(env, { access, local: options.local }, async (place) => {
          await expectBackend(place.admin, options.backend, env);
          await run({ ...place, words: this.args, options, terminal });
        });
      });
  add('status', status)
    .description('count what is due, waits or is dead for each backend')
    .option(
      '--json',
      'print { data_dir, bridge_running, used_bytes, backends, held }, with a database { database, fallback } too',
    );
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
