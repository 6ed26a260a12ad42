import fs from 'node:fs';
import path from 'node:path';
import type { ChainSource } from '../audit/chain-source.ts';
import { FolderChain } from '../audit/folder-chain.ts';
import { readReplica } from '../audit/replica.ts';
import { auditFolder, listSegments } from '../audit/segment.ts';
import { AuditTable } from '../audit/table.ts';
import { TableChain } from '../audit/table-chain.ts';
import { readDatabase, readSettings } from '../config/config.ts';
import { Database } from '../database/database.ts';
import { DatabaseError } from '../database/database-error.ts';
import { databaseProblem } from '../database/database-problem.ts';
import type { Terminal } from './terminal.ts';

/** The chains that a command is about. */
export type Chains = {
  readonly sources: readonly ChainSource[];
  /** Chains that can have rows beyond those that were read; new ones among them. */
  readonly grown: () => Promise<readonly ChainSource[]>;
  /** False where there is one, of a bridge that is alone. */
  readonly isMany: boolean;
  readonly keys: readonly string[];
};

/**
 * Opens the chains in some folders, or those of all replicas with what the own folder has beyond, or that of the own folder.
 *
 * @param dirs each a `DATA_DIR`
 * @throws Error that an operator can read, DatabaseError
 */
export async function withChains(
  dirs: readonly string[],
  { env }: Terminal,
  run: (chains: Chains) => Promise<void>,
): Promise<void> {
  const { DATA_DIR: own, AUDIT_KEY: keys = [] } = readSettings(env(), 'DATA_DIR', 'AUDIT_KEY');
  const config = dirs.length > 0 ? undefined : readDatabase(env());
  if (config === undefined) {
    const sources = (dirs.length > 0 ? dirs : [own]).map((dir) => chainIn(dir, dirs.length > 0));
    return await run({ sources, grown: async () => sources, keys, isMany: dirs.length > 1 });
  }
  const database = new Database(config, 'command', 'read');
  try {
    await run({ ...(await chainsOf(new AuditTable(database), own)), keys, isMany: true });
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const problem = `${databaseProblem(error.code, config)}; name folders to read them without the database`;
    throw new Error(problem, { cause: error });
  } finally {
    await database.close();
  }
}

async function chainsOf(table: AuditTable, own: string): Promise<Pick<Chains, 'sources' | 'grown'>> {
  const folder = auditFolder(own);
  const hasOwn = fs.existsSync(folder) && listSegments(folder).length > 0;
  const id = hasOwn ? readReplica(folder)?.id : undefined;
  const chains = new Map<string, TableChain>();
  const inTable = async () =>
    (await table.replicas()).map(({ end, ...replica }) => {
      const known = chains.get(replica.id);
      const chain = known ?? new TableChain(table, replica, replica.id === id ? folder : undefined);
      chains.set(replica.id, chain);
      return { chain, end };
    });
  const sources: ChainSource[] = (await inTable()).map(({ chain }) => chain);
  // Nothing of it is in the table yet
  const alone = hasOwn && (id === undefined || !chains.has(id)) ? chainIn(own, false) : undefined;
  if (alone !== undefined) sources.push(alone);
  if (sources.length === 0) {
    throw new Error(`there is no audit log in the database, and none in DATA_DIR (${own})`);
  }
  const grown = async () => {
    const ends = await inTable();
    const found = ends.filter(({ chain, end }) => chain.hasNext(end) && chain.replica !== alone?.replica);
    return [...found.map(({ chain }) => chain), ...(alone === undefined ? [] : [alone])];
  };
  return { sources, grown };
}

/** @param isNamed true for a folder of the command line, which may also be the one that the segments are in */
function chainIn(dir: string, isNamed: boolean): ChainSource {
  const folder = isNamed && !fs.existsSync(auditFolder(dir)) ? path.resolve(dir) : auditFolder(dir);
  try {
    const segments = listSegments(folder);
    if (isNamed && segments.length === 0)
      throw Object.assign(new Error(), { code: 'ENOENT', syscall: 'scandir' });
    return new FolderChain(folder, { name: dir, replica: readReplica(folder)?.id ?? null });
  } catch (error) {
    throw explained(error, isNamed ? dir : `DATA_DIR (${dir})`, isNamed);
  }
}

function explained(error: unknown, where: string, isNamed: boolean): unknown {
  const { code = '', syscall } = error as NodeJS.ErrnoException;
  const isMissing = code === 'ENOENT' && syscall === 'scandir';
  if (!isMissing && code !== 'EACCES' && code !== 'EPERM') return error;
  const advice = isNamed ? 'name the DATA_DIR of a bridge' : 'set DATA_DIR as the bridge has it';
  const problem = isMissing
    ? `there is no audit log in ${where}; ${advice}`
    : `the audit log in ${where} cannot be read (${code}): this user may not`;
  return new Error(problem, { cause: error });
}
