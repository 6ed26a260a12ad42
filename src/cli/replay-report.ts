import { asks } from '../answers/policy-engine.ts';
import type { PolicyFile } from '../policies/file/policy-file.ts';
import { oneLine, plural, printableJson, table } from './output.ts';
import { CHANGES, type Change, type ChangedCalls, type ReplayChanges } from './replay-changes.ts';
import type { Unknown } from './replay-part.ts';

/** All that is said of a replay. */
export type ReplayReport = {
  readonly changes: ReplayChanges;
  readonly seconds: number;
  /** Time of the first call. */
  readonly first: number;
  readonly path: string;
  readonly file: PolicyFile;
  readonly againstPath: string | undefined;
  /** Undefined where it is compared with what was decided then. */
  readonly against: PolicyFile | undefined;
};

const UNKNOWN: Record<Unknown, string> = {
  erased: 'credentials were erased, and a policy that is another than then may have found them',
  redacted:
    'personal data or credentials were erased, and a policy that is another than then may have found them',
  too_large: 'the call takes more than its share of REPLAY_MAX_MB, so it is not kept',
  withheld: 'nothing is kept of this team, key or rule (NO_CONTENT_TEAMS, NO_CONTENT_KEYS, records: none)',
  unreadable: 'the kept call cannot be read',
  media: 'it wants media judged by a backend, and nobody knows what that would say',
  failed: 'the policies gave up on it',
  failed_then: 'the policies could not judge it then',
};

const MAX_GROUPS = 40;
const MAX_TEXT = 40;

export function printReplay(report: ReplayReport): string {
  const { changes, file, path, against, againstPath, seconds, first } = report;
  const { calls, totals, stays, groups } = changes;
  const compared =
    against === undefined
      ? 'what was decided then'
      : `what ${againstPath} (version ${against.version}) says of them today`;
  const shown = groups.slice(0, MAX_GROUPS);
  const unknown = Object.entries(changes.unknown) as [Unknown, number][];
  const unjudged = unknown.reduce((sum, [, count]) => sum + count, 0);
  const lines = [
    `${plural(calls, 'call')} since ${new Date(first).toISOString()}, judged by ${path} (version ${file.version}), ${speedOf(calls, seconds)} a second,`,
    `compared with ${compared}\n`,
    ...Object.entries(CHANGES).map(([change, name]) => line(name, totals[change as Change])),
    `${line('stays', stays.allowed + stays.redacted + stays.blocked + stays.by_others)}  (allowed ${stays.allowed}, redacted ${stays.redacted}, blocked ${stays.blocked}, by backends or the bridge ${stays.by_others})`,
    line('could not be judged', unjudged),
  ];
  const parts = [lines.join('\n')];
  if (shown.length > 0) parts.push(table(COLUMNS, shown.map(rowOf)).trimEnd());
  if (groups.length > shown.length) parts.push(`and ${groups.length - shown.length} more; --json has all`);
  if (unknown.length > 0)
    parts.push(
      ['Could not be judged:', ...unknown.map(([why, count]) => `  ${count}  ${UNKNOWN[why]}`)].join('\n'),
    );
  const notes = notesOf(report);
  if (notes.length > 0) parts.push(['Note:', ...notes.map((note) => `  ${note}`)].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

const line = (name: string, count: number) => `${String(count).padStart(9)}  ${name}`;

const COLUMNS = [
  { title: 'CHANGE' },
  { title: 'TEAM' },
  { title: 'POLICY' },
  { title: 'RULES' },
  { title: 'CALLS', isNumber: true },
  { title: 'SUCH AS' },
];

function rowOf({ change, team, policy, rules, calls, examples }: ChangedCalls): readonly string[] {
  const [example] = examples;
  const names = [team, policy, rules.join(' ') || '-'].map((name) => oneLine(name, MAX_TEXT));
  return [CHANGES[change], ...names, String(calls), oneLine(example?.ref ?? example?.id ?? '-', MAX_TEXT)];
}

export function replayJson(report: ReplayReport): string {
  const { changes, file, against, seconds, first } = report;
  const { calls, totals, groups, stays, unknown, versions } = changes;
  const value = {
    version: file.version,
    against: against?.version ?? null,
    since: new Date(first).toISOString(),
    calls,
    calls_per_second: speedOf(calls, seconds),
    changes: totals,
    stays,
    unknown,
    groups,
    decided_by: Object.fromEntries(versions),
    notes: notesOf(report),
  };
  return `${printableJson(value)}\n`;
}

const speedOf = (calls: number, seconds: number) => Math.round(calls / Math.max(seconds, 0.001));

/** All that makes the result less certain than it looks. */
function notesOf({ changes, file, against }: ReplayReport): readonly string[] {
  const notes: string[] = [];
  const { versions, unasked, voters } = changes;
  if (against === undefined && versions.size > 1) {
    const decided = [...versions].map(([version, count]) => `${version} (${count})`).join(', ');
    notes.push(`several versions decided then: ${decided}; --against FILE compares with one`);
  }
  if (versions.has('none')) notes.push('of some calls no policy judged then (version none)');
  for (const [name, count] of voters) {
    if (asks(file, name)) continue;
    const where = file.backends.some((own) => own.name === name) ? 'does not enforce' : 'is not';
    notes.push(
      `backend ${oneLine(name, MAX_TEXT)} ${where} in this file: what it said of ${plural(count, 'call')} falls away`,
    );
  }
  for (const { name } of file.backends)
    if (asks(file, name) && !voters.has(name))
      notes.push(`backend ${name} decided on none of these calls then: what it would say is not known`);
  if (unasked > 0 && (voters.size > 0 || file.backends.length > 0))
    notes.push(
      `no backend was asked about ${plural(unasked, 'call')} that policies blocked then: it would be now`,
    );
  if (isSampled(file) || (against !== undefined && isSampled(against)))
    notes.push('mode sample enforces on a share of the calls, which is drawn anew');
  if (keepsState(file))
    notes.push('counts of agent-firewall begin with the first call that is kept, or an hour before --since');
  return notes;
}

const isSampled = ({ policies, rules }: PolicyFile) =>
  [...policies.values()].some(({ mode }) => mode.mode === 'sample') ||
  rules.some(({ enforcement }) => enforcement?.mode === 'sample');

const keepsState = ({ policies }: PolicyFile) => policies.has('agent-firewall');
