import { commandLine } from '../config/command-line.ts';
import { failureWords } from '../guardrail/failure.ts';
import type { RecordsHealth } from '../records/protocol.ts';
import type { BridgeFinding } from './finding.ts';

/** The standing of a backend with the processes that ask it. */
export type BackendStanding = {
  readonly name: string;
  /** It refuses our token. */
  readonly isRefused: boolean;
  /** The kind of its last failure, once it has failed some calls in a row. */
  readonly failing: string | null;
  readonly lastFailure?: { readonly kind: string; readonly status?: number } | null;
};

export type States = {
  readonly standings: readonly BackendStanding[];
  /** Undefined where no records are kept. */
  readonly records: RecordsHealth | undefined;
  /** The policy file, if it is not the one in force. */
  readonly otherFile: string | undefined;
  /** Unix milliseconds. */
  readonly now: number;
};

/** A backend that is started again is no finding. */
const STOPPED_MS = 30_000;

/** The findings that states tell, those that matter most first. */
export function stateFindings({ standings, records, otherFile, now }: States): readonly BridgeFinding[] {
  const found: BridgeFinding[] = [];
  for (const { name, isRefused } of standings) {
    if (isRefused) found.push(unauthorized(name, 'when it is asked about calls'));
  }
  for (const name of records?.held ?? []) found.push(unauthorized(name, 'when it is handed records'));
  for (const { name, isRefused, failing, lastFailure } of standings) {
    if (failing === null || isRefused) continue;
    found.push({
      code: 'backend_failing',
      subject: name,
      message: `${name} gave no verdict on the last calls: ${failureWords(lastFailure ?? { kind: failing })}`,
      advice: `see that ${name} can be reached from here and is up: ${commandLine(`backend test ${name}`)}`,
    });
  }
  if (records !== undefined) found.push(...recordsStopped(records, now));
  if (otherFile !== undefined) {
    found.push({
      code: 'policy_file_differs',
      subject: otherFile,
      message: `${otherFile} on the disk, or a file that it names, is not what calls are judged by, or cannot be read`,
      advice: `${commandLine('policy lint')} says if it can be used; kill -HUP has it read again`,
    });
  }
  return found;
}

const unauthorized = (name: string, when: string): BridgeFinding => ({
  code: 'backend_unauthorized',
  subject: name,
  message: `${name} refuses our token ${when}`,
  advice: `give the bridge a token that ${name} accepts, and restart it or have the policy file read again`,
});

function* recordsStopped(
  { storage, inDanger, stopped, retries }: RecordsHealth,
  now: number,
): Iterable<BridgeFinding> {
  const outbox = { code: 'records_stopped', subject: 'outbox' } as const;
  if (storage !== null) {
    yield {
      ...outbox,
      message: `records cannot be stored: ${storage}`,
      advice: 'see DATA_DIR, OUTBOX_MAX_MB and the disk',
    };
  } else if (inDanger) {
    yield {
      ...outbox,
      message: 'the outbox nears the size or the age at which records are lost',
      advice: `see ${commandLine('outbox status')} for the backend that takes none; raise OUTBOX_MAX_MB`,
    };
  }
  for (const { backend, failure, since } of stopped) {
    if (now - since < STOPPED_MS) continue;
    // Stopped for one reason, it can be put off for another by now
    const why = retries[backend] ?? (failure === null ? undefined : { kind: failure });
    yield {
      code: 'records_stopped',
      subject: backend,
      message: `${backend} takes no records: ${why === undefined ? 'another replica has found that' : failureWords(why)}`,
      advice: `they wait, and are tried again; see that ${backend} can be reached and is up`,
      since: new Date(since).toISOString(),
    };
  }
}
