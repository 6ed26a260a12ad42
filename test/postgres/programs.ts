import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of Postgres' programs; undefined where none is installed. */
export function postgresPrograms(): string | undefined {
  const installed = globSync('/usr/lib/postgresql/*/bin').sort((a, b) => version(b) - version(a));
  const folders = [...installed, ...(process.env.PATH ?? '').split(':')];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

const version = (folder: string) => Number(/\d+/.exec(folder)?.[0]);
