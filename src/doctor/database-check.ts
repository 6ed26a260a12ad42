import { type DatabaseConfig, databasePlace } from '../database/database-config.ts';
import { databaseProblem } from '../database/database-problem.ts';
import type { Examined } from './check.ts';

/** Connects to the database as the bridge does, and changes nothing. */
export async function examineDatabase(config: DatabaseConfig): Promise<Examined> {
  const { name, schema } = databasePlace(config);
  const [{ Database }, { DatabaseError }] = await Promise.all([
    import('../database/database.ts'),
    import('../database/database-error.ts'),
  ]);
  const database = new Database(config, 'command');
  const startedAt = performance.now();
  const examined = (ok: boolean, text: string): Pick<Examined, 'checks'> => ({
    checks: [{ section: 'database', ok, text, ms: Math.round(performance.now() - startedAt) }],
  });
  try {
    const { version, isMigrated } = await database.look();
    const tables = isMigrated
      ? `the tables in ${schema} are those of this release`
      : `the bridge makes or changes the tables in ${schema} when it starts, or database migrate does`;
    return {
      ...examined(true, `the database ${name} answers (Postgres ${version}); ${tables}`),
      findings: [],
    };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const problem = databaseProblem(error.code, config);
    return {
      ...examined(false, problem),
      findings: [
        {
          code: 'database_unreachable',
          subject: name,
          message: problem,
          advice: 'mend it; until then replicas share nothing, and records wait in DATA_DIR',
        },
      ],
    };
  } finally {
    await database.close();
  }
}
