import { text as textOfStream } from 'node:stream/consumers';
import { type Command, InvalidArgumentError } from 'commander';
import { variable } from '../config/read.ts';
import { type Look, SECTIONS } from '../doctor/check.ts';
import { type Examination, examine } from '../doctor/examination.ts';
import { type BridgeFinding, FINDINGS, type Severity } from '../findings/finding.ts';
import { NEWEST_TESTED } from '../litellm/releases.ts';
import { oneLine, plural, printableJson } from './output.ts';
import { addressOption, type Terminal } from './terminal.ts';

const ABOUT = `
Without options it looks at the settings, the running bridge and each backend, to
which it sends one harmless text.

--proxy calls a model four times through LiteLLM, as a client does, with a dozen
words each: models are asked and may cost a fraction of a cent, backends get the
calls to judge and to record. The key stands in LITELLM_MASTER_KEY, or comes from
standard input with --key -; one on the command line shows in the list of processes.

To ask a bridge elsewhere, give --bridge, and BRIDGE_API_KEYS in the environment. If it
has an OPS_PORT, give that and OPS_API_KEYS there too; --ops names another address.`;

type DoctorOptions = {
  readonly litellm?: string;
  readonly release?: string;
  readonly proxy?: string;
  readonly key?: string;
  readonly model?: string;
  /** False for `--no-bridge`. */
  readonly bridge?: string | false;
  readonly ops?: string;
  readonly backends: boolean;
  readonly json?: boolean;
};

/** Adds `doctor`. */
export function addDoctor(program: Command, terminal: Terminal): void {
  const doctor = program
    .command('doctor')
    .description('find out what is wrong with the wiring, and say what to do')
    .option('--litellm <file>', "also read LiteLLM's config.yaml, and name each fault with its line")
    .option(
      '--release <version>',
      'the release of LiteLLM (default: of the proxy, else the newest known)',
      releaseOption,
    )
    .option(
      '--proxy <url>',
      'also call a model through a running LiteLLM',
      addressOption('--proxy', 'http://127.0.0.1:4000'),
    )
    .option('--key <key>', 'the key for LiteLLM, or - for standard input (default: LITELLM_MASTER_KEY)')
    .option('--model <name>', 'the model to call (default: the first one for chats)')
    .option(
      '--bridge <url>',
      'the address of the bridge (default: HOST and PORT)',
      addressOption('--bridge', 'http://127.0.0.1:8787'),
    )
    .option(
      '--ops <url>',
      'the address of its readiness and metrics (default: OPS_HOST and OPS_PORT, else that of the bridge)',
      addressOption('--ops', 'http://127.0.0.1:9090'),
    )
    .option('--no-bridge', 'leave out the running bridge')
    .option('--no-backends', 'leave out backends and the database')
    .option('--json', 'print { ok, release, checks, findings }; release is that of LiteLLM')
    .addHelpText('after', ABOUT);
  doctor.action(async (options: DoctorOptions) => {
    const { litellm, release, model, bridge, ops, backends, json = false } = options;
    const problem = contradiction(options);
    if (problem !== undefined) doctor.error(problem);
    const env = terminal.env();
    const key = await keyFor(options, env, terminal);
    if (options.proxy !== undefined && key === undefined)
      doctor.error('--proxy needs --key, or LITELLM_MASTER_KEY in the environment');
    const examination = await examine({
      ...{
        env,
        warnings: terminal.sources().warnings,
        litellm,
        release,
        model,
        now: terminal.now,
        sleep: terminal.sleep,
      },
      proxy: options.proxy !== undefined && key !== undefined ? { url: options.proxy, key } : undefined,
      ...{ bridge: bridge || undefined, ops },
      asksBridge: bridge !== false,
      asksBackends: backends,
    });
    terminal.out.write(json ? `${printableJson(jsonOf(examination), 2)}\n` : textOf(examination));
    if (!examination.ok) terminal.exitCode = 1;
  });
}

function releaseOption(text: string): string {
  if (/^\d+\.\d+(\.\d+)?/.test(text)) return text;
  throw new InvalidArgumentError(`Write a release, such as ${NEWEST_TESTED.join('.')}`);
}

function contradiction({ proxy, key, model, bridge, ops }: DoctorOptions): string | undefined {
  if (proxy === undefined && key !== undefined) return '--key is for --proxy';
  if (proxy === undefined && model !== undefined) return '--model is for --proxy';
  if (ops !== undefined && bridge === false) return '--ops is of the bridge: leave out --no-bridge';
  return proxy !== undefined && bridge === false
    ? '--proxy needs the bridge: leave out --no-bridge'
    : undefined;
}

async function keyFor(
  { proxy, key }: DoctorOptions,
  env: ReturnType<Terminal['env']>,
  terminal: Terminal,
): Promise<string | undefined> {
  if (proxy === undefined) return undefined;
  const given = key === '-' ? await textOfStream(terminal.in) : key;
  return given?.trim() || variable(env, 'LITELLM_MASTER_KEY');
}

/** For programs: fields are only added. */
function jsonOf({ ok, release, checks, findings }: Examination): object {
  const withSeverity = findings.map((finding) => ({ ...finding, severity: FINDINGS[finding.code] }));
  return { ok, release, checks, findings: withSeverity };
}

const MARKS: Readonly<Record<'true' | 'false', string>> = { true: 'ok   ', false: 'WRONG' };

function textOf({ checks, findings }: Examination): string {
  const blocks = SECTIONS.flatMap((section) => {
    const own = checks.filter((check) => check.section === section);
    return own.length === 0 ? [] : [`${section}\n${own.map(checkLine).join('')}`];
  });
  const of = (severity: Severity) => findings.filter(({ code }) => FINDINGS[code] === severity);
  const [faults, warnings] = [of('fault'), of('warning')];
  const count = (found: readonly BridgeFinding[], noun: string) =>
    found.length === 0 ? [] : [`${plural(found.length, noun)}\n${found.map(findingText).join('')}`];
  const nothing = faults.length === 0 ? ['No fault was found.\n'] : [];
  return [...blocks, ...count(faults, 'fault'), ...count(warnings, 'warning'), ...nothing].join('\n');
}

function checkLine({ ok, text, ms }: Look): string {
  return `  ${MARKS[`${ok}`]}  ${oneLine(text, 400)}${ms === undefined ? '' : ` (${ms} ms)`}\n`;
}

function findingText({ code, message, advice, paste, since }: BridgeFinding): string {
  const lines = [
    `  ${code}: ${oneLine(message, 600)}${since === undefined ? '' : `, since ${oneLine(since, 40)}`}`,
    `    do: ${oneLine(advice, 600)}`,
    ...(paste === undefined
      ? []
      : paste
          .trimEnd()
          .split('\n')
          .map((line) => `      ${line}`)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
