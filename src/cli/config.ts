import type { Command } from 'commander';
import { backends } from '../backends/index.ts';
import { policiesOf } from '../calls/policies.ts';
import { startWarnings } from '../calls/start-warnings.ts';
import { describeBackend } from '../config/backend.ts';
import { type Config, parseConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { type EffectiveSetting, effectiveSettings } from '../config/effective.ts';
import { SETTINGS } from '../config/settings.ts';
import { PolicyFileError } from '../policies/file/problems.ts';
import { checkConfig, checkConnections } from './check-config.ts';
import { oneLine, printableJson, table } from './output.ts';
import type { Terminal } from './terminal.ts';

type Options = { readonly connect?: boolean; readonly json?: boolean };

const ABOUT = `
Secrets are not shown: only that they are set, and of an address its host.
check-config is the former name.`;

/** Adds `config`. */
export function addConfig(program: Command, terminal: Terminal): void {
  program
    .command('config')
    .description('print every setting with its value and its source, and what they mean together')
    .option('--connect', "also see if each backend's address answers, and the database")
    .option('--json', 'print { ok, env_file, settings, policies, backends, warnings, problems, connections }')
    .addHelpText('after', ABOUT)
    .action((options: Options) => (options.json ? printJson(options, terminal) : print(options, terminal)));
}

async function print({ connect }: Options, terminal: Terminal): Promise<void> {
  const { out } = terminal;
  const env = terminal.env();
  const config = parseConfig(env, backends, terminal.sources().warnings);
  const meaning = checkConfig(config);
  const { file } = terminal.sources();
  out.write(
    `settings of a bridge that starts here: from the environment${file === undefined ? '; there is no .env file' : `, else from ${file}`}\n\n`,
  );
  const cells = inForce(config, terminal).flatMap(([title, rows]) => [[title], ...rowsOf(rows), []]);
  out.write(table([{ title: 'setting' }, { title: 'value' }, { title: 'source' }], cells));
  out.write(`\n${meaning}`);
  if (!connect) return;
  const { text, ok } = await checkConnections(config);
  out.write(text);
  if (!ok) terminal.exitCode = 1;
}

/** The rows of one group; one for a vendor of which nothing is set. */
function rowsOf(rows: readonly EffectiveSetting[]): string[][] {
  const isOff = rows.every(({ name, source }) => source === 'default' && !(name in SETTINGS));
  if (isOff) return [['  none is set', '', 'so it is off']];
  return rows.map(({ name, value, otherwise, path, source }) => {
    const shown = path === undefined ? (value ?? otherwise) : `${value} (${path})`;
    return [`  ${name}`, oneLine(shown, MAX_SHOWN), source];
  });
}

const MAX_SHOWN = 200;

/** The same for programs. A configuration that cannot be used is a result, too. */
async function printJson({ connect }: Options, terminal: Terminal): Promise<void> {
  const { file = null } = terminal.sources();
  const write = (value: object) => terminal.out.write(`${printableJson(value, 2)}\n`);
  try {
    const config = parseConfig(terminal.env(), backends, terminal.sources().warnings);
    const policies = policiesOf(config)?.file;
    const { name, version, chain, rules } = policies ?? {};
    const connections = connect ? await checkConnections(config) : undefined;
    if (connections?.ok === false) terminal.exitCode = 1;
    write({
      ok: true,
      env_file: file,
      settings: inForce(config, terminal).flatMap(([, rows]) =>
        rows.map(({ isSecret, otherwise: _, ...row }) => ({ ...row, secret: isSecret })),
      ),
      policies: policies && { name, version, chain, rules: rules?.map((rule) => rule.name) },
      backends: [...config.backends, ...(policies?.backends ?? [])].map(describeBackend),
      warnings: startWarnings(config, policies),
      problems: [],
      ...(connections && { connections: connections.text.trimEnd().split('\n') }),
    });
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof PolicyFileError)) throw error;
    write({ ok: false, env_file: file, problems: error.problems });
    terminal.exitCode = 1;
  }
}

/** All settings; of some the default depends on others. */
function inForce({ server, ops }: Config, terminal: Terminal) {
  const groups = effectiveSettings(terminal.env(), terminal.sources(), backends);
  const hosts = new Map([['HOST', server.host], ...(ops ? [['OPS_HOST', ops.host] as const] : [])]);
  return groups.map(
    ([title, rows]) =>
      [title, rows.map((row) => ({ ...row, value: row.value ?? hosts.get(row.name) ?? null }))] as const,
  );
}
