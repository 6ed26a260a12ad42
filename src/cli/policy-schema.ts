import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { unreadable } from '../guardrail/unreadable-file.ts';
import type { Terminal } from './terminal.ts';

const ABOUT = `
For editors: yaml-language-server, which is in VS Code's YAML extension, in Neovim
and others, reads the schema that a line of the file names:
# yaml-language-server: $schema=policies.schema.json
It accepts what policy lint accepts, and lint finds more: files that are missing,
names that stand twice, expressions that cannot run in linear time.`;

/** The root of the package; it is the same from the sources and from what is built of them. */
const PACKAGE = resolve(import.meta.dirname, '..', '..');
/** `npm run schema` writes it, by the forms of the linter. */
const SCHEMA = join(PACKAGE, 'examples', 'policies', 'policies.schema.json');
/** The name of the schema beside a policy file. */
const BESIDE = 'policies.schema.json';

/** Adds `policy schema`. */
export function addPolicySchema(policy: Command, { out }: Terminal): void {
  policy
    .command('schema')
    .description('print the JSON Schema of policy files for editors, or write it')
    .argument('[file]', 'a file for it; without one it goes to standard output')
    .addHelpText('after', ABOUT)
    .action((file: string | undefined) => {
      if (file === undefined) out.write(schemaText());
      else {
        writeSchema(resolve(file));
        out.write(`${resolve(file)} is written\n`);
      }
    });
}

/**
 * The schema as a line in a new policy file names it: by a path to the package if both belong to one project, else the file beside it.
 *
 * @returns the path as it is written, and the file beside that has to be written
 */
export function schemaFor(path: string): { readonly named: string; readonly missing?: string } {
  const folder = dirname(path);
  const [project = PACKAGE] = PACKAGE.split(`${sep}node_modules${sep}`);
  if (`${folder}${sep}`.startsWith(project + sep))
    return { named: relative(folder, SCHEMA).split(sep).join('/') };
  return { named: BESIDE, missing: join(folder, BESIDE) };
}

/** Writes the schema, also over an older one, and over nothing else. @throws Error that an operator can read */
export function writeSchema(path: string): void {
  try {
    const there = textOf(path);
    if (there !== undefined && !isSchema(there))
      throw new Error(`${path} is there, and no schema of policy files; name another file`);
    writeFileSync(path, schemaText());
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(`${path} cannot be written (${code})`, { cause: error });
  }
}

function schemaText(): string {
  try {
    return readFileSync(SCHEMA, 'utf8');
  } catch (error) {
    throw new Error(`${SCHEMA} ${unreadable(SCHEMA, error)}; install the package anew`, { cause: error });
  }
}

/** The text of a file; undefined if there is none. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isSchema(text: string): boolean {
  const [title] = /"title": "[^"]*"/.exec(schemaText()) ?? [];
  return title !== undefined && text.includes(title);
}
