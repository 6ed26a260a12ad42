import type { AuditSink } from '../audit/auditor.ts';
import { type AuditRow, boundedRow } from '../audit/row.ts';
import type { FromDecisions, ToDecisions } from '../decisions/protocol.ts';
import { within } from '../guardrail/within.ts';
import type { FromOtlp, ToOtlp } from '../otlp/protocol.ts';
import type { FromWorker, ToWorker } from '../records/protocol.ts';
import type { OpenWorker } from '../records/restarting-worker.ts';
import { RemoteStore } from '../state/remote-store.ts';
import type { PrimaryLink } from './link.ts';
import type { Overall } from './protocol.ts';

/** Longest that a reply waits for its row of the audit log, as for the record of a blocked call. */
const AUDIT_MS = 50;
/** Rows that wait for the primary; those beyond are lost and counted. */
const MAX_ROWS = 10_000;
/** Time for the last rows of a worker that ends. */
const LAST_ROWS_MS = 2000;
const ANSWER_MS = 60_000;

/** Leads to the records thread of the primary. */
export function recordsOver(link: PrimaryLink): OpenWorker<FromWorker> {
  return ({ received }) => {
    link.listen({ records: received });
    return {
      post(message) {
        const sent = message as ToWorker;
        // The primary has read the policies itself
        if (sent.kind === 'configure') received({ kind: 'replies', replies: [[sent.n, undefined]] });
        else link.send({ kind: 'records', message: sent });
      },
      hurry() {},
      close: async () => {},
    };
  };
}

/** Leads to the keeper of decisions in the primary. */
export function decisionsOver(link: PrimaryLink): OpenWorker<FromDecisions> {
  return ({ received }) => {
    link.listen({ decisions: received });
    return {
      post(message) {
        const sent = message as ToDecisions;
        // Messages that were sent before it are there already
        if (sent.kind === 'close') received({ kind: 'closed' });
        else link.send({ kind: 'decisions', message: sent });
      },
      hurry() {},
      close: async () => {},
    };
  };
}

/** Leads to the sender of the primary. */
export function otlpOver(link: PrimaryLink): OpenWorker<FromOtlp> {
  return ({ received }) => {
    link.listen({ otlp: received });
    return {
      post(message) {
        const sent = message as ToOtlp;
        // Messages that were sent before it are there already
        if (sent.kind === 'close') received({ kind: 'closed' });
        else if (sent.kind === 'put') link.send({ kind: 'otlp', message: sent });
      },
      hurry() {},
      close: async () => {},
    };
  };
}

/** What workers share, in the memory of the primary. */
export function storeOver(link: PrimaryLink): RemoteStore {
  const store = new RemoteStore((request) => link.send({ kind: 'state', request }));
  link.listen({ state: (reply) => store.receive(reply) });
  return store;
}

/** The audit log of the primary. Rows of a turn of the event loop go together. */
export class PrimaryAudit implements AuditSink {
  readonly #link: PrimaryLink;
  readonly isUp: () => boolean;
  readonly isShipping: () => boolean;
  #rows: AuditRow[] = [];
  /** Rows without an answer. */
  #waiting = 0;
  #lost = 0;
  /** Of the rows that are still to be sent, and of those that were sent last. */
  #gathering: Promise<void> | undefined;
  #sent: Promise<void> | undefined;
  readonly #unanswered = new Set<Promise<unknown>>();

  /** @param overall the state of all, as it was told last */
  constructor(link: PrimaryLink, overall: () => Overall) {
    this.#link = link;
    this.isUp = () => overall().auditIsUp;
    this.isShipping = () => overall().auditIsShipping;
  }

  append(row: AuditRow): void {
    if (this.#waiting >= MAX_ROWS) {
      this.#lost++;
      return;
    }
    this.#waiting++;
    this.#rows.push(boundedRow(row) as AuditRow);
    this.#gathering ??= new Promise<void>((resolve) => {
      setImmediate(() => this.#send(resolve));
    });
  }

  /** Resolves once they are in the log, or a reply can wait no longer. */
  get writing(): Promise<void> | undefined {
    return this.#gathering ?? this.#sent;
  }

  lost(): number {
    return this.#lost;
  }

  /** The primary reads it in the policies. */
  setRetention(): void {}

  async close(): Promise<void> {
    await this.#gathering;
    await within(LAST_ROWS_MS, Promise.all(this.#unanswered));
  }

  #send(resolve: () => void): void {
    const rows = this.#rows.splice(0);
    const sent = this.#gathering;
    this.#sent = sent;
    this.#gathering = undefined;
    const written = () => {
      if (this.#sent === sent) this.#sent = undefined;
      resolve();
    };
    const timer = setTimeout(written, AUDIT_MS);
    const answered = this.#link.ask('audit', rows, ANSWER_MS).then(() => {
      clearTimeout(timer);
      this.#waiting -= rows.length;
      this.#unanswered.delete(answered);
      written();
    });
    this.#unanswered.add(answered);
  }
}
