import type { CompletedCommand, CompletedOption, CompletedProgram } from './completed-program.ts';
import type { KnownValues } from './completion-walk.ts';

/**
 * The script for fish, 3.0 and newer.
 *
 * @see https://fishshell.com/docs/current/completions.html
 */
export function fishScript({ name, commands }: CompletedProgram): string {
  const at = `__${name.replaceAll(/\W/g, '_')}_at`;
  const paths = commands.map(({ path }) => path).filter((path) => path !== '');
  const lines = commands.flatMap((command) => {
    const when = `complete -c ${name} -n ${inQuotes(`${at} ${inQuotes(command.path)}`)}`;
    return linesOf(command, commands).map((line) => `${when} ${line}`);
  });
  return `# Completion of ${name} for fish: ${name} completion fish | source
function ${at} --description 'True if the words before mean this command'
    set -l path ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$path $word")
        if contains -- $next ${paths.map(inQuotes).join(' ')}
            set path $next
        end
    end
    test "$path" = "$argv[1]"
end
complete -c ${name} -f
${lines.join('\n')}
`;
}

function linesOf(command: CompletedCommand, all: readonly CompletedCommand[]): string[] {
  const { path, below, options, places } = command;
  const aboutOf = (word: string) => all.find((one) => one.path === `${path} ${word}`.trim())?.about ?? '';
  return [
    ...below.map((word) => `-a ${inQuotes(word)} -d ${inQuotes(aboutOf(word))}`),
    ...options.map(optionLine),
    ...places.flatMap((values) => (values === 'any' ? [] : [taken(values)])),
  ];
}

function optionLine({ flags, about, values }: CompletedOption): string {
  const named = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = values === undefined ? [] : [values === 'any' ? '-x' : `-r ${taken(values)}`];
  return [...named, ...value, `-d ${inQuotes(about)}`].join(' ');
}

function taken(values: KnownValues): string {
  if (values === 'files') return '-F';
  return values === 'folders'
    ? "-f -a '(__fish_complete_directories)'"
    : `-f -a ${inQuotes(values.join(' '))}`;
}

const inQuotes = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
