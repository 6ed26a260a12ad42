import type { Command } from 'commander';
import { kindsOfBackends } from '../backends/index.ts';
import { entryText, kindRows } from './backend-entry.ts';
import { type TestOptions, testBackend } from './backend-test.ts';
import { table } from './output.ts';
import type { Terminal } from './terminal.ts';

const ABOUT_INIT = `
Of a kind that is a preset it is the preset, to be changed and used by kind: http;
of http one to start from; of any other kind its entry in the policy file.`;
const ABOUT_TEST = `
The backend is one of POLICY_FILE, or of --policy, or one that the environment
sets up. It ends with 0 for any verdict, with 1 if there is none.`;

/** Adds `backend` and its commands. */
export function addBackend(program: Command, terminal: Terminal): void {
  const backend = program.command('backend').description('vendors: list them, set one up, ask one');
  backend
    .command('list')
    .description('print the kinds of vendors with their options')
    .action(() => {
      const columns = ['kind', 'form', 'default url', 'options'].map((title) => ({ title }));
      terminal.out.write(table(columns, kindRows(kindsOfBackends)));
    });
  backend
    .command('init')
    .description('print a preset or an entry of the policy file to start from')
    .argument('<kind>', 'a kind that backend list names')
    .addHelpText('after', ABOUT_INIT)
    .action((kind: string) => {
      terminal.out.write(entryText(kind, kindsOfBackends));
    });
  backend
    .command('test')
    .description('ask a vendor about one text and print its verdict')
    .argument('<name>', 'name of a backend')
    .argument('<text>', 'the text, in quotes; - for standard input')
    .option('--policy <file>', 'a policy file instead of POLICY_FILE')
    .option('--response', 'the text is a response of the model; by default a request of a user')
    .option('--json', 'print { backend, verdict, reason, categories, text, failure, ms }')
    .addHelpText('after', ABOUT_TEST)
    .action((name: string, text: string, options: TestOptions) => testBackend(name, text, options, terminal));
}
