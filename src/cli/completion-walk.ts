import type { CompletedCommand, CompletedOption, CompletedValues } from './completed-program.ts';

// The arms of `case` by which the scripts for bash and zsh walk along the words of a line, in syntax that both have

/** Arms of `case "$at:$word"`: a word that leads to a command below, and an option that takes the next word. */
export function stepArms(commands: readonly CompletedCommand[]): string {
  return arms(
    commands.flatMap(({ path, below, options }) => [
      ...below.map(
        (word) =>
          [inSingleQuotes(`${path}:${word}`), `at=${inSingleQuotes(`${path} ${word}`.trim())}`] as const,
      ),
      ...options
        .filter(({ values }) => values !== undefined)
        .flatMap(({ flags }) =>
          flags.map((flag) => [inSingleQuotes(`${path}:${flag}`), 'value=$at:$word'] as const),
        ),
    ]),
  );
}

/** Arms of `case "$value"`. @param propose the command that proposes some values */
export function valueArms(
  commands: readonly CompletedCommand[],
  propose: (values: KnownValues) => string,
): string {
  return arms(
    commands.flatMap(({ path, options }) =>
      options.flatMap(({ flags, values }) =>
        values === undefined || values === 'any'
          ? []
          : [[flags.map((flag) => inSingleQuotes(`${path}:${flag}`)).join('|'), propose(values)] as const],
      ),
    ),
  );
}

/** Arms of `case "$at"`: the options of each command. */
export function optionArms(
  commands: readonly CompletedCommand[],
  propose: (options: readonly CompletedOption[]) => string,
): string {
  return arms(commands.map(({ path, options }) => [inSingleQuotes(path), propose(options)] as const));
}

/** Arms of `case "$at:$place"`: the commands below one, or its arguments. */
export function placeArms(
  commands: readonly CompletedCommand[],
  propose: (values: KnownValues, of: CompletedCommand) => string,
): string {
  return arms(
    commands.flatMap((command) => {
      const { path, below, places, isRepeated } = command;
      if (below.length > 0) return [[inSingleQuotes(`${path}:0`), propose(below, command)] as const];
      return places.flatMap((values, index) => {
        const repeats = isRepeated && index === places.length - 1;
        const pattern = repeats ? `${inSingleQuotes(`${path}:`)}*` : inSingleQuotes(`${path}:${index}`);
        return values === 'any' ? [] : [[pattern, propose(values, command)] as const];
      });
    }),
  );
}

/** CompletedValues that can be proposed. */
export type KnownValues = Exclude<CompletedValues, 'any'>;

const arms = (all: readonly (readonly [pattern: string, action: string])[]) =>
  all.map(([pattern, action]) => `      (${pattern}) ${action} ;;`).join('\n');

/** A word of a script that means what is written. */
export const inSingleQuotes = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
