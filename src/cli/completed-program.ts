import type { Argument, Command, Option } from 'commander';
import { backends, kindsOfBackends } from '../backends/index.ts';
import { kinds } from '../policies/kinds/index.ts';

/** Words, the names of files or folders, or something that nobody knows before: for the place of an argument. */
export type CompletedValues = readonly string[] | 'files' | 'folders' | 'any';

/** An option as a shell completes it. */
export type CompletedOption = {
  /** `-f` and `--follow`. */
  readonly flags: readonly string[];
  readonly about: string;
  /** Undefined for one without a value. */
  readonly values: CompletedValues | undefined;
};

/** A command as a shell completes it. */
export type CompletedCommand = {
  /** Its words below the program: `policy lint`; empty for the program itself. */
  readonly path: string;
  readonly about: string;
  /** The last words of the paths of those below it. */
  readonly below: readonly string[];
  readonly options: readonly CompletedOption[];
  /** By place. The last one repeats if `isRepeated`. */
  readonly places: readonly CompletedValues[];
  readonly isRepeated: boolean;
};

/** A program as a shell completes it: all its commands, itself first. */
export type CompletedProgram = { readonly name: string; readonly commands: readonly CompletedCommand[] };

/** The names that the vendors of the environment have. */
const ENVIRONMENT = backends.filter(({ environment }) => environment !== undefined).map(({ kind }) => kind);

/** Words for arguments that take others too, or refuse them with a message of their own. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  'policy kinds kind': kinds.map(({ kind }) => kind),
  'backend init kind': kindsOfBackends.names,
  'backend test name': ENVIRONMENT,
  'decisions list backend': ENVIRONMENT,
  'decisions top backend': ENVIRONMENT,
};

/** Reads what shells complete off the commands of a program. */
export function completedProgram(program: Command): CompletedProgram {
  return { name: program.name(), commands: completedCommands(program, '') };
}

function completedCommands(
  command: Command,
  path: string,
  beside: readonly string[] = [],
): CompletedCommand[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const below = commands.map((one) => one.name());
  const args = command.registeredArguments;
  const own: CompletedCommand = {
    path,
    about: command.description(),
    below,
    options: help.visibleOptions(command).map((option) => completedOption(option, path)),
    places: command.name() === 'help' ? [beside] : args.map((one) => valuesOf(one, path)),
    isRepeated: args.at(-1)?.variadic ?? false,
  };
  return [own, ...commands.flatMap((one) => completedCommands(one, `${path} ${one.name()}`.trim(), below))];
}

function completedOption(option: Option, path: string): CompletedOption {
  const { short, long, description, required, optional } = option;
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    about: description,
    values: required || optional ? valuesOf(option, path) : undefined,
  };
}

/** By the choices of an argument or the value of an option, else by its name: `--out <file>`. */
function valuesOf(one: Argument | Option, path: string): CompletedValues {
  if (one.argChoices !== undefined) return one.argChoices;
  const [, shown] = 'flags' in one ? (/[<[]([a-z]+)/.exec(one.flags) ?? []) : ['', one.name()];
  const name = (shown ?? '').replace(/s$/, '');
  if (name === 'file' || name === 'case') return 'files';
  if (name === 'folder') return 'folders';
  return WORDS[`${path} ${one.name()}`] ?? 'any';
}
