import { execFile } from 'node:child_process';
import { extname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { commandLine } from '../config/command-line.ts';
import { processEnv } from '../config/read.ts';
import { Paper } from '../demo/paper.ts';
import { onNpmEnd } from './npm-parent.ts';
import { addressOption, countOf, type Terminal } from './terminal.ts';

type Flags = {
  readonly stay?: boolean;
  readonly replay?: boolean;
  readonly port?: number;
  readonly proxy?: string;
  readonly key: string;
  readonly page?: string;
  readonly startLimit: number;
};

/** The exit codes that a shell reports for a program that a signal has ended. */
const SIGNAL_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Adds `demo`. */
export function addDemo(program: Command, terminal: Terminal): void {
  program
    .command('demo')
    .description('show three calls through a real LiteLLM with a mock model: allowed, blocked, redacted')
    .option('--stay', 'keep it running until Ctrl-C, with keys and commands to try')
    .option('--replay', 'take recorded calls, without a LiteLLM')
    .option('--port <port>', 'port of LiteLLM; a free one without it', countOf(1, 65_535))
    .option(
      '--proxy <url>',
      'make the calls through a LiteLLM that runs already, with the models of the demo',
      addressOption('--proxy', 'http://127.0.0.1:4000'),
    )
    .option('--key <key>', 'with --proxy: its key', 'sk-demo')
    .option(
      '--page <url>',
      'with --proxy: the address of the page, which is printed at the end',
      addressOption('--page', 'http://127.0.0.1:8787/ui'),
    )
    .option('--start-limit <seconds>', 'how long LiteLLM may take to start', countOf(1, 600), 60)
    .action(async ({ stay = false, replay = false, port, proxy, key, page, startLimit }: Flags) => {
      const { demo, demoThrough } = await import('../demo/demo.ts');
      const paper = new Paper(terminal.out);
      const env = processEnv();
      const stop = new AbortController();
      const off = onEnd((code) => {
        terminal.exitCode = stay ? 0 : code;
        stop.abort();
      });
      try {
        const options = { stay, replay, port, startLimitMs: startLimit * 1000 };
        const surroundings = { paper, command: commandLine(''), env, why: why(stay), stop: stop.signal };
        const isRight = await (proxy === undefined
          ? demo(options, surroundings)
          : demoThrough({ url: proxy, key, page }, options, surroundings));
        if (!isRight) terminal.exitCode = 1;
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      } finally {
        off();
      }
    });
}

/** Time in which a second signal is the same: of the terminal, and of npm. */
const SAME_MS = 500;

/**
 * Calls `end` with the exit code once this process is to end. The next signal ends it at once.
 *
 * @returns stops listening
 */
function onEnd(end: (code: number) => void): () => void {
  let endedAt: number | undefined;
  const ended = (code: number) => {
    if (endedAt !== undefined && performance.now() - endedAt > SAME_MS) process.exit(code);
    if (endedAt === undefined) end(code);
    endedAt ??= performance.now();
  };
  const listeners = Object.entries(SIGNAL_CODES).map(([name, code]) => [name, () => ended(code)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  const stopWatching = onNpmEnd(() => ended(SIGNAL_CODES.SIGTERM));
  return () => {
    stopWatching();
    for (const [name, listener] of listeners) process.off(name, listener);
  };
}

const EXTENSION = extname(import.meta.filename);
const MAIN = join(import.meta.dirname, '..', `main${EXTENSION}`);

/** A decision is on disk a moment after its reply. */
const TRIES = 10;

/**
 * Asks another process, as an operator would, and leaves its advice out; nothing if it knows nothing.
 *
 * @param stays true if the folder is there as long as the command can be pasted
 */
const why =
  (stays: boolean) =>
  async (reference: string, dataDir: string): Promise<readonly string[]> => {
    const options = { cwd: dataDir, env: { DATA_DIR: dataDir } };
    for (let i = 0; i < TRIES; i++) {
      const told = await run(process.execPath, [MAIN, 'why', reference], options).catch(() => undefined);
      if (told === undefined) {
        await wait(100);
        continue;
      }
      const [sentence = '', facts = ''] = told.stdout.trimEnd().split('\n\n');
      const asked = stays
        ? `$ DATA_DIR=${dataDir} ${commandLine(`why ${reference}`)}`
        : `why ${reference} says:`;
      return [asked, ...sentence.split('\n'), ...facts.split('\n')];
    }
    return [];
  };

const run = promisify(execFile);
