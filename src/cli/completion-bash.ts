import type { CompletedProgram } from './completed-program.ts';
import {
  inSingleQuotes,
  type KnownValues,
  optionArms,
  placeArms,
  stepArms,
  valueArms,
} from './completion-walk.ts';

/**
 * The script for bash, 3.2 and newer. It walks along the words to the command that they mean, and proposes what may follow there.
 *
 * @see https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html
 */
export function bashScript({ name, commands }: CompletedProgram): string {
  const called = `_${name.replaceAll(/\W/g, '_')}`;
  const words = (list: readonly string[]) => `${called}_words -W ${inSingleQuotes(list.join(' '))}`;
  const propose = (values: KnownValues) => {
    if (typeof values !== 'string') return words(values);
    return `compopt -o filenames 2>/dev/null; ${called}_words -${values === 'files' ? 'f' : 'd'}`;
  };
  return `# Completion of ${name} for bash: source <(${name} completion bash)
${called}_words() {
  local one
  while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen "$@" -- "$cur")
}

${called}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at='' value='' place=0 i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    # bash takes --format=csv for three words
    [[ $word == '=' ]] && continue
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
  [[ $cur == '=' ]] && cur=''
  if [[ -n $value ]]; then
    case "$value" in
${valueArms(commands, propose)}
    esac
  elif [[ $cur == -* ]]; then
    case "$at" in
${optionArms(commands, (options) => words(options.flatMap(({ flags }) => flags)))}
    esac
  else
    case "$at:$place" in
${placeArms(commands, propose)}
    esac
  fi
}
complete -F ${called} ${name}
`;
}
