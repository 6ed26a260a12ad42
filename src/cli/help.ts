import { type Command, Help } from 'commander';
import { commandLine } from '../config/command-line.ts';
import { EXPLANATIONS, GROUPS } from './explanations.ts';

/** A line for those who start the program by more words than its name. */
const CALLED =
  commandLine('') === 'guardrail-bridge'
    ? ''
    : `\nHere write ${commandLine('')} in place of guardrail-bridge.\n`;

/** The form of every help: a sentence, usage, arguments, options with their defaults, commands, examples, exit codes, notes. */
export function formatHelp(command: Command, helper: Help): string {
  const plain: Help = Object.assign(Object.create(helper), { commandDescription: () => '' });
  const sentence = helper.boxWrap(sentenceOf(command.description()), helper.helpWidth ?? 80);
  const text = Help.prototype.formatHelp.call(plain, command, plain);
  return `${sentence}\n\n${text}${explained(pathOf(command))}`;
}

/** Puts the commands of the program into groups, in their order. */
export function groupCommands(program: Command): void {
  const groups = Object.entries(GROUPS);
  const placeOf = (command: Command) => groups.flatMap(([, names]) => names).indexOf(command.name());
  for (const command of program.commands) {
    const [title = 'Others'] = groups.find(([, names]) => names.includes(command.name())) ?? [];
    command.helpGroup(`${title}:`);
  }
  (program.commands as Command[]).sort((a, b) => placeOf(a) - placeOf(b));
}

function sentenceOf(description: string): string {
  const sentence = description.charAt(0).toUpperCase() + description.slice(1);
  return sentence.endsWith('.') ? sentence : `${sentence}.`;
}

/** The names of a command below the program: `policy lint`; empty for the program itself. */
function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${pathOf(parent)} ${command.name()}`.trim();
}

/** Puts what stands behind the `#` of some lines into one column. */
function aligned(lines: readonly string[]): readonly string[] {
  const split = lines.map((line) => line.split(/ +# /));
  const widths = split.flatMap(([line = '', meaning]) => (meaning === undefined ? [] : [line.length]));
  return split.map(([line = '', meaning]) =>
    meaning === undefined ? line : `${line.padEnd(Math.max(...widths))}  # ${meaning}`,
  );
}

function explained(path: string): string {
  const known = EXPLANATIONS[path];
  if (known === undefined) return '';
  const examples = aligned(
    known.examples.map((line) => `${/^[A-Z]+=/.test(line) ? '' : 'guardrail-bridge '}${line}`),
  );
  const codes = [
    ['0', known.ok],
    ['1', known.no],
    ['2', 'the command line is wrong'],
  ].flatMap(([code, meaning]) => (meaning === undefined ? [] : `  ${code}  ${meaning}\n`));
  return `\nExamples:\n${examples.map((line) => `  ${line}\n`).join('')}\nExit codes:\n${codes.join('')}${CALLED}`;
}
