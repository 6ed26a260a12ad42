import type { CompletedCommand, CompletedOption, CompletedProgram } from './completed-program.ts';
import {
  inSingleQuotes,
  type KnownValues,
  optionArms,
  placeArms,
  stepArms,
  valueArms,
} from './completion-walk.ts';

/**
 * The script for zsh: a file of the name `_guardrail-bridge` in `fpath`, or to be sourced below `compinit`.
 *
 * @see https://zsh.sourceforge.io/Doc/Release/Completion-System.html
 */
export function zshScript({ name, commands }: CompletedProgram): string {
  const called = `_${name}`;
  const about = new Map(commands.map((one) => [one.path, one.about]));
  const options = (all: readonly CompletedOption[]) =>
    proposed(all.flatMap(({ flags, about }) => flags.map((flag) => [flag, about] as const)));
  const places = (values: KnownValues, { path, below }: CompletedCommand) =>
    values === below
      ? proposed(below.map((word) => [word, about.get(`${path} ${word}`.trim()) ?? ''] as const))
      : added(values);
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), below compinit
${called}() {
  local at='' value='' word i
  integer place=0
  local -a proposed
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    if [[ -n $value ]]; then
      value=''
      continue
    fi
    case "$at:$word" in
${stepArms(commands)}
      (*:-*) ;;
      (*) ((place++)) ;;
    esac
  done
  if [[ $words[CURRENT] == --*=* ]]; then
    value=$at:\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  if [[ -n $value ]]; then
    case "$value" in
${valueArms(commands, added)}
    esac
  elif [[ $words[CURRENT] == -* ]]; then
    case "$at" in
${optionArms(commands, options)}
    esac
    _describe -o option proposed
  else
    case "$at:$place" in
${placeArms(commands, places)}
    esac
    (($#proposed)) && _describe argument proposed
  fi
}
if [[ $funcstack[1] == ${called} ]]; then
  ${called} "$@"
else
  compdef ${called} ${name}
fi
`;
}

function added(values: KnownValues): string {
  if (values === 'files') return '_files';
  return values === 'folders' ? '_files -/' : `compadd -- ${values.map(inSingleQuotes).join(' ')}`;
}

function proposed(words: readonly (readonly [word: string, about: string])[]): string {
  const list = words.map(([word, about]) => inSingleQuotes(`${word.replaceAll(':', '\\:')}:${about}`));
  return `proposed=(${list.join(' ')})`;
}
