import type { Command } from 'commander';
import { readDatabase } from '../config/config.ts';
import { Database } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { databaseProblem } from '../database/database-problem.ts';
import { printableJson, table } from './output.ts';
import type { Terminal } from './terminal.ts';

const ABOUT = `
DATABASE_URL says where the database is, DATABASE_SCHEMA which schema the tables are
in. Each replica does it by itself at its start, if its role owns them; where roles
are apart, run it as the owner before a release is rolled out.`;

/** A step of the tables that was taken. */
type TakenStep = { readonly version: number; readonly name: string; readonly appliedAt: Date };

/** Adds `database …`: the tables that replicas share. Of the settings it reads those of the database alone. */
export function addDatabase(program: Command, terminal: Terminal): void {
  program
    .command('database')
    .description('the tables that replicas share')
    .command('migrate')
    .description('make the tables, or bring them to the version of this release')
    .option('--json', 'print { schema, version, steps }')
    .addHelpText('after', ABOUT)
    .action((options: { readonly json?: boolean }) => migrate(options, terminal));
}

/** `database migrate`: brings the tables to the version of this release, and prints the steps that were ever taken. */
async function migrate({ json }: { readonly json?: boolean }, { env, out }: Terminal): Promise<void> {
  const config = readDatabase(env());
  if (config === undefined) throw new Error('DATABASE_URL: missing; set it to the database of the bridges');
  const { schema } = config;
  const database = new Database(config, 'command');
  try {
    const steps = await database.query<TakenStep>(
      'SELECT version, name, applied_at AS "appliedAt" FROM migration ORDER BY version',
    );
    const version = steps.at(-1)?.version ?? 0;
    if (json) out.write(`${printableJson({ schema, version, steps })}\n`);
    else {
      const columns = [{ title: 'version', isNumber: true }, { title: 'name' }, { title: 'applied at' }];
      const rows = steps.map(({ version, name, appliedAt }) => [
        String(version),
        name,
        appliedAt.toISOString(),
      ]);
      out.write(`${table(columns, rows)}the tables in ${schema} are at version ${version}\n`);
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    throw new Error(databaseProblem(error.code, config), { cause: error });
  } finally {
    await database.close();
  }
}
