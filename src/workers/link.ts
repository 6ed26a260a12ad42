import type { BridgeReport } from '../bridge-parts.ts';
import type { FromDecisions } from '../decisions/protocol.ts';
import { memoryBytes } from '../guardrail/memory.ts';
import type { FromOtlp } from '../otlp/protocol.ts';
import type { BlockedChange } from '../pipeline/blocked-hashes.ts';
import type { CallEnd, FromWorker } from '../records/protocol.ts';
import type { StoreReply } from '../state/remote-store.ts';
import type {
  AskedOfPrimary,
  AskedOfWorkers,
  AskMessage,
  DrainOrder,
  FromWorkerProcess,
  Overall,
  ToWorkerProcess,
  WorkerProcessStart,
} from './protocol.ts';
import { Questions } from './questions.ts';

/** Bytes of log lines that wait for the primary; lines beyond that are dropped, and no call waits. */
const MAX_LINES_BYTES = memoryBytes('log lines');

/** Answers what the primary asks. */
export type Answers = {
  [Name in keyof AskedOfWorkers]: (
    ask: AskedOfWorkers[Name]['ask'],
  ) => AskedOfWorkers[Name]['answer'] | Promise<AskedOfWorkers[Name]['answer']>;
};

/** Told of what the primary says. */
export type LinkListeners = {
  overall(overall: Overall): void;
  records(message: FromWorker): void;
  decisions(message: FromDecisions): void;
  otlp(message: FromOtlp): void;
  state(reply: StoreReply): void;
  blocked(change: BlockedChange): void;
  canaries(ends: readonly CallEnd[]): void;
};

/** The worker's side of its connection to the primary. Node.js ends a worker whose primary is gone. */
export class PrimaryLink {
  readonly #questions = new Questions<AskedOfPrimary>((question) => this.send(question));
  readonly #started = Promise.withResolvers<WorkerProcessStart>();
  readonly #ordered = Promise.withResolvers<DrainOrder>();
  readonly #cut = Promise.withResolvers<void>();
  #listeners: Partial<LinkListeners> = {};
  #answers: Partial<Answers> = {};
  /** Came before there was anybody to be told; undefined from then on. */
  #early: ToWorkerProcess[] | undefined = [];
  #lines: string[] = [];
  #linesBytes = 0;
  #lostLines = 0;

  constructor() {
    process.on('message', (message) => this.#receive(message as ToWorkerProcess));
    // Of what cannot be sent any more nobody is left to be told
    process.on('error', () => {});
  }

  /** The start that the primary gives. */
  get started(): Promise<WorkerProcessStart> {
    return this.#started.promise;
  }

  /** The order to end. */
  get ordered(): Promise<DrainOrder> {
    return this.#ordered.promise;
  }

  /** Resolves when work is to be cut off. */
  get cut(): Promise<void> {
    return this.#cut.promise;
  }

  listen(listeners: Partial<LinkListeners>): void {
    this.#listeners = { ...this.#listeners, ...listeners };
  }

  /** Answers questions from now on, and tells listeners what they missed. */
  answer(answers: Answers): void {
    this.#answers = answers;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.#receive(message);
  }

  /** @param done called once the system has taken it, or there is nobody to take it */
  send(message: FromWorkerProcess, done = () => {}): void {
    if (process.connected) process.send?.(message, undefined, undefined, done);
    else done();
  }

  /** @returns undefined if there is no answer in time */
  ask<Name extends keyof AskedOfPrimary>(name: Name, ask: AskedOfPrimary[Name]['ask'], ms: number) {
    return this.#questions.ask(name, ask, ms);
  }

  /** Has a line written to the log, with those of this turn of the event loop. */
  write(line: string): void {
    const bytes = 2 * line.length;
    if (this.#linesBytes + bytes > MAX_LINES_BYTES) {
      this.#lostLines++;
      return;
    }
    this.#linesBytes += bytes;
    this.#lines.push(line);
    if (this.#lines.length === 1) setImmediate(() => this.#flushLines());
  }

  report(report: BridgeReport): void {
    this.send({ kind: 'report', report, lostLines: this.#lostLines });
    this.#lostLines = 0;
  }

  /** Tells the one who keeps records. */
  tellRecords(message: FromWorker): void {
    this.#listeners.records?.(message);
  }

  #flushLines(): void {
    const lines = this.#lines.splice(0);
    if (lines.length === 0) return;
    const bytes = lines.reduce((sum, line) => sum + 2 * line.length, 0);
    this.send({ kind: 'log', lines }, () => {
      this.#linesBytes -= bytes;
    });
  }

  /** Resolves once all that was sent has been taken by the system. */
  flushed(): Promise<void> {
    this.#flushLines();
    return new Promise((resolve) => this.send({ kind: 'log', lines: [] }, resolve));
  }

  #receive(message: ToWorkerProcess): void {
    if (this.#early !== undefined && message.kind !== 'start') {
      this.#early.push(message);
      return;
    }
    switch (message.kind) {
      case 'start':
        this.#started.resolve(message.start);
        break;
      case 'overall':
        this.#listeners.overall?.(message.overall);
        break;
      case 'records':
        this.#listeners.records?.(message.message);
        break;
      case 'decisions':
        this.#listeners.decisions?.(message.message);
        break;
      case 'otlp':
        this.#listeners.otlp?.(message.message);
        break;
      case 'state':
        this.#listeners.state?.(message.reply);
        break;
      case 'blocked':
        this.#listeners.blocked?.(message.change);
        break;
      case 'canaries':
        this.#listeners.canaries?.(message.ends);
        break;
      case 'drain':
        this.#ordered.resolve(message.order);
        break;
      case 'cut':
        this.#cut.resolve();
        break;
      case 'answer':
        this.#questions.take(message);
        break;
      case 'ask':
        this.#answerTo(message).catch(() => {});
    }
  }

  async #answerTo({ n, name, ask }: AskMessage<AskedOfWorkers>): Promise<void> {
    const answer = await this.#answers[name]?.(ask as never);
    this.send({ kind: 'answer', n, answer });
  }
}
