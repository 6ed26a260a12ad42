import { within } from '../guardrail/within.ts';
import type { FromWorker, RelayedMessage, ToWorker } from '../records/protocol.ts';
import type { RecordsThread } from '../records/records-thread.ts';
import { ownBytes, sharedBytes } from '../records/thread-bytes.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Longest that a POST waits for notes of other workers on its calls; one that judges a long call is late. */
const FLUSH_MS = 250;
/** The same for a blocked call, whose reply waits 50 ms for its record. */
const BLOCKED_FLUSH_MS = 20;
/** Checks after which a worker that says nothing is not asked: each POST would wait for it. */
const SILENT_CHECKS = 2;
/** Least time between two rounds that ask for them. */
const ROUND_MS = 5;

type Reply = readonly [n: number, result: unknown];

/**
 * Passes the messages of workers on to the records thread, and its replies back. Notes on a call can be with another worker than its log
 * event: before that is passed on, all others hand over what they have.
 */
export class RecordsRelay {
  readonly #records: RecordsThread;
  readonly #workers: () => readonly WorkerProcess[];
  /** Messages of each worker without a reply. */
  readonly #open = new Map<WorkerProcess, Set<Promise<void>>>();
  readonly #replies = new Map<WorkerProcess, Reply[]>();
  /** The round that has not begun yet. */
  #next: Promise<void> | undefined;
  #round: Promise<void> = Promise.resolve();
  #roundAt = Number.NEGATIVE_INFINITY;

  constructor(records: RecordsThread, workers: () => readonly WorkerProcess[]) {
    this.#records = records;
    this.#workers = workers;
  }

  receive(worker: WorkerProcess, message: ToWorker): void {
    const open = this.#open.get(worker) ?? new Set();
    this.#open.set(worker, open);
    if (message.kind === 'close') {
      // All that it handed over before is settled
      const settled = () => this.#reply(worker, [message.n, undefined]);
      Promise.all(open).then(settled, settled);
      return;
    }
    const done = this.#pass(worker, message)
      .catch(() => undefined)
      .then((result) => {
        open.delete(done);
        this.#reply(worker, [message.n, result]);
      });
    open.add(done);
  }

  forget(worker: WorkerProcess): void {
    this.#open.delete(worker);
    this.#replies.delete(worker);
  }

  async #pass(worker: WorkerProcess, { n, kind, args }: ToWorker): Promise<unknown> {
    // At once, as the buffer holds all that came with it
    const message = ownMessage({ kind, args } as RelayedMessage);
    if (kind === 'blocked') await within(BLOCKED_FLUSH_MS, this.#flushed());
    else if (kind !== 'notes' && kind !== 'texts') await this.#flushed();
    return this.#records.relay(message, (reason) => tell(worker, { kind: 'unstored', n, reason }));
  }

  /** Resolves once all workers have handed over what they noted before, or some are too busy. */
  #flushed(): Promise<void> {
    if (this.#workers().length < 2) return Promise.resolve();
    this.#next ??= this.#round.then(async () => {
      const pause = this.#roundAt + ROUND_MS - performance.now();
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
      this.#roundAt = performance.now();
      this.#next = undefined;
      const asked = this.#workers().filter(({ isUp, silence }) => isUp && silence <= SILENT_CHECKS);
      await Promise.all(asked.map(({ questions }) => questions.ask('flush', undefined, FLUSH_MS)));
    });
    this.#round = this.#next;
    return this.#next;
  }

  #reply(worker: WorkerProcess, reply: Reply): void {
    const replies = this.#replies.get(worker) ?? [];
    if (replies.push(reply) > 1) return;
    this.#replies.set(worker, replies);
    setImmediate(() => {
      this.#replies.delete(worker);
      tell(worker, { kind: 'replies', replies });
    });
  }
}

function tell(worker: WorkerProcess, message: FromWorker): void {
  worker.send({ kind: 'records', message });
}

/** The same message with bytes of its own: those it came with are a piece of what was read at once. */
function ownMessage(message: RelayedMessage): RelayedMessage {
  switch (message.kind) {
    case 'texts':
      return message;
    case 'notes':
      return { kind: 'notes', args: [new Uint8Array(message.args[0])] };
    case 'blocked':
      return { kind: 'blocked', args: [sharedBytes(message.args[0])] };
    case 'logs':
      return { kind: 'logs', args: [ownBytes(message.args[0]), message.args[1]] };
    case 'turned':
      return { kind: 'turned', args: [ownBytes(message.args[0]), message.args[1]] };
  }
}
