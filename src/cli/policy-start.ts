import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { unknownKind } from '../policies/file/nearest.ts';
import { optionsOf } from '../policies/kind-options.ts';
import { kinds } from '../policies/kinds/index.ts';
import type { Kind } from '../policies/policy.ts';
import { START_FILE } from '../policies/start-file.ts';
import { printableJson, table } from './output.ts';
import { addPolicySchema, schemaFor, writeSchema } from './policy-schema.ts';
import type { Terminal } from './terminal.ts';

const ABOUT_INIT = `
A file that is there is never written over. The file is right as it is: set
POLICY_FILE to it, and change it while the bridge runs.`;
const ABOUT_KINDS = `
Every kind also takes mode (enforce | observe | sample), sample and until.`;

/** Adds `policy init`, `policy kinds` and `policy schema`: what one begins a policy file with. */
export function addPolicyStart(policy: Command, terminal: Terminal): void {
  policy
    .command('init')
    .description('print a policy file with comments to start from, or write it')
    .argument('[file]', 'a new file; without one the text goes to standard output')
    .addHelpText('after', ABOUT_INIT)
    .action((file: string | undefined) => init(file, terminal));
  policy
    .command('kinds')
    .description('print the kinds of policies and what they judge, or the options of one with an example')
    .argument('[kind]', 'a kind, for its options')
    .option('--json', 'print [{ kind, judges, about, options, example }]')
    .addHelpText('after', ABOUT_KINDS)
    .action((name: string | undefined, { json = false }: { json?: boolean }) => {
      const chosen = name === undefined ? kinds : [kindOf(name)];
      const print = json ? `${printableJson(chosen.map(jsonOf), 2)}\n` : undefined;
      terminal.out.write(print ?? (name === undefined ? listOf(kinds) : chosen.map(textOf).join('')));
    });
  addPolicySchema(policy, terminal);
}

function init(file: string | undefined, { out }: Terminal): void {
  if (file === undefined) {
    out.write(START_FILE);
    return;
  }
  const path = resolve(file);
  const { named, missing } = schemaFor(path);
  try {
    writeFileSync(path, START_FILE.replace(/(?<=\$schema=)\S+/, named), { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new Error(`${path} exists already; name another file`, { cause: error });
    throw new Error(`${path} cannot be written (${code})`, { cause: error });
  }
  if (missing !== undefined) writeSchema(missing);
  out.write(
    `${path} is written${missing === undefined ? '' : `, and its schema for editors beside it`}: set POLICY_FILE to it, and check changes with policy lint\n`,
  );
}

/** @throws Error that an operator can read */
function kindOf(name: string): Kind {
  const found = kinds.find(({ kind }) => kind === name);
  if (found !== undefined) return found;
  const names = kinds.map(({ kind }) => kind);
  throw new Error(unknownKind(name, 'is no kind of policy', names));
}

function listOf(all: readonly Kind[]): string {
  const columns = [{ title: 'kind' }, { title: 'judges' }, { title: 'what it does' }];
  return table(
    columns,
    all.map(({ kind, judges, about }) => [kind, judges, about]),
  );
}

function textOf(one: Kind): string {
  const { kind, judges, about } = one;
  const columns = [{ title: 'option' }, { title: 'values' }, { title: 'default' }];
  const rows = optionsOf(one.options).map(({ name, values, default: standard = 'none' }) => [
    name,
    values,
    standard,
  ]);
  return `${kind} ${about}; it judges ${judges}\n\n${table(columns, rows)}\n${exampleOf(one)}`;
}

/** A whole policy file with the example of a kind. */
function exampleOf({ kind, example }: Kind): string {
  const lines = example.trim().split('\n');
  return [
    `policies: { chain: [${kind}] }`,
    'policy:',
    `  ${kind}:`,
    ...lines.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

function jsonOf(one: Kind) {
  const { kind, judges, about, options } = one;
  return { kind, judges: judges.split(', '), about, options: optionsOf(options), example: exampleOf(one) };
}
