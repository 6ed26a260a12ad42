import type { RecordOutbox } from '../outbox/contract.ts';
import type { SharedState } from '../state/shared-state.ts';
import { BlockedResults } from './blocked-results.ts';
import type { InForce } from './in-force.ts';
import { OtherReplicas } from './other-replicas.ts';
import { PendingCalls } from './pending-calls.ts';
import type { WorkerStart } from './protocol.ts';
import type { RecordsObserver } from './records-observer.ts';
import type { Redactor } from './redact/redact.ts';
import { ResponseTexts } from './response-texts.ts';
import { Settling } from './settling.ts';
import { SharedTexts } from './shared-texts.ts';
import { keptMsOf } from './waits.ts';

/** Age at which a judged call is forgotten: it can take that long from its request to its log event. */
export const NOTES_MS = 2 * 3_600_000;

/** No verdict waits for what this thread shares. */
const STATE_PATIENCE_MS = 1000;

/** What is known of calls whose event is to come, here and at other replicas. */
export type JudgedCalls = {
  readonly pendingCalls: PendingCalls;
  readonly responseTexts: ResponseTexts;
  readonly blockedResults: BlockedResults;
  /** Undefined where the bridge is alone, as is the rest. */
  readonly others?: OtherReplicas;
  readonly settling?: Settling;
  readonly state?: SharedState;
};

type Parts = {
  readonly start: Pick<WorkerStart, 'records' | 'database' | 'state'>;
  readonly outbox: RecordOutbox;
  readonly inForce: InForce;
  readonly observer: RecordsObserver;
  readonly redactor: Redactor;
};

/** Puts together what joins the calls of this replica with those of others; without a database nothing of it is loaded. */
export async function openJudgedCalls({
  start,
  outbox,
  inForce,
  observer,
  redactor,
}: Parts): Promise<JudgedCalls> {
  const pendingCalls = new PendingCalls({ onForgotten: () => observer.notesForgotten(1) });
  const { sharedNotes: notes } = outbox;
  const state = await openRecordsState(start, observer);
  if (notes === undefined || state === undefined) {
    return {
      pendingCalls,
      responseTexts: new ResponseTexts(pendingCalls),
      blockedResults: new BlockedResults(),
    };
  }
  const { failureGraceMs, missingAfterMs } = start.records;
  const responseTexts = new ResponseTexts(pendingCalls, (...line) => sharedTexts.changed(...line));
  const sharedTexts = new SharedTexts({
    ...{ state, notes, responseTexts, pendingCalls },
    onBug: (error) => observer.bug(error, 'texts'),
  });
  const blockedResults = new BlockedResults(state);
  const others = new OtherReplicas(
    {
      ...{ notes, outbox, pendingCalls, blockedResults, sharedTexts, missingAfterMs },
      ...{ notesMs: NOTES_MS, events: observer },
      keptMs(isComplete) {
        const { responseCheckMs } = inForce;
        return keptMsOf(isComplete ? 'success' : 'failure', { failureGraceMs, responseCheckMs });
      },
    },
    Date.now(),
  );
  const settling = new Settling(
    {
      ...{ notes, others, pendingCalls, events: observer },
      restore(number, record) {
        const masked: string[] = [];
        const clean = (text: string, pointer: string) => {
          const safe = redactor.text(text, record.event);
          if (safe !== text) masked.push(pointer);
          return safe;
        };
        const isRestored = responseTexts.restore({ number }, record.event, clean);
        return isRestored ? { ...record, masked: [...new Set([...record.masked, ...masked])] } : undefined;
      },
    },
    Date.now(),
  );
  return { pendingCalls, responseTexts, blockedResults, others, settling, state };
}

async function openRecordsState(
  { database, state }: Parts['start'],
  observer: RecordsObserver,
): Promise<SharedState | undefined> {
  if (database === undefined) return undefined;
  const { openStore, sharedIn } = await import('../state/open-state.ts');
  const store = openStore(database, state, 'texts');
  const timeoutMs = Math.max(state.timeoutMs, STATE_PATIENCE_MS);
  return store && sharedIn(store, { ...state, timeoutMs }, observer.state);
}
