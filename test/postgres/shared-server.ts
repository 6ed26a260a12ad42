import type { TestProject } from 'vitest/node';
import { startPostgres } from './server.ts';

/** Starts the server that all files of a run share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres();
  project.provide('postgresUrl', postgres.url);
  return () => postgres.remove();
}
