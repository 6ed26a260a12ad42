import { type Command, InvalidArgumentError, Option } from 'commander';
import { type DecisionsPlace, withDecisions } from '../answers/decisions-place.ts';
import {
  bypassedBackends,
  type DecisionFilter,
  observedVerdicts,
  TOP_BY,
  type TopBy,
} from '../decisions/filter.ts';
import type { KeptDecision } from '../decisions/row.ts';
import { kinds } from '../policies/kinds/index.ts';
import { age, oneLine, plural, printableJson, table } from './output.ts';
import { countOf, momentOf, type Terminal, warnOn } from './terminal.ts';

const ABOUT = `
It looks where the bridge keeps decisions (DATA_DIR, DATABASE_URL, DECISIONS_DAYS),
while it runs and while it does not. They have no content. A request and its response
are a decision each, a streamed response is one. Calls of the doctor are left out.
unjudged: went on though a vendor gave no verdict; observed: went on though a policy
or vendor that only observes, or was too late, objected.`;

const VERDICTS = [
  'allow',
  'block',
  'redact',
  'remove',
  'defer',
  'cancelled',
  'unjudged',
  'observed',
] as const;
const KINDS = kinds.map(({ kind }) => kind);

/** Adds `decisions …`. */
export function addDecisions(program: Command, terminal: Terminal): void {
  const decisions = program
    .command('decisions')
    .description('list or count the decisions of the last days: who was blocked, by what')
    .addHelpText('after', ABOUT);
  const moment = momentOf(terminal.now);
  const filtered = (name: string) =>
    decisions
      .command(name)
      .option('--since <time>', 'how long ago, like 30m, 12h or 7d, or from 2026-11-21T10:00:00Z on', moment)
      .option('--until <time>', 'before this time', moment)
      .addOption(choice('--verdict <verdict>', 'with this verdict', VERDICTS))
      .option('--team <name>', 'of this team')
      .option('--key <name>', 'of the key with this alias, or the first 16 digits of its hash')
      .option('--user <name>', 'of this user or end user')
      .option('--model <name>', 'of this model')
      .addOption(choice('--policy <kind>', 'to which this policy objected, or would have', KINDS))
      .option('--backend <name>', 'to which this vendor objected, or gave no verdict');
  filtered('list')
    .description('list decisions, the newest first')
    .option('--last <n>', 'number of rows', countOf(1, 10_000), 20)
    .option('--json', 'print a line of JSON for each')
    .action((options: ListOptions) =>
      withDecisions(terminal.env(), warnOn(terminal), ({ reader }) => list(reader, options, terminal)),
    );
  filtered('top')
    .description('count decisions by a name, the most frequent first')
    .addOption(choice('--by <name>', 'what they are counted by', TOP_BY).makeOptionMandatory())
    .option('--last <n>', 'number of rows', countOf(1, 10_000), 20)
    .option(
      '--json',
      'print { by, decisions, rows: [{ name, decisions, blocked, redacted, observed, unjudged, share }] }',
    )
    .action((options: TopOptions) =>
      withDecisions(terminal.env(), warnOn(terminal), ({ reader }) => top(reader, options, terminal)),
    );
}

type Reader = DecisionsPlace['reader'];
type ListOptions = DecisionFilter & { readonly last: number; readonly json?: boolean };
type TopOptions = ListOptions & { readonly by: TopBy };

/** An option that refuses what is none of its words. */
function choice(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices(words).argParser((text) => {
    if (words.includes(text)) return text;
    throw new InvalidArgumentError(`Write one of ${words.join(', ')}`);
  });
}

const LIST_COLUMNS = [
  'when',
  'verdict',
  'by',
  'rules',
  'team',
  'key',
  'user',
  'model',
  'reference or call id',
].map((title) => ({ title }));

async function list(
  reader: Reader,
  { last, json, ...filter }: ListOptions,
  { out, now }: Terminal,
): Promise<void> {
  refuseEmpty(filter);
  const rows = await reader.list({ ...filter, limit: last });
  if (json) for (const row of rows) out.write(`${printableJson(row)}\n`);
  else if (rows.length === 0) out.write(await nothing(reader, filter));
  else
    out.write(
      table(
        LIST_COLUMNS,
        rows.map((row) => listCells(row, now())),
      ),
    );
}

/** A span that nothing can be in is a mistake. */
function refuseEmpty({ since, until }: DecisionFilter): void {
  if (since === undefined || until === undefined || since < until) return;
  const [from, to] = [since, until].map((at) => new Date(at).toISOString());
  throw new InvalidArgumentError(`--until ${to} is not after --since ${from}`);
}

