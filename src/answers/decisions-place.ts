import { readDatabase, readSettings } from '../config/config.ts';
import type { Env } from '../config/read.ts';
import { DatabaseError } from '../database/database-error.ts';
import { databaseProblem } from '../database/database-problem.ts';
import { NoDecisionsError } from '../decisions/local-decisions.ts';
import { type DecisionReader, openDecisions } from '../decisions/reader.ts';
import { DecisionsVersionError } from '../decisions/schema.ts';
import { storageCode } from '../storage/storage-code.ts';

/** Where a command looks decisions up. */
export type DecisionsPlace = {
  readonly reader: DecisionReader;
  /** In words: `./data`, or the database and `./data`. */
  readonly where: string;
  /** Days that decisions are kept by these settings; 0 for not at all. */
  readonly days: number;
};

/**
 * Looks into the decisions that the bridge keeps by these settings.
 *
 * @param warn told if only those of this machine can be read
 * @throws Error that says what to do
 */
export async function withDecisions<Answer>(
  env: Env,
  warn: (message: string) => void,
  look: (place: DecisionsPlace) => Promise<Answer>,
): Promise<Answer> {
  const { DATA_DIR: dir, DECISIONS_DAYS: days } = readSettings(env, 'DATA_DIR', 'DECISIONS_DAYS');
  const database = readDatabase(env);
  const where = database === undefined ? dir : `the database and ${dir}`;
  let reader: DecisionReader | undefined;
  try {
    reader = await openDecisions({ dir, database });
    const { databaseCode: code } = reader;
    if (code !== undefined && database !== undefined)
      warn(`only what is in ${dir}: ${databaseProblem(code, database)}`);
    return await look({ reader, where, days });
  } catch (error) {
    throw explained(error, dir, database);
  } finally {
    await reader?.close();
  }
}

function explained(error: unknown, dir: string, database: ReturnType<typeof readDatabase>): unknown {
  const message = problemWith(error, `DATA_DIR (${dir})`, database);
  return message === undefined ? error : new Error(message, { cause: error });
}

function problemWith(
  error: unknown,
  where: string,
  database: ReturnType<typeof readDatabase>,
): string | undefined {
  if (error instanceof DatabaseError && database !== undefined) return databaseProblem(error.code, database);
  if (error instanceof NoDecisionsError)
    return error.message === 'missing'
      ? `there are no decisions in ${where}; set DATA_DIR as the bridge has it, and DECISIONS_DAYS above 0`
      : `decisions.db in ${where} holds no decisions`;
  if (error instanceof DecisionsVersionError) return `${where}: ${error.message}`;
  const code = storageCode(error);
  return code.startsWith('SQLITE_') ? `the decisions in ${where} cannot be read (${code})` : undefined;
}
