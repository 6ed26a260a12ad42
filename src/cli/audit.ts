import { type Command, InvalidArgumentError } from 'commander';
import type { Head } from '../audit/chain.ts';
import { auditBundle } from './audit-bundle.ts';
import { type Chains, withChains } from './audit-chains.ts';
import { auditExport, type ExportOptions } from './audit-export.ts';
import { auditTail } from './audit-tail.ts';
import { auditVerify } from './audit-verify.ts';
import { countOf, momentOf, type Terminal } from './terminal.ts';

const ABOUT = `
DATA_DIR says where the log is (./data), AUDIT_KEY what its rows are sealed with:
the first key seals new rows, former keys follow it, separated by commas. With
DATABASE_URL it is the chains of all replicas, and rows of DATA_DIR that are not in
the database yet. Folders name the DATA_DIR of bridges instead. All of it works while
they run.`;

/**
 * Adds `audit …`: reads decision logs, also while bridges write them. Of the settings it reads `DATA_DIR`, `AUDIT_KEY` and those of the
 * database alone, so it works where others are missing or wrong.
 */
export function addAudit(program: Command, terminal: Terminal): void {
  const audit = program
    .command('audit')
    .description(
      'verify, tail or export the decision log, which policy audit-logger keeps without any content',
    )
    .addHelpText('after', ABOUT);
  const add = <Options>(
    name: string,
    run: (chains: Chains, options: Options, terminal: Terminal) => Promise<void>,
  ) =>
    audit
      .command(name)
      .argument('[folders...]', 'each the DATA_DIR of a bridge')
      .action((folders: readonly string[], options: Options) =>
        withChains(folders, terminal, (chains) => run(chains, options, terminal)),
      );
  add('verify', auditVerify)
    .description('check the chains of hashes; ends with 1 if anything is wrong')
    .option(
      '--head <seq:hash>',
      'a row that a bridge logged as its last: shows if the end was cut off; can be given several times',
      (text: string, before: readonly Head[] = []) => [...before, headOf(text)],
    )
    .option(
      '--json',
      'print { ok, rows, segments, head, problems, more, notes }, of several { ok, rows, problems, chains }',
    );
  add('tail', auditTail)
    .description('print the last rows, of several chains by time')
    .option('-n, --rows <n>', 'number of rows', countOf(0, 100_000), 20)
    .option('-f, --follow', 'go on with new rows, until it is stopped')
    .option('--json', 'print rows as they are in the log');
  const format = audit.createOption('--format <format>', 'the rows as they are, or a table');
  const folder = audit.createOption(
    '--folder <folder>',
    'a new folder with a file for each chain and a manifest, which can be checked without the bridge',
  );
  add('export', exportRows)
    .description('write rows for other programs, or for an auditor')
    .option(
      '--since <time>',
      'rows of the last 24h or 7d, or from 2026-11-21T10:00:00Z on; UTC without a zone',
      momentOf(Date.now),
    )
    .option('--until <time>', 'rows before this time', momentOf(Date.now))
    .addOption(format.choices(['jsonl', 'csv']).default('jsonl'))
    .option('--out <file>', 'a new file instead of standard output')
    .addOption(folder.conflicts(['out', 'format']));
}

function exportRows(
  chains: Chains,
  options: ExportOptions & { readonly folder?: string },
  terminal: Terminal,
): Promise<void> {
  const { folder } = options;
  return folder === undefined
    ? auditExport(chains, options, terminal)
    : auditBundle(chains, { ...options, folder }, terminal);
}

function headOf(text: string): Head {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new InvalidArgumentError('Write SEQ:HASH as the bridge has logged it');
  }
  return { seq: Number(seq), hash: hash.toLowerCase() };
}
