import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { backends } from '../backends/index.ts';
import { parseConfig } from '../config/config.ts';
import { settingsHelp } from '../config/describe.ts';
import { formatHelp, groupCommands } from './help.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** One file per noun, which adds its commands. It is loaded alone if the command line names it, all of them for the help. */
const NOUNS = new Map<string, (program: Command, terminal: Terminal) => void | Promise<void>>([
  ['serve', addServe],
  ['config', async (...to) => (await import('./config.ts')).addConfig(...to)],
  ['doctor', async (...to) => (await import('./doctor.ts')).addDoctor(...to)],
  ['policy', async (...to) => (await import('./policy.ts')).addPolicy(...to)],
  ['check', async (...to) => (await import('./check.ts')).addCheck(...to)],
  ['outbox', async (...to) => (await import('./outbox.ts')).addOutbox(...to)],
  ['coverage', async (...to) => (await import('./coverage.ts')).addCoverage(...to)],
  ['audit', async (...to) => (await import('./audit.ts')).addAudit(...to)],
  ['why', async (...to) => (await import('./why.ts')).addWhy(...to)],
  ['decisions', async (...to) => (await import('./decisions.ts')).addDecisions(...to)],
  ['database', async (...to) => (await import('./database.ts')).addDatabase(...to)],
  ['backend', async (...to) => (await import('./backend.ts')).addBackend(...to)],
  ['demo', async (...to) => (await import('./demo.ts')).addDemo(...to)],
  ['litellm-config', async (...to) => (await import('./litellm-config.ts')).addLitellmConfig(...to)],
  [
    'completion',
    async (program, terminal) =>
      (await import('./completion.ts')).addCompletion(program, terminal, () => createProgram('', terminal)),
  ],
  ['settings', addSettings],
]);

/** Names that commands had, which are still taken. */
const FORMER = new Map([['check-config', 'config']]);

const ABOUT = `
Without a command it serves. Settings are environment variables, or lines of a
.env file in the working directory: guardrail-bridge help settings lists them.`;

/**
 * Runs a command line other than plain `serve`.
 *
 * @returns the exit code; 2 for a wrong command line, which is explained on standard error
 * @throws Error that an operator can read
 */
export async function runProgram(args: readonly string[], terminal = processTerminal()): Promise<number> {
  const isHelp = args[0] === 'help';
  const [noun = '', ...rest] = isHelp ? args.slice(1) : args;
  const named = noun === '' ? [] : [FORMER.get(noun) ?? noun, ...rest];
  const program = await createProgram(named[0], terminal);
  const words = isHelp ? helpLine(program, named) : named;
  try {
    await program.parseAsync(words, { from: 'user' });
    return terminal.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    // A noun without a command: its help was printed to standard error
    if (error.code !== 'commander.help') {
      terminal.err.write(
        `guardrail-bridge: ${problemOf(error)}${elsewhere(program, error)}; see ${pathOf(program, words)} --help\n`,
      );
    }
    return 2;
  }
}

/** `help outbox list` means `outbox list --help`, `help settings` lists them; a word that is no command is left to be refused. */
function helpLine(program: Command, words: readonly string[]): readonly string[] {
  if (words.length === 1 && words[0] === 'settings') return words;
  let command = program;
  for (const word of words) {
    const next = subcommand(command, word);
    if (next === undefined && command.commands.length > 0) return words;
    command = next ?? command;
  }
  return [...words, '--help'];
}

async function createProgram(noun: string | undefined, terminal: Terminal): Promise<Command> {
  const program = new Command('guardrail-bridge')
    .description('One HTTP sidecar between LiteLLM Proxy and AI-security vendors.')
    .version(packageJson.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print the help of this command')
    .addHelpCommand(
      new Command('help')
        .argument('[command]')
        .description('print the help of a command')
        .helpGroup('Others:'),
    )
    .addHelpText('after', ABOUT)
    .configureHelp({ formatHelp })
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      outputError: () => {},
    })
    .exitOverride();
  const named = NOUNS.get(noun ?? '');
  for (const add of named === undefined ? NOUNS.values() : [named]) await add(program, terminal);
  groupCommands(program);
  return program;
}

/** Plain `serve` never comes here, only its help and wrong arguments. */
function addServe(program: Command, { env, sources }: Terminal): void {
  program
    .command('serve')
    .description('listen and judge (default)')
    .action(async () => {
      const { serve } = await import('./serve.ts');
      await serve(parseConfig(env(), backends, sources().warnings));
    });
}

/** Adds `settings`. */
function addSettings(program: Command, { out }: Terminal): void {
  program
    .command('settings')
    .description('print every setting with its values, its default and what it does')
    .action(() => {
      out.write(settingsHelp(backends));
    });
}

function subcommand(command: Command, word: string | undefined): Command | undefined {
  return command.commands.find((one) => one.name() === word);
}

/** The names of the command that a command line means, as far as its words name one: `guardrail-bridge outbox list`. */
function pathOf(command: Command, words: readonly string[]): string {
  const next = subcommand(command, words[0]);
  return next === undefined ? command.name() : `${command.name()} ${pathOf(next, words.slice(1))}`;
}

/** ` (did you mean policy lint?)` for a command that others have. */
function elsewhere(program: Command, { code, message }: CommanderError): string {
  const [, name] =
    code === 'commander.unknownCommand' ? (/unknown command '([^']*)'\.?$/.exec(message) ?? []) : [];
  const nouns = program.commands.filter((noun) => noun.commands.some((one) => one.name() === name));
  return nouns.length === 0
    ? ''
    : ` (did you mean ${nouns.map((noun) => `${noun.name()} ${name}`).join(' or ')}?)`;
}

/** `error: unknown option '--josn'\n(Did you mean --json?)` on one line. */
function problemOf({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replace(/\.?$/, '')
    .replace(/\n\(Did/, ' (did');
}
