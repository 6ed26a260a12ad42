import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** A command line that cannot be meant; the message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * The options and words of a command.
 *
 * @throws UsageError naming the option that is unknown or lacks its value
 */
export function parseOptions<const O extends ParseArgsOptionsConfig>(args: readonly string[], options: O) {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values, words: positionals };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node's own advice after the first sentence is about another case
    const [said = ''] = error.message.split(/\. |\n/);
    throw new UsageError(said.charAt(0).toLowerCase() + said.slice(1));
  }
}

/** @throws UsageError */
export function noWords(words: readonly string[]): void {
  if (words[0] !== undefined) throw new UsageError(`unexpected argument ${words[0]}`);
}
