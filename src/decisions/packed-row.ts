import { hash } from 'node:crypto';
import type { Action } from '../guardrail/decision.ts';
import type { DecisionEnd, DecisionRow, KeptDecision, StoredDecision } from './row.ts';

/** Follows from the verdict. */
const ACTIONS_OF = {
  allow: 'NONE',
  block: 'BLOCKED',
  redact: 'GUARDRAIL_INTERVENED',
  remove: 'GUARDRAIL_INTERVENED',
  defer: 'DEFERRED',
  cancelled: 'CANCELLED',
} as const satisfies Record<DecisionRow['verdict'], Action>;

type PackedField = Exclude<keyof DecisionRow, 'action'>;

/**
 * The fields in the order in which they are stored. Files and tables of earlier releases have it: new ones come last. The first four
 * tell one response from another; what most rows lack stands at the end.
 */
const FIELDS = [
  ...(['input_type', 'litellm_call_id', 'litellm_trace_id', 'key', 'at', 'verdict', 'ref'] as const),
  ...(['shape', 'litellm_version', 'endpoint', 'mode', 'model', 'team', 'user', 'end_user', 'ms'] as const),
  ...(['policy_version', 'caller_rule', 'allowed', 'backends', 'streamed', 'by', 'cause'] as const),
  ...(['category', 'policies', 'removed', 'older'] as const),
] as const satisfies readonly PackedField[];

/** Each value in its place, and none missing. */
type PackedValues = PackedField extends (typeof FIELDS)[number] ? ValuesOf<typeof FIELDS> : never;
type ValuesOf<Names extends readonly PackedField[]> = {
  readonly [Place in keyof Names]: DecisionRow[Names[Place]];
};

const STREAMED = FIELDS.indexOf('streamed');
const LISTS: ReadonlySet<string> = new Set(['allowed', 'backends', 'policies', 'removed']);
const OPTIONAL: ReadonlySet<string> = new Set(['streamed', 'older']);

/** The fields that the thread stores beside a packed row. */
export type PackedHead = Pick<
  DecisionRow,
  'input_type' | 'litellm_call_id' | 'litellm_trace_id' | 'at' | 'verdict' | 'ref' | 'streamed'
> & {
  /** All rows of one side of a call begin with it. */
  readonly beginning: string;
};

/** A row as one line of JSON: its values in order, without those at the end that it lacks. */
export function packRow(row: DecisionRow): string {
  // Not by a loop over the names, which takes half as long again
  const values: PackedValues = [
    row.input_type,
    row.litellm_call_id,
    row.litellm_trace_id,
    row.key,
    row.at,
    row.verdict,
    row.ref,
    row.shape,
    row.litellm_version,
    row.endpoint,
    row.mode,
    row.model,
    row.team,
    row.user,
    row.end_user,
    row.ms,
    row.policy_version,
    row.caller_rule,
    row.allowed,
    row.backends,
    row.streamed,
    row.by,
    row.cause,
    row.category,
    row.policies,
    row.removed,
    row.older,
  ];
  let length: number = values.length;
  while (isLacking(values[length - 1])) length--;
  return JSON.stringify(values.slice(0, length));
}

function isLacking(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

/** @throws SyntaxError */
export function unpackRow(line: string): DecisionRow {
  const values = JSON.parse(line) as readonly unknown[];
  const row: Record<string, unknown> = {};
  FIELDS.forEach((name, i) => {
    const value = values[i] ?? null;
    if (value !== null) row[name] = value;
    else if (LISTS.has(name)) row[name] = [];
    else if (!OPTIONAL.has(name)) row[name] = null;
  });
  row.action = ACTIONS_OF[row.verdict as DecisionRow['verdict']];
  return row as DecisionRow;
}

/** @throws SyntaxError */
export function headOf(line: string): PackedHead {
  const values = JSON.parse(line);
  const [input_type, litellm_call_id, litellm_trace_id, key, at, verdict, ref = null] = values;
  const streamed = values[STREAMED] ?? undefined;
  const beginning = `${JSON.stringify([input_type, litellm_call_id, litellm_trace_id, key]).slice(0, -1)},`;
  return { input_type, litellm_call_id, litellm_trace_id, at, verdict, ref, streamed, beginning };
}

/** The number under which decisions on one call are found, of 48 bits. */
export function callNumber(id: string): number {
  return hash('sha1', id, 'buffer').readUIntBE(0, 6);
}

/** A stored decision, read. @throws SyntaxError */
export function keptDecision({
  row,
  rounds,
  ended,
}: Pick<StoredDecision, 'row' | 'rounds' | 'ended'>): KeptDecision {
  return {
    ...unpackRow(row),
    ...(rounds !== null && { rounds }),
    ...(ended !== null && { ended: JSON.parse(ended) as DecisionEnd }),
  };
}
