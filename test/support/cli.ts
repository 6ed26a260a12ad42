import { Readable, Writable } from 'node:stream';
import { run } from '../../src/cli/run.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { EnvSources } from '../../src/config/read.ts';

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

export type CliOptions = Partial<Omit<Terminal, 'err' | 'in' | 'env' | 'sources'>> & {
  readonly env?: Readonly<Record<string, string>>;
  /** Variables that stand in a `.env` file. */
  readonly dotEnv?: Readonly<Record<string, string>>;
  /** Text of standard input. */
  readonly input?: string;
  readonly isTTY?: boolean;
};

/** Runs a command line in this process. */
export async function runCli(
  args: readonly string[],
  { env = {}, dotEnv, input = '', isTTY = false, ...terminal }: CliOptions = {},
): Promise<{ code: number; out: string; err: string }> {
  const out = Object.assign(collect(), { isTTY });
  const err = Object.assign(collect(), { isTTY });
  const code = await run(args, {
    ...{
      env: () => ({ ...dotEnv, ...env }),
      sources: () => sourcesOf(env, dotEnv),
      in: Readable.from([Buffer.from(input)]),
      out,
      err,
      now: Date.now,
    },
    ...{ sleep: async () => {}, exitCode: 0 },
    ...terminal,
  });
  return { code, out: out.text, err: err.text };
}

function sourcesOf(env: Readonly<Record<string, string>>, dotEnv: object | undefined): EnvSources {
  const file = dotEnv === undefined ? undefined : '/etc/house/.env';
  return { file, warnings: [], of: (name) => (env[name] === undefined ? '.env' : 'environment') };
}