/** Says of how many decisions none is such, so that a wrong name does not look as if nothing had happened. */
async function nothing(reader: Reader, { since, until }: DecisionFilter): Promise<string> {
  const { decisions: count } = await reader.top({ since, until, by: 'team' });
  const span = [
    ...(since === undefined ? [] : [` since ${new Date(since).toISOString()}`]),
    ...(until === undefined ? [] : [` before ${new Date(until).toISOString()}`]),
  ].join('');
  return count === 0 ? `no decision${span}\n` : `no such decision among ${count}${span}\n`;
}

function listCells(row: KeptDecision, now: number): string[] {
  const cell = (text: string | null, max = 24) => oneLine(text ?? '', max) || '-';
  const enforced = row.policies.some((policy) => policy.enforced);
  const rules = row.policies
    .filter((policy) => policy.enforced === enforced)
    .flatMap((policy) => (policy.rules.length > 0 ? policy.rules : [policy.reason_code]));
  const categories = row.backends.flatMap((one) =>
    one.mode === 'enforce' && !one.late ? (one.categories ?? []) : [],
  );
  return [
    ...[
      `${age(now - row.at)} ago`,
      `${row.verdict} ${row.shape.startsWith('mcp_') ? row.shape : row.input_type}`,
    ],
    ...[cell(byText(row), 48), cell([...new Set([...rules, ...categories])].join(','), 40)],
    ...[cell(row.team), cell(row.key), cell(row.user ?? row.end_user), cell(row.model)],
    // Whole, as why takes no part of it
    cell(row.ref ?? row.litellm_call_id, 256),
  ];
}

/** Who decided; of a call that went on also who gave no verdict, and who would have objected. */
function byText(row: KeptDecision): string | null {
  const bypassed = bypassedBackends(row).map((backend) => `${backend} no verdict`);
  return [...(row.by === null ? [] : [row.by]), ...bypassed, ...observedVerdicts(row)].join(', ') || null;
}

/** `decisions top`. Where only some decisions of a team, key, user or model are counted, a row tells their share of all of that name. */
async function top(
  reader: Reader,
  { last, json, by, ...filter }: TopOptions,
  { out }: Terminal,
): Promise<void> {
  refuseEmpty(filter);
  const { verdict, policy, backend, since } = filter;
  const isOfSome = verdict !== undefined || policy !== undefined || backend !== undefined;
  const isOfNames = by === 'team' || by === 'key' || by === 'user' || by === 'model';
  const { entries, decisions, totals } = await reader.top({ ...filter, by });
  const isOwn = isOfSome && isOfNames;
  const gap = await allowedGap(reader, since);
  const rows = entries.map((one) => ({
    ...one,
    share: gap === undefined ? share(one.decisions, isOwn ? (totals.get(one.name) ?? 0) : decisions) : null,
  }));
  if (json) out.write(`${printableJson({ by, decisions, rows: rows.slice(0, last) })}\n`);
  else if (rows.length === 0) out.write(await nothing(reader, filter));
  else {
    const columns = [
      by,
      'decisions',
      'blocked',
      'redacted',
      'observed',
      'unjudged',
      isOwn ? `of the ${by}'s` : 'of all',
    ];
    const cells = rows
      .slice(0, last)
      .map((one) => [
        one.name === null ? '-' : oneLine(one.name, 60),
        ...[one.decisions, one.blocked, one.redacted, one.observed, one.unjudged].map(String),
        one.share === null ? '-' : `${(100 * one.share).toFixed(1)} %`,
      ]);
    out.write(
      table(
        columns.map((title, i) => ({ title, isNumber: i > 0 })),
        cells,
      ),
    );
    out.write(
      `\n${plural(decisions, 'decision')} in all${rows.length > last ? `; ${rows.length - last} more rows, --last shows them` : ''}\n`,
    );
    if (gap !== undefined) out.write(`${gap}\n`);
  }
}

/** Two kinds of decisions that began further apart than that do not begin with the bridge. */
const GAP_MS = 3_600_000;

/** Why there is no share: allowed calls go first beyond the bound, and the whole is not known. */
async function allowedGap(reader: Reader, since = 0): Promise<string | undefined> {
  const [oldest, allowed] = [await reader.oldest(), await reader.oldestAllowed()];
  if (oldest === undefined || allowed === undefined) return undefined;
  if (allowed <= Math.max(since, oldest + GAP_MS)) return undefined;
  return `allowed calls are kept since ${new Date(allowed).toISOString()} (DECISIONS_MAX_MB), so no shares are told: ask --since then`;
}

const share = (part: number, whole: number) =>
  whole === 0 ? 0 : Math.round((10_000 * part) / whole) / 10_000;
