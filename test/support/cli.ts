import { Readable, Writable } from 'node:stream';
import { run } from '../../src/cli/run.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

/** A stream that keeps all text written to it. */
export function collect(): Writable & { text: string } {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _, done) {
      collected.text += chunk;
      done();
    },
  });
  const collected = Object.assign(stream, { text: '' });
  return collected;
}

export type CliOptions = Partial<Omit<Terminal, 'err' | 'in' | 'env'>> & {
  readonly env?: Readonly<Record<string, string>>;
  /** Text of standard input. */
  readonly input?: string;
  readonly isTTY?: boolean;
};

/** Runs a command line in this process. */
export async function runCli(
  args: readonly string[],
  { env = {}, input = '', isTTY = false, ...terminal }: CliOptions = {},
): Promise<{ code: number; out: string; err: string }> {
  const out = Object.assign(collect(), { isTTY });
  const err = Object.assign(collect(), { isTTY });
  const code = await run(args, {
    ...{ env: () => env, in: Readable.from([Buffer.from(input)]), out, err, now: Date.now },
    ...{ sleep: async () => {}, exitCode: 0 },
    ...terminal,
  });
  return { code, out: out.text, err: err.text };
}
