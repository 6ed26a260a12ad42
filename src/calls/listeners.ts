import type { DecisionRows } from '../decisions/decision-rows.ts';
import type { KeptCalls } from '../decisions/kept-calls.ts';
import type { GuardrailCall } from '../guardrail/call.ts';
import { Caller } from '../guardrail/caller.ts';
import type { CheckResult, Decision } from '../guardrail/decision.ts';
import type { Observer } from '../observability/observer.ts';
import type { CallLines } from '../otlp/call-lines.ts';
import type { JudgeObserver } from '../pipeline/judge.ts';
import { checkNoteOf, notedCall, recordDecision } from '../records/record-decision.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { StreamedTexts } from '../records/streamed-texts.ts';
import type { CallConnection } from './call-scope.ts';

/** The part of the records thread that is told of calls. */
export type CallRecords = Pick<
  RecordsThread,
  'isOn' | 'takesNotes' | 'note' | 'text' | 'blocked' | 'recordCall'
>;

/** May return what the reply has to wait for. */
export type Listener = (
  decision: Decision,
  request: () => GuardrailCall | undefined,
  body: Buffer,
  connection: CallConnection,
) => Promise<void> | undefined | void;

/** False for a call that leaves no trace in records: no backend takes any, or a rule keeps it from all of them. */
export type IsRecorded = (call: GuardrailCall, caller: Caller) => boolean;

export const keeper =
  (kept: KeptCalls): Listener =>
  (decision, _, body) =>
    kept.decided(decision, body);

/** @param areShared true if rounds of one stream can come to another replica or process */
export function recorder(records: CallRecords, isRecorded: IsRecorded, areShared: boolean): Listener {
  const streams = new StreamedTexts(areShared);
  return (decision, request) => {
    if (!isRecorded(decision.call, decision.caller)) return undefined;
    const stored = recordDecision(records, decision, request);
    // Such a call is recorded as it came
    const isStored = records.isOn && decision.call.door === undefined;
    const line = isStored ? streams.next(decision) : undefined;
    if (line !== undefined) records.text(line);
    return stored;
  };
}

/** Hands over the row of each decision, which is made once for both. @param hasBackends false where no check can come after a decision */
export function rowTo(
  decisions: Pick<DecisionRows, 'decided'>,
  traced: CallLines | undefined,
  hasBackends: () => boolean,
): Listener {
  return (decision, _, __, connection) => {
    const packed = decisions.decided(decision, hasBackends());
    if (packed !== undefined) traced?.decided(packed(), decision, connection.traceparent);
  };
}

/** Told of a check that nobody waited for. */
type NoteCheck = (call: GuardrailCall, result: CheckResult) => void;

/** Puts such checks on the record of their call. */
export function noteTo(records: CallRecords, isRecorded: IsRecorded): NoteCheck {
  return (call, result) => {
    if (call.litellm_call_id !== null && isRecorded(call, new Caller(call)))
      records.note({ ...notedCall(call), check: checkNoteOf(result) });
  };
}

/** Results of observing backends and of trailing checks come after the decision. */
export function withNotes(observer: Observer, notes: readonly NoteCheck[]): JudgeObserver {
  const note: NoteCheck = (call, result) => {
    for (const one of notes) one(call, result);
  };
  return {
    checked(call, result) {
      observer.checked(call, result);
      if (result.mode !== 'enforce') note(call, result);
    },
    trailed(call, result) {
      observer.trailed(call, result);
      note(call, result);
    },
    unjudged: (call, backend, content) => observer.unjudged(call, backend, content),
    unsampled: (call, backend) => observer.unsampled(call, backend),
    unwatched: (call, backend) => observer.unwatched(call, backend),
    unasked: (call, backend) => observer.unasked(call, backend),
    compared: (...compared) => observer.compared(...compared),
    policiesFailed: (call, failure) => observer.policiesFailed(call, failure),
    failed: (error, call) => observer.failed(error, call),
  };
}
