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

/** The fields that the thread stores beside a packed row. */
export type PackedHead = Pick<
  DecisionRow,
  'input_type' | 'litellm_call_id' | 'litellm_trace_id' | 'at' | 'verdict' | 'ref' | 'streamed'
> & {
  /** See {@link beginningOf}. */
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
  // Not by a loop over the names, which takes four times as long
  const values = JSON.parse(line) as PackedValues;
  return {
    input_type: values[0],
    litellm_call_id: values[1] ?? null,
    litellm_trace_id: values[2] ?? null,
    key: values[3] ?? null,
    at: values[4],
    verdict: values[5],
    ref: values[6] ?? null,
    shape: values[7],
    litellm_version: values[8] ?? null,
    endpoint: values[9] ?? null,
    mode: values[10] ?? null,
    model: values[11] ?? null,
    team: values[12] ?? null,
    user: values[13] ?? null,
    end_user: values[14] ?? null,
    ms: values[15],
    policy_version: values[16] ?? null,
    caller_rule: values[17] ?? null,
    allowed: values[18] ?? [],
    backends: values[19] ?? [],
    ...(typeof values[20] === 'boolean' && { streamed: values[20] }),
    by: values[21] ?? null,
    cause: values[22] ?? null,
    category: values[23] ?? null,
    policies: values[24] ?? [],
    removed: values[25] ?? [],
    ...(typeof values[26] === 'boolean' && { older: values[26] }),
    action: ACTIONS_OF[values[5]],
  };
}

/** @throws SyntaxError */
export function headOf(line: string): PackedHead {
  const values = JSON.parse(line);
  const [input_type, litellm_call_id, litellm_trace_id, key, at, verdict, ref = null] = values;
  const streamed = values[STREAMED] ?? undefined;
  const beginning = beginningOf({ input_type, litellm_call_id, litellm_trace_id, key });
  return { input_type, litellm_call_id, litellm_trace_id, at, verdict, ref, streamed, beginning };
}

/** All rows of one side of a call begin with it. */
export function beginningOf(
  row: Pick<DecisionRow, 'input_type' | 'litellm_call_id' | 'litellm_trace_id' | 'key'>,
): string {
  const { input_type, litellm_call_id, litellm_trace_id, key } = row;
  return `${JSON.stringify([input_type, litellm_call_id, litellm_trace_id, key]).slice(0, -1)},`;
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
