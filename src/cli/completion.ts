import { type Command, InvalidArgumentError } from 'commander';
import { type CompletedProgram, completedProgram } from './completed-program.ts';
import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import { zshScript } from './completion-zsh.ts';
import type { Terminal } from './terminal.ts';

const SCRIPTS: Readonly<Record<string, (program: CompletedProgram) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

const ABOUT = `
For this shell: source <(guardrail-bridge completion bash), zsh too; in fish
guardrail-bridge completion fish | source. For every shell put the same line into
~/.bashrc, into ~/.zshrc below compinit, or the script into
~/.config/fish/completions/guardrail-bridge.fish. Write it anew after an upgrade.`;

/** Adds `completion`. @param whole makes the program with all its commands */
export function addCompletion(program: Command, { out }: Terminal, whole: () => Promise<Command>): void {
  const names = Object.keys(SCRIPTS);
  program
    .command('completion')
    .description('print a script by which a shell completes commands, options and their values')
    .addArgument(program.createArgument('<shell>', 'the shell').choices(names))
    .addHelpText('after', ABOUT)
    .action(async (shell: string) => {
      const script = SCRIPTS[shell];
      if (script === undefined) throw new InvalidArgumentError(`Write one of ${names.join(', ')}`);
      out.write(script(completedProgram(await whole())));
    });
}
